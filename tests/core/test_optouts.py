"""Do not contact: who is added is left in peace at once, and nothing is doubled or forgotten."""

from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlmodel import col, select

from core import (
    covering,
    db,
    editing,
    holding,
    messages,
    operating,
    operations,
    optout_import,
    optouts,
    outcomes,
    sparing,
    verify,
)
from core.access import Actor, Role
from core.choosing import Choice
from core.drafts import Draft, When
from core.errors import Invalid, Refused
from core.kinds import Kind
from core.meta.answers import Answer
from core.meta.codes import classify
from core.meta.statuses import StatusUpdate
from core.models import AuditEvent, MessageEvent, OptOut
from core.optout_file import Wish
from core.optouts import Added
from core.sending.results import Result
from tests import given
from tests.core import stored
from tests.core.sending.test_permits import from_template, template
from tests.core.sending.ticking import Ticks, account, change
from tests.racing import at_once

ANA = given.ANA
DEWI = given.recipient(1)
LATER = {"hours": 1}


def rows() -> list[OptOut]:
    with db.reading() as session:
        return list(session.exec(select(OptOut).order_by(col(OptOut.id))))


def audited() -> list[tuple[str, str, str | None]]:
    with db.reading() as session:
        found = session.exec(select(AuditEvent).order_by(col(AuditEvent.id)))
        return [
            (one.action, one.actor, one.target) for one in found if one.action.startswith("opt-out")
        ]


def problem(raised: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(one.field, one.code) for one in raised.value.problems]


def later(account_id: int, to: str = DEWI, **more: Any) -> int:
    return given.message(account_id, to=to, when=given.in_(**LATER), **more)


def test_who_is_added_is_left_in_peace_at_once_and_only_they_are(database: str) -> None:
    orders = account("Orders", country="ID")
    theirs, held, others = later(orders), later(orders), later(orders, given.recipient(2))
    holding.hold(held, by=ANA)
    done = optouts.add(["0812-0000-0001"], account_id=None, home="ID", reason=" phoned ", by=ANA)
    assert done == [Added(DEWI, already=False, cancelled=2)]
    assert [given.row(one).status for one in (theirs, held, others)] == [
        "cancelled",
        "cancelled",
        "pending",
    ]
    row = given.row(theirs)
    assert (row.error_class, row.error_text) == ("opted_out", sparing.ASKED)
    assert given.events(theirs) == ["scheduled", "opted out"]
    [one] = rows()
    assert (one.number, one.scope, one.account_id) == (DEWI, "everything", None)
    assert (one.reason, one.source, one.created_by) == ("phoned", "person", "ana")
    assert audited() == [("opt-out added", "ana", DEWI)]


def test_who_is_on_the_list_already_is_told_and_not_doubled(database: str) -> None:
    orders = account("Orders")
    optouts.add([DEWI], by=ANA)
    narrower: list[dict[str, Any]] = [{}, {"scope": "marketing"}, {"account_id": orders}]
    for again in narrower:
        assert optouts.add([DEWI, f" {DEWI} "], by=ANA, **again) == [Added(DEWI, True)]
    assert len(rows()) == 1


def test_a_wider_scope_replaces_a_narrower_one_and_both_stay_to_be_seen(database: str) -> None:
    optouts.add([DEWI], scope="marketing", by=ANA)
    optouts.add([DEWI], by=Actor("ben", Role.OPERATOR))
    narrow, wide = rows()
    assert (narrow.lifted_by, narrow.lifted_at) == ("ben", wide.created_at)
    assert (wide.scope, wide.lifted_at) == ("everything", None)


def test_one_account_is_left_alone_by_what_another_was_asked(database: str) -> None:
    orders, other = account("Orders"), account("Other")
    here, there = later(orders), later(other)
    assert optouts.add([DEWI], account_id=orders, by=ANA) == [Added(DEWI, False, 1)]
    assert (given.row(here).status, given.row(there).status) == ("cancelled", "pending")
    assert later(other) and optouts.add([DEWI], by=ANA) == [Added(DEWI, False, 2)]


def test_who_stopped_marketing_keeps_what_is_no_marketing(database: str) -> None:
    orders = account("Orders")
    template(orders), template(orders, category="MARKETING", name="sale")
    visit, sale, plain = (
        from_template(orders, to=1),
        from_template(orders, to=1, template="sale"),
        later(orders),
    )
    assert optouts.add([DEWI], scope="marketing", by=ANA) == [Added(DEWI, False, 1)]
    assert [given.row(one).status for one in (visit, sale, plain)] == [
        "pending",
        "cancelled",
        "pending",
    ]
    with pytest.raises(Invalid) as raised:
        from_template(orders, to=1, template="sale")
    assert problem(raised) == [("recipient", "opted_out")]
    assert from_template(orders, to=1) and later(orders)


def test_every_wrong_thing_is_told_at_once_and_nobody_is_added(database: str) -> None:
    with pytest.raises(Invalid) as raised:
        optouts.add([DEWI, "0812", "abc"], scope="all", account_id=99, reason="x" * 501, by=ANA)
    assert [field for field, _ in problem(raised)] == [
        "number",
        "number",
        "scope",
        "account",
        "reason",
    ]
    with pytest.raises(Invalid, match="Type the number of the person"):
        optouts.add([], by=ANA)
    assert rows() == []


