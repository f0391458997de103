"""A number that Meta finds too fast: half its rate, once, and slowly back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import col

from core import db, pacing, workers
from core.meta.answers import Answer
from core.meta.codes import classify
from core.models import Pace
from core.sending import tick
from core.sending.results import Effects, Result
from tests import given

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_each_clean_second_gives_back_a_twentieth_of_the_limit_and_no_more_than_all() -> None:
    def told(seconds: float) -> float:
        return pacing.rate_at(80, rate_now=40, slowed_at=NOW, now=at(seconds))

    assert [told(s) for s in (0, 0.9, 1, 5, 10, 99)] == [40, 40, 44, 60, 80, 80]


@generated(st.floats(0.1, 1000), st.lists(st.floats(0, 30), max_size=20))
def test_a_rate_never_leaves_the_span_between_a_twentieth_and_the_limit(
    rate: float, gaps: list[float]
) -> None:
    rate_now, slowed_at, now = None, None, NOW
    for gap in gaps:
        now += timedelta(seconds=gap)
        rate_now, slowed_at = pacing.halved(rate, rate_now, slowed_at, now), now
        assert pacing.RECOVERY * rate <= rate_now <= rate / 2 or rate_now == rate * pacing.RECOVERY


class Paced:
    """One account at 80 a second in the hands of a worker whose ticks the test makes."""

    def __init__(self) -> None:
        self.account = given.account(rate=80)
        self.worker = workers.start("loop")
        self.effects = Effects()
        with db.reading() as session:
            found = session.execute(db.sql("SELECT id FROM installation"))
            self.installation = str(found.scalar_one())

    def tick(self, *results: Result) -> tick.Done:
        order = tick.Order(
            self.worker, due={self.account}, results=list(results), effects=self.effects, room=50
        )
        done = tick.run(order, installation=self.installation, sampled=lambda _: None)
        self.effects = done.effects
        return done

    def refused(self, claim: object, code: int = 130429) -> Result:
        answer = Answer(classify(code), http_status=429, code=code, text="too fast")
        return Result(claim, answer, claim.slot_at, claim.slot_at)  # type: ignore[attr-defined,arg-type]

    @property
    def pace(self) -> Pace:
        with db.reading() as session:
            return session.get_one(Pace, self.account)


def test_130429_halves_the_rate_once_for_all_that_was_under_way_and_spends_no_retry(
    database: str,
) -> None:
    paced = Paced()
    made = [given.message(paced.account, to=given.recipient(n)) for n in range(8)]
    claims = paced.tick().claims
    assert len(claims) == 8
    paced.tick(*[paced.refused(one) for one in claims[:4]])
    paced.tick()
    assert paced.pace.rate_now == 40
    paced.tick(*[paced.refused(one) for one in claims[4:]])  # posted before it was slowed
    paced.tick()
    assert paced.pace.rate_now == 40
    assert {given.row(one).retry_count for one in made} == {0}
    assert {given.row(one).status for one in made} == {"pending"}


def test_a_slot_after_the_halving_that_is_refused_halves_again(
    database: str, move_clock: object
) -> None:
    paced = Paced()
    given.message(paced.account)
    [first] = paced.tick().claims
    paced.tick(paced.refused(first))
    paced.tick()
    before = paced.pace
    move_clock(timedelta(seconds=2))  # type: ignore[operator]
    [second] = paced.tick().claims
    paced.tick(paced.refused(second))
    slowed = paced.tick().now
    left = pacing.halved(80, before.rate_now, before.slowed_at, slowed)
    assert paced.pace.rate_now == pytest.approx(left)
    assert 20 < left <= 40


def test_slots_follow_the_slowed_rate_and_then_the_limit_again(
    database: str, move_clock: object
) -> None:
    paced = Paced()
    given.message(paced.account)
    [first] = paced.tick().claims
    paced.tick(paced.refused(first))
    assert paced.tick().lanes[paced.account].rate == 40
    move_clock(timedelta(seconds=30))  # type: ignore[operator]
    assert paced.tick().lanes[paced.account].rate == 80


@pytest.mark.parametrize(
    ("code", "waiting"), [(80007, ["One", "Two"]), (4, ["One", "Two", "Other"])]
)
def test_the_limit_of_a_waba_or_of_the_app_holds_back_all_its_numbers(
    database: str, code: int, waiting: list[str]
) -> None:
    one = given.account(name="One", waba_id="55", rate=80)
    given.account(name="Two", waba_id="55")
    given.account(name="Other")
    paced = Paced()
    paced.account = one
    given.message(one)
    [claim] = paced.tick().claims
    paced.tick(paced.refused(claim, code))
    paced.tick()
    assert {*_waiting()} - {"Orders"} == set(waiting)


def _waiting() -> list[str]:
    statement = "SELECT a.name FROM pace p JOIN account a ON a.id = p.account_id"
    with db.reading() as session:
        found = session.execute(db.sql(f"{statement} WHERE p.resume_at IS NOT NULL"))
        return list(found.scalars())


def test_an_account_without_a_rate_has_nothing_to_halve_and_waits_a_second(database: str) -> None:
    paced = Paced()
    paced.account = given.account(name="Own", rate=None)
    given.message(paced.account)
    [claim] = paced.tick().claims
    paced.tick(paced.refused(claim))
    paced.tick()
    pace = paced.pace
    assert pace.rate_now is None and pace.resume_at is not None
    with db.reading() as session:
        assert session.execute(select(col(Pace.slowed_at))).scalars().all() == [None, None]
