"""Copies of a database as accidents make them: a clone, and a dump that is restored."""

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine

from core import db
from core.settings import settings


def installation() -> str:
    with db.reading() as session:
        return str(session.execute(db.sql("SELECT id FROM installation")).scalar_one())


def twin_file() -> Path:
    """What this machine remembers."""
    return settings().data_dir / f"twin-{installation()}.json"


def clone(url: str, folder: Path) -> str:
    """Another database with all that is in this one; returns its address."""
    db.engine().dispose()
    if url.startswith("sqlite"):
        shutil.copy(url.removeprefix("sqlite:///"), folder / "clone.db")
        return f"sqlite:///{folder / 'clone.db'}"
    server, _, name = url.replace("postgresql:", "postgresql+psycopg:").rpartition("/")
    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}_clone TEMPLATE {name}")
    engine.dispose()
    return f"{url}_clone"


def dump(url: str, folder: Path) -> Path:
    """What a backup holds of the database now."""
    db.engine().dispose()
    kept = folder / "dump"
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as source:
            source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        source.close()
        shutil.copy(url.removeprefix("sqlite:///"), kept)
    else:
        subprocess.run(["pg_dump", "--clean", "--if-exists", "-f", str(kept), url], check=True)
    return kept


def restore(url: str, kept: Path) -> None:
    """Into the very same database, whoever is connected to it."""
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(kept)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
    else:
        subprocess.run(["psql", "-1qf", str(kept), url], check=True, capture_output=True)


def replace(url: str, kept: Path) -> None:
    """By another database that gets its name, whoever is connected to the old one."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        draft = path.with_suffix(".new")
        shutil.copy(kept, draft)
        for left in ("-wal", "-shm"):
            Path(f"{path}{left}").unlink(missing_ok=True)
        draft.rename(path)
        return
    server, _, name = url.replace("postgresql:", "postgresql+psycopg:").rpartition("/")
    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}_new")
        restore(f"{url}_new", kept)
        for step in (
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            f" WHERE datname = '{name}'",
            f"ALTER DATABASE {name} RENAME TO {name}_old",
            f"ALTER DATABASE {name}_new RENAME TO {name}",
        ):
            connection.exec_driver_sql(step)
    engine.dispose()
