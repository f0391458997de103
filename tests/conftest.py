"""What every test may ask for: a migrated database of each kind, a clock, free ports."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import hypothesis
import pytest
from argon2 import PasswordHasher
from redis import Redis, RedisError
from sqlalchemy import Engine

from core import clock, db, house_rules, passwords, plenty, schema, settings, vault
from tests import postgres
from tests.emptying import Databases
from tests.processes import Programs, ports
from tests.waiting import until

# A busy machine is no failure: how long an example takes is measured in bench/, never here.
hypothesis.settings.register_profile("outbox", deadline=None)
hypothesis.settings.load_profile("outbox")
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def missing(reason: str) -> None:
    """Skip for want of something, but fail where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def own_folder() -> Iterator[Path]:
    """A folder that other users may enter: PostgreSQL does not run as root."""
    folder = Path(tempfile.mkdtemp(prefix="outbox-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(own_folder: Path) -> Iterator[postgres.Cluster]:
    if postgres.binaries() is None:
        missing(postgres.MISSING)
    folder = own_folder / "postgres"
    folder.mkdir()
    with postgres.cluster(folder) as running:
        yield running


@pytest.fixture(scope="session")
def migrated_sqlite(own_folder: Path) -> Path:
    path = own_folder / "migrated.db"
    engine = db.make_engine(f"sqlite:///{path}")
    schema.migrate(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def databases(cluster: postgres.Cluster) -> Databases:
    return Databases(cluster)


def _kept(make: Callable[[str], Engine]) -> Callable[[str], Engine]:
    """One engine for each address: what it has compiled, the next test need not compile again."""
    made: dict[str, Engine] = {}

    def kept(url: str) -> Engine:
        if url in made:
            made[url].dispose()  # whoever asks anew may have another database there
        else:
            made[url] = make(url)
        return made[url]

    return kept


db.make_engine = _kept(db.make_engine)


def forget_settings() -> None:
    """Let the next use read the environment again."""
    if db.engine.cache_info().currsize:
        db.engine().dispose()
    for cached in (settings.settings, db.engine, vault._fernet):
        cached.cache_clear()
    house_rules.forget()
    plenty.forget()


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Outbox's settings of this test alone: its own data folder, nothing from outside.

    A password hashed here costs little: tests/core/test_users.py has what it costs in earnest.
    """
    for name in list(os.environ):
        if name.startswith("OUTBOX_"):
            monkeypatch.delenv(name)
    monkeypatch.setitem(settings.Settings.model_config, "env_file", None)
    monkeypatch.setattr(passwords, "_hasher", QUICK)
    monkeypatch.setenv("OUTBOX_DATA_DIR", str(tmp_path / "data"))
    forget_settings()
    yield monkeypatch
    forget_settings()


@pytest.fixture
def sqlite(environment: pytest.MonkeyPatch, migrated_sqlite: Path) -> str:
    path = migrated_sqlite.with_name("outbox.db")
    for left in ("-wal", "-shm"):
        Path(f"{path}{left}").unlink(missing_ok=True)
    draft = path.with_suffix(".new")
    shutil.copy(migrated_sqlite, draft)
    draft.replace(path)  # whoever still has the last test's keeps that one
    return _use(environment, f"sqlite:///{path}")


@pytest.fixture
def postgresql(environment: pytest.MonkeyPatch, databases: Databases) -> str:
    return _use(environment, databases.take())


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database; every test that asks for it runs on both kinds."""
    url: str = request.getfixturevalue(request.param)
    return url


def _use(environment: pytest.MonkeyPatch, url: str) -> str:
    environment.setenv("OUTBOX_DATABASE_URL", url)
    forget_settings()
    return url


@pytest.fixture
def move_clock(environment: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[timedelta], None]:
    """Move the time of this process and of all that it starts; each call counts from real time."""
    path = tmp_path / "clock"
    path.write_text("0")
    environment.setenv("OUTBOX_TEST_CLOCK", str(path))

    def move(by: timedelta) -> None:
        draft = path.with_suffix(".new")
        draft.write_text(str(by.total_seconds()))
        draft.replace(path)

    return move


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's clock stands still, but where a test moves it."""
    begun = clock.wall() - clock.offset()
    monkeypatch.setattr(clock, "wall", lambda: begun + clock.offset())


@pytest.fixture
def programs(
    environment: pytest.MonkeyPatch, move_clock: Callable[[timedelta], None], tmp_path: Path
) -> Iterator[Programs]:
    """Starts real processes over this test's settings, the sandbox first; ends them with it."""
    sandbox, dashboard = ports(2)
    environment.setenv("OUTBOX_SANDBOX_PORT", str(sandbox))
    environment.setenv("OUTBOX_DASHBOARD_PORT", str(dashboard))
    forget_settings()
    made = Programs(tmp_path)
    try:
        made.sandbox(sandbox)
        yield made
    finally:
        made.end()


@pytest.fixture
def redis(environment: pytest.MonkeyPatch, programs: Programs, tmp_path: Path) -> str:
    """A Redis of this test's own, and Huey's queue in it; returns its address."""
    if shutil.which("redis-server") is None:
        missing("Redis is not installed: run  sh deploy/debian-packages.sh redis-server")
    [port] = ports(1)
    url = f"redis://127.0.0.1:{port}/0"
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path))
    programs.start("redis", "/usr/bin/env", "redis-server", *options)
    environment.setenv("OUTBOX_QUEUE_URL", url)
    forget_settings()
    until(lambda: _pings(url))
    return url


def _pings(url: str) -> bool:
    try:
        return bool(Redis.from_url(url).ping())
    except RedisError:
        return False
