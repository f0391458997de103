"""A template message is shown with the template that it was scheduled with, or with its words."""

from sqlalchemy import update
from sqlmodel import col

from core import catalogue, db, listing
from core.listing import MessageRow
from core.models import Content
from core.standing import m
from tests import given
from tests.core import templated


def _row(message_id: int) -> MessageRow:
    with db.reading() as session:
        [found] = listing.rows(session, m.id == message_id)
        return found


def test_of_a_template_that_nobody_knows_any_more_the_words_are_left(sqlite: str) -> None:
    account = given.account()
    templated.template(account)
    made = templated.message(account)
    known = catalogue.shown(_row(made))
    assert known and catalogue.scheduled_with(_row(made)) is not None
    with db.writing() as session:  # as those that were scheduled before it was noted
        session.execute(
            update(Content).where(col(Content.message_id) == made).values(template_sha256=None)
        )
    shown = catalogue.shown(_row(made))
    assert shown and shown.body == known.body == "Hello Ana"
    assert catalogue.scheduled_with(_row(made)) is None
