"""Meta's limit of people in 24 hours, as the check of a file foresees it."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from core import clock, db, tiers
from core.models import Account, Business, Message, Recipient
from tests import given
from tests.core import heard, loaded

HOUR = timedelta(hours=1)


def limited(name: str, waba_id: str, portfolio: str = "one") -> int:
    """A number whose portfolio may write to 250 people in 24 hours."""
    account = given.account(name, waba_id=waba_id, rate=100.0)
    with db.writing() as session:
        session.execute(update(Account).values(messaging_limit="TIER_250"))
        business = select(col(Account.business_id)).where(col(Account.id) == account)
        mine = update(Business).where(col(Business.id) == business.scalar_subquery())
        session.execute(mine.values(portfolio_id=portfolio))
    return account


def sent(account: int, number: int, *, ago: timedelta = HOUR) -> None:
    """Somebody was written to."""
    made = given.message(account, to=given.recipient(number))
    with db.writing() as session:
        at = db.now(session) - ago
        values = {"status": "sent", "sent_at": at, "due_at": at}
        session.execute(update(Message).where(col(Message.id) == made).values(**values))


def wrote(account: int, number: int, *, ago: timedelta) -> None:
    """Somebody wrote to us, last."""
    with db.writing() as session:
        whose = {"account_id": account, "number": given.recipient(number)}
        session.merge(Recipient(**whose, last_inbound_at=db.now(session) - ago))


def passes(account: int, people: int) -> bool:
    """Whether a file to so many others passes the limit."""
    lines = "".join(f"{given.recipient(1_000 + n)},Hi\n" for n in range(people))
    found = loaded.checked("recipient,content\n" + lines, account)
    return bool(found.result["passings"])


@pytest.mark.parametrize(
    ("ago", "counts"),
    [(HOUR * 2, False), (HOUR / 2, True), (HOUR * 30, True)],
    ids=["in their window", "before they wrote", "their window was over"],
)
def test_what_was_sent_in_somebodys_window_does_not_count(
    database: str, ago: timedelta, counts: bool
) -> None:
    account = limited("Orders", "1")
    sent(account, 1)
    wrote(account, 1, ago=ago)
    assert passes(account, 250) is counts
    assert not passes(account, 249)


def test_a_check_counts_the_texts_that_come_when_nobody_has_just_written(database: str) -> None:
    account = given.account("Orders")
    wrote(account, 0, ago=HOUR)
    wrote(account, 1, ago=HOUR * 25)
    wrote(given.account("Other"), 2, ago=HOUR)
    late = loaded.later(hours=23, minutes=10)
    lines = "".join(
        f"{given.recipient(person)},Hi,{when}\n"
        for person, when in ((0, ""), (0, late), (1, ""), (2, ""))
    )
    head = "recipient,content,scheduled_at\n"
    assert loaded.checked(head + lines, account).result["unheard"] == 3


def test_what_somebody_wrote_opens_their_window(database: str) -> None:
    account = limited("Orders", "1")
    sent(account, 1)
    assert passes(account, 250)
    at = clock.wall() - HOUR * 2
    heard.write(sender=given.recipient(1), to=number_of(account), at=at)
    assert not passes(account, 250)


def number_of(account: int) -> str:
    with db.reading() as session:
        return session.get_one(Account, account).phone_number_id


def test_a_window_is_of_the_number_that_somebody_wrote_to(sqlite: None) -> None:
    orders, support = limited("Orders", "1"), limited("Support", "1")
    sent(orders, 1)
    wrote(support, 1, ago=HOUR * 2)
    assert passes(orders, 250)


def test_a_person_counts_once_for_all_numbers_of_a_portfolio_and_no_other(database: str) -> None:
    orders, clinic = limited("Orders", "1"), limited("Clinic", "2")
    shop = limited("Shop", "3", portfolio="other")
    for account in (orders, clinic):
        sent(account, 1)
    sent(clinic, 2)
    sent(shop, 3)
    assert not passes(orders, 248)
    assert passes(orders, 249)


def test_the_use_of_a_limit_is_told_of_each_number_of_its_portfolio(database: str) -> None:
    orders, clinic = limited("Orders", "1"), limited("Clinic", "2")
    shop = limited("Shop", "3", portfolio="other")
    free = given.account("Free", waba_id="4")
    for account, number in ((orders, 1), (clinic, 1), (clinic, 2), (clinic, 3), (shop, 9)):
        sent(account, number)
    sent(orders, 4, ago=25 * HOUR)
    wrote(clinic, 3, ago=2 * HOUR)  # answered
    wrote(clinic, 2, ago=HOUR / 2)  # wrote after it
    assert tiers.used() == {
        orders: tiers.Used(2, 250),
        clinic: tiers.Used(2, 250),
        shop: tiers.Used(1, 250),
    }
    assert free not in tiers.used()
