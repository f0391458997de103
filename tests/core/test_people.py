"""One person by number: what they asked, what waits, what was sent; whatever shape was typed."""

from collections.abc import Sequence
from datetime import timedelta
from threading import Event

import pytest

from core import choosing, clock, db, operating, operations, optouts, people
from core.errors import Invalid, Refused
from core.models import Recipient
from core.people import Person
from tests import given
from tests.core import heard, stored

ANA = given.ANA
DEWI = given.recipient(1)


def found(number: str = DEWI, **place: int) -> Person:
    [who] = people.read(number)
    return people.find(who, **place)


def ids(rows: Sequence[object]) -> list[int]:
    return [row.id for row in rows]  # type: ignore[attr-defined]


def test_all_about_one_person_and_nothing_of_others(database: str) -> None:
    orders = stored.account("Orders")
    wall = clock.wall()
    columns = [{}, {"status": "sent", "sent_at": wall}, {"status": "failed"}, {}]
    mine = stored.messages(orders, [{"recipient": DEWI} | one for one in columns])
    stored.messages(orders, [{"recipient": given.recipient(2)}, {"recipient": f"{DEWI}0"}])
    stored.messages(orders, [{"recipient": DEWI, "status": "cancelled", "deleted_at": wall}])
    with db.writing() as session:
        session.add(Recipient(account_id=orders, number=DEWI, last_inbound_at=wall))
    who = found("62 812-0000-0001")
    assert ids(who.open) == [mine[0], mine[3]] and ids(who.ended) == [mine[2], mine[1]]
    assert who.counts == {"pending": 2, "sent": 1, "failed": 1} and who.pending == 2
    assert who.last_inbound_at == wall and who.phone.e164 == DEWI
    assert (who.before, who.after) == (None, None)
    assert who.wrote is None  # before what people write was kept
    nobody = found(given.recipient(77))
    assert (nobody.open, nobody.ended, nobody.counts, nobody.opt_outs) == ([], [], {}, [])
    assert nobody.last_inbound_at is None


def test_the_last_that_somebody_wrote_is_known_whichever_number_it_was_written_to(
    database: str,
) -> None:
    stored.account("Orders"), stored.account("Support")
    wall = clock.wall()
    heard.write("Later", sender=DEWI, to="id of Support", at=wall - timedelta(hours=1))
    heard.write("First", sender=DEWI, at=wall - timedelta(hours=2))
    heard.write("Somebody else", sender=given.recipient(2))
    who = found()
    assert who.wrote and who.accounts[who.wrote.account_id] == "Support"
    assert (who.wrote.text, who.wrote.at) == ("Later", who.last_inbound_at)


def test_what_was_sent_is_read_page_by_page_there_and_back(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "PAGE", 2)
    sent = {"recipient": DEWI, "status": "sent", "sent_at": clock.wall()}
    made = stored.messages(stored.account(), [sent] * 5)
    first = found()
    assert ids(first.ended) == [made[4], made[3]] and first.before is None
    second = found(after=first.after or 0)
    third = found(after=second.after or 0)
    assert ids(second.ended) == [made[2], made[1]] and ids(third.ended) == [made[0]]
    assert third.after is None
    back = found(before=third.before or 0)
    assert ids(back.ended) == ids(second.ended) and back.after == second.after
    assert found(before=back.before or 0).before is None


def test_what_they_asked_stays_with_what_was_lifted(database: str) -> None:
    optouts.add([DEWI], scope="marketing", by=ANA)
    optouts.add([DEWI], by=ANA)
    who = found()
    assert [one.scope for one in who.in_force] == ["everything"]
    assert [one.scope for one in who.lifted] == ["marketing"]


def test_a_national_number_is_read_in_the_countries_of_the_accounts(database: str) -> None:
    with pytest.raises(Invalid):
        people.read("0812-0000-0001")
    stored.account("Orders", country="ID")
    assert [one.e164 for one in people.read("0812-0000-0001")] == [DEWI]
    stored.account("Support", country="DE")
    assert DEWI in [one.e164 for one in people.read("0812-0000-0001")]
    assert people.countries() == ["DE", "ID"]
    with pytest.raises(Invalid, match="letters"):
        people.read("abc")


def test_all_that_is_pending_is_cancelled_and_can_be_brought_back(database: str) -> None:
    orders = stored.account("Orders")
    mine = stored.messages(orders, [{"recipient": DEWI}] * 3)
    (other,) = stored.messages(orders, [{}])
    row = people.cancel_all(DEWI, by=ANA)
    assert (row.state, row.done, row.kind) == ("finished", 3, "cancel")
    assert {given.row(one).status for one in mine} == {"cancelled"}
    assert given.row(other).status == "pending"
    with pytest.raises(Refused, match="Nothing is pending"):
        people.cancel_all(DEWI, by=ANA)
    assert operations.undo(row.id, by=ANA)


def test_what_had_been_asked_when_a_message_was_cancelled_is_told(database: str) -> None:
    orders = given.account("Orders")
    made = given.message(orders, to=DEWI, when=given.in_(hours=1))
    optouts.add([DEWI], account_id=orders, reason="phoned", by=ANA)
    with db.reading() as session:
        at = db.now(session)
    told = people.asked_before(made, at, zone="Asia/Jakarta")
    assert told is not None
    assert "by ana («phoned»), covers everything from «Orders»" in told
    assert people.asked_before(made + 1, at, zone="UTC") is None


def test_all_of_very_many_to_one_person_are_cancelled_by_a_worker_and_brought_back(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "CHUNK", 2)
    monkeypatch.setattr(people, "CHUNK", 2)
    orders = stored.account("Orders")
    theirs = stored.messages(orders, [{"recipient": DEWI}] * 5 + [{}])
    row = people.cancel_all(DEWI, by=ANA)
    assert (row.state, row.counted) == ("queued", 5)
    operating.run_waiting(Event())
    assert [given.row(one).status for one in theirs] == ["cancelled"] * 5 + ["pending"]
    operations.undo(row.id, by=ANA)
    operating.run_waiting(Event())
    assert set(given.statuses()) == {"pending"}
