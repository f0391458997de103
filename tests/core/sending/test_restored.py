"""A database that is not the one that sent: nothing leaves twice, and a person decides."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from core import guarding
from core.guarding import Overdue
from core.sending import twin
from core.sending.loop import SendLoop
from core.settings import settings
from tests import given
from tests.conftest import forget_settings
from tests.core.sending.copies import clone, dump, replace, restore, twin_file
from tests.processes import Programs
from tests.waiting import until

SendDue = Callable[[], SendLoop]


def _to(programs: Programs) -> list[str]:
    return [one["to"] for one in programs.arrived()]


def test_after_a_restored_dump_what_left_since_is_not_sent_again(
    database: str,
    programs: Programs,
    send_due: SendDue,
    move_clock: Callable[[timedelta], None],
    tmp_path: Path,
) -> None:
    account = given.account(rate=None)
    before, left, later = (given.recipient(n) for n in range(3))
    given.message(account, to=before)
    send_due()
    since = given.message(account, to=left, when=given.in_(minutes=10))
    given.message(account, to=later, when=given.in_(hours=2))
    kept = dump(database, tmp_path)
    move_clock(timedelta(minutes=20))
    send_due()
    restore(database, kept)

    send_due()
    assert _to(programs) == [before, left]
    guard = guarding.guarded()
    assert guard and "of the last 1 that left from here it knows nothing" in guard.reason
    assert given.row(since).status == "pending"

    assert twin.answer(Overdue.HOLD, by=given.ANA) == 1
    move_clock(timedelta(hours=2))
    send_due()
    assert _to(programs) == [before, left, later]
    assert given.row(since).hold == "late" and guarding.guarded() is None


@contextmanager
def _running_loop() -> Iterator[SendLoop]:
    loop = SendLoop(stop := Event())
    thread = Thread(target=loop.run)
    thread.start()
    try:
        until(lambda: loop.worker_id)
        yield loop
    finally:
        stop.set()
        thread.join(15)


@pytest.mark.parametrize(
    ("takes_its_place", "knows_the_worker"), [(replace, True), (restore, False)]
)
def test_a_dump_that_takes_its_place_under_a_running_loop_is_noticed(
    database: str,
    programs: Programs,
    move_clock: Callable[[timedelta], None],
    tmp_path: Path,
    takes_its_place: Callable[[str, Path], None],
    knows_the_worker: bool,
) -> None:
    account = given.account(rate=None)
    left, later = given.recipient(1), given.recipient(2)
    made = given.message(account, to=left, when=given.in_(minutes=10))
    kept = None if knows_the_worker else dump(database, tmp_path)
    with _running_loop():
        kept = kept or dump(database, tmp_path)
        move_clock(timedelta(minutes=12))
        until(lambda: given.row(made).status == "sent")
        takes_its_place(database, kept)
        until(guarding.guarded)
        assert given.row(made).status == "pending"
        assert twin.answer(Overdue.HOLD, by=given.ANA) == 1
        given.message(account, to=later)
        until(lambda: later in _to(programs))
    assert _to(programs) == [left, later]


def test_an_answer_that_comes_while_a_worker_compares_is_not_undone(
    database: str, send_due: SendDue, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given.message(given.account(rate=None))
    kept = dump(database, tmp_path)
    send_due()
    restore(database, kept)
    assert twin.check() and guarding.guarded()
    compare = twin._what_is_wrong

    def and_a_person_answers(*seen: Any) -> str | None:
        wrong = compare(*seen)
        if guarding.guarded():
            twin.answer(Overdue.SEND, by=given.ANA)
        return wrong

    environment.setattr(twin, "_what_is_wrong", and_a_person_answers)
    assert twin.check() is None
    assert guarding.guarded() is None


def test_a_cloned_database_sends_nothing_while_the_true_one_goes_on(
    database: str,
    programs: Programs,
    send_due: SendDue,
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    account = given.account(rate=None)
    given.message(account)
    send_due()
    given.message(account, to=given.recipient(1))
    copy = clone(database, tmp_path)
    send_due()
    environment.setenv("OUTBOX_DATABASE_URL", copy)
    forget_settings()
    send_due()
    assert len(_to(programs)) == 2 and guarding.guarded()
    assert twin.answer(Overdue.CANCEL, by=given.ANA) == 1
    given.message(account, to=given.recipient(2))
    send_due()
    assert len(_to(programs)) == 3


def test_a_new_machine_sends_only_after_it_was_told_that_it_belongs(
    database: str,
    programs: Programs,
    send_due: SendDue,
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    environment.setattr(twin, "WATCHED_FOR", 0.3)
    account = given.account(rate=None)
    given.message(account)
    send_due()
    given.message(account, to=given.recipient(1))
    key = settings().data_dir / "secret.key"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if key.exists():
        shutil.copy(key, elsewhere)
    environment.setenv("OUTBOX_DATA_DIR", str(elsewhere))
    forget_settings()
    send_due()
    assert len(_to(programs)) == 1
    assert twin.join(by=given.ANA) is None
    send_due()
    assert len(_to(programs)) == 2


def test_the_answer_finds_a_loop_that_lives_and_is_trusted_by_it_from_then_on(
    database: str, programs: Programs, send_due: SendDue
) -> None:
    """A copied data folder: the loop itself makes its twin anew once a person has decided."""
    account = given.account(rate=None)
    given.message(account)
    send_due()
    file = twin_file()
    shutil.copy(file, file.with_suffix(".copy"))
    file.with_suffix(".copy").rename(file)
    given.message(account, to=given.recipient(1))
    programs.worker()
    until(guarding.guarded)
    guarding.answer(Overdue.SEND, by=given.ANA)
    until(lambda: len(_to(programs)) == 2)
    until(lambda: not twin.check())
