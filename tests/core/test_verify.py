"""Each violation is planted by hand among rows in order: it is found, and nothing else is."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from core import audit, db, pacing, verify
from core.invariants.attempts import ATTEMPTS
from core.invariants.events import EVENTS
from core.invariants.inbound import INBOUND
from core.invariants.messages import MESSAGES
from core.models import Account, Attempt, Inbound, Message, OptOut, Recipient, Template
from tests import given
from tests.core.planted import SECOND, Ground, unguard
from tests.core.sending.test_permits import from_template, template

Plant = Callable[[Ground], int | None]  # returns the message; None: the account is what is wrong
PLANTS: dict[str, Plant] = {}


def plants(kind: str) -> Callable[[Plant], Plant]:
    def kept(plant: Plant) -> Plant:
        PLANTS[kind] = plant
        return plant

    return kept


@plants("unheard reply")
def _(g: Ground) -> None:
    wrote(g, "+492", g.now - SECOND)


def wrote(g: Ground, number: str, last: datetime, kind: str = "text") -> None:
    """They wrote now; the last that counts for them is another time."""
    account = g.free
    g.session.add(Recipient(account_id=account, number=number, last_inbound_at=last))
    told = Inbound(
        wamid=f"wamid.{number}",
        account_id=account,
        number=number,
        kind=kind,
        at=g.now,
        webhook_event_id=1,
    )
    g.session.add(told)
    g.session.flush()


@plants("no worker")
def _(g: Ground) -> int:
    long_ago = g.now - timedelta(hours=1)
    return g.claimed(worker_id=999, attempt={"worker_id": 999, "claimed_at": long_ago})


@plants("claimed without an attempt")
def _(g: Ground) -> int:
    return g.claimed(attempt={"outcome": "released"})


@plants("unconfirmed for nothing")
def _(g: Ground) -> int:
    return g.unknown(attempt={"outcome": "transient"})


@plants("two in flight")
def _(g: Ground) -> int:
    g.claimed(recipient="+491")
    return g.claimed(recipient="+491")


@plants("sent without acceptance")
def _(g: Ground) -> int:
    return g.sent(attempt={"outcome": "transient"})


@plants("sent without proof")
def _(g: Ground) -> int:
    return g.sent(sent_at=None)


@plants("failed without a reason")
def _(g: Ground) -> int:
    return g.failed(error_class=None)


@plants("proof ignored")
def _(g: Ground) -> int:
    taken = {"outcome": "accepted", "meta_message_id": "wamid.ignored", "error_text": None}
    return g.failed(attempt=taken)


@plants("left unseen")
def _(g: Ground) -> int:
    return g.sent(status="cancelled", meta_message_id=None, delivery=None)


@plants("waiting though sent")
def _(g: Ground) -> int:
    return g.message(meta_message_id="wamid.waiting")


@plants("confirmed for nothing")
def _(g: Ground) -> int:
    return g.message(confirmed_by="ana")


@plants("too many retries")
def _(g: Ground) -> int:
    return g.message(retry_count=4, max_retries=3)


@plants("attempts miscounted")
def _(g: Ground) -> int:
    return g.message(attempt_count=1)


@plants("delivery behind")
def _(g: Ground) -> int:
    return g.sent(attempt={"delivery": "read"})


@plants("deleted and waiting")
def _(g: Ground) -> int:
    return g.message(deleted_at=g.now)


@plants("reference twice")
def _(g: Ground) -> int:
    g.message(reference="A-1")
    return g.message(reference="A-1")


@plants("unknown word")
def _(g: Ground) -> int:
    return g.message(hold="mood")


@plants("accepted twice")
def _(g: Ground) -> int:
    made = g.sent()
    g.attempt(made, outcome="accepted", meta_message_id="wamid.again")
    return made


@plants("resent unconfirmed")
def _(g: Ground) -> int:
    made = g.unknown()
    g.attempt(made, outcome="permanent")
    return made


@plants("open without a claim")
def _(g: Ground) -> int:
    made = g.message()
    g.attempt(made)
    return made


@plants("open too long")
def _(g: Ground) -> int:
    return g.claimed(attempt={"slot_at": g.now - timedelta(minutes=10)})


@plants("before its time")
def _(g: Ground) -> int:
    return g.sent(scheduled_at=g.now + timedelta(hours=1))


@plants("unknown outcome's word")
def _(g: Ground) -> int:
    return g.failed(attempt={"outcome": "odd"})


@plants("accepted without an id")
def _(g: Ground) -> int:
    made = g.sent()
    g.attempt(made, outcome="accepted", confirmed_by="ana")
    return made


@plants("one id twice")
def _(g: Ground) -> int:
    g.sent(attempt={"meta_message_id": "wamid.once"}, meta_message_id="wamid.once")
    return g.failed(attempt={"meta_message_id": "wamid.once"})


@plants("illegal transition")
def _(g: Ground) -> int:
    made = g.sent()
    g.event(made, {"status": "sent"}, {"status": "cancelled"})
    return made


@plants("bytes altered")
def _(g: Ground) -> int:
    made = g.sent()
    _of(g, made, payload=f'{{"to":"+1","biz_opaque_callback_data":"x:{_last(g, made)}" }}')
    return made


@plants("another's bytes")
def _(g: Ground) -> int:
    made, other = g.sent(), g.sent()
    theirs = g.session.get_one(Attempt, _last(g, other))
    _of(g, made, payload=theirs.payload, payload_sha256=theirs.payload_sha256)
    return made


@plants("pair limit")
def _(g: Ground) -> int:
    made = g.failed()
    for _again in range(46):
        g.attempt(made, outcome="transient")
    return made


@plants("before its slot")
def _(g: Ground) -> int:
    return g.sent(attempt={"posted_at": g.now - SECOND})


@plants("after its slot")
def _(g: Ground) -> int:
    return g.sent(account_id=g.paced, attempt={"posted_at": g.now + 4 * SECOND})


@plants("rate")
def _(g: Ground) -> None:
    """Each post may leave so late for itself, and two of them are half a second apart."""
    first, second = g.now + 10 * SECOND, g.now + 11.05 * SECOND
    for slot, posted in ((first, first + 0.55 * SECOND), (second, second)):
        g.sent(account_id=g.paced, attempt={"slot_at": slot, "posted_at": posted})


@plants("slots too close")
def _(g: Ground) -> None:
    for outcome, slot in (("permanent", 20), ("released", 20.9)):
        at = g.now + slot * SECOND
        g.failed(account_id=g.paced, attempt={"slot_at": at, "outcome": outcome})


@plants("sent to an opt-out")
def _(g: Ground) -> int:
    made = g.sent()
    _asked(g, made)
    return made


def _asked(g: Ground, message_id: int, *, since: float = -60, **more: Any) -> None:
    """The recipient is on the list from `since` seconds after the attempt was claimed."""
    message = g.session.get_one(Message, message_id)
    usual = {"source": "person", "created_by": "ana", "created_at": g.now + since * SECOND}
    g.session.add(OptOut(number=message.recipient, **(usual | more)))
    g.session.flush()


def _last(g: Ground, message_id: int) -> int:
    found = db.sql("SELECT max(id) FROM attempt WHERE message_id = :id")
    return int(g.session.execute(found, {"id": message_id}).scalar_one())


def _of(g: Ground, message_id: int, **values: str) -> None:
    change = update(Attempt).where(col(Attempt.message_id) == message_id).values(**values)
    g.session.execute(change)


KINDS = {one.kind for judged in (MESSAGES, ATTEMPTS, EVENTS, INBOUND) for one in judged.invariants}
OVER_TIME = {
    *("bytes altered", "another's bytes", "pair limit", "before its slot", "after its slot"),
    *("rate", "slots too close", "sent to an opt-out"),
}


def test_every_violation_is_found_and_nothing_else(database: str) -> None:
    assert set(PLANTS) == KINDS | OVER_TIME
    free, paced = given.account("Free", rate=None), given.account("Paced", rate=1)
    with db.writing() as session:
        unguard(session)
        ground = Ground(session, free, paced)
        in_order(ground)
        planted = {kind: plant(ground) for kind, plant in PLANTS.items()}
    found: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for one in verify.violations():
        found[one.kind].append(one.message_ids)
    wanted = {kind: [(one,) if one is not None else ()] for kind, one in planted.items()}
    assert dict(found) == wanted


def in_order(g: Ground) -> None:
    """What looks like a violation and is none."""
    g.message()
    g.message(reference="A-1", status="cancelled")
    g.claimed()
    g.unknown()
    g.failed()
    g.sent()
    _resent_with_confirmation(g)
    _sent_again_after_it_failed_at_meta(g)
    _left_after_it_was_cancelled(g)
    _edited_to_a_later_time(g)
    _asked_at_another_time_or_for_something_else(g)
    wrote(g, "+493", g.now)
    wrote(g, "+494", g.now - SECOND, "system")


def _resent_with_confirmation(g: Ground) -> None:
    made = g.unknown(status="failed", unconfirmed_since=None)
    g.attempt(made, outcome="transient", confirmed_by="ana")
    g.attempt(made, outcome="unknown")


def _sent_again_after_it_failed_at_meta(g: Ground) -> None:
    made = g.sent(attempt={"meta_message_id": "wamid.failed", "error_text": "undeliverable"})
    meta = g.session.get_one(Attempt, _last(g, made))
    g.attempt(made, outcome="accepted", meta_message_id=f"wamid.{made}.2")
    _message_has(g, made, f"wamid.{made}.2")
    assert meta.error_text


def _message_has(g: Ground, message_id: int, wamid: str) -> None:
    change = db.sql("UPDATE message SET meta_message_id = :wamid WHERE id = :id")
    g.session.execute(change, {"wamid": wamid, "id": message_id})


def _left_after_it_was_cancelled(g: Ground) -> None:
    g.sent(status="cancelled")


def _edited_to_a_later_time(g: Ground) -> None:
    made = g.failed(scheduled_at=g.now + timedelta(hours=1))
    g.event(made, {"due_at": db.stamp(g.now)}, {"due_at": db.stamp(g.now + timedelta(hours=1))})


def _asked_at_another_time_or_for_something_else(g: Ground) -> None:
    others: list[dict[str, Any]] = [
        {"since": -3},
        {"since": 60},
        {"lifted_at": g.now - 30 * SECOND, "lifted_by": "ana"},
        {"lifted_at": g.now, "lifted_by": "ana"},
        {"account_id": g.paced},
        {"scope": "marketing"},
    ]
    for other in others:
        _asked(g, g.sent(), **other)
    _asked(g, g.failed(attempt={"outcome": "released"}))


@pytest.mark.parametrize(
    ("category", "since", "kinds"),
    [
        ("MARKETING", "then", ["sent to an opt-out"]),
        ("UTILITY", "then", []),
        ("MARKETING", "changed since", []),
    ],
)
def test_marketing_to_who_stopped_it_is_judged_by_what_the_template_was(
    database: str, category: str, since: str, kinds: list[str]
) -> None:
    account = given.account(rate=None)
    template(account, category=category)
    from_template(account)
    with db.writing() as session:
        ground = Ground(session, account, account)
        ground.attempt(1, outcome="transient", claimed_at=ground.now)
        made = session.get_one(Attempt, 1)
        made.payload = made.payload.replace("{", '{"type":"template",', 1)
        made.payload_sha256 = sha256(made.payload.encode()).hexdigest()
        _asked(ground, 1, scope="marketing")
        if since == "changed since":
            session.execute(update(Template).values(sha256="other"))
    assert [one.kind for one in verify.violations()] == kinds


def test_a_message_that_nobody_sends_and_nobody_waits_for_is_found(database: str) -> None:
    """As it may be where the database does not check: neither a worker nor a time without proof."""
    account = given.account()
    with db.writing() as session:
        unguard(session)
        stray = Ground(session, account, account).message(status="processing")
    assert [(one.kind, one.message_ids) for one in verify.violations()] == [("no worker", (stray,))]


@pytest.mark.parametrize(("span", "kinds"), [(0.9, ["rate"]), (0.985, [])])
def test_81_posts_at_80_a_second_are_too_many_in_less_than_a_second(
    database: str, span: float, kinds: list[str]
) -> None:
    """Their slots are in order, and the first ones left late enough to crowd the others."""
    account, step = given.account(rate=80), pacing.period(80) * SECOND
    with db.writing() as session:
        ground = Ground(session, account, account)
        for number in range(81):
            slot = ground.now + number * step
            posted = max(slot, ground.now + 80 * step - span * SECOND)
            ground.sent(attempt={"slot_at": slot, "posted_at": posted})
    assert [one.kind for one in verify.violations()] == kinds


@pytest.mark.parametrize(("rate", "clean"), [(1.0, False), (2.0, True)])
def test_a_rate_is_judged_by_what_it_was_at_that_time(
    database: str, rate: float, clean: bool
) -> None:
    """Two posts half a second apart, ten seconds before the rate was lowered from `rate`."""
    account = given.account("Paced", rate=rate)
    with db.writing() as session:
        ground = Ground(session, account, account)
        for apart in (0, 0.53):
            at = ground.now - 10 * SECOND + apart * SECOND
            ground.sent(attempt={"slot_at": at, "posted_at": at})
        session.execute(update(Account).values(rate=1))
        audit.record(session, given.ANA, "account changed", target="Paced", after={"rate": 1})
    assert (list(verify.violations()) == []) is clean
