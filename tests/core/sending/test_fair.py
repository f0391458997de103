"""However much waits elsewhere, or waits here without being due, a due message leaves at once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from core import clock, db
from core.sending import tick
from tests import given
from tests.core import stored
from tests.core.sending.ticking import Ticks, account

CROWD = 20_000
A_FEW_ROWS = 1_000  # what reads dozens of rows stays below, what reads thousands cannot

Crowd = Callable[[int, int, int], None]


def due_elsewhere(mine: int, other: int, count: int) -> None:
    stored.many(other, count, due_at=clock.wall() - timedelta(hours=1))
    with db.writing() as session:
        session.execute(
            db.sql(
                "INSERT INTO content (message_id, text, created_by, search)"
                " SELECT id, 'Hello', 'ana', '' FROM message WHERE account_id = :other"
                " ORDER BY id LIMIT 40"
            ),
            {"other": other},
        )


def held_by_a_template(mine: int, other: int, count: int) -> None:
    stored.many(mine, count, due_at=clock.wall() - timedelta(hours=1), hold="template")


def urgent_next_week(mine: int, other: int, count: int) -> None:
    stored.many(mine, count, due_at=clock.wall() + timedelta(days=7), priority=0)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("crowd", [due_elsewhere, held_by_a_template, urgent_next_week])
def test_a_crowd_delays_nobody_elses_message(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    efforts = _efforts(monkeypatch)
    mine, other = given.account(rate=20.0), given.account("Other", rate=20.0)
    crowd(mine, other, CROWD)
    _settle_statistics()
    message = given.message(mine)
    done = Ticks().run(mine, other, probe=True)
    [slot_at] = [one.slot_at for one in done.claims if one.message_id == message]
    assert slot_at - done.now < timedelta(seconds=0.2)
    assert len(efforts) == 2 and max(efforts.values()) < A_FEW_ROWS, efforts


def _settle_statistics() -> None:
    """What PostgreSQL's autovacuum would have done within minutes."""
    with db.writing() as session:
        if db.on_postgres(session):
            session.execute(db.sql("ANALYZE message"))


def _efforts(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How much claim and probe make the database do: rows that it reads, or steps of SQLite."""
    efforts: dict[str, int] = {}

    def watch(name: str) -> None:
        work = getattr(tick, name)

        def counted(session: Session, *arguments: Any, **options: Any) -> Any:
            read = (_rows_read if db.on_postgres(session) else _steps)(session)
            done = work(session, *arguments, **options)
            efforts[name] = read()
            return done

        monkeypatch.setattr(tick, name, counted)

    for name in ("claim", "_probe"):
        watch(name)
    return efforts


def _rows_read(session: Session) -> Callable[[], int]:
    read = db.sql(
        "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables"
        " WHERE relname = 'message'"
    )
    before = int(session.execute(read).scalar_one())
    return lambda: int(session.execute(read).scalar_one()) - before


def _steps(session: Session) -> Callable[[], int]:
    steps: list[None] = []
    connection: Any = session.connection().connection.driver_connection
    connection.set_progress_handler(lambda: steps.append(None), 10)

    def read() -> int:
        connection.set_progress_handler(None, 0)
        return len(steps)

    return read


@pytest.mark.usefixtures("database")
def test_an_account_in_quiet_hours_takes_no_place_of_the_one_that_may_send() -> None:
    """While the breaker is open there is one place, and the quiet account took it each time."""
    asleep = account("Asleep", quiet_from="00:00", quiet_to="23:59")
    awake = account("Awake")
    for number in range(3):
        given.message(asleep, to=given.recipient(number))
    message = given.message(awake)
    assert [one.message_id for one in Ticks().run(asleep, awake, room=1).claims] == [message]
