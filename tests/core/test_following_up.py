"""A correction to those who got the old words: a held batch of its own, once."""

from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from core import (
    choosing,
    clock,
    correcting,
    db,
    following_up,
    leasing,
    operations,
    optouts,
    previewing,
    steering,
)
from core.access import Actor, Role
from core.corrections import Correction, Way
from core.errors import Invalid, Refused
from core.following_up import Words
from core.kinds import APART
from core.models import Message
from tests import given
from tests.core.batched import batch, row
from tests.core.worded import done, filled, said, template, work

OLGA = Actor("olga", Role.OPERATOR)
SENT = {"status": "sent", "sent_at": clock.wall(), "meta_message_id": "wamid.1"}
DAY = Correction(Way.PARAMETER, key="day", put="Tuesday")
REPLACE = Correction(Way.REPLACE, find="Monday", put="Tuesday")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "CHUNK", 2)
    monkeypatch.setattr(choosing, "WINDOW", 3)


def test_those_who_got_the_old_words_are_sent_a_correction_from_a_held_batch(database: str) -> None:
    account = given.account()
    rows = [SENT | {"text": "See you Monday", "meta_message_id": f"w.{n}"} for n in range(3)]
    batch_id, ids = batch(
        account, [*rows, {"text": "See you Monday"}, SENT | {"text": "Friday"}], state="released"
    )
    made = done(correcting.correct(batch_id, REPLACE, by=OLGA))
    assert previewing.preview(batch_id, REPLACE).left == 3
    with pytest.raises(Invalid):
        following_up.send_correction(batch_id, made.id, Words(text=" "), by=OLGA)
    with pytest.raises(Refused, match="did not correct the batch «May»"):
        following_up.send_correction(batch_id, 999, Words(text="Sorry"), by=OLGA)
    new = following_up.send_correction(batch_id, made.id, Words(text="Tuesday, sorry!"), by=OLGA)
    assert row(new).state == "loading"
    work()
    assert (row(new).state, row(new).name, row(new).total) == ("held", "May: correction", 3)
    with db.reading() as session:
        theirs = session.execute(select(col(Message.id)).where(col(Message.batch_id) == new))
        new_ids = list(theirs.scalars())
    assert said(new_ids) == ["Tuesday, sorry!"] * 3
    assert [given.row(one).recipient for one in new_ids] == [
        given.row(one).recipient for one in ids[:3]
    ]


@pytest.mark.usefixtures("small")
def test_a_correction_that_was_cut_off_goes_on_and_writes_to_nobody_twice(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [SENT | {"text": "Monday", "meta_message_id": f"w.{n}"} for n in range(7)]
    batch_id, _ = batch(given.account(), rows, state="released")
    made = done(correcting.correct(batch_id, REPLACE, by=OLGA))
    new = following_up.send_correction(batch_id, made.id, Words(text="Tuesday!"), by=OLGA)
    mine = leasing.take(APART)
    assert mine
    next(following_up.work(mine))
    operations.cancel(mine.id, by=OLGA)
    assert steering.load_again(new, by=OLGA) == mine.id
    with pytest.raises(Refused, match="has not failed"):
        steering.load_again(new, by=OLGA)
    with monkeypatch.context() as broken:
        broken.setattr(following_up, "_store_some", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            work()
    assert steering.load_again(new, by=OLGA) == mine.id
    work()
    assert (row(new).state, row(new).total) == ("held", 7)
    with db.reading() as session:
        count = select(col(Message.recipient)).where(col(Message.batch_id) == new)
        assert len(list(session.execute(count))) == 7


def test_they_are_written_to_once_and_not_who_asked_not_to_be_contacted(database: str) -> None:
    rows = [SENT | {"text": "Monday", "meta_message_id": f"w.{n}"} for n in range(3)]
    batch_id, ids = batch(given.account(), rows, state="released")
    optouts.add([given.row(ids[0]).recipient], by=OLGA)
    made = done(correcting.correct(batch_id, REPLACE, by=OLGA)).id
    assert following_up.following(made) is None
    foreseen = previewing.followed(operations.state(made), None, {})
    new = following_up.send_correction(batch_id, made, Words(text="Tuesday!"), by=OLGA)
    work()
    assert foreseen == {"prepared": 2, "opted_out": 1}, "as it came"
    [filled] = [one for one in operations.latest(5) if one.batch_id == new]
    assert (row(new).total, filled.done, filled.cursor["why"]) == (2, 2, {"opted_out": 1})
    # also where the same correction was made once more
    for again in (made, done(correcting.correct(batch_id, REPLACE, by=OLGA)).id):
        found = following_up.following(again)
        assert found and found.id == new
        with pytest.raises(Refused, match="They are in the batch «May: correction» already"):
            following_up.send_correction(batch_id, again, Words(text="Tuesday!"), by=OLGA)
    steering.cancel(new, by=OLGA)
    other = following_up.send_correction(batch_id, made, Words(text="It is Tuesday"), by=OLGA)
    assert other != new


def test_who_is_prepared_is_foreseen_as_it_comes_also_for_a_template(database: str) -> None:
    account = given.account()
    visit = template(account, "visit", "Hello {{name}}, on {{day}}", category="MARKETING")
    other = template(account, "sorry", "Sorry {{name}}, {{hour}}", category="MARKETING")
    sent = {"status": "sent", "sent_at": clock.wall()}
    batch_id, ids = filled(account, visit, ["Ana", "Bo", "Cy", "Di"], **sent)
    numbers = [given.row(one).recipient for one in ids]
    optouts.add(numbers[:1], scope="marketing", by=OLGA)
    optouts.add(numbers[1:2], by=OLGA)
    made = done(correcting.correct(batch_id, DAY, by=OLGA))
    hour = {"hour": "nine"}
    assert previewing.followed(made, None, {}) == {"prepared": 3, "opted_out": 1}
    assert previewing.followed(made, other, hour) == {"prepared": 2, "opted_out": 2}
    assert previewing.followed(made, other, {}) == {"does_not_fit": 2, "opted_out": 2}
    words = Words(template_id=other, parameters=hour)
    new = following_up.send_correction(batch_id, made.id, words, by=OLGA)
    work()
    [came] = [one for one in operations.latest(5) if one.batch_id == new]
    assert (came.done, came.cursor["why"]) == (2, {"opted_out": 2})


def test_many_are_put_into_their_batch_by_as_few_statements_as_one(database: str) -> None:
    account = given.account()
    counts = [asked_for(account, many) for many in (1, 30)]
    assert counts[0] == counts[1]


def asked_for(account: int, many: int) -> int:
    """How many statements the correction for so many people takes."""
    rows = [SENT | {"text": "Monday", "meta_message_id": f"w.{many}.{n}"} for n in range(many)]
    batch_id, _ = batch(account, rows, name=f"{many}", state="released")
    made = done(correcting.correct(batch_id, REPLACE, by=OLGA))
    new = following_up.send_correction(batch_id, made.id, Words(text="Tuesday"), by=OLGA)
    asked = []

    def note(*told: Any) -> None:
        asked.append(told[2])

    event.listen(db.engine(), "before_cursor_execute", note)
    work()
    event.remove(db.engine(), "before_cursor_execute", note)
    assert row(new).total == many
    return len(asked)
