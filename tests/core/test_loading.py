"""A file of messages: stored once each, whatever ends it, however often it is begun."""

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from core import (
    accounts,
    adjusting,
    batches,
    bulk,
    composing,
    correcting,
    db,
    editing,
    holding,
    leasing,
    load_orders,
    loading,
    messages,
    moving,
    operating,
    operations,
    optouts,
    rescheduling,
    steering,
    storing,
    wake,
)
from core.choosing import Choice
from core.corrections import Correction, Way
from core.drafts import Draft, When
from core.errors import Refused
from core.kinds import Kind
from core.loading import CHUNK, Then
from core.models import Batch, Content, Message, MessageEvent
from core.scan import scan
from core.sheets.plan import Plan
from tests import given
from tests.core import templated
from tests.core.batched import work as steering_work
from tests.core.loaded import HEAD, checked, found, later, load, ordered, rows
from tests.core.worded import work
from tests.given import ANA
from tests.processes import ROOT
from tests.racing import at_once
from tests.waiting import until

Move = Callable[[timedelta], None]


def count(*where: Any, of: Any = Message) -> int:
    with db.reading() as session:
        chosen = select(func.count()).select_from(of).where(*where)
        return int(session.execute(chosen).scalar_one())


HELD = col(Message.hold) == "batch"
ALIVE = col(Message.deleted_at).is_(None)


def states() -> list[str]:
    with db.reading() as session:
        found = select(col(Batch.state)).order_by(col(Batch.id))
        return list(session.execute(found).scalars())


def free() -> list[str]:
    """The recipients of what may be sent."""
    with db.reading() as session:
        chosen = select(col(Message.recipient)).where(
            col(Message.status) == "pending", col(Message.hold).is_(None), ALIVE
        )
        return sorted(session.execute(chosen).scalars())


def run(operation_id: int) -> None:
    operating.run(leasing.held(operation_id))


