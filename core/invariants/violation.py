"""What a broken invariant is told by, and how the rows of one table are judged by SQL."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from core import db


@dataclass(frozen=True)
class Violation:
    """One thing that must never be; `kind` is a fixed phrase, `what` a sentence for people."""

    kind: str
    what: str
    message_ids: tuple[int, ...] = ()
    attempt_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Invariant:
    """`wrong` is SQL over one row of a table, true where it is broken; `what` names its ids."""

    kind: str
    what: str
    wrong: str


@dataclass(frozen=True)
class Judged:
    """A table with its invariants. `source` is what follows FROM, `ids` what to select by name."""

    table: str
    source: str
    ids: str
    key: str
    invariants: tuple[Invariant, ...]

    def broken(
        self, session: Session, first: int, last: int, long_ago: datetime
    ) -> Iterator[Violation]:
        """Judge the rows with ids from `first` to `last` by one statement, so of one instant.

        Work that began after `long_ago` may still be under way, and is left alone.
        """
        flags = ", ".join(f"({one.wrong}) AS broken_{n}" for n, one in enumerate(self.invariants))
        wrong = " OR ".join(f"({one.wrong})" for one in self.invariants)
        statement = (
            f"SELECT {self.ids}, {flags} FROM {self.source}"
            f" WHERE {self.key} BETWEEN :first AND :last AND ({wrong}) ORDER BY {self.key}"
        )
        values = {"first": first, "last": last}
        instants = ["long_ago"] if ":long_ago" in statement else []
        given = values | ({"long_ago": long_ago} if instants else {})
        for row in session.execute(db.sql(statement, *instants), given).mappings():
            for number, one in enumerate(self.invariants):
                if row[f"broken_{number}"]:
                    yield Violation(
                        one.kind,
                        one.what.format(**row),
                        _ids(row.get("message_id")),
                        _ids(row.get("attempt_id")),
                    )


def _ids(value: int | None) -> tuple[int, ...]:
    return () if value is None else (value,)


def listed(words: Sequence[str]) -> str:
    """Words as a list of SQL."""
    return ", ".join(f"'{word}'" for word in words)
