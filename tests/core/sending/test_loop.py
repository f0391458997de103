"""What becomes of a message, by what the API answered; each over real HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from core import accounts, clock, db, messages
from core.errors import Refused
from core.meta import client
from core.meta.answers import Answer
from core.models import Account, Business, Installation, Message, Pace, Recipient
from core.scan import scan
from core.sending import breaker, tick
from core.sending.loop import SendLoop
from tests import given
from tests.processes import Programs
from tests.waiting import until

Send = Callable[[], SendLoop]
Move = Callable[[timedelta], None]
MAGIC = "+447700900"


def test_a_message_for_now_is_sent_and_keeps_metas_id(
    database: str, programs: Programs, send_due: Send
) -> None:
    made = given.message(given.account(), text="Hello *you* 😀")
    send_due()
    row, [arrived], [attempt] = given.row(made), programs.arrived(), given.attempts(made)
    assert (row.status, row.delivery, row.worker_id) == ("sent", "accepted", None)
    assert row.meta_message_id == arrived["id"] == attempt.meta_message_id
    assert arrived["text"] == "Hello *you* 😀" and arrived["to"] == row.recipient
    assert arrived["biz_opaque_callback_data"].endswith(f":{attempt.id}")
    assert attempt.outcome == "accepted" and attempt.http_status == 200
    assert attempt.claimed_at <= attempt.slot_at <= attempt.posted_at <= attempt.answered_at


def test_who_waits_for_the_last_one_does_not_wait_for_the_next_look_as_well(
    database: str, programs: Programs, send_due: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.message(given.account())
    sleep, looked = SendLoop._sleep, []

    async def watched(loop: SendLoop, began: float) -> None:
        looked.append(began)
        assert not loop._is_idle()
        await sleep(loop, began)

    monkeypatch.setattr(SendLoop, "_sleep", watched)
    send_due()
    assert given.statuses() == ["sent"] and looked


def test_a_post_that_connected_for_too_long_leaves_in_another_slot_and_tells_when_it_left(
    database: str, programs: Programs, send_due: Send, environment: pytest.MonkeyPatch
) -> None:
    real, left = client.post, []

    async def connecting(*line: Any, before: Callable[[], Awaitable[None]]) -> Answer:
        await asyncio.sleep(0.2)

        async def leaves() -> None:
            await before()
            left.append(clock.wall())

        return await real(*line, before=leaves)

    environment.setattr(client, "post", connecting)
    made = given.message(given.account(rate=20))
    send_due()
    [attempt] = given.attempts(made)
    assert attempt.posted_at
    assert timedelta() <= attempt.posted_at - attempt.slot_at <= timedelta(seconds=0.02)
    assert abs(attempt.posted_at - left[0]) < timedelta(seconds=0.1)


REFUSED = {
    "101": ("transient", "pending", 1, 60),
    "102": ("transient", "pending", 1, 60),
    "103": ("transient", "pending", 1, 60),
    "153": ("transient", "pending", 1, 60),
    "111": ("throttled", "pending", 0, 1),
    "113": ("throttled", "pending", 0, 60),
    "112": ("pair", "pending", 0, 1),
    "132": ("template", "pending", 0, 0),
    "121": ("account", "pending", 0, 0),
    "126": ("account", "pending", 0, 0),
    "141": ("recipient", "failed", 0, None),
    "142": ("recipient", "failed", 0, None),
    "151": ("permanent", "failed", 0, None),
    "152": ("permanent", "failed", 0, None),
    "301": ("unknown", "processing", 0, None),
    "306": ("unknown", "processing", 0, None),
    "307": ("unknown", "processing", 0, None),
    "309": ("unknown", "processing", 0, None),
    "310": ("unknown", "processing", 0, None),
    "311": ("unknown", "processing", 0, None),
    "312": ("unknown", "processing", 0, None),
}


def test_each_class_of_answer_has_its_own_end(
    database: str, programs: Programs, send_due: Send, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(breaker, "IN_A_ROW", 100)  # so much trouble at once would open it
    environment.setattr(breaker, "REMEMBERED", 100)
    made = {}
    for digits in REFUSED:
        account = given.account(name=f"Account {digits}", rate=20)
        made[digits] = given.message(account, to=MAGIC + digits)
    loop = SendLoop(_stop_when(lambda: _all_answered(made)))
    loop.run()
    for digits, (kind, status, spent, wait) in REFUSED.items():
        row, attempt = given.row(made[digits]), given.attempts(made[digits])[0]
        assert (row.error_class, row.status, row.retry_count) == (kind, status, spent), digits
        assert attempt.outcome == kind and attempt.answered_at is not None
        assert (row.unconfirmed_since is not None) == (kind == "unknown")
        assert row.worker_id is None
        if wait is not None:
            waited = (row.due_at - attempt.answered_at).total_seconds()
            assert wait - 1 < waited < wait + 2, digits
    _check_effects(made)


class _stop_when:
    """An event that is set once a condition holds; the loop asks it ten times a second."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        self.is_set = condition


