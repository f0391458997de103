"""Who was not reached is tried once more with a template, from a held batch, and never twice so."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select, update

from core import choosing, clock, db, happened, optouts, second_try, steering
from core.access import Actor, Role
from core.errors import Invalid, Refused
from core.models import AuditEvent, Batch, Content, Message
from core.not_reached import Missed
from core.second_try import Try
from tests import given
from tests.core import stored
from tests.core.test_history import read
from tests.core.worded import filled, said, template, work
from tests.racing import at_once

OLGA = Actor("olga", Role.OPERATOR)
HOUR = timedelta(hours=1)
ALL = Missed()

pytestmark = pytest.mark.usefixtures("database")


def failed(account_id: int, count: int = 1, **more: Any) -> list[int]:
    """Messages of a template with name and day, that WhatsApp could not deliver."""
    first = template(account_id, f"first{account_id}", "Hello {{name}}, see you {{day}}")
    at = clock.wall() - HOUR
    columns = {"status": "failed", "error_class": "recipient", "hold": None, "due_at": at}
    _, ids = filled(account_id, first, ["Ana", "Budi", "Cici", "Dewi"][:count], **columns | more)
    return ids


def again(account_id: int, body: str = "{{name}}, please call us") -> Try:
    return Try(template(account_id, "again", body))


def made(batch_id: int) -> list[Message]:
    with db.reading() as session:
        theirs = select(Message).where(col(Message.batch_id) == batch_id).order_by(col(Message.id))
        return list(session.exec(theirs).all())


def batch(batch_id: int) -> Batch:
    with db.reading() as session:
        return session.get_one(Batch, batch_id)


def outlook(what: Try) -> tuple[int, dict[str, int]]:
    found = second_try.preview(ALL, what, now=clock.wall())
    return found.prepared, dict(found.why)


def test_those_on_the_list_become_a_held_batch_with_what_they_had_for_each_parameter() -> None:
    account = given.account()
    ids, what = failed(account, 2), again(account)
    assert outlook(what) == (2, {})
    new = second_try.prepare(ALL, what, by=OLGA)
    work()
    assert (batch(new).state, batch(new).name) == ("held", "Not reached: again")
    rows = made(new)
    assert said([row.id for row in rows]) == ["Ana, please call us", "Budi, please call us"]
    assert [row.recipient for row in rows] == [given.row(one).recipient for one in ids]
    assert {row.hold for row in rows} == {"batch"}
    assert [given.row(one).status for one in ids] == ["failed", "failed"]
    line = happened.lines(read(ids[0]), now=clock.wall(), zone="UTC")[-1]
    assert (line.title, line.by) == ("Tried once more with another template", "olga")
    with db.reading() as session:
        told = select(AuditEvent).where(col(AuditEvent.action) == "not reached tried again")
        (event,) = session.exec(told).all()
    assert event.after == {"template": "again", "messages": 2, "batch": new}


def test_nobody_is_tried_twice_while_a_batch_with_them_stands() -> None:
    account = given.account()
    ids, what = failed(account, 2), again(account)
    new = second_try.prepare(ALL, what, by=OLGA)
    with pytest.raises(Refused, match="batch «Not reached: again» already"):
        second_try.prepare(ALL, what, by=OLGA)
    work()
    assert outlook(what) == (0, {"in_batch": 2})
    assert {one: there.id for one, there in second_try.where_tried(ids).items()} == dict.fromkeys(
        ids, new
    )
    with pytest.raises(Refused, match="Nobody is left"):
        second_try.prepare(ALL, what, by=OLGA)
    steering.cancel(new, by=OLGA)
    assert outlook(what) == (2, {}) and second_try.where_tried(ids) == {}


@pytest.mark.parametrize("columns", [{"status": "sent", "delivery": "read"}, {"status": "pending"}])
def test_who_is_reached_before_its_release_does_not_get_both(columns: dict[str, Any]) -> None:
    account = given.account()
    ids, what = failed(account, 3), again(account)
    new = second_try.prepare(ALL, what, by=OLGA)
    work()
    reach(ids[1], **columns)
    steering.release_first(new, 1, by=OLGA)
    rows = made(new)
    assert [(row.status, row.hold) for row in rows] == [
        *(("pending", None), ("cancelled", None)),
        ("pending", "batch"),
    ]
    titles = [one.title for one in happened.lines(read(rows[1].id), now=clock.wall(), zone="UTC")]
    assert "Cancelled: the message before it has reached them, or is sent again" in titles
    reach(ids[2], **columns)
    steering.release(new, by=OLGA)
    assert [row.status for row in made(new)] == ["pending", "cancelled", "cancelled"]


def reach(message_id: int, **columns: Any) -> None:
    """What a webhook tells late, or a person asks for."""
    with db.writing() as session:
        here = update(Message).where(col(Message.id) == message_id)
        session.execute(here.values(**columns, error_class=None))


def test_who_was_not_reached_twice_gets_the_same_words_once() -> None:
    account = given.account()
    ids, what = failed(account, 3), again(account, "Please call us")
    with db.writing() as session:
        session.get_one(Message, ids[1]).recipient = given.row(ids[0]).recipient
    assert outlook(what) == (2, {"twice": 1})
    new = second_try.prepare(ALL, what, by=OLGA)
    assert second_try.where_tried(ids).keys() == {ids[1]}  # the others when a worker comes to them
    work()
    assert len(made(new)) == 2 and second_try.where_tried(ids).keys() == {*ids}
    assert outlook(what) == (0, {"in_batch": 3})
    with_name = Try(template(account, "named", "{{name}}, please call us"))
    steering.cancel(new, by=OLGA)
    assert outlook(with_name) == (3, {})


def test_more_than_are_tried_at_once_come_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_try, "MOST", 3)
    account = given.account()
    failed(account, 4)
    what = again(account)
    assert outlook(what) == (3, {})
    made_first = second_try.prepare(ALL, what, by=OLGA)
    work()
    assert outlook(what) == (1, {"in_batch": 3})
    made_next = second_try.prepare(ALL, what, by=OLGA)
    work()
    assert [len(made(one)) for one in (made_first, made_next)] == [3, 1]


def test_two_who_press_at_once_prepare_one_batch() -> None:
    account = given.account()
    failed(account, 2)
    what = again(account)

    def press() -> int | None:
        try:
            return second_try.prepare(ALL, what, by=OLGA)
        except Refused:
            return None

    done = at_once(press, press)
    assert sum(one is not None for one in done) == 1


def test_what_may_have_arrived_is_left_out_unless_somebody_takes_the_risk() -> None:
    account = given.account()
    failed(account, 1, error_class="unknown")
    what = again(account)
    assert outlook(what) == (0, {"unconfirmed": 1})
    with pytest.raises(Refused):
        second_try.prepare(ALL, what, by=OLGA)
    sure = Try(what.template_id, confirmed=True)
    assert outlook(sure) == (1, {})
    new = second_try.prepare(ALL, sure, by=OLGA)
    work()
    assert len(made(new)) == 1


def test_who_asked_not_to_be_contacted_is_left_out_and_counted() -> None:
    account = given.account()
    ids, what = failed(account, 2), again(account)
    optouts.add([given.row(ids[0]).recipient], by=OLGA)
    assert outlook(what) == (1, {"opted_out": 1})
    new = second_try.prepare(ALL, what, by=OLGA)
    optouts.add([given.row(ids[1]).recipient], by=OLGA)  # before a worker comes to it
    work()
    assert made(new) == [] and second_try.where_tried(ids) == {}


def test_what_lacks_a_parameter_does_not_fit_until_somebody_gives_one_for_all() -> None:
    account = given.account()
    failed(account)
    (text,) = stored.messages(account, [{"status": "failed", "due_at": clock.wall() - HOUR}])
    what = again(account, "{{name}}, we tried you at {{hour}}")
    assert outlook(what) == (0, {"does_not_fit": 2})
    known = Try(what.template_id, {"hour": "nine"})
    assert outlook(known) == (1, {"does_not_fit": 1})
    for_all = Try(what.template_id, {"hour": "nine", "name": "Customer"})
    new = second_try.prepare(ALL, for_all, by=OLGA)
    work()
    assert sorted(said([row.id for row in made(new)]))[-1] == "Customer, we tried you at nine"
    with db.reading() as session:
        kept = [session.get_one(Content, row.id).parameters["name"] for row in made(new)]
    assert sorted(kept) == ["Ana", "Customer"] and text


def test_a_template_of_another_business_and_one_that_cannot_be_sent_are_refused() -> None:
    account, other = given.account("Orders"), given.account("Support")
    failed(account)
    elsewhere = again(other)
    assert outlook(elsewhere) == (0, {"other_business": 1})
    paused = Try(template(account, "paused", "Hello", status="PAUSED"))
    for wrong in (paused, Try(None), Try(999)):
        with pytest.raises(Invalid):
            second_try.prepare(ALL, wrong, by=OLGA)
    names = [one.name for one in second_try.forms(Missed(account="Orders"))]
    assert "paused" not in names and "again" not in names
    assert "again" in [one.name for one in second_try.forms(ALL)]


def test_who_was_reached_before_a_worker_came_is_left_out() -> None:
    account = given.account()
    at = clock.wall() - 30 * HOUR
    taken = {
        "status": "sent",
        "sent_at": at,
        "due_at": at,
        "meta_message_id": "w",
        "error_class": None,
    }
    (one,) = failed(account, 1, **taken, delivery="sent")
    what = again(account)
    assert second_try.preview(ALL, what, now=clock.wall()).taken == 1
    new = second_try.prepare(ALL, what, by=OLGA)
    with db.writing() as session:
        session.get_one(Message, one).delivery = "delivered"
    work()
    assert made(new) == [] and batch(new).state == "held"


def test_one_that_was_cut_off_goes_on_and_tries_nobody_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choosing, "CHUNK", 2)
    account = given.account()
    failed(account, 4)
    new = second_try.prepare(ALL, again(account), by=OLGA)
    with monkeypatch.context() as broken:
        seen = iter([second_try.record])

        def once(*asked: Any) -> None:
            next(seen)(*asked)

        broken.setattr(second_try, "record", once)
        with pytest.raises(RuntimeError):
            work()
    assert len(made(new)) == 2
    steering.load_again(new, by=OLGA)
    work()
    assert (batch(new).state, len(made(new))) == ("held", 4)
    assert len({row.recipient for row in made(new)}) == 4
