"""The engine by hand: real ticks on a clock that is moved, each answer an acceptance at once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from core import clock, workers
from core.meta.answers import Answer
from core.sending import tick
from core.sending.results import Result

Move = Callable[[timedelta], None]
BETWEEN = timedelta(seconds=0.05)
LEAD = timedelta(seconds=0.02)


def go_to(at: datetime, move: Move) -> None:
    move(at - datetime.now(UTC))


def drive(
    worker_id: int, accounts: set[int], move: Move, *, until: datetime
) -> dict[int, datetime]:
    """Send what the accounts have due until then; returns when each message left (its slot).

    Ticks come as the loop has them: 50 ms apart while there is something to do, else when the
    next message and the next slot come.
    """
    left: dict[int, datetime] = {}
    results: list[Result] = []
    now = clock.wall()
    while now < until:
        order = tick.Order(worker_id, due=accounts, results=results, room=2000)
        order.lead, order.renew, order.probe = LEAD.total_seconds(), True, True
        done = tick.run(order, installation="driven", sampled=lambda _: None)
        results = [_accepted(claim) for claim in done.claims]
        left |= {claim.message_id: claim.slot_at for claim in done.claims}
        looks = [one.at for account, one in (done.outlook or {}).items() if account in accounts]
        if not looks and not results:
            break
        now = max(now + BETWEEN, min(looks, default=now) - LEAD)
        go_to(now, move)
    return left


def left_within(account: int, move: Move, seconds: float) -> set[int]:
    """What real ticks send in that time."""
    until = clock.wall() + timedelta(seconds=seconds)
    return set(drive(loop(), {account}, move, until=until))


def _accepted(claim: tick.Claim) -> Result:
    answer = Answer(None, wamid=f"wamid.{claim.attempt_id}", http_status=200)
    return Result(claim, answer, claim.slot_at, claim.slot_at)


def loop() -> int:
    return workers.start("loop")