def _all_answered(made: dict[str, int]) -> bool:
    with db.reading() as session:
        left = select(Message).where(
            col(Message.error_class).is_(None), col(Message.id).in_(made.values())
        )
        return session.execute(left).first() is None


def _check_effects(made: dict[str, int]) -> None:
    with db.reading() as session:
        state = dict(session.execute(select(col(Account.name), col(Account.state))).all())
    paused = {name for name, one in state.items() if one == "paused"}
    assert paused == {"Account 121", "Account 126"}
    assert given.row(made["132"]).hold == "template"
    with db.reading() as session:
        waits = select(Pace.resume_at).where(
            col(Pace.account_id) == given.row(made["113"]).account_id
        )
        assert session.execute(waits).scalar_one() is not None
        steps = select(Recipient.pair_step).where(col(Recipient.number) == MAGIC + "112")
        assert session.execute(steps).scalar_one() == 1


def test_retries_come_after_1_5_15_minutes_and_then_it_has_failed(
    database: str, programs: Programs, send_due: Send, move_clock: Move
) -> None:
    made = given.message(given.account(rate=20), to=MAGIC + "104", max_retries=3)
    minutes = 0.0
    for spent, delay in enumerate((1, 5, 15), start=1):
        send_due()
        row = given.row(made)
        assert (row.status, row.retry_count, row.error_code) == ("pending", spent, 131016)
        minutes += delay + 0.1
        move_clock(timedelta(minutes=minutes))
    send_due()
    row = given.row(made)
    assert (row.status, row.error_class, row.retry_count) == ("failed", "transient", 3)
    assert len(given.attempts(made)) == 4 and row.error_text


def test_a_persons_retry_starts_the_budget_anew_and_keeps_the_attempts(
    database: str, programs: Programs, send_due: Send
) -> None:
    made = given.message(given.account(rate=20), to=MAGIC + "106", max_retries=0)
    send_due()
    assert given.row(made).status == "failed"
    for left in ("failed", "sent"):
        messages.retry(made, by=given.ANA)
        assert given.row(made).retry_count == 0
        send_due()
        assert given.row(made).status == left
    assert [one.outcome for one in given.attempts(made)] == ["transient", "transient", "accepted"]


def test_an_unknown_outcome_is_never_sent_again_by_itself(
    database: str, programs: Programs, send_due: Send, move_clock: Move
) -> None:
    made = given.message(given.account(rate=20), to=MAGIC + "302")
    send_due()
    move_clock(timedelta(minutes=9))
    scan()
    assert given.row(made).status == "processing"
    move_clock(timedelta(minutes=11))
    scan()
    row = given.row(made)
    assert (row.status, row.error_class) == ("failed", "unknown")
    send_due()
    assert len(given.attempts(made)) == 1

    with pytest.raises(Refused, match="may have arrived"):
        messages.retry(made, by=given.ANA)
    messages.retry(made, by=given.ANA, confirmed=True)
    send_due()
    assert given.attempts(made)[1].confirmed_by == "ana"
    assert len(programs.arrived()) == 2


def test_while_whatsapp_cannot_be_reached_messages_wait_and_spend_no_retry(
    database: str, programs: Programs, send_due: Send, move_clock: Move
) -> None:
    made = given.message(given.account(rate=20))
    port = int(programs.api.rsplit(":", 1)[1])
    programs.running[0].kill()
    send_due()
    row = given.row(made)
    assert (row.status, row.error_class, row.retry_count) == ("pending", "unreached", 0)
    programs.sandbox(port)
    move_clock(timedelta(seconds=31))
    send_due()
    assert given.row(made).status == "sent" and len(programs.arrived()) == 1


def test_an_account_that_meta_refuses_is_paused_and_resumed_by_a_person(
    database: str, programs: Programs, send_due: Send
) -> None:
    account = given.account(rate=20)
    number = given.message(account)
    other = given.message(account, to=given.recipient(1), when=given.in_(minutes=10))
    programs.fault("expired_token", count=1)
    send_due()
    assert given.row(number).status == "pending"
    with db.reading() as session:
        paused = accounts.named(session, "Orders")
    assert (paused.state, paused.state_code, paused.state_by) == ("paused", 190, "Meta")
    send_due()
    assert len(given.attempts(number)) == 1
    accounts.resume("Orders", by=given.ANA)
    send_due()
    assert given.row(number).status == "sent" and given.row(other).status == "pending"


def test_a_spam_limit_resumes_by_itself_twice_and_then_asks(
    database: str, programs: Programs, send_due: Send, move_clock: Move
) -> None:
    account = given.account(rate=20)
    programs.fault("spam_limit", count=None)
    given.message(account)
    for hours in (4.1, 8.2):
        send_due()
        scan()
        assert _state(account) == "paused"
        move_clock(timedelta(hours=hours))
        scan()
        assert _state(account) == "active"
    send_due()
    move_clock(timedelta(hours=20))
    scan()
    assert _state(account) == "paused"


