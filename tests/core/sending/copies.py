"""Copies of a database as accidents make them: a clone, and a dump that is restored."""

import shutil
import sqlite3
import subprocess
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
    """Into the very same database, as after an accident."""
    db.engine().dispose()
    if url.startswith("sqlite"):
        for left in ("-wal", "-shm"):
            Path(f"{url.removeprefix('sqlite:///')}{left}").unlink(missing_ok=True)
        Path(url.removeprefix("sqlite:///")).write_bytes(kept.read_bytes())
    else:
        subprocess.run(["psql", "-qf", str(kept), url], check=True, capture_output=True)
