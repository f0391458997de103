"""The reckoning after chaos: the sandbox's own log against the database, message by message."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from core import db
from core.sending.posting import STOP_WAITS
from core.verify import violations
from tests.waiting import until

QUIET_WITHIN = 120  # seconds
# Waiting is no loss where somebody can see for what.
_WAITS = (
    "m.hold IS NOT NULL OR m.due_at > :now OR EXISTS (SELECT 1 FROM account a JOIN pace p"
    " ON p.account_id = a.id WHERE a.id = m.account_id AND (a.state <> 'active'"
    " OR p.resume_at > :now))"
)


@dataclass
class Tally:
    """What became of all messages. `wrong` has a sentence for whatever must never be."""

    messages: int
    statuses: Counter[str]
    twice: int
    lost: int
    stuck: int
    unconfirmed: set[int]  # attempts
    arrived: int  # of the unconfirmed
    wrong: list[str] = field(default_factory=list)

    def lines(self, **more: object) -> str:
        facts: dict[str, object] = dict(more) | {
            "messages": self.messages,
            **dict(sorted(self.statuses.items())),
            "twice": self.twice,
            "lost": self.lost,
            "stuck": self.stuck,
            "unconfirmed": f"{len(self.unconfirmed)}, of which {self.arrived} had arrived",
        }
        return "\n".join(f"  {name:<12} {value}" for name, value in facts.items())

    def check(self, *, in_flight: Iterable[int], misdated: Iterable[int] = ()) -> None:
        """Fail unless all is accounted for and no more is unconfirmed than was in flight.

        `misdated`: attempts whose slot is of a clock that was set back before they were posted.
        """
        assert not self.wrong, "\n".join(self.wrong[:20])
        assert self.twice == self.lost == self.stuck == 0, self.lines()
        more = self.unconfirmed - set(in_flight)
        assert not more, f"{len(more)} unconfirmed that were not in flight\n{self.lines()}"
        early = {("before its slot", (one,)) for one in misdated}
        broken = [one for one in violations() if (one.kind, one.attempt_ids) not in early]
        assert not broken, broken[:20]


def until_quiet(*, within: float = QUIET_WITHIN) -> None:
    """Until nothing is under way and nothing waits that could leave now."""
    until(lambda: not any(under_way().values()), within=within, every=0.25)


def open_attempts() -> set[int]:
    """Attempts that are open now: what is claimed, on its way, or waits to be settled."""
    with db.reading() as session:
        found = session.execute(db.sql("SELECT id FROM attempt WHERE outcome IS NULL"))
        return set(found.scalars())


def newest_attempt() -> int:
    with db.reading() as session:
        found = session.execute(db.sql("SELECT coalesce(max(id), 0) FROM attempt"))
        return int(found.scalar_one())


def given_up() -> set[int]:
    """Attempts that a stop gave up, after it had waited for their answers as long as it may."""
    with db.reading() as session:
        found = session.execute(
            db.sql(
                "SELECT id, posted_at, answered_at FROM attempt WHERE outcome = 'unknown'"
                " AND error_text LIKE 'the worker stopped%'"
            ).columns(posted_at=db.UtcDateTime(), answered_at=db.UtcDateTime())
        )
        waited = timedelta(seconds=STOP_WAITS - 0.1)
        return {row.id for row in found if row.answered_at - row.posted_at >= waited}


def until_still(arrived: Callable[[], int], *, for_seconds: float = 1.0) -> None:
    """Until nothing has arrived for a while."""
    seen, since = arrived(), monotonic()

    def still() -> bool:
        nonlocal seen, since
        if (now := arrived()) != seen:
            seen, since = now, monotonic()
        return monotonic() - since > for_seconds

    until(still, within=30)


def under_way() -> dict[str, int]:
    with db.reading() as session:
        count = "SELECT count(*) FROM message m WHERE"
        asked = {
            "processing": f"{count} m.status = 'processing' AND m.worker_id IS NOT NULL",
            "due": f"{count} m.status = 'pending' AND NOT ({_WAITS})",
            "open": "SELECT count(*) FROM attempt WHERE outcome IS NULL",
        }
        now = db.now(session)
        return {
            name: session.execute(
                db.sql(sql, *(["now"] if ":now" in sql else [])),
                {"now": now} if ":now" in sql else {},
            ).scalar_one()
            for name, sql in asked.items()
        }


def accepted(ledger: Path) -> list[tuple[int, datetime]]:
    """Attempt and instant of everything that the sandbox took, from its file."""
    rows = (json.loads(line) for line in ledger.read_text().splitlines())
    return [
        (
            int(row["biz_opaque_callback_data"].rpartition(":")[2]),
            datetime.fromisoformat(row["received_at"]),
        )
        for row in rows
        if "of" not in row
    ]


def reckon(ledger: Path, *, scheduled: int) -> Tally:
    """Compare what arrived with what the database says, when all is quiet."""
    with db.reading() as session:
        instant = db.UtcDateTime()
        messages = session.execute(
            db.sql(
                "SELECT id, status, worker_id, unconfirmed_since, error_class, error_text, hold,"
                " due_at FROM message"
            ).columns(due_at=instant)
        ).all()
        attempts = session.execute(
            db.sql("SELECT id, message_id, outcome, error_text FROM attempt")
        ).all()
        waiting = session.execute(
            db.sql(f"SELECT m.id FROM message m WHERE m.status = 'pending' AND ({_WAITS})", "now"),
            {"now": db.now(session)},
        )
        explained = set(waiting.scalars())
    message_of = {row.id: row.message_id for row in attempts}
    taken = accepted(ledger)
    arrivals: defaultdict[int, list[int]] = defaultdict(list)
    for attempt_id, _ in taken:
        arrivals[message_of.get(attempt_id, -attempt_id)].append(attempt_id)
    unknown = {row.id for row in attempts if row.outcome == "unknown"}
    tally = Tally(
        messages=len(messages),
        statuses=Counter(_standing(row) for row in messages),
        twice=sum(len(its) - 1 for its in arrivals.values()),
        lost=scheduled - len(messages),
        stuck=0,
        unconfirmed=unknown,
        arrived=len(unknown & {attempt_id for attempt_id, _ in taken}),
    )
    for message in messages:
        _judge(tally, message, len(arrivals.pop(message.id, [])), message.id in explained)
    tally.wrong += [f"attempt {-key} arrived and is in no database" for key in arrivals]
    tally.wrong += [f"attempt {row.id} is still open" for row in attempts if row.outcome is None]
    tally.wrong += [f"attempt {a} arrived, outcome {o}" for a, o in _denied(attempts, taken)]
    return tally


def _standing(row: Any) -> str:
    if row.status == "processing" and row.worker_id is None:
        return "checking"
    return str(row.status)


def _judge(tally: Tally, row: Any, arrived: int, explained: bool) -> None:
    """Sent is what arrived once; what did not arrive waits or has failed, for a reason."""
    standing = _standing(row)
    if standing == "processing" or (standing == "pending" and not explained):
        tally.stuck += 1
        tally.wrong.append(f"message {row.id} is stuck in {row.status}")
    if standing == "checking" and row.unconfirmed_since is None:
        tally.wrong.append(f"message {row.id} is open and nobody knows since when")
    if standing == "failed" and not (row.error_class and row.error_text):
        tally.wrong.append(f"message {row.id} failed without a reason")
    if standing == "sent" and arrived == 0:
        tally.lost += 1
        tally.wrong.append(f"message {row.id} is sent and never arrived")
    open_to_doubt = standing in ("checking", "sent") or row.error_class == "unknown"
    if arrived and not open_to_doubt:
        tally.wrong.append(f"message {row.id} arrived and is {row.status}")
    if arrived > 1:
        tally.wrong.append(f"message {row.id} arrived {arrived} times")


def _denied(attempts: Any, taken: list[tuple[int, datetime]]) -> list[tuple[int, str]]:
    """Attempts that arrived though their outcome says that they cannot have."""
    arrived = {attempt_id for attempt_id, _ in taken}
    return [
        (row.id, row.outcome)
        for row in attempts
        if row.id in arrived and row.outcome not in ("accepted", "unknown")
    ]
