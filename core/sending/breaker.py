"""The breaker: while the API does not answer, one real message asks it every 15 s.

It belongs to the API's address, so a process has one. Pure: time and results in, places out.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.meta.answers import Answer
from core.meta.codes import ErrorClass

IN_A_ROW = 5
REMEMBERED = 20
PROBE_EVERY = timedelta(seconds=15)


@dataclass
class Breaker:
    """Closed while the API answers; opened by a run of failures or by half of the recent posts."""

    open_since: datetime | None = None
    _next_probe: datetime | None = None
    _recent: deque[tuple[bool, str]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _in_a_row: int = 0

    def saw(self, answer: Answer, recipient: str, now: datetime) -> None:
        """Take note of how a post ended. Any answer of the API closes the breaker."""
        failed = is_failure(answer)
        self._in_a_row = self._in_a_row + 1 if failed else 0
        self._recent.append((failed, recipient))
        if not failed and self.open_since:
            self._close()
        elif failed and self.open_since is None and self._is_too_much():
            self.open_since, self._next_probe = now, now + PROBE_EVERY

    def places(self, wanted: int, now: datetime) -> int:
        """How many may be claimed now: all that are wanted, or one probe, or none."""
        if self.open_since is None:
            return wanted
        return min(wanted, 1) if self._next_probe and now >= self._next_probe else 0

    def probing(self, now: datetime) -> None:
        """A probe has been claimed: the next one is due later."""
        if self.open_since:
            self._next_probe = now + PROBE_EVERY

    def _is_too_much(self) -> bool:
        if self._in_a_row >= IN_A_ROW:
            return True
        failures = [recipient for failed, recipient in self._recent if failed]
        half = len(self._recent) == REMEMBERED and 2 * len(failures) >= REMEMBERED
        return half and len(set(failures)) >= 2

    def _close(self) -> None:
        self.open_since = self._next_probe = None
        self._recent.clear()


def is_failure(answer: Answer) -> bool:
    """Whether the API itself failed: not reached, a 5xx, or silence after the request was written.

    A refusal for a reason of the account's, template's or recipient's is an answer all the same.
    """
    if answer.verdict is None:
        return False
    if answer.verdict.error_class in (ErrorClass.UNREACHED, ErrorClass.UNKNOWN):
        return True
    ill = answer.http_status is not None and answer.http_status >= 500
    return ill and answer.verdict.error_class is ErrorClass.TRANSIENT
