"""A copy of the database, made while the original sends, gets workers of its own."""

import sqlite3
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine

from core import db
from tests.chaos import tally
from tests.chaos.fleet import Fleet
from tests.chaos.load import Load
from tests.emptying import Databases

GUARDED = "nothing is sent until a person decides"


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("kind", "where"),
    [("sqlite", "on the same machine"), ("postgresql", "elsewhere")],
    indirect=["kind"],
)
def test_a_clone_sends_nothing_by_itself_while_the_original_goes_on(
    fleet: Fleet, load: Load, chance: Random, where: str, request: pytest.FixtureRequest
) -> None:
    account = load.account(None)
    original = fleet.worker()
    load.add(account, 5000)
    load.until_more(chance.randint(1, 1000))
    clone = _clone(request, fleet.programs.folder)
    queue = str(fleet.programs.folder / "clone-queue.db")
    data = original.data if where == "on the same machine" else fleet.programs.folder / "other"
    ghost = fleet.worker(data, OUTBOX_DATABASE_URL=clone, OUTBOX_QUEUE_URL=queue)
    assert GUARDED in ghost.said()
    engine = db.make_engine(clone)
    waiting = _waiting(engine)
    load.keep_up(account, 1000)
    fleet.kill(original)
    tally.until_quiet()
    assert 0 < _waiting(engine) == waiting
    engine.dispose()
    tally.reckon(load.ledger, scheduled=load.scheduled).check(in_flight=fleet.in_flight())


def _clone(request: pytest.FixtureRequest, folder: Path) -> str:
    """A consistent copy in the middle of the work; returns its address."""
    url = str(db.engine().url.render_as_string(hide_password=False))
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as whole:
            copy = sqlite3.connect(folder / "clone.db")
            whole.backup(copy)
            copy.close()
        return f"sqlite:///{folder / 'clone.db'}"
    databases: Databases = request.getfixturevalue("databases")
    name = url.rpartition("/")[2]
    for statement in (
        f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",  # a template must be at rest
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
        f"CREATE DATABASE {name}_clone TEMPLATE {name}",
        f"ALTER DATABASE {name} ALLOW_CONNECTIONS true",
    ):
        databases.statement(statement)
    return f"{url}_clone"


def _waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        asked = "SELECT count(*) FROM message WHERE status = 'pending'"
        return int(connection.execute(db.sql(asked)).scalar_one())
