"""The servers that a bench brings along: one PostgreSQL, one Redis, a folder on the real disk."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from uuid import uuid4

from cryptography.fernet import Fernet
from redis import Redis, RedisError
from sqlalchemy import create_engine, text

from core import db, schema
from tests.postgres import Cluster, cluster
from tests.processes import Process, ports
from tests.waiting import until


class Servers:
    """Started when first asked for, stopped together at the end."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self._stack = folder, stack

    def subfolder(self, name: str) -> Path:
        made = self.folder / f"{name}-{uuid4().hex[:6]}"
        made.mkdir(mode=0o755)
        return made

    def database(self, kind: str) -> str:
        """A new, migrated database; returns its address."""
        if kind == "sqlite":
            url = f"sqlite:///{self.subfolder('sqlite') / 'outbox.db'}"
        else:
            name = f"bench_{uuid4().hex[:8]}"
            self._admin(f"CREATE DATABASE {name}")
            url = self.postgres.url(name)
        engine = db.make_engine(url)
        schema.migrate(engine)
        engine.dispose()
        return url

    def drop(self, url: str) -> None:
        """Free the disk of a database that nothing uses any more."""
        if url.startswith("sqlite:///"):
            shutil.rmtree(Path(url.removeprefix("sqlite:///")).parent)
        else:
            self._admin(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def queue(self, kind: str) -> str:
        """A queue as it goes with the database: Redis beside PostgreSQL where there is one."""
        if kind == "sqlite" or shutil.which("redis-server") is None:
            return str(self.subfolder("queue") / "queue.db")
        Redis.from_url(self.redis).flushall()
        return self.redis

    @cached_property
    def postgres(self) -> Cluster:
        return self._stack.enter_context(cluster(self.subfolder("postgres"), durable=True))

    @property
    def postgres_pid(self) -> int:
        return int((self.postgres.folder / "data/postmaster.pid").read_text().split()[0])

    @cached_property
    def redis(self) -> str:
        [port] = ports(1)
        folder = self.subfolder("redis")
        line = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        started = Process([*line, "--dir", str(folder)], log=folder / "log", env=dict(os.environ))
        self._stack.callback(started.stop)
        url = f"redis://127.0.0.1:{port}/0"
        until(lambda: _pings(url))
        return url

    def _admin(self, statement: str) -> None:
        url = self.postgres.url("postgres").replace("postgresql:", "postgresql+psycopg:")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


def _pings(url: str) -> bool:
    try:
        return bool(Redis.from_url(url).ping())
    except RedisError:
        return False


@contextmanager
def servers() -> Iterator[Servers]:
    """Everything that a bench needs, in a folder that is gone at the end. Outbox's settings of
    this process and of all that it starts are the bench's own from here on."""
    for name in [name for name in os.environ if name.startswith("OUTBOX_")]:
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="outbox-bench-"))
    folder.chmod(0o755)  # PostgreSQL does not run as root
    os.environ |= {
        "OUTBOX_DATA_DIR": str(folder / "data"),
        "OUTBOX_SECRET_KEY": Fernet.generate_key().decode(),
        "OUTBOX_APP_SECRET": "bench",
    }
    try:
        with ExitStack() as stack:
            yield Servers(folder, stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
