"""Today against the last same weekdays: was the file loaded?"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from core import clock, day_counts, db, volumes
from core.models import Account, Content, DayVolume
from tests.core import stored

pytestmark = pytest.mark.usefixtures("database")

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


def account(name: str = "Orders", *, weeks: int = 6) -> int:
    made = stored.account(name)
    with db.writing() as session:
        old = update(Account).where(col(Account.id) == made)
        session.execute(old.values(created_at=clock.wall() - weeks * WEEK))
    return made


def midnight() -> datetime:
    return clock.wall().replace(hour=0, minute=0, second=0, microsecond=0)


def messages(account_id: int, at: datetime, number: int, *, label: str | None = None) -> None:
    past = {"status": "sent", "sent_at": at} if at < midnight() else {}
    row: dict[str, Any] = {"due_at": at} | past
    ids = stored.messages(account_id, [row] * number)
    with db.writing() as session:
        theirs = update(Content).where(col(Content.message_id).in_(ids))
        session.execute(theirs.values(label=label))


def count_all() -> None:
    while day_counts.count_next():
        pass


def test_what_is_usual_and_not_there_today_is_missing() -> None:
    orders = account()
    for week, number in enumerate((40, 50, 60, 500), start=1):
        messages(orders, midnight() - week * WEEK, number, label="Dental")
        messages(orders, midnight() - week * WEEK, 5)
    messages(orders, midnight(), 30)
    messages(orders, midnight() - DAY, 70, label="Dental")  # another weekday
    count_all()
    dental, rest = volumes.expected()
    assert (dental.name, dental.today, dental.normal, dental.missing) == ("Dental", 0, 55, True)
    assert (rest.name, rest.today, rest.normal, rest.missing) == ("Orders", 30, 5, False)


def test_before_the_first_usually_leaves_nothing_is_missed() -> None:
    orders = account()
    late = midnight() + DAY - timedelta(seconds=1)
    for week in range(1, 5):
        messages(orders, late - week * WEEK, 40)
    count_all()
    [one] = volumes.expected()
    soon = clock.wall() >= late - volumes.EARLY
    assert (one.today, one.normal, one.missing) == (0, 40, soon)


def test_a_new_number_has_nothing_usual_yet() -> None:
    orders = account(weeks=1)
    messages(orders, midnight() - WEEK, 40)
    count_all()
    assert volumes.expected() == []


def test_today_is_counted_again_after_some_minutes_and_the_past_once() -> None:
    orders = account()
    messages(orders, midnight() - WEEK, 3)
    count_all()
    messages(orders, midnight() - WEEK, 9)
    messages(orders, midnight(), 9)
    assert not day_counts.count_next()
    with db.writing() as session:
        session.execute(update(DayVolume).values(counted_at=col(DayVolume.counted_at)))
        today = update(DayVolume).where(col(DayVolume.day) == f"{midnight():%Y-%m-%d}")
        session.execute(today.values(counted_at=clock.wall() - day_counts.AGAIN))
    assert day_counts.count_next()
    [one] = volumes.expected()
    assert (one.today, one.normal) == (9, 0)


def test_what_a_clock_that_was_ahead_counted_is_counted_again(
    move_clock: Callable[[timedelta], None],
) -> None:
    orders = account()
    move_clock(WEEK)
    count_all()
    move_clock(timedelta())
    messages(orders, midnight() + DAY - timedelta(seconds=1), 30)
    count_all()
    with db.reading() as session:
        mine = (col(DayVolume.day) == clock.wall().date().isoformat(), col(DayVolume.label) == "")
        assert session.execute(select(DayVolume.messages).where(*mine)).scalar_one() == 30