def test_a_file_becomes_messages_that_may_be_sent(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.account()
    woken: list[Any] = []
    monkeypatch.setattr(wake, "_plugged", woken.append)
    done = load(rows(1100, reference=True))
    assert (done.state, done.done, done.result) == ("finished", 1100, {"new": 1100})
    assert free() == [given.recipient(n) for n in range(1100)] and count(HELD) == 0
    with db.reading() as session:
        found = session.execute(select(Message, Content).join(Content).order_by(col(Message.id)))
        stored = [(m.reference, c.text, c.search, c.created_by) for m, c in found.all()]
        batch = session.execute(select(Batch)).scalar_one()
    assert stored[1] == ("R-1", "Hello 1", "6281200000001 Hello 1", "ana")
    assert (batch.state, batch.total, batch.name) == ("released", 1100, "people.csv")
    assert batch.released_at is not None and woken
    assert count(col(MessageEvent.kind) == "imported", of=MessageEvent) == 1100
    assert Plan.read(batch.arguments).account_id == 1


def test_nothing_but_a_check_that_ended_well_is_loaded(database: str) -> None:
    given.account()
    with pytest.raises(Refused, match="Nothing in this file"):
        ordered(checked("recipient,content\nx,y\n"))
    with pytest.raises(Refused, match="not been checked"):
        ordered(checked("recipient\n+628123456\n", columns={}))


def test_a_check_of_an_hour_ago_is_made_again_first(
    database: str, move_clock: Callable[[timedelta], None]
) -> None:
    given.account()
    check = checked(rows(2))
    move_clock(timedelta(minutes=61))
    with pytest.raises(Refused, match="over an hour ago"):
        ordered(check)


def test_what_was_good_when_it_was_checked_and_is_not_loaded_is_told(
    database: str, move_clock: Callable[[timedelta], None]
) -> None:
    given.account()
    optouts.add([given.recipient(0)], by=ANA)
    made = ordered(checked(rows(5, at=later(minutes=30)) + "x,Hello,,\n"))
    optouts.add([given.recipient(1)], by=ANA)
    operating.run(leasing.held(made))
    assert load_orders.lost(operations.state(made)) == (1, ["opted_out"])
    made = ordered(checked(rows(3, at=later(minutes=30), text="Bye")))
    move_clock(timedelta(hours=3))  # whoever should load it was gone
    operating.run(leasing.held(made))
    assert load_orders.lost(operations.state(made)) == (1, ["wrong"]), "two had opted out"


def test_good_rows_alone_are_loaded_and_the_others_are_counted(database: str) -> None:
    given.account()
    optouts.add([given.recipient(1)], by=ANA)
    done = load(rows(4) + rows(1).removeprefix(HEAD) + "x,Hello,,\n", then=Then.HOLD)
    assert done.result == {"new": 3} and states() == ["held"]
    assert done.cursor["why"] == {"opted_out": 1, "double": 1, "wrong": 1}
    assert count(HELD) == 3 and free() == []
    scan()
    assert free() == []


def test_the_first_may_go_while_the_rest_waits(database: str) -> None:
    given.account()
    load(rows(30), then=Then.TRIAL, first=20)
    assert len(free()) == 20 and count(HELD) == 10 and states() == ["held"]


def test_the_same_file_is_loaded_again_only_when_somebody_says_so(database: str) -> None:
    given.account()
    load(rows(3), then=Then.HOLD)
    more = rows(3) + f"{given.recipient(9)},New,,\n"
    with pytest.raises(Refused, match="Nothing in this file"):
        ordered(checked(rows(3)), again=True)
    assert load(more).result == {"new": 1}
    text = rows(3)
    with pytest.raises(Refused, match=r"loaded on .* by ana, as «people.csv»"):
        ordered(checked(text, duplicates="load"))
    assert load(text, plan={"duplicates": "load"}, again=True).result == {"new": 3}
    assert count(ALIVE) == 7


def test_a_daily_export_again_applies_its_changes_with_an_event_each(database: str) -> None:
    given.account()
    at, other = later(hours=1), later(hours=2)
    load(rows(4, reference=True, at=at), then=Then.HOLD)
    with db.writing() as session:
        left = update(Message).where(col(Message.id) == 1).values(status="sent", hold=None)
        session.execute(left)
    text = rows(5, reference=True, at=at).replace("Hello", "Hi", 3)
    text = text.replace(f"Hello 3,{at}", f"Hello 3,{other}")
    done = load(text)
    assert done.result == {"new": 1, "changed": 3} and done.cursor["why"] == {"already": 1}
    row = given.row(4)
    assert (row.hold, row.version, row.due_at.isoformat(timespec="seconds")) == ("batch", 2, other)
    with db.reading() as session:
        content = session.get_one(Content, 2)
        event = session.execute(
            select(MessageEvent).where(MessageEvent.message_id == 2, MessageEvent.kind == "edit")
        ).scalar_one()
    assert (content.text, content.search) == ("Hi 1", "6281200000001 Hi 1")
    assert (event.before["text"], event.after["text"]) == ("Hello 1", "Hi 1")
    assert event.actor == "ana" and event.operation_id == done.id
    assert [given.row(n).version for n in (1, 2, 3)] == [1, 2, 2]


def test_a_daily_export_again_keeps_what_was_corrected_here_until_somebody_says_otherwise(
    database: str,
) -> None:
    account = given.account()
    at = later(hours=1)
    load(rows(5, reference=True, at=at), then=Then.HOLD)
    for one in (1, 2):
        row = given.row(one)
        draft = Draft(account, row.recipient, f"By hand {one}", When("instant", wall=row.due_at))
        editing.edit(one, draft, version=row.version, by=ANA)
    wanted = Correction(Way.REPLACE, find="Hello 3", put="Corrected 3")
    run(correcting.correct(1, wanted, by=ANA, here=True))
    passing = Correction(Way.REPLACE, find="Hello 4", put="Undone 4")
    undone = correcting.correct(1, passing, by=ANA, here=True)
    run(undone)
    run(operations.undo(undone, by=ANA, here=True))
    export = rows(5, reference=True, at=at).replace("Hello 4", "Newer 4")
    check = checked(export)
    assert found(check, "good", "changed", "kept", "same") == (1, 1, 3, 1)
    assert {one["kind"] for one in check.result["told"]} == {"kept"}
    done = load(export)
    assert done.result == {"changed": 1} and done.cursor["why"] == {"kept": 3, "same": 1}
    assert texts() == ["By hand 1", "By hand 2", "Hello 2", "Corrected 3", "Newer 4"]
    assert load(export, plan={"overwrites": True}, again=True).result == {"changed": 3}
    assert texts() == ["Hello 0", "Hello 1", "Hello 2", "Hello 3", "Newer 4"]
    later_export = export.replace("Hello", "Later")
    assert found(checked(later_export), "changed", "kept") == (4, 0), "the file had the last word"


def texts() -> list[str | None]:
    with db.reading() as session:
        asked = select(col(Content.text)).order_by(col(Content.message_id))
        return list(session.execute(asked).scalars())


def called_off(text: str) -> int:
    """A load that is called off when it has stored its last chunk; returns its batch."""
    made = ordered(checked(text), then=Then.HOLD)
    mine = leasing.held(made)
    part = operating._WORK[Kind.LOAD](mine)
    next(part)
    operations.cancel(made, by=ANA)
    assert list(part) == []
    return operations.state(made).batch_id or 0


def changes() -> tuple[int, dict[str, int], list[int]]:
    """What putting back did: how many, why not the others, which of them wait."""
    work()
    row = next(one for one in operations.latest(9) if one.kind == Kind.UNLOAD)
    assert row.state == "finished"
    return row.done, row.cursor["why"], row.result["keep"]


def test_a_load_that_is_called_off_puts_back_what_it_changed_where_it_still_waits(
    database: str,
) -> None:
    account = templated.account()
    templated.template(account)
    at, other = later(hours=1), later(hours=2)
    head = "recipient,scheduled_at,reference,content,template,language,param.1,label,priority\n"
    plain = "".join(f"{given.recipient(n)},{at},R-{n},Hello {n},,,,,\n" for n in range(4))
    visit = f"{given.recipient(4)},{at},R-4,,visit,en_US,Budi,North,0\n"
    load(head + plain + visit, then=Then.HOLD)
    before = [as_stored(n) for n in range(1, 6)]
    new = plain.replace("Hello", "Bye").replace(at, other) + visit.replace("Budi", "Ani")
    batch = called_off(head + new.replace("North,0", "South,2") + f"{given.recipient(9)},,,New\n")
    assert texts()[:5] == ["Bye 0", "Bye 1", "Bye 2", "Bye 3", "Hello Ani"]
    with db.writing() as session:  # two of them have left, or were changed once more
        session.execute(update(Message).where(col(Message.id) == 1).values(status="sent"))
    draft = Draft(account, given.recipient(1), "By hand", given.in_(hours=3))
    editing.edit(2, draft, version=given.row(2).version, by=ANA)
    assert changes() == (3, {"sent": 1, "changed": 1}, [2])
    assert texts()[:5] == ["Bye 0", "By hand", "Hello 2", "Hello 3", "Hello Budi"]
    assert [as_stored(n) for n in range(3, 6)] == before[2:]
    assert given.events(3) == ["imported", "edit", "undo load"]
    assert count(ALIVE) == 5 and states() == ["held", "cancelled"] and batch


def as_stored(message_id: int) -> dict[str, Any]:
    """All that a file can change."""
    with db.reading() as session:
        row, content = session.get_one(Message, message_id), session.get_one(Content, message_id)
    own = row.model_dump(exclude={"version", "created_at"}) | content.model_dump()
    return own


def test_what_a_file_overwrote_counts_as_changed_by_hand_again_once_it_is_called_off(
    database: str,
) -> None:
    account = given.account()
    at = later(hours=1)
    load(rows(1, reference=True, at=at), then=Then.HOLD)
    draft = Draft(account, given.recipient(), "By hand", When("instant", wall=given.row(1).due_at))
    editing.edit(1, draft, version=1, by=ANA)
    text = rows(1, reference=True, at=at).replace("Hello", "Newer")
    made = ordered(checked(text, overwrites=True))
    part = operating._WORK[Kind.LOAD](leasing.held(made))
    next(part)
    operations.cancel(made, by=ANA)
    assert list(part) == [] and texts() == ["Newer 0"]
    work()
    assert texts() == ["By hand"]
    assert found(checked(text), "changed", "kept") == (0, 1)


def test_what_people_gave_another_time_priority_or_number_keeps_it_and_is_not_sent_twice(
    database: str,
) -> None:
    given.account()
    other = given.account("Other")
    text = rows(4, reference=True, at=later(hours=2))
    load(text)
    asked = {
        Kind.RESCHEDULE: rescheduling.by(timedelta(hours=1)),
        Kind.ADJUST: adjusting.to(priority=0),
        Kind.MOVE: moving.to(other),
    }
    made = [
        bulk.begin(kind, Choice(ids=(n,)), counted=1, arguments=arguments, by=ANA)
        for n, (kind, arguments) in enumerate(asked.items(), start=1)
    ]
    assert [one.done for one in made] == [1, 1, 1]
    assert found(checked(text), "good", "same", "changed", "kept") == (0, 1, 0, 3)
    overwriting = checked(text, overwrites=True)
    assert found(overwriting, "good", "same", "changed", "kept") == (2, 1, 2, 1), "one is elsewhere"
    for one in made:
        bulk.undo(one.id, by=ANA)
    assert found(checked(text), "good", "same", "changed", "kept") == (0, 4, 0, 0)


@pytest.mark.parametrize("reference", [True, False])
def test_what_people_had_leave_from_another_number_is_not_scheduled_again_by_its_file(
    database: str, reference: bool
) -> None:
    given.account()
    third, other = given.account("Third"), given.account("Other")
    at = later(hours=2)
    text = rows(4, reference=reference, at=at)
    load(text)
    for message_id in (1, 2):
        edited_to(other, message_id)
    for number in (third, other):
        bulk.begin(Kind.MOVE, Choice(ids=(3,)), counted=1, arguments=moving.to(number), by=ANA)
    asked = ("good", "kept" if reference else "double", "same" if reference else "double")
    assert found(checked(text), *asked) == ((0, 3, 1) if reference else (0, 4, 4))
    edited_to(1, 2)
    assert found(checked(text), *asked)[0] == 0
    load(rows(5, reference=reference, at=at))
    assert count(ALIVE) == 5


def edited_to(account_id: int, message_id: int) -> None:
    row = given.row(message_id)
    text = f"Hello {message_id - 1}"
    draft = Draft(account_id, row.recipient, text, When("instant", wall=row.due_at))
    editing.edit(message_id, draft, version=row.version, by=ANA)


def test_what_only_a_called_off_file_had_changed_counts_as_changed_by_nobody(
    database: str,
) -> None:
    given.account()
    at = later(hours=1)
    load(rows(1, reference=True, at=at))
    called_off(rows(1, reference=True, at=at, text="Bye"))
    assert changes() == (1, {}, [])
    assert found(checked(rows(1, reference=True, at=at, text="New")), "kept", "changed") == (0, 1)


def test_a_message_whose_former_time_is_over_is_held_when_it_is_put_back(
    database: str, move_clock: Move
) -> None:
    given.account()
    load(rows(1, reference=True, at=later(minutes=30)))
    text = rows(1, reference=True, at=later(hours=5))
    made = ordered(checked(text))
    part = operating._WORK[Kind.LOAD](leasing.held(made))
    next(part)
    move_clock(timedelta(hours=1))
    operations.cancel(made, by=ANA)
    work()
    assert given.row(1).hold == "late", "nobody meant it to leave at this moment"


def test_what_waits_for_its_retry_or_was_released_though_late_waits_no_longer_when_put_back(
    database: str, move_clock: Move
) -> None:
    given.account()
    at = later(minutes=30)
    load(rows(2, reference=True, at=at))
    with db.writing() as session:
        session.get_one(Message, 1).due_at += timedelta(hours=9)
        session.get_one(Message, 2).hold = "late"
    due = given.row(1).due_at
    move_clock(timedelta(hours=1))
    called_off(rows(2, reference=True, at=at, text="Bye"))
    holding.release(2, by=ANA)
    assert changes() == (2, {}, []) and texts() == ["Hello 0", "Hello 1"]
    assert [given.row(n).hold for n in (1, 2)] == [None, None] and given.row(1).due_at == due


def test_a_load_that_is_called_off_before_anybody_took_it_up_is_over(database: str) -> None:
    given.account()
    made = load_orders.order(checked(rows(3)).id, name="people.csv", by=ANA)
    operations.cancel(made, by=ANA)
    assert states() == ["cancelled"]


def test_what_a_called_off_load_is_yet_to_put_back_stays_where_the_next_says_so_too(
    database: str,
) -> None:
    """Another worker has the next load while the first one is still being put back."""
    given.account()
    at = later(hours=1)
    load(rows(3, reference=True, at=at), then=Then.HOLD)
    text = rows(3, reference=True, at=at, text="Bye")
    called_off(text)
    again = text.replace("Bye 2", "Hello 2")
    assert found(checked(again), "good", "changed", "same") == (3, 3, 0)
    assert load(again).result == {"changed": 3}
    work()
    assert texts() == ["Bye 0", "Bye 1", "Hello 2"]


def test_what_a_failed_load_changed_stays_where_a_later_file_says_so_too_when_it_is_removed(
    database: str,
) -> None:
    given.account()
    at = later(hours=1)
    load(rows(3, reference=True, at=at), then=Then.HOLD)
    failed = ordered(checked(rows(3, reference=True, at=at, text="Bye")))
    next(operating._WORK[Kind.LOAD](leasing.held(failed)))
    leasing.fail(leasing.held(failed), "its process ended before its time")
    load(rows(2, reference=True, at=at, text="Bye"))
    steering.discard(operations.state(failed).batch_id or 0, by=ANA)
    assert changes() == (1, {"changed": 2}, [1, 2])
    assert texts() == ["Bye 0", "Bye 1", "Hello 2"]


@pytest.mark.parametrize("reference", [False, True])
def test_what_is_still_to_be_removed_keeps_no_row_of_the_next_file_out(
    database: str, reference: bool
) -> None:
    """Else it would be left out as there already, and then there would be none."""
    given.account()
    text, called = rows(3, reference=reference), ordered(checked(rows(3, reference=reference)))
    next(operating._WORK[Kind.LOAD](leasing.held(called)))
    operations.cancel(called, by=ANA)
    assert load(text + f"{given.recipient(9)},New,,\n", then=Then.HOLD).result == {"new": 4}
    steering.cancel(2, by=ANA)
    assert load(text).result == {"new": 3}
    steering_work()
    assert count(ALIVE, col(Message.status) == "pending") == 3
    assert free() == [given.recipient(n) for n in range(3)]


def test_removing_a_load_that_failed_puts_back_also_what_those_before_it_changed(
    database: str,
) -> None:
    given.account()
    at = later(hours=1)
    load(rows(2, reference=True, at=at), then=Then.HOLD)
    text = rows(3, reference=True, at=at).replace("Hello 0", "Bye 0").replace("Hello 1", "Bye 1")
    first = ordered(checked(text))
    next(operating._WORK[Kind.LOAD](leasing.held(first)))
    made = ordered(checked(text))  # the same file again: the first gives way
    leasing.fail(leasing.held(made), "its process ended before its time")
    assert texts()[:2] == ["Bye 0", "Bye 1"], "the same file says so"
    batch = operations.state(made).batch_id or 0
    steering.discard(batch, by=ANA)
    steering_work()
    work()
    assert texts()[:2] == ["Hello 0", "Hello 1"] and states() == ["held", "cancelled", "cancelled"]


def test_a_load_that_is_called_off_when_all_of_it_is_in_keeps_what_it_changed(
    database: str,
) -> None:
    given.account()
    at = later(hours=1)
    load(rows(2, reference=True, at=at), then=Then.HOLD)
    text = rows(3, reference=True, at=at).replace("Hello 0", "Bye 0")
    made = ordered(checked(text), then=Then.RELEASE)
    part = operating._WORK[Kind.LOAD](leasing.held(made))
    next(part)
    next(part)  # the batch is released, its holds are being cleared
    operations.cancel(made, by=ANA)
    list(part)
    work()
    assert texts() == ["Bye 0", "Hello 1", "Hello 2"] and states() == ["held", "released"]


def test_a_change_in_the_file_gives_a_message_its_template(database: str) -> None:
    account = templated.account()
    templated.template(account)
    at = later(hours=1)
    load(rows(1, reference=True, at=at))
    head = "recipient,scheduled_at,reference,template,language,param.1,label\n"
    text = f"{head}{given.recipient()},{at},R-0,visit,en_US,Budi,North\n"
    assert load(text).result == {"changed": 1}
    row = given.row(1)
    with db.reading() as session:
        content = session.get_one(Content, 1)
    assert (row.kind, row.template_id, content.label) == ("template", 1, "North")
    assert (content.text, content.parameters) == ("Hello Budi", {"1": "Budi"})


def test_what_a_template_held_before_a_file_that_was_called_off_is_left_to_the_claim(
    database: str,
) -> None:
    templated.template(templated.account())
    head, at = "recipient,scheduled_at,reference,template,language,param.1\n", later(hours=1)
    told = f"{head}{given.recipient()},{at},R-0,visit,en_US,"
    load(f"{told}Budi\n")
    with db.writing() as session:
        session.get_one(Message, 1).hold = "template"
    called_off(f"{told}Ana\n")
    assert changes() == (1, {}, [])
    assert (texts(), given.row(1).hold) == (["Hello Budi"], None)


def test_a_reference_taken_while_the_file_is_stored_is_seen(
    postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = given.account()
    whole, taken = storing.insert_new, []

    def after_somebody_else(*args: Any) -> None:
        if not taken:
            taken.append(given.message(mine, to=given.recipient(7), reference="R-600"))
        whole(*args)

    monkeypatch.setattr(loading, "insert_new", after_somebody_else)
    done = load(rows(700, reference=True))
    assert done.result == {"new": 699, "changed": 1}
    assert count(ALIVE) == 700 and states() == ["released"]


def test_a_file_for_a_paused_account_waits_with_it(database: str) -> None:
    given.account()
    accounts.pause("Orders", by=ANA)
    assert load(rows(2)).done == 2 and count(HELD) == 0


class Killed(BaseException):
    """Ends a load where a process would have died: nothing catches it."""


def _killed_after(chunks: int) -> Callable[[Any], None]:
    seen: list[Any] = []

    def tell(mine: Any) -> None:
        seen.append(mine)
        if len(seen) > chunks:
            raise Killed

    return tell


@pytest.mark.parametrize("chunks", [0, 1, 3, 4])
def test_a_killed_load_goes_on_where_it_was_and_stores_nothing_twice(
    database: str, move_clock: Move, chunks: int
) -> None:
    given.account()
    text = rows(1200) + rows(200).removeprefix(HEAD)
    made = ordered(checked(text))
    killed = leasing.held(made)
    with pytest.raises(Killed):
        operating.run(killed, tell=_killed_after(chunks))
    assert free() == [] or chunks > 2
    move_clock(operations.LEASE + timedelta(seconds=1))
    scan()
    again = leasing.take()
    assert again and again.id == made
    operating.run(again)
    row = operations.state(made)
    assert (row.state, row.done, row.cursor["why"]) == ("finished", 1200, {"double": 200})
    assert free() == [given.recipient(n) for n in range(1200)] and count() == 1200
    operating.run(killed)
    assert count() == 1200 and states() == ["released"]


def test_running_it_again_takes_away_what_a_killed_load_left(database: str) -> None:
    given.account()
    made = ordered(checked(rows(1200, reference=True)))
    with pytest.raises(Killed):
        operating.run(leasing.held(made), tell=_killed_after(1))
    assert count() == count(HELD) == 2 * CHUNK and states() == ["loading"]
    assert load(rows(1200, reference=True)).result == {"new": 1200}
    assert free() == [given.recipient(n) for n in range(1200)]
    assert count(HELD) == 0 and states() == ["cancelled", "released"]
    run(made)
    assert count(ALIVE) == 1200 and operations.state(made).state == "cancelled"


def test_of_two_loads_of_one_file_at_once_the_earlier_gives_way(database: str) -> None:
    given.account()
    made, second = ordered(checked(rows(1200))), []

    def overtaken(mine: Any) -> None:
        if not second:
            second.append(load(rows(1200)))

    operating.run(leasing.held(made), tell=overtaken)
    steering_work()
    assert second[0].done == 1200 and states() == ["cancelled", "released"]
    assert free() == [given.recipient(n) for n in range(1200)] and count(HELD) == 0


@pytest.mark.parametrize("reference", [False, True])
def test_of_two_files_with_the_same_rows_loaded_at_once_each_row_is_stored_once(
    database: str, reference: bool
) -> None:
    given.account()
    text = rows(1500, reference=reference, at=later(hours=1))
    two = [ordered(checked(one)) for one in (text, text + f"{given.recipient(9999)},Other,,\n")]
    assert at_once(*(partial(run, one) for one in two)) == [None, None]
    ended = [operations.state(one) for one in two]
    assert [one.state for one in ended] == ["finished", "finished"]
    assert sum(one.result.get("new", 0) for one in ended) == count(ALIVE) == 1501
    kind = "same" if reference else "double"
    assert sum(one.cursor["why"].get(kind, 0) for one in ended) == 1500


def test_a_load_that_ends_as_the_same_file_is_ordered_stands_and_the_other_is_refused(
    postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.account()
    check = checked(rows(3, reference=True, at=later(hours=1)))
    made, seen = ordered(check), batches.unfinished

    def ends(*asked: Any) -> list[int]:
        unfinished = seen(*asked)
        part = operating._WORK[Kind.LOAD](leasing.held(made))
        next(part), next(part)  # full, and being let go
        return unfinished

    monkeypatch.setattr(batches, "unfinished", ends)
    with pytest.raises(Refused, match="The same file was loaded on"):
        ordered(check)
    assert operations.state(made).state == "running" and states() == ["released"]


def test_one_file_ordered_by_two_people_at_once_is_loaded_by_one(database: str) -> None:
    given.account()
    check = checked(rows(600))
    made = at_once(*[partial(ordered, check)] * 4)
    assert sorted(states()) == ["cancelled", "cancelled", "cancelled", "loading"]
    at_once(*(partial(run, one) for one in made))
    assert count(ALIVE) == 600 and sorted(states())[-1] == "released"
    ended = sorted(operations.state(one).state for one in made)
    assert ended == ["cancelled", "cancelled", "cancelled", "finished"]


def test_a_load_that_is_called_off_leaves_nothing(database: str) -> None:
    given.account()
    made = ordered(checked(rows(1200)))

    def call_off(mine: Any) -> None:
        if operations.state(mine.id).state == "running":
            operations.cancel(mine.id, by=ANA)

    operating.run(leasing.held(made), tell=call_off)
    steering_work()
    assert count(ALIVE) == 0 and count() == CHUNK and states() == ["cancelled"]
    assert operations.state(made).state == "cancelled"


def test_a_load_that_failed_goes_on_when_a_person_says_so(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.account()
    made = ordered(checked(rows(1200)))
    whole, calls = loading.insert_new, []

    def breaks(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise ZeroDivisionError
        whole(*args)

    monkeypatch.setattr(loading, "insert_new", breaks)
    with pytest.raises(ZeroDivisionError):
        run(made)
    assert (operations.state(made).state, count(HELD)) == ("failed", CHUNK)
    assert steering.load_again(1, by=ANA) == made
    mine = leasing.take()
    assert mine
    operating.run(mine)
    assert count() == 1200 and states() == ["released"]


def test_what_a_load_holds_can_still_be_cancelled_and_stays_so(database: str) -> None:
    given.account()
    load(rows(3), then=Then.HOLD)
    messages.cancel(1, by=ANA)
    batches_released(1)
    scan()
    assert free() == [given.recipient(1), given.recipient(2)]


def batches_released(batch_id: int) -> None:
    with db.writing() as session:
        session.execute(update(Batch).values(state="released"))
    batches.clear(batch_id)


def test_what_is_stored_is_what_the_form_would_store(database: str) -> None:
    mine = given.account(country="ID")
    load("recipient,content,scheduled_at\n0812-0000-0000,Hello,\n")
    typed = composing.Draft(mine, "0812-0000-0000", "Hello", composing.When("now"))
    composing.schedule(typed, key="form", by=ANA)
    with db.reading() as session:
        found = session.execute(select(Message, Content).join(Content).order_by(col(Message.id)))
        first, second = (
            {**one.model_dump(), **content.model_dump()} for one, content in found.all()
        )
    differs = {name for name in first if first[name] != second[name]}
    assert differs <= {
        *("id", "message_id", "batch_id", "idempotency_key"),
        *("created_at", "due_at", "scheduled_at"),
    }


def run_import(file: Path) -> "subprocess.Popen[str]":
    line = [sys.executable, "manage.py", "import", str(file), "--account", "Orders"]
    return subprocess.Popen(
        line, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@pytest.mark.chaos
def test_a_killed_import_leaves_held_rows_only_and_running_it_again_ends_with_one_of_each(
    database: str, tmp_path: Path
) -> None:
    given.account()
    many, file = 5_000, tmp_path / "people.csv"
    file.write_text(rows(many, reference=True))
    running = run_import(file)
    try:
        until(lambda: count() >= 1000, within=40, every=0.02)
        running.send_signal(signal.SIGKILL)
        said, _ = running.communicate(timeout=20)
    finally:
        running.kill()
    assert running.returncode == -signal.SIGKILL, said
    left = count()
    assert 1000 <= left < many, "it was over before it was killed"
    assert left % CHUNK == 0 and count(HELD) == left and states() == ["loading"]
    scan()
    assert free() == []

    again = run_import(file)
    said, _ = again.communicate(timeout=60)
    assert (again.returncode, said) == (0, f"{many} messages scheduled.\n")
    assert free() == [given.recipient(number) for number in range(many)]
    assert count(ALIVE) == many and count() == many + left
    assert count(HELD) == 0 and states() == ["cancelled", "released"]
