"""From what was typed to a stored message: every check at its field, every race told."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from core import composing, db, messages, wake
from core.access import Actor, Role
from core.drafts import Composed, Draft, When
from core.errors import Invalid, Problem
from core.models import Account, Content, Message, MessageEvent
from tests import given
from tests.conftest import forget_settings
from tests.given import ANA
from tests.racing import at_once

BEN = Actor("ben", Role.OPERATOR)
TO = "+62 812-3456-789"
NOW = datetime(2026, 11, 25, 2, 0, 30, tzinfo=UTC)
ORDERS = Account(id=1, name="Orders", state="active", country="ID", rate=1.0)
DRAFT = Draft(1, TO, "Hello", When("now"))
Move = Callable[[timedelta], None]


@pytest.fixture(autouse=True)
def _settings(sqlite: str) -> None:
    """Each test has the settings of an installation that set none, and where nobody settled any."""


def compose(account: Account | None = ORDERS, now: datetime = NOW, **changed: Any) -> Composed:
    return composing.compose(replace(DRAFT, **changed), account=account, now=now)


def problems(account: Account | None = ORDERS, **changed: Any) -> dict[str, Problem]:
    """The problems of a draft that is changed so, by field."""
    with pytest.raises(Invalid) as refused:
        compose(account, **changed)
    found = {problem.field: problem for problem in refused.value.problems}
    assert len(found) == len(refused.value.problems)
    return found


def at(wall: str, zone: str = "Asia/Jakarta", fold: int | None = None) -> When:
    return When("at", wall=datetime.fromisoformat(wall), zone=zone, fold=fold)


def test_a_draft_becomes_what_is_stored() -> None:
    made = compose(when=at("2026-11-25T10:00"), reference="  A-1 ", priority=0, max_retries=5)
    assert made.phone.e164 == "+628123456789" and made.text == "Hello"
    assert made.due_at == datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
    assert (made.zone, made.reference, made.priority) == ("Asia/Jakarta", "A-1", 0)
    assert (made.max_retries, made.not_after, made.warning) == (5, None, None)
    assert compose(reference="  ").reference is None


@pytest.mark.parametrize(
    "typed", ["+62 812-3456-789", "628123456789", "00628123456789", "08123456789"]
)
def test_every_way_to_write_a_number_reaches_the_same_person(typed: str) -> None:
    assert compose(recipient=typed).phone.e164 == "+628123456789"


def test_a_national_number_needs_the_accounts_home_country() -> None:
    abroad = Account(id=2, name="Abroad", state="active", country=None)
    assert set(problems(abroad, recipient="08123456789")) == {"recipient"}


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"recipient": ""}, "recipient", "empty"),
        ({"recipient": "6.28123E+11"}, "recipient", "shortened"),
        ({"text": ""}, "text", "empty"),
        ({"text": " \n\t "}, "text", "empty"),
        ({"text": "x" * 4097}, "text", "too_long"),
        ({"text": "a\x00b"}, "text", "control"),
        ({"max_retries": 6}, "max_retries", "range"),
        ({"max_retries": -1}, "max_retries", "range"),
        ({"priority": 3}, "priority", "range"),
        ({"reference": "r" * 201}, "reference", "too_long"),
        ({"not_after": NOW}, "not_after", "before_due"),
        ({"when": When("at")}, "when", "missing"),
        ({"when": When("quick")}, "when", "missing"),
        ({"when": When("keep")}, "when", "missing"),
        ({"when": When("instant")}, "when", "missing"),
        ({"when": at("2026-11-25T08:59")}, "when", "past"),
        ({"when": at("2026-11-25T09:05")}, "when", "too_soon"),
        ({"when": at("2032-11-25T09:05")}, "when", "too_far"),
        ({"when": at("2026-03-29T02:30", "Europe/Berlin")}, "when", "gap"),
        ({"when": at("2027-10-31T02:30", "Europe/Berlin")}, "when", "fold"),
        ({"when": at("2026-11-26T09:00", "Mars/Base")}, "zone", "unknown_zone"),
        ({"when": When("instant", wall=NOW + timedelta(seconds=299))}, "when", "too_soon"),
    ],
)
def test_each_problem_stands_at_its_field(changed: dict[str, Any], field: str, code: str) -> None:
    found = problems(**changed)
    assert {name: one.code for name, one in found.items()} == {field: code}
    assert found[field].message.endswith((".", "?"))


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        None,
        recipient="",
        text="",
        when=at("2020-01-01T00:00"),
        max_retries=9,
        priority=9,
        reference="r" * 201,
    )
    assert set(found) == {
        *("account", "recipient", "text", "when", "max_retries", "priority", "reference")
    }


def test_a_retired_account_sends_nothing() -> None:
    assert set(problems(Account(id=1, name="Old", state="retired"))) == {"account"}


@pytest.mark.parametrize(
    ("delay", "due"),
    [
        (timedelta(minutes=5), "02:06"),
        (timedelta(minutes=30), "02:31"),
        (timedelta(hours=1), "03:01"),
    ],
)
def test_a_quick_time_counts_from_the_saving_and_is_rounded_up(delay: timedelta, due: str) -> None:
    """However long somebody typed: five minutes are always enough, whatever the lead."""
    saved = compose(when=When("quick", delay=delay))
    assert f"{saved.due_at:%H:%M:%S}" == f"{due}:00"
    on_the_minute = compose(now=NOW.replace(second=0), when=When("quick", delay=delay))
    assert on_the_minute.due_at == NOW.replace(second=0) + delay


def test_now_is_the_moment_of_saving_and_needs_no_lead() -> None:
    assert compose(when=When("now")).due_at == NOW


def test_the_lead_is_a_setting(environment: pytest.MonkeyPatch) -> None:
    soon = at("2026-11-25T09:02")
    assert problems(when=soon)["when"].details["earliest"] == NOW.replace(minute=6, second=0)
    environment.setenv("OUTBOX_MIN_LEAD_SECONDS", "60")
    forget_settings()
    assert compose(when=soon).due_at == datetime(2026, 11, 25, 2, 2, tzinfo=UTC)


def test_a_fold_asks_which_of_the_two_and_takes_the_answer() -> None:
    twice = at("2027-10-31T02:30", "Europe/Berlin")
    asked = problems(when=twice)["when"].details
    first, second = (compose(when=replace(twice, fold=fold)).due_at for fold in (0, 1))
    assert (first, second) == (asked["first"], asked["second"])
    assert second - first == timedelta(hours=1)


def test_a_paused_account_warns_with_its_reason_and_allows_it() -> None:
    paused = Account(id=1, name="Orders", state="paused", state_reason="Holiday", country="ID")
    assert compose(paused).warning == (
        "«Orders» is paused (Holiday): it will wait until somebody resumes the account."
    )
    assert compose(paused, when=at("2026-11-26T09:00")).warning


# What follows is stored.


def schedule(account_id: int, *, key: str | None = None, by: Actor = ANA, **changed: Any) -> int:
    draft = replace(DRAFT, account_id=account_id, **changed)
    return composing.schedule(draft, key=key or uuid4().hex, by=by)


def stored_text(message_id: int) -> Content:
    with db.reading() as session:
        return session.get_one(Content, message_id)


def count(model: Any) -> int:
    with db.reading() as session:
        return int(session.execute(select(func.count()).select_from(model)).scalar_one())


def last_event(message_id: int) -> MessageEvent:
    with db.reading() as session:
        found = select(MessageEvent).where(col(MessageEvent.message_id) == message_id)
        return session.execute(found.order_by(col(MessageEvent.id).desc())).scalars().first()  # type: ignore[return-value]


def test_a_message_is_stored_with_its_words_its_event_and_a_wake(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[datetime] = []
    monkeypatch.setattr(wake, "_plugged", woken.append)
    made = schedule(given.account(), reference="A-1", when=given.in_(hours=1), by=BEN)
    row, content = given.row(made), stored_text(made)
    assert (row.status, row.recipient, row.reference) == ("pending", "+628123456789", "A-1")
    assert row.due_at == row.scheduled_at == woken[0]
    assert (row.priority, row.max_retries, row.version, row.hold) == (1, 3, 1, None)
    assert (content.text, content.created_by) == ("Hello", "ben")
    assert content.search == "628123456789 Hello"
    event = last_event(made)
    assert (event.kind, event.actor, event.before) == ("scheduled", "ben", None)
    assert event.after["recipient"] == "+628123456789"


def test_a_refused_draft_stores_nothing(database: str) -> None:
    account = given.account()
    with pytest.raises(Invalid):
        schedule(account, text="")
    with pytest.raises(Invalid):
        schedule(account + 1)
    assert (count(Message), count(Content), count(MessageEvent)) == (0, 0, 0)


def test_the_same_key_again_is_the_same_message(database: str) -> None:
    account = given.account()
    first = schedule(account, key="click", text="One")
    assert schedule(account, key="click", text="Two") == first
    assert schedule(account, key="another") != first
    assert stored_text(first).text == "One" and count(Message) == 2


def test_a_double_click_schedules_once(database: str) -> None:
    account = given.account()
    for turn in range(5):
        ended = at_once(*[partial(schedule, account, key=f"click {turn}")] * 4)
        assert len(set(ended)) == 1 and isinstance(ended[0], int)
    assert count(Message) == 5


def test_a_reference_belongs_to_one_message_of_an_account(database: str) -> None:
    account, other = given.account("Orders"), given.account("Support")
    first = schedule(account, reference="A-1")
    with pytest.raises(Invalid) as refused:
        schedule(account, reference=" A-1 ")
    (problem,) = refused.value.problems
    assert (problem.field, problem.code) == ("reference", "taken")
    assert "«A-1»" in problem.message
    schedule(other, reference="A-1")
    messages.cancel(first, by=ANA)
    again = schedule(account, reference="A-1")
    messages.delete(again, by=ANA)
    schedule(account, reference="A-1")


def test_of_two_who_take_a_reference_at_once_one_is_told(database: str) -> None:
    account = given.account()
    ended = at_once(*[lambda: schedule(account, reference="A-1")] * 2)
    assert sorted(type(one).__name__ for one in ended) == ["Invalid", "int"]