def test_lifted_it_stays_in_the_list_with_who_did_it_and_scheduling_works_again(
    database: str,
) -> None:
    orders = account("Orders")
    optouts.add([DEWI], reason="letter of May", by=ANA)
    draft = Draft(orders, DEWI, "", When("now", zone="Asia/Jakarta"))
    with pytest.raises(Invalid) as raised:
        given.composing.check(draft)
    assert ("recipient", "opted_out") in problem(raised) and ("text", "empty") in problem(raised)
    told = raised.value.problems[-1].message
    assert "They asked not to be contacted: since " in told
    assert "by ana («letter of May»), covers everything from every number" in told
    [one] = rows()
    assert optouts.lift(one.id, by=Actor("ben", Role.OPERATOR)).lifted_by == "ben"
    assert given.message(orders, to=DEWI)
    with pytest.raises(Refused, match="was lifted already, by ben"):
        optouts.lift(one.id, by=ANA)
    with pytest.raises(Refused, match="There is no opt-out 77"):
        optouts.lift(77, by=ANA)
    assert [action for action, *_ in audited()] == ["opt-out added", "opt-out lifted"]


def test_a_number_is_lifted_as_a_whole(database: str) -> None:
    orders = account("Orders")
    optouts.add([DEWI], scope="marketing", by=ANA)
    optouts.add([DEWI], account_id=orders, by=ANA)
    assert len(optouts.lift_number("0812 0000 0001", home="ID", by=ANA)) == 2
    with pytest.raises(Refused, match="is not on the list"):
        optouts.lift_number(DEWI, by=ANA)


def test_a_message_to_them_can_be_neither_edited_nor_sent_again_nor_released(
    database: str,
) -> None:
    orders = account("Orders")
    changed, failed, held = (later(orders) for _ in range(3))
    change(failed, status="failed", error_class="transient")
    holding.hold(held, by=ANA)
    with db.writing() as session:  # as if the cancelling had not come as far yet
        optouts.put(session, [Wish(DEWI)], "ana")
    draft = Draft(orders, DEWI, "Other words", When("keep"))
    with pytest.raises(Invalid, match="asked not to be contacted"):
        editing.edit(changed, draft, version=given.row(changed).version, by=ANA)
    with pytest.raises(Refused, match="asked not to be contacted"):
        messages.retry(failed, by=ANA)
    with pytest.raises(Refused, match="asked not to be contacted"):
        holding.release(held, by=ANA)
    assert [given.row(one).status for one in (changed, failed, held)] == [
        "pending",
        "failed",
        "pending",
    ]


def test_a_bulk_retry_and_an_undo_leave_them_out_and_say_so(database: str) -> None:
    orders = account("Orders")
    failed, other = later(orders), later(orders, given.recipient(2))
    for one in (failed, other):
        change(one, status="failed", error_class="transient")
    cancelled = later(orders)
    undo = operations.create(Kind.CANCEL, Choice(ids=(cancelled,)), by=ANA)
    operating.run_waiting(Event())
    optouts.add([DEWI], by=ANA)
    retried = operations.create(Kind.RETRY, Choice(), by=ANA)
    undone = operations.undo(undo, by=ANA)
    operating.run_waiting(Event())
    for one, done in ((retried, 1), (undone, 0)):
        row = operations.state(one)
        assert (row.done, row.cursor["why"]) == (done, {"opted_out": 1})
    assert [given.row(one).status for one in (failed, other, cancelled)] == [
        "failed",
        "pending",
        "cancelled",
    ]


def test_an_opt_out_between_scheduling_and_the_claim_holds_in_that_claim(database: str) -> None:
    ticks, orders = Ticks(), account("Orders")
    theirs, other = given.message(orders, to=DEWI), given.message(orders, to=given.recipient(2))
    with db.writing() as session:
        optouts.put(session, [Wish(DEWI)], "ana")
    assert ticks.claimed(orders) == [other]
    assert given.row(theirs).status == "cancelled" and given.attempts(theirs) == []
    assert sparing.cancel_pending(DEWI, by=ANA) == 0


def test_of_an_opt_out_and_a_claim_at_once_one_wins_and_the_message_tells_which(
    database: str,
) -> None:
    ticks, orders = Ticks(), account("Orders")
    for round_ in range(10):
        number = given.recipient(100 + round_)
        made = given.message(orders, to=number)
        [added], _ = at_once(
            lambda to=number: optouts.add([to], by=ANA),  # type: ignore[misc]
            lambda: ticks.run(orders),
        )
        row = given.row(made)
        left = row.status == "processing"
        assert (row.status, len(given.attempts(made))) in [("processing", 1), ("cancelled", 0)]
        assert not (left and added.cancelled)


def test_two_who_add_the_same_number_at_once_add_it_once(database: str) -> None:
    done = at_once(*[lambda: optouts.add([DEWI], by=ANA) for _ in range(4)])
    assert sorted(one[0].already for one in done) == [False, True, True, True]
    assert len(rows()) == 1


