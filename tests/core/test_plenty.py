"""What was more than anybody counts is so still for some seconds, unless it is known to be few."""

import pytest
from sqlalchemy import delete
from sqlmodel import col

from core import clock, db, listing, plenty
from core.filtering import Filter
from core.models import Content, Message
from core.standing import Standing
from tests.core import stored

FAILED = Filter(frozenset({Standing.FAILED}))


@pytest.fixture
def many(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(listing, "CAP", 60)
    account_id = stored.account()
    stored.messages(account_id, [{"status": "failed", "error_class": "permanent"}] * 61)
    return account_id


def _take_away(but: int) -> None:
    with db.writing() as session:
        session.execute(delete(Content).where(col(Content.message_id) > but))
        session.execute(delete(Message).where(col(Message.id) > but))


def test_it_is_not_counted_again_and_other_questions_are(many: int) -> None:
    assert listing.count(FAILED, now=clock.wall()) == 61
    _take_away(but=55)
    assert listing.count(FAILED, now=clock.wall()) == 61
    assert listing.count(Filter(), now=clock.wall()) == 55
    plenty.forget()
    assert listing.count(FAILED, now=clock.wall()) == 55


def test_a_list_that_ends_on_its_page_is_counted(many: int) -> None:
    now = clock.wall()
    assert listing.seen(FAILED, now=now).matching == 61
    _take_away(but=20)
    assert listing.seen(FAILED, now=now).matching == 20
    assert listing.count(FAILED, now=now) == 20  # and it is known from then on


def test_a_search_is_remembered_as_it_was_asked_not_by_what_it_found(many: int) -> None:
    wanted = Filter(search="0812")
    plenty.forget()
    seen = [listing.seen(wanted, now=clock.wall()).matching for _ in range(2)]
    assert set(plenty._beyond) <= {wanted} and seen[0] == seen[1]


def test_after_some_seconds_it_is_counted_anew(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert listing.count(FAILED, now=clock.wall()) == 61
    _take_away(but=55)
    monkeypatch.setattr(plenty, "FOR", 0)
    assert listing.count(FAILED, now=clock.wall()) == 55


def test_no_more_than_so_many_questions_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    plenty.forget()
    monkeypatch.setattr(plenty, "MOST", 3)
    for asked in range(10):
        plenty.note(asked, beyond=True)
    assert len(plenty._beyond) <= 3 and plenty.still(9)
    plenty.forget()