def _state(account: int) -> str:
    with db.reading() as session:
        return session.get_one(Account, account).state


def test_messages_to_one_recipient_leave_one_after_the_other_in_their_order(
    database: str, programs: Programs, send_due: Send
) -> None:
    account = given.account(rate=None)
    made = [given.message(account, text=f"part {n}") for n in range(3)]
    until(lambda: _send_all(send_due, made), within=30)
    assert [one["text"] for one in programs.arrived()] == ["part 0", "part 1", "part 2"]
    ends = [given.attempts(one)[0] for one in made]
    assert all(earlier.answered_at <= later.posted_at for earlier, later in pairwise(ends))


def _send_all(send_due: Send, made: list[int]) -> bool:
    send_due()
    return all(given.row(one).status == "sent" for one in made)


def test_after_a_burst_of_45_one_recipient_gets_one_in_six_seconds(
    database: str, programs: Programs, send_due: Send
) -> None:
    account = given.account(rate=None)
    made = [given.message(account, text=str(n)) for n in range(3)]
    with db.writing() as session:
        full = db.now(session) + timedelta(seconds=6 * 45)
        session.add(Recipient(account_id=account, number=given.recipient(), pair_tat=full))
    send_due()
    dues = [given.row(one).due_at for one in made]
    assert not programs.arrived()
    assert [(dues[i + 1] - dues[i]).total_seconds() for i in range(2)] == [6, 6]
    assert abs((dues[0] - full).total_seconds() + 6 * 44) < 0.01


def test_an_urgent_message_is_claimed_before_a_campaign_that_was_due_earlier(
    database: str, programs: Programs, send_due: Send
) -> None:
    account = given.account(rate=20)
    campaign = [
        given.message(account, to=given.recipient(number), priority=2) for number in range(5)
    ]
    urgent = given.message(account, to=given.recipient(9), priority=0)
    send_due()
    first = [given.attempts(one)[0].id for one in campaign]
    assert given.attempts(urgent)[0].id < min(first)
    assert first == sorted(first) and set(given.statuses()) == {"sent"}


def test_what_was_not_to_leave_after_a_time_expires_unposted(
    database: str, programs: Programs, send_due: Send, move_clock: Move
) -> None:
    with db.reading() as session:
        until_then = db.now(session) + timedelta(minutes=1)
    made = given.message(given.account(rate=20), not_after=until_then)
    move_clock(timedelta(minutes=2))
    send_due()
    row = given.row(made)
    assert (row.status, row.error_class) == ("failed", "expired")
    assert not given.attempts(made) and "expired" in given.events(made)


@pytest.mark.parametrize("column", ["stopped_since", "guard_since"])
def test_while_all_sending_is_stopped_nothing_is_claimed(
    database: str, programs: Programs, send_due: Send, column: str
) -> None:
    made = given.message(given.account(rate=20))
    with db.writing() as session:
        session.execute(update(Installation).values({column: db.now(session)}))
    send_due()
    assert given.row(made).status == "pending" and not given.attempts(made)
    with db.writing() as session:
        session.execute(update(Installation).values({column: None}))
    send_due()
    assert given.row(made).status == "sent"


def test_an_account_whose_token_cannot_be_read_is_paused_and_the_others_go_on(
    database: str, programs: Programs, send_due: Send
) -> None:
    broken, sound = given.account("Broken", rate=20), given.account("Sound", rate=20)
    waiting, sent = given.message(broken), given.message(sound)
    with db.writing() as session:
        other = session.get_one(Account, broken).business_id
        session.execute(
            update(Business).where(col(Business.id) == other).values(token="of another key")
        )
    send_due()
    assert (given.row(waiting).status, given.row(sent).status) == ("pending", "sent")
    assert _state(broken) == "paused"


def test_an_error_of_our_own_in_a_tick_stops_nothing(
    database: str, programs: Programs, send_due: Send, environment: pytest.MonkeyPatch
) -> None:
    made = given.message(given.account(rate=20))
    real, failed = tick.run, []

    def failing(order: tick.Order, **rest: Any) -> tick.Done:
        done = real(order, **rest)
        if done.claims and not failed:
            failed.append(True)
            raise KeyError("ours")
        return done

    environment.setattr(tick, "run", failing)
    send_due()
    assert failed and given.row(made).status == "sent"
    assert len(programs.arrived()) == 1


def test_a_clock_that_went_back_does_not_stall_an_account(
    database: str, programs: Programs
) -> None:
    account = given.account(rate=20)
    made = given.message(account)
    with db.writing() as session:
        ahead = db.now(session) + timedelta(hours=1)
        session.execute(
            update(Pace).where(col(Pace.account_id) == account).values(next_slot_at=ahead)
        )
    loop = SendLoop(_stop_when(lambda: given.row(made).status == "sent"))
    loop.run()
    with db.reading() as session:
        slot = session.get_one(Pace, account).next_slot_at
        assert slot < db.now(session) + timedelta(seconds=1)
