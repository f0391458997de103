"""Recognising: that the database is the one that this machine sends from, also while it sends.

A backup may take the place of a database under a loop that runs: an older copy is renamed or moved
there, or a dump restored into it. To a connection that comes by itself all looks as it did.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from core import db, guarding
from core.sending import attempts, marks, twin
from core.sending.attempts import Strange


@dataclass(frozen=True)
class Known:
    """A database that was compared with the twin; `strange` says why a person has to decide.

    `connection` is the newest one through which it was reached by then, `folder` where the marks
    of its workers lie.
    """

    installation: str
    database: str  # see `db.which`
    folder: Path
    connection: int
    strange: str | None

    def expect(self, session: Session, highest: int, *, thoroughly: bool) -> None:
        """Let this transaction change no other database than this one. Raises Strange.

        `highest` is the newest attempt that is known to be committed here.
        """
        if db.connection_number(session) > self.connection:
            raise Strange
        # SQLite goes on with a file that another one has replaced.
        if thoroughly and db.which(session) != self.database:
            raise Strange
        attempts.expect(session, highest)


def recognise(known: Known | None = None) -> Known:
    """Compare the database with this machine's twin; where they disagree, the guard is on.

    `known` is what it was until now.
    """
    why = None
    if known:
        if _look(None).database != known.database:
            db.engine().dispose()  # what is still connected may see a file that is gone
        elif known.strange and guarding.guarded() is None:
            twin.accept()  # a person has decided since, and this machine has not looked yet
        else:
            why = known.strange
    while True:
        before = db.newest_connection()
        why = why or twin.check()  # asked again it might undo an answer that came meanwhile
        found = _look(why)
        if found.connection == before:
            return found


def _look(strange: str | None) -> Known:
    with db.reading() as session:
        installation = session.execute(db.sql("SELECT id FROM installation")).scalar_one()
        database, folder = db.which(session), marks.folder_of(session)
        return Known(str(installation), database, folder, db.newest_connection(), strange)
