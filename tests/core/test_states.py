"""The state machine, driven at random against a plain model on both databases."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core import db, editing, messages, outcomes, workers
from core.composing import Draft, When
from core.errors import Conflict, Refused
from core.meta.answers import Answer, unknown
from core.meta.codes import classify
from core.meta.statuses import StatusUpdate
from core.sending import reap, tick
from core.sending.attempts import Claim
from core.sending.settle import Result
from core.states import RANK, TRANSITIONS, Delivery, Status
from tests import given

CODES = (131000, 131026, 100, 130429, 131056, 132001)
NAMED = {(str(old), str(new)) for old, new in TRANSITIONS}


@dataclass
class Modelled:
    """What the plain model knows of one message."""

    id: int
    status: str = "pending"
    delivery: int = 0
    accepted: set[int] = field(default_factory=set)  # attempts that Meta took
    failed: set[int] = field(default_factory=set)  # accepted ones that failed after all
    deleted: bool = False
    unknown: bool = False


class Life(RuleBasedStateMachine):
    """Every operation that persons, the engine and Meta can do, in any order."""

    @initialize()
    def begin(self) -> None:
        self.account = given.account(name=uuid4().hex, rate=None)
        self.worker = workers.start("loop")
        with db.reading() as session:
            found = session.execute(db.sql("SELECT id FROM installation"))
            self.installation = str(found.scalar_one())
        self.messages: list[Modelled] = []
        self.claims: list[Claim] = []
        self.zombies: list[Claim] = []
        self.all_claims: list[Claim] = []
        self.seen: dict[int, str] = {}
        self.schedule()

    @precondition(lambda self: len(self.messages) < 3)
    @rule()
    def schedule(self) -> None:
        number = len(self.messages)
        made = given.message(self.account, to=given.recipient(number), max_retries=1)
        self.messages.append(Modelled(made))
        self.seen[made] = "pending"

    @rule()
    def claim(self) -> None:
        order = tick.Order(self.worker, due={self.account}, room=50)
        # Whatever waits for a retry is brought forward, so that the clock can stand still.
        with db.writing() as session:
            session.execute(db.sql("UPDATE message SET due_at = created_at"))
            session.execute(db.sql("UPDATE pace SET resume_at = NULL"))
            session.execute(db.sql("UPDATE recipient SET pair_tat = NULL"))
            session.execute(db.sql("UPDATE message SET hold = NULL WHERE status = 'pending'"))
        done = tick.run(order, installation=self.installation, sampled=lambda _: None)
        ids = {claim.message_id for claim in done.claims}
        assert ids == {m.id for m in self.messages if m.status == "pending"}
        for model in self.messages:
            if model.id in ids:
                model.status = "processing"
        self.claims += done.claims
        self.all_claims += done.claims

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), kind=st.sampled_from(["accept", "refuse", "unknown", "release"]))
    def settle(self, data: st.DataObject, kind: str) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        self.claims.remove(claim)
        self._settle_one(data, claim, kind)

    @precondition(lambda self: self.zombies)
    @rule(data=st.data(), kind=st.sampled_from(["accept", "refuse", "unknown", "release"]))
    def a_worker_that_was_taken_for_dead_settles(self, data: st.DataObject, kind: str) -> None:
        claim = data.draw(st.sampled_from(self.zombies))
        self.zombies.remove(claim)
        self._settle_one(data, claim, kind)

    def _settle_one(self, data: st.DataObject, claim: Claim, kind: str) -> None:
        model = self._of(claim.message_id)
        code = data.draw(st.sampled_from(CODES))
        answer = {
            "accept": Answer(None, wamid=f"wamid.{claim.attempt_id}", http_status=200),
            "refuse": Answer(classify(code), code=code, text="refused"),
            "unknown": unknown("lost"),
            "release": None,
        }[kind]
        self._settle(Result(claim, answer, None, claim.slot_at))
        self._model_settled(model, claim, kind, answer)

    def _settle(self, result: Result) -> None:
        order = tick.Order(self.worker, results=[result])
        tick.run(order, installation=self.installation, sampled=lambda _: None)

    def _model_settled(
        self, model: Modelled, claim: Claim, kind: str, answer: Answer | None
    ) -> None:
        if kind == "accept":
            self._model_proof(model, claim.attempt_id, Delivery.ACCEPTED)
        elif claim.worker_id == self.worker and model.status == "processing":
            if kind == "unknown":
                model.unknown = True
            elif answer is None or _waits(answer, claim):
                model.status = "pending"
            else:
                model.status = "failed"

    def _model_proof(self, model: Modelled, attempt_id: int, delivery: Delivery) -> None:
        new = attempt_id not in model.accepted
        model.accepted.add(attempt_id)
        open_newer = any(
            c.message_id == model.id and c.attempt_id > attempt_id for c in self.claims
        )
        opens = model.status in ("processing", "pending") or (
            model.status == "failed" and model.unknown
        )
        if new and opens and not open_newer and not model.deleted:
            model.status, model.unknown = "sent", False

    @precondition(lambda self: self.all_claims)
    @rule(
        data=st.data(),
        status=st.sampled_from(["sent", "delivered", "read", "failed"]),
        code=st.sampled_from((131026, 131049)),
    )
    def webhook(self, data: st.DataObject, status: str, code: int) -> None:
        claim = data.draw(st.sampled_from(self.all_claims))
        outcome = self._outcome(claim.attempt_id)
        if outcome not in (None, "unknown", "accepted"):
            return  # Meta tells nothing of what was not posted, or what it refused
        failed = status == "failed"
        update = StatusUpdate(
            attempt_id=claim.attempt_id,
            installation=self.installation,
            wamid=f"wamid.{claim.attempt_id}",
            status=status,  # type: ignore[arg-type]
            at=claim.slot_at + timedelta(seconds=1),
            code=code if failed else None,
            title="told" if failed else None,
            details=None,
        )
        with db.writing() as session:
            outcomes.apply(session, [update])
        model = self._of(claim.message_id)
        delivery = Delivery.ACCEPTED if failed else Delivery(status)
        self._model_proof(model, claim.attempt_id, delivery)
        latest = given.row(model.id).meta_message_id == update.wamid
        if failed and model.status == "sent" and latest and not model.deleted:
            model.status = "failed"

    def _outcome(self, attempt_id: int) -> str | None:
        with db.reading() as session:
            found = db.sql("SELECT outcome FROM attempt WHERE id = :id")
            outcome: str | None = session.execute(found, {"id": attempt_id}).scalar_one()
            return outcome

    @rule()
    def the_window_ends(self) -> None:
        with db.writing() as session:
            session.execute(
                db.sql(
                    "UPDATE message SET unconfirmed_since = :long_ago"
                    " WHERE unconfirmed_since IS NOT NULL",
                    "long_ago",
                ),
                {"long_ago": db.now(session) - timedelta(hours=1)},
            )
        reap.close_windows()
        for model in self.messages:
            if model.status == "processing" and model.unknown:
                model.status = "failed"

    @rule()
    def the_worker_dies(self) -> None:
        with db.writing() as session:
            session.execute(
                db.sql("UPDATE worker SET lease_until = :long_ago", "long_ago"),
                {"long_ago": db.now(session) - timedelta(hours=1)},
            )
        reap.reap()
        self.worker = workers.start("loop")
        for claim in self.claims:
            model = self._of(claim.message_id)
            if model.status == "processing":
                model.unknown = True
        self.zombies += self.claims
        self.claims.clear()

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), action=st.sampled_from(["cancel", "retry", "delete", "edit"]))
    def a_person_acts(self, data: st.DataObject, action: str) -> None:
        model = data.draw(st.sampled_from(self.messages))
        allowed = {
            "cancel": model.status == "pending",
            "retry": model.status == "failed",
            "delete": model.status != "processing",
            "edit": model.status in ("pending", "failed"),
        }[action] and not model.deleted
        try:
            self._act(action, model.id)
        except (Refused, Conflict):
            assert not allowed, f"{action} was refused in {model.status}"
            return
        assert allowed, f"{action} was allowed in {model.status}"
        self._model_action(model, action)

    def _act(self, action: str, message_id: int) -> None:
        if action == "retry":
            messages.retry(message_id, by=given.ANA, confirmed=True)
        elif action == "edit":
            version = given.row(message_id).version
            number = given.row(message_id).recipient
            draft = Draft(self.account, number, "Changed", When("now"), max_retries=1)
            editing.edit(message_id, draft, version=version, by=given.ANA, confirmed=True)
        else:
            getattr(messages, action)(message_id, by=given.ANA)

    def _model_action(self, model: Modelled, action: str) -> None:
        if action == "delete":
            model.deleted = True
            if model.status == "pending":
                model.status = "cancelled"
        elif action == "cancel":
            model.status = "cancelled"
        else:
            model.status, model.unknown, model.delivery = "pending", False, 0

    @invariant()
    def the_database_agrees_and_never_left_the_graph(self) -> None:
        for model in getattr(self, "messages", []):
            row = given.row(model.id)
            assert row.status == model.status, f"message {row.id}: {given.events(row.id)}"
            self._check_step(row.id, row.status)
            rank = RANK[Delivery(row.delivery)] if row.delivery else 0
            assert rank >= model.delivery, "delivery went back"
            model.delivery = rank
            open_attempts = [a for a in given.attempts(row.id) if a.outcome is None]
            assert len(open_attempts) <= 1
            assert bool(open_attempts) == (row.worker_id is not None)

    def _check_step(self, message_id: int, status: str) -> None:
        """One rule may take several steps (proof, then failure): any way through the graph does."""
        before = self.seen[message_id]
        reach = {before}
        for _ in Status:
            reach |= {new for old, new in NAMED if old in reach}
        assert status in reach
        self.seen[message_id] = status

    def _of(self, message_id: int) -> Modelled:
        return next(m for m in self.messages if m.id == message_id)


def _waits(answer: Answer, claim: Claim) -> bool:
    assert answer.verdict
    kind = answer.verdict.error_class
    if kind == "transient":
        return claim.retry_count < claim.max_retries
    return kind in ("unreached", "throttled", "pair", "account", "template")


@pytest.mark.timeout(300)
def test_no_sequence_of_operations_leaves_the_graph(database: str) -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=30,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("to", Status)
def test_nothing_leads_anywhere_by_a_cause_that_the_table_does_not_name(to: Status) -> None:
    from core.states import Cause, sources

    for cause in Cause:
        named = {old for (old, new), causes in TRANSITIONS.items() if new == to and cause in causes}
        if named:
            assert set(sources(to, cause)) == named
        else:
            with pytest.raises(ValueError):
                sources(to, cause)
