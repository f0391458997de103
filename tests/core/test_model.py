"""The engine against a plain model of its rules: anything that may happen, in any order.

`MODEL_EXAMPLES=500 pytest tests/core/test_model.py` looks further than the suite has time for.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from core import accounts, db, editing, holding, messages, verify
from core.drafts import Draft, When
from core.errors import Refused
from core.sending.attempts import Claim
from tests import given
from tests.core import model, world
from tests.core.model import RANKS, Modelled, Sender, Try, Waits
from tests.core.world import CODES, Clock, Machine, World

Draw = Callable[[Sequence[Any]], Any]
EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "0"))
MOST = 3  # messages
SHORT, LONG = 90, 7200  # seconds: beyond a lease and a retry; beyond every window and wait
EXPIRES = 2000
TELLS = ["sent", "delivered", "read", "failed"]
ACTIONS = ["cancel", "retry", "edit", "delete", "hold", "release"]

MOVES: dict[str, tuple[Callable[["Life"], Any], Callable[["Life", Draw], None]]] = {}


def may(when: Callable[["Life"], Any] = lambda _: True, *, often: int = 1) -> Callable[..., Any]:
    """A move that is possible `when`. One rule draws from all that are.

    As rules of their own some would be switched off in each example, and the long ways (unknown,
    window over, confirmed, claimed again, proved after all) would hardly ever be gone.
    """

    def kept(move: Callable[["Life", Draw], None]) -> Callable[["Life", Draw], None]:
        MOVES.update({f"{move.__name__} {turn}": (when, move) for turn in range(often)})
        return move

    return kept


class Life(RuleBasedStateMachine):
    """Every operation that persons, workers and Meta can do."""

    clock: Clock

    @initialize()
    def begin(self) -> None:
        world.empty()
        self.clock.now = 0
        self.name = uuid4().hex
        self.world = World(given.account(name=self.name, rate=None), self.clock)
        self.sender = Sender()
        self.recipients = [Waits(), Waits()]
        self.messages: list[Modelled] = []
        self.tries: dict[int, Try] = {}
        self.dead: list[tuple[Claim, str, bool]] = []  # claim, what reaping it tells, marks left
        self.zombies: list[Claim] = []
        self.world.start()
        self.schedule(lambda choices: choices[0])

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.end()

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        possible = [name for name, (when, _) in MOVES.items() if when(self)]
        name = data.draw(st.sampled_from(possible))
        MOVES[name][1](self, lambda choices: data.draw(st.sampled_from(choices)))

    @may(lambda self: len(self.messages) < MOST)
    def schedule(self, draw: Draw) -> None:
        which = len(self.messages) % 2
        expires = draw([False, True])
        made = given.message(
            self.world.account,
            to=given.recipient(which),
            max_retries=1,
            not_after=given.in_(seconds=EXPIRES).wall if expires else None,
        )
        over = self.world.now + EXPIRES if expires else None
        self.messages.append(Modelled(made, self.recipients[which], self.sender, expires=over))

    @may(lambda self: len(self.world.alive) < 2)
    def a_worker_starts(self, _: Draw) -> None:
        self.world.start()

    @may(lambda self: self.world.alive, often=5)
    def a_worker_claims(self, draw: Draw) -> None:
        machine = draw(self.world.alive)
        made = self.world.claim(machine)
        claims = {one.message_id: one.attempt_id for one in made}
        for recipient in self.recipients:
            waiting = [m for m in self.messages if m.recipient is recipient and m.candidate]
            busy = any(m.open for m in self.messages if m.recipient is recipient)
            self._claimed(self._unexpired(waiting), claims, busy)
        assert claims == {}, "claimed what may not be sent now"
        if made and draw([True, False]):
            for claim in made:
                self._post(machine, claim)

    def _unexpired(self, waiting: list[Modelled]) -> list[Modelled]:
        for one in waiting:
            expired = one.over(self.world.now)
            if expired and (one.surely_due or given.row(one.id).status == "failed"):
                one.fail("expired")
        return [one for one in waiting if one.status == "pending"]

    def _claimed(self, waiting: list[Modelled], claims: dict[int, int], busy: bool) -> None:
        """At most one for each recipient, and one for certain where one is due for certain."""
        chosen = [one for one in waiting if one.id in claims]
        assert len(chosen) <= (not busy)
        assert chosen or busy or not any(one.surely_due for one in waiting)
        for one in waiting:
            if one in chosen:
                made = one.claimed(claims.pop(one.id))
                self.tries[made.id] = made
            else:
                one.waits = True

    @may(lambda self: self._claims(posted=False))
    def a_worker_posts(self, draw: Draw) -> None:
        self._post(*draw(self._claims(posted=False)))

    def _post(self, machine: Machine, claim: Claim) -> None:
        self.world.post(machine, claim.attempt_id)
        self.tries[claim.attempt_id].posted = True

    @may(lambda self: self._claims(posted=False))
    def a_claim_goes_back(self, draw: Draw) -> None:
        self._settle(*draw(self._claims(posted=False)), "released")

    @may(lambda self: self._claims(posted=True), often=3)
    def meta_answers(self, draw: Draw) -> None:
        machine, claim = draw(self._claims(posted=True))
        self._settle(machine, claim, self._outcome(draw, claim))

    @may(lambda self: self.zombies and self.world.alive)
    def meta_answers_one_that_was_taken_for_dead(self, draw: Draw) -> None:
        claim = draw(self.zombies)
        self.zombies.remove(claim)
        self._settle(self.world.alive[0], claim, self._outcome(draw, claim))

    def _claims(self, *, posted: bool) -> list[tuple[Machine, Claim]]:
        return [
            (machine, claim)
            for machine in self.world.alive
            for claim in machine.claims.values()
            if (claim.attempt_id in machine.posted) is posted
        ]

    def _outcome(self, draw: Draw, claim: Claim) -> str:
        """Meta does not refuse what it has told to have taken."""
        taken = self.tries[claim.attempt_id].taken
        refused = [] if taken else ["transient", "transient", "unreached", *CODES]
        outcome: str = draw([*["accepted", "unknown"] * 3, *refused])
        return outcome

    def _settle(self, machine: Machine, claim: Claim, outcome: str) -> None:
        self.world.settle(machine, claim, outcome)
        one = self.tries[claim.attempt_id]
        if outcome in CODES:
            one.taken = False
        model.answered(one, outcome, self.world.now)

    @may(lambda self: self.world.alive)
    def a_worker_is_killed(self, draw: Draw) -> None:
        machine, marks_left = draw(self.world.alive), draw([True, False])
        self.world.kill(machine, marks_left=marks_left)
        for claim in machine.claims.values():
            known = marks_left and claim.attempt_id not in machine.posted
            self.dead.append((claim, "released" if known else "unknown", marks_left))

    @may(lambda self: self.world.alive)
    def a_worker_is_taken_for_dead(self, draw: Draw) -> None:
        machine = draw(self.world.alive)
        self.world.take_for_dead(machine)
        self._reaped(those_with_marks=True)
        for claim in machine.claims.values():
            model.answered(self.tries[claim.attempt_id], "unknown", self.world.now)
        self.zombies += [c for c in machine.claims.values() if c.attempt_id in machine.posted]

    @may()
    def the_scan_runs(self, _: Draw) -> None:
        self.world.scan()
        self._reaped(those_with_marks=True)

    def _reaped(self, *, those_with_marks: bool) -> None:
        """Where no marks were left, only a lease that is over tells that a worker is dead."""
        reaped = [one for one in self.dead if one[2] or not those_with_marks]
        self.dead = [one for one in self.dead if one not in reaped]
        for claim, outcome, _ in reaped:
            model.answered(self.tries[claim.attempt_id], outcome, self.world.now)

    @may(often=2)
    def time_passes(self, draw: Draw) -> None:
        """More than any post takes: what is under way ends first."""
        for machine in self.world.alive:
            for claim in list(machine.claims.values()):
                posted = claim.attempt_id in machine.posted
                self._settle(machine, claim, "unknown" if posted else "released")
        seconds = draw([LONG, SHORT])
        self.world.passes(seconds)
        self._reaped(those_with_marks=False)
        model.windows_end(self.messages, self.world.now)
        if seconds == LONG:
            for one in (*self.messages, *self.recipients, self.sender):
                one.waits = False

    @may(lambda self: self._tellable(), often=3)
    def meta_tells(self, draw: Draw) -> None:
        one, referenced = draw(self._tellable()), draw([True, False])
        statuses, error = {draw(TELLS), draw(TELLS)}, draw(["recipient", "recipient", "account"])
        known = referenced or one.outcome == "accepted"
        left = self.world.told(one.id, *statuses, referenced=referenced, code=CODES[error])
        assert (left == []) is known
        one.taken = True
        if known and statuses - {"failed"}:
            model.proved(one, max(statuses - {"failed"}, key=RANKS.index))
        if known and "failed" in statuses:
            model.failed_after_all(one, error)

    def _tellable(self) -> list[Try]:
        """Meta tells nothing of what was not posted, or what it refused."""
        outcomes = (None, "unknown", "accepted")
        tries = [one for one in self.tries.values() if one.posted and one.taken is not False]
        return [one for one in tries if one.outcome in outcomes]

    @may(lambda self: any(_is_unconfirmed(one) for one in self.messages), often=5)
    def a_person_takes_the_risk(self, draw: Draw) -> None:
        one = draw([one for one in self.messages if _is_unconfirmed(one)])
        self._person(one, draw(["retry", "edit"]), confirmed=True)

    @may()
    def a_person_acts(self, draw: Draw) -> None:
        self._person(draw(self.messages), draw(ACTIONS), confirmed=draw([False, True]))

    def _person(self, one: Modelled, action: str, confirmed: bool) -> None:
        allowed = one.allows(action, confirmed)
        try:
            self._act(action, one.id, confirmed)
        except Refused:
            assert not allowed, f"{action} was refused in {one.status}"
            return
        assert allowed, f"{action} was allowed in {one.status}"
        one.did(action, self.world.now, confirmed)

    def _act(self, action: str, message_id: int, confirmed: bool) -> None:
        if action == "retry":
            messages.retry(message_id, by=given.ANA, confirmed=confirmed)
        elif action == "edit":
            row = given.row(message_id)
            draft = Draft(self.world.account, row.recipient, "New", When("now"), max_retries=1)
            now = {"version": row.version, "confirmed": confirmed}
            editing.edit(message_id, draft, by=given.ANA, **now)
        else:
            where = holding if action in ("hold", "release") else messages
            getattr(where, action)(message_id, by=given.ANA)

    @may(lambda self: not self.sender.active)
    def a_person_resumes_the_account(self, _: Draw) -> None:
        accounts.resume(self.name, by=given.ANA)
        self.sender.active = True

    @invariant()
    def the_database_is_as_the_model(self) -> None:
        for one in getattr(self, "messages", []):
            assert world.facts(given.row(one.id)) == one.facts(world.wamid), given.events(one.id)
            stored = {a.id: (a.outcome, a.confirmed_by) for a in given.attempts(one.id)}
            wanted = {t.id: (t.outcome, "ana" if t.confirmed else None) for t in one.tries}
            assert stored == wanted

    @invariant()
    def nothing_is_violated(self) -> None:
        assert list(verify.violations()) == []


def _is_unconfirmed(one: Modelled) -> bool:
    return one.status == "failed" and one.error == "unknown" and not one.deleted


@pytest.mark.timeout(0 if EXAMPLES else 300)
def test_whatever_happens_in_any_order_is_as_the_rules_say(
    database: str, environment: pytest.MonkeyPatch
) -> None:
    _live(environment, EXAMPLES or 8, random=bool(EXAMPLES))


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_it_is_as_the_rules_say_in_orders_that_nobody_has_tried_yet(
    database: str, environment: pytest.MonkeyPatch
) -> None:
    """A failure prints the example as a decorator that repeats it."""
    _live(environment, 12, random=True)


def _live(environment: pytest.MonkeyPatch, examples: int, *, random: bool) -> None:
    class Bound(Life):
        clock = Clock()

    environment.setattr(db, "now", Bound.clock)
    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=examples,
            stateful_step_count=60,
            deadline=None,
            derandomize=not random,
            database=None,
            print_blob=random,
            suppress_health_check=list(HealthCheck),
        ),
    )
