"""A plain model of what becomes of messages: the rules of docs/send-loop.md without a database."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

RANKS = ("accepted", "sent", "delivered", "read")
WAITS = ("transient", "unreached", "throttled", "pair", "account", "template")
LET_GO = ("late", "person", "template")  # by a person: the model has only texts
WINDOW = 600  # seconds


@dataclass
class Waits:
    """Somebody who is not sent anything until a time that the model does not follow."""

    waits: bool = False


@dataclass
class Sender(Waits):
    """The account."""

    active: bool = True


@dataclass
class Try:
    """One attempt. `taken`: whether Meta has it, None while nobody, Meta included, decided."""

    id: int
    message: "Modelled"
    outcome: str | None = None
    confirmed: bool = False
    posted: bool = False
    taken: bool | None = None
    failed: bool = False  # accepted, then told as failed
    delivery: int = 0

    @property
    def arrived(self) -> bool:
        return self.outcome == "accepted" and not self.failed


@dataclass
class Modelled:
    """One message. `waits`: it is due later, at a time that the model does not follow."""

    id: int
    recipient: Waits
    account: Sender
    status: str = "pending"
    tries: list[Try] = field(default_factory=list)
    shown: Try | None = None  # whose id and delivery the message shows
    error: str | None = None
    retries: int = 0
    max_retries: int = 1
    confirmed: bool = False
    waits: bool = False
    hold: str | None = None
    expires: int | None = None
    deleted: bool = False
    unconfirmed_at: int | None = None

    @property
    def open(self) -> Try | None:
        return next((one for one in self.tries if one.outcome is None), None)

    @property
    def may_have_arrived(self) -> bool:
        return any(one.outcome == "unknown" for one in self.tries)

    @property
    def candidate(self) -> bool:
        return self.status == "pending" and not self.hold and self.account.active

    @property
    def surely_due(self) -> bool:
        return not (self.waits or self.recipient.waits or self.account.waits)

    def over(self, now: int) -> bool:
        return self.expires is not None and self.expires < now

    def claimed(self, attempt_id: int) -> Try:
        """Open an attempt, which must never be able to send twice unasked."""
        assert self.candidate, f"message {self.id} was claimed in {self.status}"
        assert not any(one.arrived for one in self.tries), f"message {self.id} has arrived already"
        assert self.confirmed or not self.may_have_arrived, f"message {self.id} was not confirmed"
        made = Try(attempt_id, self, confirmed=self.confirmed)
        self.tries.append(made)
        self.status, self.waits = "processing", False
        return made

    def fail(self, error: str) -> None:
        self.status = "failed"
        self.error = "unknown" if self.may_have_arrived else error

    def sent(self, by: Try) -> None:
        self.status, self.shown, self.error, self.hold = "sent", by, None, None
        self.confirmed, self.unconfirmed_at = False, None

    def again(self, now: int, *, confirmed: bool) -> None:
        """A person sends it again: the attempts alone remember what was before."""
        self.expires = None if self.over(now) else self.expires
        self.confirmed = confirmed and self.error == "unknown"
        self.status, self.shown, self.error = "pending", None, None
        self.retries, self.waits, self.hold = 0, False, None

    def allows(self, action: str, confirmed: bool) -> bool:
        """Whether a person may do this now."""
        risk = self.status == "failed" and self.error == "unknown" and not confirmed
        return (
            not self.deleted
            and {
                "cancel": self.status == "pending",
                "retry": self.status == "failed" and not risk,
                "edit": self.status in ("pending", "failed") and not risk,
                "delete": self.status != "processing",
                "hold": self.status == "pending" and self.hold is None,
                "release": self.status == "pending" and self.hold in LET_GO,
            }[action]
        )

    def did(self, action: str, now: int, confirmed: bool) -> None:
        if action in ("hold", "release"):
            self.hold = "person" if action == "hold" else None
        elif action == "retry" or (action == "edit" and self.status == "failed"):
            self.again(now, confirmed=confirmed)
        elif action == "edit":
            self.expires = None if self.over(now) else self.expires
            self.retries, self.waits = 0, False
            self.hold = None if self.hold in ("late", "template") else self.hold
        else:
            self.deleted |= action == "delete"
            if self.status == "pending":
                self.status, self.hold = "cancelled", None

    def facts(self, wamid: Callable[[int], str]) -> dict[str, object]:
        """What its row has to hold."""
        return {
            "status": self.status,
            "deleted": self.deleted,
            "claimed": self.open is not None,
            "unconfirmed": self.unconfirmed_at is not None,
            "hold": self.hold,
            "retries": self.retries,
            "error": self.error if self.status == "failed" else None,
            "shown": wamid(self.shown.id) if self.shown else None,
            "delivery": RANKS[self.shown.delivery] if self.shown else None,
        }


def proved(one: Try, delivery: str) -> None:
    """Meta has this attempt, whoever tells it: always kept, and only forward."""
    message, first = one.message, one.outcome != "accepted"
    one.outcome, one.taken = "accepted", True
    one.delivery = max(one.delivery, RANKS.index(delivery))
    if first:
        closes = message.status in ("processing", "pending") or message.error == "unknown"
        hidden = message.status == "cancelled" or message.deleted
        if closes and not hidden and not message.open:
            message.sent(one)
        elif hidden and message.shown is None:
            message.shown = one


def failed_after_all(one: Try, error: str) -> None:
    """Acceptance, then failure."""
    proved(one, "accepted")
    one.failed = True
    message = one.message
    if message.status == "sent" and message.shown is one and not message.deleted:
        if others := [other for other in message.tries if other.arrived]:
            message.shown = others[-1]
        else:
            message.fail(error)
        if error == "account":
            message.account.active = False


def answered(one: Try, outcome: str, now: int) -> None:
    """What the worker that posted it, or whoever found that one dead, tells of an attempt."""
    if outcome == "accepted":
        proved(one, "accepted")
    elif one.outcome is None:
        one.outcome = outcome
        _closed(one.message, outcome, now)


def _closed(message: Modelled, outcome: str, now: int) -> None:
    if earlier := [one for one in message.tries if one.arrived]:
        message.sent(earlier[0])
    elif outcome == "unknown":
        message.unconfirmed_at, message.error = now, "unknown"
    elif outcome == "released":
        message.status, message.waits = "pending", False
    elif outcome == "transient" and message.retries >= message.max_retries:
        message.fail(outcome)
    elif outcome in WAITS:
        message.status, message.error, message.waits = "pending", outcome, outcome != "account"
        message.retries += outcome == "transient"
        message.hold = "template" if outcome == "template" else None
        message.recipient.waits |= outcome == "pair"
    else:
        message.fail(outcome)
    if outcome == "account":
        message.account.active = False
    elif outcome == "throttled":
        message.account.waits = True


def windows_end(messages: Iterable[Modelled], now: int) -> None:
    for one in messages:
        if one.unconfirmed_at is not None and one.unconfirmed_at < now - WINDOW:
            one.unconfirmed_at = None
            one.fail("unknown")
