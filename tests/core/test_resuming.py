"""What becomes of the overdue is decided before a paused account sends again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from core import accounts, db, resuming
from core.errors import Invalid, Refused
from core.models import Account, AuditEvent
from tests import given
from tests.core.sending.ticking import Ticks, account, change

Move = Callable[[timedelta], None]
MINUTE = timedelta(minutes=1)


def paused_with(dues: dict[int, int], **columns: object) -> tuple[int, dict[int, int]]:
    """A paused account with messages, each by how many minutes ago it was due."""
    made = account("Orders", **columns)
    found = {}
    for number, minutes in enumerate(dues):
        found[minutes] = given.message(made, to=given.recipient(number), priority=number % 3)
        at = given.row(found[minutes]).due_at - minutes * MINUTE
        change(found[minutes], scheduled_at=at, due_at=at)
    accounts.pause("Orders", by=given.ANA)
    return made, found


def holds(messages: dict[int, int]) -> list[int]:
    return [minutes for minutes, one in messages.items() if given.row(one).hold == "late"]


DUES = {90: 0, 40: 0, 29: 0, 1: 0, -60: 0}


@pytest.mark.parametrize(
    ("only_last", "held"), [(None, []), (30 * MINUTE, [90, 40]), (timedelta(), [90, 40, 29, 1])]
)
def test_all_leaves_or_what_came_due_lately_and_the_rest_is_held(
    database: str, only_last: timedelta | None, held: list[int]
) -> None:
    made, messages = paused_with(DUES)
    assert resuming.overdue("orders") == 4
    assert resuming.overdue("Orders", longer_than=30 * MINUTE) == 2
    assert resuming.resume("Orders", only_last=only_last, by=given.ANA) == len(held)
    assert holds(messages) == held
    left = [messages[minutes] for minutes in DUES if minutes > 0 and minutes not in held]
    assert set(Ticks().claimed(made)) == set(left)
    with db.reading() as session:
        last = select(AuditEvent.after).order_by(col(AuditEvent.id).desc()).limit(1)
        assert session.execute(last).scalar().get("held", 0) == len(held)


def test_a_persons_decision_beats_every_late_policy(database: str, move_clock: Move) -> None:
    ticks, (made, messages) = Ticks(), paused_with({30: 0, 20: 0}, late_policy="hold")
    change(messages[20], late_policy="skip")
    move_clock(60 * MINUTE)
    resuming.resume("Orders", only_last=None, by=given.ANA)
    assert set(ticks.claimed(made)) == set(messages.values())


def test_an_account_stays_paused_until_every_hold_is_written(
    sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = paused_with(DUES)
    monkeypatch.setattr(resuming, "CHUNK", 1)
    states, hold_in = [], resuming.holding.hold_in

    def seen(*given: object, **more: object) -> set[int]:
        with db.reading() as session:
            states.append(session.get_one(Account, made).state)
        return hold_in(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(resuming.holding, "hold_in", seen)
    assert resuming.resume("Orders", only_last=timedelta(), by=given.ANA) == 4
    assert states == ["paused"] * 5


def test_only_a_paused_account_is_resumed_and_a_time_is_no_less_than_none(database: str) -> None:
    account("Orders")
    for only_last in (None, timedelta()):
        with pytest.raises(Refused, match="active, not paused"):
            resuming.resume("Orders", only_last=only_last, by=given.ANA)
    with pytest.raises(Invalid, match="lies ahead"):
        resuming.resume("Orders", only_last=-MINUTE, by=given.ANA)
