"""What came of posts, and what refusals among them mean for whole accounts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from core import db
from core.meta.answers import Answer
from core.meta.codes import ErrorClass, Scope
from core.retry import Decision
from core.sending.attempts import Claim

RELEASED = "released"  # an attempt that was never posted
ACCEPTED = "accepted"


@dataclass(frozen=True)
class Result:
    """A finished post, or (`answer` None) a claim that goes back unposted."""

    claim: Claim
    answer: Answer | None
    posted_at: datetime | None
    answered_at: datetime

    @property
    def outcome(self) -> str:
        if self.answer is None:
            return RELEASED
        return str(self.answer.verdict.error_class) if self.answer.verdict else ACCEPTED


@dataclass(frozen=True)
class Effects:
    """What refusals mean beyond their own messages.

    `waits`: accounts that Meta wants to wait, until when. `slowed`: those that are to halve their
    rate, by the newest slot that was refused. `paused`: those that are paused already.
    """

    waits: dict[int, datetime] = field(default_factory=dict)
    slowed: dict[int, datetime] = field(default_factory=dict)
    paused: set[int] = field(default_factory=set)

    def __contains__(self, account_id: int) -> bool:
        return account_id in self.waits or account_id in self.slowed or account_id in self.paused


def effects_of(session: Session, decided: Sequence[tuple[Result, Decision]]) -> Effects:
    """What the decisions mean beyond their own messages."""
    waits: dict[int, datetime] = {}
    slowed: dict[int, datetime] = {}
    for one, decision in decided:
        if decision.scope_waits_until:
            for account_id in _within(session, one):
                waits[account_id] = decision.scope_waits_until
        if decision.slows:
            newest = slowed.get(one.claim.account_id, one.claim.slot_at)
            slowed[one.claim.account_id] = max(newest, one.claim.slot_at)
    paused = {one.claim.account_id for one, _ in decided if one.outcome == ErrorClass.ACCOUNT}
    return Effects(waits, slowed, paused)


def _within(session: Session, one: Result) -> Sequence[int]:
    """The accounts whose limit a throttling answer tells of."""
    assert one.answer and one.answer.verdict
    same = {
        Scope.NUMBER: "a.id = :account",
        Scope.WABA: "a.business_id = (SELECT business_id FROM account WHERE id = :account)",
        Scope.APP: ":account = :account",
    }[one.answer.verdict.scope]
    found = db.sql(f"SELECT a.id FROM account a WHERE {same}")
    return session.execute(found, {"account": one.claim.account_id}).scalars().all()
