"""What becomes of a message after each class of answer."""

from datetime import UTC, datetime, timedelta

import pytest

from core import pacing, retry
from core.meta.answers import Answer, unknown, unreached
from core.meta.codes import ErrorClass, Verdict, classify
from core.retry import Decision
from core.states import TRANSITIONS, Cause, Status

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
DELAYS = (60, 300, 900, 1800, 3600)


def refused(code: int) -> Answer:
    return Answer(classify(code), http_status=400, code=code, text=f"(#{code})")


def decide(
    answer: Answer,
    *,
    retry_count: int = 0,
    max_retries: int = 3,
    pair_step: int = 0,
    delays: tuple[int, ...] = DELAYS,
) -> Decision:
    return retry.decide(
        answer,
        now=NOW,
        retry_count=retry_count,
        max_retries=max_retries,
        pair_step=pair_step,
        delays=delays,
    )


def waits(seconds: float, **more: object) -> Decision:
    due = NOW + timedelta(seconds=seconds)
    return Decision(Status.PENDING, Cause.WAIT, due, **more)  # type: ignore[arg-type]


FAILED = Decision(Status.FAILED, Cause.FAIL)


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (unreached("x"), waits(15)),
        (refused(131000), Decision(Status.PENDING, Cause.RETRY, NOW + timedelta(minutes=1), 1)),
        (refused(130429), waits(1, slows=True)),
        (refused(80007), waits(30, scope_waits_until=NOW + timedelta(seconds=30))),
        (refused(131057), waits(60, scope_waits_until=NOW + timedelta(seconds=60))),
        (refused(131056), waits(1)),
        (refused(190), waits(0)),
        (refused(131048), waits(0)),
        (refused(132015), waits(0, hold="template")),
        (refused(131026), FAILED),
        (refused(131008), FAILED),
        (refused(999_999), FAILED),
    ],
    ids=[
        *(
            "unreached",
            "transient",
            "throttled",
            "throttled WABA",
            "maintenance",
            "pair",
            "account",
            "spam limit",
        ),
        *("template", "recipient", "permanent", "unlisted"),
    ],
)
def test_each_class_has_its_decision(answer: Answer, wanted: Decision) -> None:
    assert decide(answer) == wanted
    assert decide(answer).cause in TRANSITIONS[Status.PROCESSING, wanted.to]


@pytest.mark.parametrize("spent", range(5))
def test_transient_errors_wait_longer_each_time_until_the_budget_is_spent(spent: int) -> None:
    again = decide(refused(2), retry_count=spent, max_retries=5)
    due = NOW + timedelta(seconds=DELAYS[spent])
    assert again == Decision(Status.PENDING, Cause.RETRY, due, spent=1)
    assert decide(refused(2), retry_count=5, max_retries=5) == FAILED


@pytest.mark.parametrize("most", range(6))
def test_the_budget_is_what_the_message_says(most: int) -> None:
    spent = 0
    while (decision := decide(refused(1), retry_count=spent, max_retries=most)) != FAILED:
        spent += decision.spent
    assert spent == most


def test_the_last_delay_serves_for_all_further_retries() -> None:
    again = decide(refused(1), retry_count=4, max_retries=5, delays=(10, 20))
    assert again.due_at == NOW + timedelta(seconds=20)


@pytest.mark.parametrize("code", [4, 131056, 131057, 190, 132015])
def test_waiting_spends_no_retry_even_when_none_is_left(code: int) -> None:
    decision = decide(refused(code), retry_count=3, max_retries=3)
    assert (decision.to, decision.spent) == (Status.PENDING, 0)


def test_unreached_spends_no_retry_even_when_none_is_left() -> None:
    assert decide(unreached("x"), max_retries=0) == waits(15)


@pytest.mark.parametrize("step", range(7))
def test_a_pair_waits_its_steps(step: int) -> None:
    assert decide(refused(131056), pair_step=step) == waits(
        pacing.PAIR_STEPS[min(step, 4)].total_seconds()
    )


@pytest.mark.parametrize("answer", [unknown("x"), Answer(None, wamid="wamid.x")])
def test_accepted_and_unknown_are_never_decided(answer: Answer) -> None:
    with pytest.raises(AssertionError):
        decide(answer)


def test_every_class_but_unknown_is_decided() -> None:
    for kind in set(ErrorClass) - {ErrorClass.UNKNOWN}:
        decision = decide(Answer(Verdict(kind)))
        assert decision.to in (Status.PENDING, Status.FAILED)
        assert (decision.due_at is None) == (decision.to is Status.FAILED)