def test_what_is_pending_for_many_is_cancelled_as_an_operation_in_chunks(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparing, "CHUNK", 2)
    monkeypatch.setattr(sparing, "WINDOW", 3)
    orders = account("Orders")
    numbers = [given.recipient(n) for n in range(7)]
    made = stored.messages(orders, [{"recipient": n} for n in numbers for _ in range(3)])
    free = stored.messages(orders, [{"recipient": given.recipient(50)}])
    with db.writing() as session:
        optouts.put(session, [Wish(one) for one in numbers], "ana")
        optouts.put(session, [Wish(numbers[0], account_id=orders)], "ana")
    operation = sparing.leave_all(by=ANA)
    operating.run_waiting(Event())
    row = operations.state(operation)
    assert (row.state, row.done, row.skipped) == ("finished", 21, 0)
    assert {given.row(one).status for one in made} == {"cancelled"}
    assert given.row(free[0]).status == "pending"
    with db.reading() as session:
        told = session.exec(select(MessageEvent)).all()
    assert {(one.kind, one.operation_id) for one in told} == {("opted out", operation)}


def test_the_opt_out_that_covered_a_message_is_found_after_it_was_lifted(database: str) -> None:
    orders = account("Orders")
    made = later(orders)
    optouts.add([DEWI], reason="first", by=ANA)
    with db.reading() as session:
        at = db.now(session)
    optouts.lift_number(DEWI, by=ANA)
    optouts.add([DEWI], reason="second", by=ANA)
    with db.reading() as session:
        found = covering.at_the_time(session, made, at)
        assert found is not None and found.reason == "first"
        assert covering.at_the_time(session, made, at - timedelta(days=1)) is None
        assert covering.at_the_time(session, 999, at) is None


STOPPED = 131050
SAID = "Recipient stopped marketing"


def answered(ticks: Ticks, account_id: int) -> None:
    """Meta refuses what a tick claims: the person stopped marketing messages."""
    refused = Answer(classify(STOPPED), http_status=400, code=STOPPED, text=SAID)
    claims = ticks.run(account_id).claims
    ticks.run(results=[Result(one, refused, one.slot_at, one.slot_at) for one in claims])


def test_metas_word_that_they_stopped_marketing_puts_them_on_the_list_once(database: str) -> None:
    ticks, orders = Ticks(), account("Orders")
    for _ in range(2):
        refused = given.message(orders, to=DEWI)
        answered(ticks, orders)
        assert given.row(refused).status == "failed"
    [one] = rows()
    assert (one.number, one.scope, one.account_id) == (DEWI, "marketing", orders)
    assert (one.source, one.reason, one.created_by) == ("WhatsApp", SAID, "Meta")
    assert audited() == [("opt-out added", "outbox", DEWI)]
    template(orders, category="MARKETING", name="sale")
    with pytest.raises(Invalid, match="by Meta \\(WhatsApp, «Recipient stopped marketing»\\)"):
        from_template(orders, to=1, template="sale")


def test_the_same_word_by_webhook_counts_once_also_when_it_comes_again_after_a_lift(
    database: str,
) -> None:
    ticks, orders = Ticks(), account("Orders")
    given.message(orders, to=DEWI)
    [claim] = ticks.run(orders).claims
    failed = StatusUpdate(
        attempt_id=claim.attempt_id,
        installation=ticks.installation,
        wamid="wamid.1",
        status="failed",
        at=claim.slot_at,
        code=STOPPED,
        title=SAID,
        details=None,
    )
    for _ in range(2):
        with db.writing() as session:
            outcomes.apply(session, [failed])
        [one] = rows()
        if one.lifted_at is None:
            assert (one.scope, one.account_id, one.source) == ("marketing", orders, "WhatsApp")
            optouts.lift(one.id, by=ANA)
    [one] = rows()
    assert one.lifted_by == "ana"


def test_many_write_the_list_at_once_and_nobody_waits_in_a_circle(database: str) -> None:
    ticks, orders = Ticks(), account("Orders")
    numbers = [given.recipient(n) for n in range(1, 41)]
    for number in numbers:
        given.message(orders, to=number), later(orders, number)
    refused = Answer(classify(STOPPED), http_status=400, code=STOPPED, text=SAID)
    results = [Result(one, refused, one.slot_at, one.slot_at) for one in ticks.run(orders).claims]
    done = at_once(
        lambda: ticks.run(orders, results=results),
        lambda: optout_import.import_("\n".join(reversed(numbers)), by=ANA),
        lambda: optouts.add(numbers[10:20], by=ANA),
        lambda: [optouts.add([one], scope="marketing", by=ANA) for one in numbers[::7]],
    )
    assert [one for one in done if isinstance(one, Exception)] == []
    operating.run_waiting(Event())
    everything = [one.number for one in rows() if one.scope == "everything" and not one.lifted_at]
    assert sorted(everything) == numbers
    assert set(given.statuses()) == {"failed", "cancelled"}
    assert list(verify.violations()) == []
