"""The newest schema, by Alembic; the migrations are the record of how it came to be."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from core import db
from core.settings import ROOT


def migrate(engine: Engine | None = None) -> None:
    """Bring the database to the newest schema; harmless when it is already there."""
    config = _config()
    with (engine or db.engine()).connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def is_current() -> bool:
    """Whether the database has the newest schema."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    with db.engine().connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == newest


def why_unusable(error: SQLAlchemyError) -> str | None:
    """In an operator's words, why the database failed; None where that is no trouble of theirs."""
    try:
        if not is_current():
            return "The database has not the newest schema. Run: python manage.py migrate"
    except OperationalError as unreached:
        first, *_ = str(unreached.orig).splitlines()
        return f"The database cannot be reached (OUTBOX_DATABASE_URL): {first}"
    except ArgumentError:
        return "OUTBOX_DATABASE_URL is no address of a database, such as sqlite:///data/outbox.db."
    return f"The database failed: {error.orig}" if isinstance(error, OperationalError) else None


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return config
