"""Engine time on this process's monotonic clock: the database's clock, without asking it again."""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic, time

from core import clock

SAMPLES_FOR = 30.0  # seconds that a sample counts
STEPPED = 0.05  # seconds by which no clock drifts in that time


class EngineTime:
    """Maps the database's time onto `monotonic()` by the quickest of the recent round trips.

    Samples are taken in the database's thread and read in the event loop's: what they share is
    one float, replaced as a whole.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float, float]] = deque()
        self._best = time() - monotonic()
        self._offset = self._best + clock.offset().total_seconds()

    def sampler(self) -> Callable[[datetime], None]:
        """Call it with the database's time as soon as that is known; the round trip starts here."""
        asked = monotonic()

        def sampled(now: datetime) -> None:
            answered, moved = monotonic(), clock.offset()
            ahead = (now - moved).timestamp() - (asked + answered) / 2
            if abs(ahead - self._best) > (answered - asked) + STEPPED:
                self._samples.clear()  # a clock was set, or the database is on another machine
            self._samples.append((answered, answered - asked, ahead))
            while self._samples[0][0] < answered - SAMPLES_FOR:
                self._samples.popleft()
            self._best = min(self._samples, key=lambda one: one[1])[2]
            self._offset = self._best + moved.total_seconds()

        return sampled

    def now(self) -> datetime:
        return datetime.fromtimestamp(monotonic() + self._offset, UTC)

    def on_monotonic(self, at: datetime) -> float:
        """When `monotonic()` will show an instant of engine time, in its seconds."""
        return at.timestamp() - self._offset
