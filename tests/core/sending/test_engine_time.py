"""Engine time on the monotonic clock: the quickest answer counts, until a clock is set."""

from datetime import UTC, datetime, timedelta
from time import time

import pytest

from core.sending import engine_time
from core.sending.engine_time import EngineTime


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, to be set; no test clock beside it."""
    monkeypatch.delenv("OUTBOX_TEST_CLOCK", raising=False)
    now = [1000.0]
    monkeypatch.setattr(engine_time, "monotonic", lambda: now[0])
    return now


def _sample(made: EngineTime, monotonic: list[float], told: float, *, trip: float) -> None:
    sampled = made.sampler()
    monotonic[0] += trip
    sampled(datetime.fromtimestamp(told, UTC))


def test_the_quickest_answer_counts_over_a_slower_one(monotonic: list[float]) -> None:
    made, start = EngineTime(), time()
    _sample(made, monotonic, start + 0.001, trip=0.002)
    _sample(made, monotonic, start + 0.9, trip=1.0)
    assert made.now().timestamp() == pytest.approx(start + 1.002, abs=0.001)


@pytest.mark.parametrize("step", [timedelta(seconds=s) for s in (120, -120, 0.5, -0.5)])
def test_a_clock_that_was_set_is_followed_at_once(monotonic: list[float], step: timedelta) -> None:
    made, start = EngineTime(), time()
    _sample(made, monotonic, start + 0.001, trip=0.002)
    after = start + step.total_seconds()
    _sample(made, monotonic, after + 0.02, trip=0.04)
    assert made.now().timestamp() == pytest.approx(after + 0.04, abs=0.01)
