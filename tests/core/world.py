"""The real engine, driven step by step without its loop: ticks, workers that die, Meta's word."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from core import clock, db, outcomes, workers
from core.meta.answers import Answer, unknown, unreached
from core.meta.codes import classify
from core.meta.statuses import StatusUpdate, Told
from core.models import Message
from core.sending import marks, reap, tick
from core.sending.attempts import Claim
from core.sending.marks import Marks
from core.sending.results import Effects, Result

CODES = {
    "transient": 131000,
    "throttled": 130429,
    "pair": 131056,
    "account": 190,
    "template": 132001,
    "recipient": 131026,
    "permanent": 100,
}


def answer(outcome: str, attempt_id: int) -> Answer | None:
    """What the client hands over for each outcome; None where it was never posted."""
    if outcome == "accepted":
        return Answer(None, wamid=wamid(attempt_id), http_status=200)
    if outcome in CODES:
        code = CODES[outcome]
        return Answer(classify(code), http_status=400, code=code, text="refused")
    if outcome == "released":
        return None
    return unknown("lost") if outcome == "unknown" else unreached("no connection")


def wamid(attempt_id: int) -> str:
    return f"wamid.{attempt_id}"


def facts(row: Message) -> dict[str, object]:
    """What a message holds, as the model tells it."""
    return {
        "status": row.status,
        "deleted": row.deleted_at is not None,
        "claimed": row.worker_id is not None,
        "unconfirmed": row.unconfirmed_since is not None,
        "hold": row.hold,
        "retries": row.retry_count,
        "error": row.error_class if row.status == "failed" else None,
        "shown": row.meta_message_id,
        "delivery": row.delivery,
    }


def empty() -> None:
    """Take all messages away, those of earlier examples, whatever forbids it."""
    tables = ("message_event", "attempt", "content", "message", "worker", "recipient")
    with db.writing() as session:
        if db.on_postgres(session):
            session.execute(db.sql(f"TRUNCATE {', '.join(tables)} CASCADE"))
        else:
            session.execute(db.sql("DROP TRIGGER IF EXISTS message_event_no_delete"))
            for table in tables:
                session.execute(db.sql(f"DELETE FROM {table}"))


def installation() -> str:
    with db.reading() as session:
        return str(session.execute(db.sql("SELECT id FROM installation")).scalar_one())


@dataclass
class Machine:
    """One worker: its row, its start marks, its claims, and what it keeps for its next tick."""

    id: int
    marks: Marks
    claims: dict[int, Claim] = field(default_factory=dict)
    posted: set[int] = field(default_factory=set)
    effects: Effects = field(default_factory=Effects)


class Clock:
    """Engine time that stands still between moves: else an example would not run twice alike."""

    def __init__(self) -> None:
        self.begun, self.now = clock.wall(), 0

    def __call__(self, _: Session) -> datetime:
        return self.begun + timedelta(seconds=self.now)


class World:
    """An account, its workers, and the time in seconds since the beginning."""

    def __init__(self, account: int, clock: Clock) -> None:
        self.account, self._clock = account, clock
        self.installation = installation()
        with db.reading() as session:
            self.folder = marks.folder_of(session)
        self.alive: list[Machine] = []

    @property
    def now(self) -> int:
        return self._clock.now

    def start(self) -> None:
        worker = workers.start("loop")
        self.alive.append(Machine(worker, Marks(self.folder, worker)))

    def claim(self, machine: Machine) -> list[Claim]:
        return self.tick(machine, due={self.account})

    def tick(self, machine: Machine, *results: Result, due: Iterable[int] = ()) -> list[Claim]:
        order = tick.Order(
            machine.id,
            due=set(due),
            results=list(results),
            effects=machine.effects,
            room=50,
        )
        done = tick.run(order, installation=self.installation, sampled=lambda _: None)
        machine.effects = done.effects
        machine.marks.settled([one.claim.attempt_id for one in results])
        machine.claims |= {one.attempt_id: one for one in done.claims}
        return done.claims

    def post(self, machine: Machine, attempt_id: int) -> None:
        machine.marks.mark(attempt_id)
        machine.posted.add(attempt_id)

    def settle(self, machine: Machine, claim: Claim, outcome: str) -> None:
        machine.claims.pop(claim.attempt_id, None)
        posted = claim.slot_at if outcome != "released" else None
        told = answer(outcome, claim.attempt_id)
        self.tick(machine, Result(claim, told, posted, claim.slot_at))

    def kill(self, machine: Machine, *, marks_left: bool) -> None:
        """SIGKILL: the kernel frees the locks. Without marks: the machine is gone with its disk."""
        self.alive.remove(machine)
        for file in machine.marks._files:
            os.close(file)
        if not marks_left:
            marks.forget(self.folder, machine.id)

    def take_for_dead(self, machine: Machine) -> None:
        """Its lease is over, though it lives; what it has posted may still be answered."""
        self.kill(machine, marks_left=False)
        with db.writing() as session:
            long_ago = db.now(session) - timedelta(hours=1)
            over = db.sql("UPDATE worker SET lease_until = :at WHERE id = :id", "at")
            session.execute(over, {"at": long_ago, "id": machine.id})
        reap.reap()

    def end(self) -> None:
        for machine in self.alive:
            machine.marks.close()

    def scan(self) -> None:
        reap.reap()
        reap.close_windows()

    def passes(self, seconds: int) -> None:
        """Time in which the living renew themselves, and a scan at its end."""
        for machine in self.alive:
            self.tick(machine)  # with what its last results mean for the account
        self._clock.now += seconds
        for machine in self.alive:
            workers.renew(machine.id)
        self.scan()

    def told(
        self, attempt_id: int, *statuses: Told, referenced: bool, code: int
    ) -> list[StatusUpdate]:
        """Webhooks about one attempt; returns those of an attempt that is not known."""
        with db.reading() as session:
            at = db.now(session)
        updates = [
            StatusUpdate(
                attempt_id=attempt_id if referenced else None,
                installation=self.installation if referenced else None,
                wamid=wamid(attempt_id),
                status=status,
                at=at,
                code=code if status == "failed" else None,
                title="told" if status == "failed" else None,
                details=None,
            )
            for status in statuses
        ]
        with db.writing() as session:
            return outcomes.apply(session, updates)
