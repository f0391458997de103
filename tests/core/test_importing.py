"""A file of messages: all of it or nothing, whatever ends it, however often it is begun."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from core import accounts, batches, composing, db, importing, messages, wake
from core.accounts import named
from core.errors import Invalid, Refused
from core.models import Account, Batch, Content, Message, MessageEvent
from core.scan import scan
from core.sheet import WrongFile
from tests import given
from tests.given import ANA
from tests.processes import ROOT
from tests.waiting import until

HEAD = "recipient,content,scheduled_at,reference\n"


def rows(count: int, *, reference: bool = False) -> str:
    """A file of so many messages to as many people."""
    lines = (
        f"{given.recipient(number)},Hello {number},,{f'R-{number}' if reference else ''}\n"
        for number in range(count)
    )
    return HEAD + "".join(lines)


def account(name: str = "Orders") -> Account:
    with db.reading() as session:
        return named(session, name)


def load(text: str, name: str = "people.csv") -> int:
    return importing.import_csv(text, account=account(), name=name, by=ANA)


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


def held_by_nothing() -> list[str]:
    """The recipients of what may be sent."""
    with db.reading() as session:
        chosen = select(col(Message.recipient)).where(
            col(Message.status) == "pending", col(Message.hold).is_(None), ALIVE
        )
        return sorted(session.execute(chosen).scalars())


def test_a_file_becomes_messages_that_may_be_sent(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[Any] = []
    monkeypatch.setattr(wake, "_plugged", woken.append)
    given.account()
    assert load(rows(3, reference=True)) == 3
    assert held_by_nothing() == [given.recipient(n) for n in range(3)]
    with db.reading() as session:
        found = session.execute(select(Message, Content).join(Content).order_by(col(Message.id)))
        stored = [(m.reference, c.text, c.search, c.created_by) for m, c in found.all()]
        batch = session.execute(select(Batch)).scalar_one()
    assert stored[1] == ("R-1", "Hello 1", "6281200000001 Hello 1", "ana")
    assert (batch.state, batch.total, batch.name) == ("released", 3, "people.csv")
    assert batch.released_at is not None and len(woken) == 1
    assert count(col(MessageEvent.kind) == "imported", of=MessageEvent) == 3


def test_what_a_row_says_of_its_lateness_is_stored(database: str) -> None:
    given.account()
    end = given.in_(hours=1).wall
    options = "priority,not_after,late_policy"
    line = f"{given.recipient()},Hello,,,0,{end.isoformat()},hold"
    assert load(f"{HEAD.strip()},{options}\n{line}\n") == 1
    where = (col(Message.not_after) == end, col(Message.late_policy) == "hold")
    assert count(*where, col(Message.priority) == 0) == 1


def test_one_wrong_row_of_many_and_nothing_is_stored(database: str) -> None:
    given.account()
    with pytest.raises(WrongFile) as refused:
        load(rows(1200) + "0812x,,,\n")
    assert [(one.line, one.column) for one in refused.value.rows] == [
        (1202, "recipient"),
        (1202, "content"),
    ]
    assert (count(), count(of=Batch), count(of=Content)) == (0, 0, 0)


def test_a_heading_that_cannot_be_used_stores_nothing(database: str) -> None:
    given.account()
    with pytest.raises(Invalid):
        load("recipient;content\n")
    assert (count(), count(of=Batch)) == (0, 0)


def test_references_in_use_are_all_told_with_their_lines(database: str) -> None:
    mine = given.account()
    for number in (0, 700):
        given.message(mine, reference=f"R-{number}")
    free = given.message(mine, reference="R-5")
    messages.cancel(free, by=ANA)
    with pytest.raises(WrongFile) as refused:
        load(rows(800, reference=True))
    told = [(one.line, one.column) for one in refused.value.rows]
    assert told == [(2, "reference"), (702, "reference")]
    assert count() == 3 and states() == []


def test_a_reference_taken_while_the_file_is_stored_takes_it_all_back(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, store = given.account(), importing._store

    def after_somebody_else(batch_id: int, chunk: Any, by: Any) -> None:
        if chunk[0][0] > 2:
            given.message(mine, reference="R-600")
        store(batch_id, chunk, by)

    monkeypatch.setattr(importing, "_store", after_somebody_else)
    with pytest.raises(WrongFile, match="nothing was stored"):
        load(rows(700, reference=True))
    assert count(ALIVE) == 1 and states() == ["cancelled"]
    assert held_by_nothing() == [given.recipient()]


def test_many_rows_are_stored_in_chunks_and_released_in_chunks(database: str) -> None:
    given.account()
    many = 20_000
    assert load(rows(many)) == many
    assert batches.CHUNK <= 1000
    with db.reading() as session:
        each = select(func.count()).select_from(Message).group_by(col(Message.created_at))
        assert set(session.execute(each).scalars()) == {batches.CHUNK}
    assert held_by_nothing() == [given.recipient(number) for number in range(many)]
    assert count(HELD) == 0 and count(of=Content) == many


def test_the_same_people_may_be_written_to_by_two_files(database: str) -> None:
    given.account()
    assert load(rows(2)) == load(rows(2), "again.csv") == 2
    assert count() == 4 and states() == ["released", "released"]


def test_a_file_for_a_paused_account_waits_with_it(database: str) -> None:
    given.account()
    accounts.pause("Orders", by=ANA)
    assert load(rows(2)) == 2
    assert count(HELD) == 0


class Killed(BaseException):
    """Ends an import where a process would have died: nothing catches it."""


def dies(
    monkeypatch: pytest.MonkeyPatch, name: str, *, after: int, of: ModuleType = importing
) -> None:
    """Let a function of a module run so often, and the process end at the next call."""
    whole: Callable[..., Any] = getattr(of, name)
    calls = 0

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            raise Killed
        return whole(*args, **kwargs)

    monkeypatch.setattr(of, name, counted)


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_an_import_that_ended_half_way_is_removed_by_running_it_again(
    database: str, monkeypatch: pytest.MonkeyPatch, chunks: int
) -> None:
    given.account()
    with monkeypatch.context() as broken:
        dies(broken, "_store", after=chunks)
        with pytest.raises(Killed):
            load(rows(1200, reference=True))
    assert count() == count(HELD) == chunks * batches.CHUNK
    scan()
    assert held_by_nothing() == [] and states() == ["loading"]
    assert load(rows(1200, reference=True), "renamed.csv") == 1200
    assert held_by_nothing() == [given.recipient(number) for number in range(1200)]
    assert count() == 1200 + chunks * batches.CHUNK and count(HELD) == 0
    assert states() == ["cancelled", "released"]


def test_a_removal_that_ended_half_way_is_finished_by_the_next(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.account()
    for of, function, after in ((importing, "_store", 3), (batches, "_remove_some", 1)):
        with monkeypatch.context() as broken:
            dies(broken, function, after=after, of=of)
            with pytest.raises(Killed):
                load(rows(2000))
    assert count(HELD) == 2 * batches.CHUNK
    assert load(rows(2000)) == 2000
    assert len(held_by_nothing()) == 2000 and count(HELD) == 0
    assert states() == ["cancelled", "released"]


def test_another_file_leaves_an_unfinished_one_alone(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.account()
    with monkeypatch.context() as broken:
        dies(broken, "_store", after=1)
        with pytest.raises(Killed):
            load(rows(600))
    assert load(rows(3)) == 3
    assert states() == ["loading", "released"]
    assert (count(HELD), len(held_by_nothing())) == (500, 3)


@pytest.mark.parametrize("cleared", [0, 1])
def test_the_scan_finishes_a_release_that_ended_half_way(
    database: str, monkeypatch: pytest.MonkeyPatch, cleared: int
) -> None:
    given.account()
    with monkeypatch.context() as broken:
        dies(broken, "_clear_some", after=cleared, of=batches)
        with pytest.raises(Killed):
            load(rows(1200))
    assert states() == ["released"]
    assert count(HELD) == 1200 - cleared * batches.CHUNK
    scan()
    assert count(HELD) == 0 and len(held_by_nothing()) == 1200


def test_of_two_imports_of_one_file_at_once_the_earlier_gives_way(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.account()
    store, stored = importing._store, 0

    def overtaken(batch_id: int, chunk: Any, by: Any) -> None:
        nonlocal stored
        stored += 1
        if stored == 2:
            assert load(rows(1200)) == 1200
        store(batch_id, chunk, by)

    monkeypatch.setattr(importing, "_store", overtaken)
    with pytest.raises(Refused, match="gave way"):
        load(rows(1200))
    assert held_by_nothing() == [given.recipient(number) for number in range(1200)]
    assert count(HELD) == 0 and states() == ["cancelled", "released"]


def test_what_an_import_holds_can_still_be_cancelled_and_stays_so(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.account()
    with monkeypatch.context() as broken:
        dies(broken, "_clear_some", after=0, of=batches)
        with pytest.raises(Killed):
            load(rows(3))
    with db.reading() as session:
        first = session.execute(select(func.min(col(Message.id)))).scalar_one()
    messages.cancel(first, by=ANA)
    scan()
    assert held_by_nothing() == [given.recipient(1), given.recipient(2)]


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
    many, file = 10_000, tmp_path / "people.csv"
    file.write_text(rows(many, reference=True))
    running = run_import(file)
    try:
        until(lambda: count() >= 1000, within=30, every=0.002)
        running.send_signal(signal.SIGKILL)
        said, _ = running.communicate(timeout=20)
    finally:
        running.kill()
    assert running.returncode == -signal.SIGKILL, said
    left = count()
    assert 1000 <= left < many, "it was over before it was killed"
    assert left % batches.CHUNK == 0 and count(HELD) == left
    assert states() == ["loading"]
    scan()
    assert held_by_nothing() == []

    again = run_import(file)
    said, _ = again.communicate(timeout=60)
    assert (again.returncode, said) == (0, f"{many} messages scheduled.\n")
    assert held_by_nothing() == [given.recipient(number) for number in range(many)]
    assert count(ALIVE) == many and count() == many + left
    assert count(col(Message.status) == "cancelled", ALIVE) == 0
    assert count(HELD) == 0 and states() == ["cancelled", "released"]


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
