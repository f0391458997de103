"""What becomes of a message after an answer: facts in, decision out, nothing else touched."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.meta.answers import Answer
from core.meta.codes import ErrorClass, Scope, Verdict
from core.pacing import pair_blocked
from core.states import Cause, Status

UNREACHED_WAIT = timedelta(seconds=15)  # as the breaker asks
THROTTLED_WAIT = timedelta(seconds=30)  # a WABA's or an app's limit; Meta names no time
SLOWED_WAIT = timedelta(seconds=1)  # a number's limit: it goes on at half its rate
WINDOW = timedelta(minutes=10)  # in which proof of an unknown outcome is waited for


@dataclass(frozen=True)
class Decision:
    """Where the message goes, by what cause, and when it is due again.

    `scope_waits_until` holds back everything in the scope of the code; `slows` asks the account for
    half its rate. `spent` is 1 when a retry was spent.
    """

    to: Status
    cause: Cause
    due_at: datetime | None = None
    spent: int = 0
    hold: str | None = None
    scope_waits_until: datetime | None = None
    slows: bool = False


def decide(
    answer: Answer,
    *,
    now: datetime,
    retry_count: int,
    max_retries: int,
    pair_step: int,
    delays: tuple[int, ...],
) -> Decision:
    """The decision for a refused or unreached attempt.

    `delays` are seconds before each retry; the last one serves for all further ones. Accepted and
    unknown outcomes are not decisions: the one is proof, the other waits for it.
    """
    assert answer.verdict and answer.verdict.error_class is not ErrorClass.UNKNOWN
    match answer.verdict.error_class:
        case ErrorClass.TRANSIENT if retry_count < max_retries:
            delay = timedelta(seconds=delays[min(retry_count, len(delays) - 1)])
            return Decision(Status.PENDING, Cause.RETRY, now + delay, spent=1)
        case ErrorClass.UNREACHED:
            return Decision(Status.PENDING, Cause.WAIT, now + UNREACHED_WAIT)
        case ErrorClass.THROTTLED:
            return _throttled(answer.verdict, now)
        case ErrorClass.PAIR:
            return Decision(Status.PENDING, Cause.WAIT, pair_blocked(now, pair_step)[0])
        case ErrorClass.ACCOUNT:
            return Decision(Status.PENDING, Cause.WAIT, now)
        case ErrorClass.TEMPLATE:
            return Decision(Status.PENDING, Cause.WAIT, now, hold="template")
        case _:
            return Decision(Status.FAILED, Cause.FAIL)


def _throttled(verdict: Verdict, now: datetime) -> Decision:
    if verdict.wait is None and verdict.scope is Scope.NUMBER:
        return Decision(Status.PENDING, Cause.WAIT, now + SLOWED_WAIT, slows=True)
    until = now + (verdict.wait or THROTTLED_WAIT)
    return Decision(Status.PENDING, Cause.WAIT, until, scope_waits_until=until)
