"""Work by the thousand for a fleet, and the sandbox's file as it grows."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bench import filling
from core import db
from tests import given
from tests.waiting import until


@dataclass
class Load:
    """Messages that are due at once, and how many the sandbox has taken."""

    ledger: Path
    scheduled: int = 0
    _read: int = field(default=0)
    _arrived: int = field(default=0)
    _since: int = field(default=0)

    def account(self, rate: float | None) -> int:
        [made] = filling.accounts(db.engine(), 1, rate=rate)
        return made

    def add(self, account_id: int, count: int, *, late: float = 0) -> None:
        """`count` messages that are due, or will be in `late` seconds, each to somebody else."""
        self._since = self.arrived()
        with db.reading() as session:
            due = db.now(session) + timedelta(seconds=late)
        filling.messages(db.engine(), [account_id], count, due_at=due)
        self.scheduled += count

    def schedule(self, account_id: int, recipient: str) -> None:
        """One message as people schedule it."""
        given.message(account_id, to=recipient)
        self.scheduled += 1

    def keep_up(self, account_id: int, count: int, *, late: float = 0) -> None:
        """Let no fewer than `count` be waiting; those that are added are due in `late` seconds."""
        self._since = self.arrived()
        with db.reading() as session:
            waiting = session.execute(
                db.sql(
                    "SELECT count(*) FROM message WHERE account_id = :id AND status = 'pending'"
                ),
                {"id": account_id},
            ).scalar_one()
        if waiting < count:
            self.add(account_id, count, late=late)

    def arrived(self) -> int:
        with self.ledger.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        self._read += len(new)
        self._arrived += new.count(b'"biz_opaque_callback_data"')
        return self._arrived

    def until_more(self, count: int, *, within: float = 60) -> None:
        """Until `count` have arrived since messages were last added, or since this was last called.

        A moment in the middle of the work, however fast it goes meanwhile.
        """
        until(lambda: self.arrived() >= self._since + count, within=within, every=0.01)
        self._since = self.arrived()
