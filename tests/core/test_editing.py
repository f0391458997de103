"""Changing a message that has not left, alone, against somebody else and against a worker."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from core import accounts, db, editing, holding, messages
from core.access import Actor, Role
from core.drafts import Draft, When
from core.errors import Conflict, Invalid, Refused
from core.models import Content, Message, MessageEvent
from core.states import Cause, Status
from tests import given
from tests.given import ANA
from tests.racing import at_once

BEN = Actor("ben", Role.OPERATOR)
DRAFT = Draft(1, given.recipient(), "Hello", When("now"))
PAST = When("at", wall=datetime(2020, 1, 1))
Move = Callable[[timedelta], None]


def stored_text(message_id: int) -> Content:
    with db.reading() as session:
        return session.get_one(Content, message_id)


def last_event(message_id: int) -> MessageEvent:
    with db.reading() as session:
        found = select(MessageEvent).where(col(MessageEvent.message_id) == message_id)
        return session.execute(found.order_by(col(MessageEvent.id).desc())).scalars().first()  # type: ignore[return-value]


def claim(message_id: int) -> None:
    """Let a worker have it."""
    with db.writing() as session:
        assert messages.move(
            session,
            [{"message_id": message_id, "worker_id": 7}],
            Status.PROCESSING,
            Cause.CLAIM,
            also="worker_id = v.worker_id",
            worker_id="bigint",
        )


def fail(message_id: int, error_class: str = "permanent") -> None:
    claim(message_id)
    also = f"worker_id = NULL, error_class = '{error_class}', error_text = 'No', retry_count = 3"
    with db.writing() as session:
        change = [{"message_id": message_id}]
        assert messages.move(session, change, Status.FAILED, Cause.FAIL, also=also)


def edit(message_id: int, *, version: int | None = None, **changed: Any) -> None:
    confirmed, by = changed.pop("confirmed", False), changed.pop("by", BEN)
    row = given.row(message_id)
    given_now: dict[str, Any] = {"account_id": row.account_id, "when": When("keep")}
    draft = replace(DRAFT, **(given_now | changed))
    seen = row.version if version is None else version
    editing.edit(message_id, draft, version=seen, by=by, confirmed=confirmed)


def test_a_pending_message_is_edited_and_keeps_its_time(database: str) -> None:
    account, other = given.account("Orders"), given.account("Support")
    made = given.message(account, when=given.in_(hours=1), reference="A-1", priority=2)
    before = given.row(made)
    edit(made, account_id=other, recipient="+49 30 901820", text="Bye", max_retries=0)
    row, content = given.row(made), stored_text(made)
    assert (row.status, row.version) == ("pending", before.version + 1)
    assert (row.account_id, row.recipient, row.max_retries) == (other, "+4930901820", 0)
    assert (row.due_at, row.reference, row.priority) == (before.due_at, "A-1", 2)
    assert (content.text, content.search, content.created_by) == ("Bye", "4930901820 Bye", "ana")
    event = last_event(made)
    assert (event.kind, event.actor) == ("edit", "ben")
    assert (event.before["text"], event.after["text"]) == ("Hello", "Bye")
    assert (event.before["account"], event.after["account"]) == ("Orders", "Support")


def test_an_edit_of_a_waiting_retry_starts_its_budget_anew(database: str) -> None:
    made = given.message(given.account())
    with db.writing() as session:
        row = session.get_one(Message, made)
        row.retry_count = 2
        session.add(row)
    edit(made)
    assert given.row(made).retry_count == 0


def test_an_edit_checks_what_the_form_checks(database: str) -> None:
    made = given.message(given.account(), when=given.in_(hours=1))
    with pytest.raises(Invalid) as refused:
        edit(made, text="", recipient="", when=PAST)
    fields = [problem.field for problem in refused.value.problems]
    assert fields == ["recipient", "text", "when"]
    assert given.row(made).version == 1 and stored_text(made).text == "Hello"


def test_the_second_of_two_editors_is_told_what_it_holds_now(database: str) -> None:
    made = given.message(given.account(), when=given.in_(hours=1))
    edit(made, text="Ana was here", by=ANA, version=1)
    with pytest.raises(Conflict) as refused:
        edit(made, text="Ben was here", version=1)
    assert refused.value.current == {
        "account": "Orders",
        "recipient": given.recipient(),
        "text": "Ana was here",
        "due_at": db.stamp(given.row(made).due_at),
        "max_retries": 3,
    }
    assert stored_text(made).text == "Ana was here"


def test_of_two_edits_at_once_one_wins_and_the_other_is_told(database: str) -> None:
    made = given.message(given.account(), when=given.in_(hours=1))
    ended = at_once(
        lambda: edit(made, text="A", version=1), lambda: edit(made, text="B", version=1)
    )
    won = "A" if ended[0] is None else "B"
    assert sorted(type(one).__name__ for one in ended) == ["Conflict", "NoneType"]
    assert stored_text(made).text == won and given.row(made).version == 2


def test_a_failed_message_is_pending_after_an_edit_with_nothing_left_of_its_failure(
    database: str,
) -> None:
    made = given.message(given.account(), when=given.in_(hours=1))
    fail(made)
    edit(made, text="Again")
    row = given.row(made)
    assert (row.status, row.retry_count, row.error_class, row.error_text) == (
        "pending",
        0,
        None,
        None,
    )
    assert row.confirmed_by is None
    with db.reading() as session:
        assert row.due_at <= db.now(session)  # its time was over: it leaves now


def test_an_unknown_outcome_is_sent_again_only_when_somebody_takes_the_risk(
    database: str,
) -> None:
    made = given.message(given.account())
    fail(made, "unknown")
    with pytest.raises(Refused, match="may have arrived"):
        edit(made, text="Again")
    assert given.row(made).status == "failed" and stored_text(made).text == "Hello"
    edit(made, text="Again", confirmed=True)
    assert (given.row(made).status, given.row(made).confirmed_by) == ("pending", "ben")


def test_a_message_that_is_being_sent_cannot_be_edited(database: str) -> None:
    made = given.message(given.account())
    claim(made)
    with pytest.raises(Refused, match="is being sent, so it cannot be changed"):
        edit(made, text="Bye")
    assert stored_text(made).text == "Hello"


def test_a_finished_or_deleted_message_cannot_be_edited(database: str) -> None:
    account = given.account()
    cancelled, deleted = given.message(account), given.message(account)
    messages.cancel(cancelled, by=ANA)
    with pytest.raises(Refused, match="is cancelled"):
        edit(cancelled)
    messages.delete(deleted, by=ANA)
    with pytest.raises(Refused, match="does not exist, or was deleted"):
        edit(deleted)
    with pytest.raises(Refused, match="Message 4711 does not exist"):
        editing.edit(4711, DRAFT, version=1, by=ANA)


def test_an_edit_and_a_claim_at_once_exclude_each_other(database: str) -> None:
    account = given.account()
    for turn in range(5):
        to = given.recipient(turn)
        made = given.message(account, to=to)
        change = partial(edit, made, recipient=to, text="Late", version=1)
        ended = at_once(change, partial(claim, made))
        refused = isinstance(ended[0], Refused)
        assert ended[1] is None and (refused or ended[0] is None), ended
        assert stored_text(made).text == ("Hello" if refused else "Late")


def test_moving_a_message_to_an_account_where_its_reference_is_taken_is_refused(
    database: str,
) -> None:
    account, other = given.account("Orders"), given.account("Support")
    made = given.message(account, reference="A-1")
    given.message(other, reference="A-1")
    with pytest.raises(Invalid, match="The reference «A-1» is in use"):
        edit(made, account_id=other)
    assert given.row(made).account_id == account


def test_an_edit_cannot_move_a_message_behind_its_own_deadline(database: str) -> None:
    deadline = given.in_(hours=2).wall
    made = given.message(given.account(), when=given.in_(hours=1), not_after=deadline)
    with pytest.raises(Invalid) as refused:
        edit(made, when=given.in_(hours=3))
    assert [problem.field for problem in refused.value.problems] == ["not_after"]
    edit(made, text="Bye")
    assert given.row(made).not_after == deadline


def test_a_deadline_that_is_over_does_not_stop_a_new_time(database: str, move_clock: Move) -> None:
    made = given.message(given.account(), not_after=given.in_(hours=1).wall)
    fail(made)
    move_clock(timedelta(hours=2))
    edit(made, when=given.in_(hours=1))
    assert given.row(made).not_after is None


def test_at_a_new_time_it_is_no_longer_late_and_its_own_late_policy_stays(database: str) -> None:
    made = given.message(given.account(), when=given.in_(hours=1), late_policy="hold")
    with db.writing() as session:
        holding.hold_in(session, [made], "late", "engine", at=db.now(session))
    edit(made, text="Bye")
    assert given.row(made).hold == "late"
    edit(made, when=given.in_(hours=2))
    assert (given.row(made).hold, given.row(made).late_policy) == (None, "hold")


def test_an_edit_on_a_paused_account_is_allowed(database: str) -> None:
    made = given.message(given.account(), when=given.in_(hours=1))
    accounts.pause("Orders", by=ANA)
    edit(made, text="Bye")
    assert stored_text(made).text == "Bye"
