"""An explanation in an operator's words: one sentence with reason and end, and what can be done.

Here and not in `ui/`, because the command line says the same.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from core.blocking import Reason
from core.causes import CLASSES, HOLDS, failure
from core.explain import Explanation
from core.listing import CAP
from core.schedule import ago, clock, within
from core.states import RELEASABLE

RESUME = "Mend what the reason says, then resume it on its page under Accounts."
RELEASE = "Release it, give it a new time, or cancel it."
ELSEWHERE = {"template": "See what changed, and release it, on the page Templates."}
NEVER = "It will not leave: its turn comes too late for it."
SOON = timedelta(seconds=2)

ADVICE = {
    Reason.GUARD: "An administrator decides, by «Decide …» on each page or: manage.py guard answer",
    Reason.STOPPED: "«Send again …» stands on every page; or: python manage.py resume-all",
    Reason.PAUSED: RESUME,
    Reason.BATCH: "It is released and resumed on the page of its batch.",
    Reason.RETIRED: "Cancel it, or send it from another account.",
    Reason.NO_WORKER: "Start one with: make run",
    Reason.UNREACHED: CLASSES["unreached"].advice,
}


class Clock:
    """Tells times of `zone` at `now`; `told` has the words and the instant of each, in their order
    in the sentence."""

    def __init__(self, now: datetime, zone: str) -> None:
        self.now, self.zone, self.told = now, zone, list[tuple[str, datetime]]()

    def __call__(self, at: datetime, *, seconds: bool = False) -> str:
        said = clock(at, self.zone, self.now, seconds=seconds)
        self.told.append((said, at))
        return said

    def soon(self, at: datetime) -> str:
        """With seconds and a span where it is near, else as short as it is clear."""
        near = at - self.now < timedelta(hours=1)
        return f"{self(at, seconds=near)} ({within(max(timedelta(), at - self.now))})"

    def since(self, why: Explanation) -> str:
        return f" since {self(why.since)}" if why.since else ""


def sentence(why: Explanation, now: datetime, zone: str = "UTC") -> str:
    """Why it has not left, and when it will, with the times of `zone`."""
    return told(why, Clock(now, zone))


def told(why: Explanation, at: Clock) -> str:
    """The same, by a clock that knows afterwards which times it told."""
    if why.exact and why.leaves_at is None:
        return NEVER
    return _SENTENCES[why.reason](why, at)


def unheard(texts: int) -> str:
    """That WhatsApp will refuse so many free texts of a file."""
    come = "1 text comes" if texts == 1 else f"{texts:,} texts come"
    return (
        f"As far as is known, {come} when the person has not written to the number in the"
        " 24 hours before: WhatsApp refuses all but templates then."
    )


def advice(why: Explanation) -> str:
    """What can be done about it; empty where it goes on by itself."""
    if why.reason is Reason.HELD:
        return RELEASE if why.hold in RELEASABLE else ELSEWHERE.get(why.hold or "", "")
    if why.exact and why.leaves_at is None:
        return "Give it another time, or cancel it."
    return ADVICE.get(why.reason, "")


def _because(why: Explanation) -> str:
    return f": {why.detail.rstrip('.')}." if why.detail else "."


def _leaves(why: Explanation, at: Clock, word: str = "Leaves") -> str:
    """«Leaves 14:30:02 (in 4 min), behind 120 messages.» or at least so much."""
    if why.leaves_at is None:
        return ""
    behind = _behind(why)
    if why.exact:
        return f"{word} {at.soon(why.leaves_at)}{behind and f', behind {behind}'}."
    least = f"{word} {at.soon(why.leaves_at)} at the earliest"
    return f"{least}{behind and f', behind at least {behind}'}."


def _behind(why: Explanation) -> str:
    if not why.ahead:
        return ""
    number = f"{min(why.ahead, CAP):,}"
    return f"{number} message{'' if why.ahead == 1 else 's'}"


def _guard(why: Explanation, at: Clock) -> str:
    told = " ".join((why.detail or "").splitlines())
    return f"The restore guard is on{at.since(why)}, so nothing is sent. {told}".rstrip()


def _stopped(why: Explanation, at: Clock) -> str:
    by = f", by {why.by}" if why.by else ""
    return f"All sending is stopped{at.since(why)}{by}{_because(why)}"


def _paused(why: Explanation, at: Clock) -> str:
    by, since = f", by {why.by}" if why.by else "", at.since(why)
    again = f" It resumes by itself {at(why.until)}." if why.until else ""
    return f"{why.account} is {why.reason}{since}{by}{_because(why)}{again}"


def _held(why: Explanation, at: Clock) -> str:
    if why.detail and why.since:
        return f"Since {at(why.since)} {why.detail[:1].lower()}{why.detail[1:]}"
    if why.detail:
        return why.detail
    return HOLDS.get(why.hold or "", f"Held: {why.hold}.")


def _batch(why: Explanation, at: Clock) -> str:
    by = f" by {why.by}" if why.by else ""
    return f"Its batch {why.detail}{at.since(why)}{by}."


def _retry(why: Explanation, at: Clock) -> str:
    if not why.retry_count:
        known = CLASSES.get(why.error_class or "")
        return f"{known.sentence if known else 'Put back.'} {_leaves(why, at)}"
    turn = f"Try {why.retry_count + 1} of {why.max_retries + 1}"
    return f"{turn}: {_leaves(why, at, 'leaves')} Before: {failure(why)[0]}"


def _quiet(why: Explanation, at: Clock) -> str:
    until = f" until {at(why.until)}" if why.until else ""
    return f"Quiet hours of {why.account}{until}. {_leaves(why, at)}"


def _recipient(why: Explanation, at: Clock) -> str:
    return f"This person gets one message at a time. {_leaves(why, at)}"


def _scheduled(why: Explanation, at: Clock) -> str:
    late = bool(why.leaves_at and why.leaves_at - why.due_at > SOON)
    return f"{f'Due {at(why.due_at)}. ' if late else ''}{_leaves(why, at)}"


def _no_worker(why: Explanation, at: Clock) -> str:
    return f"No worker has been alive{at.since(why)}, so nothing is sent."


def _unreached(why: Explanation, at: Clock) -> str:
    return f"WhatsApp cannot be reached{at.since(why)}; one message asks every 15 s."


def _throttled(why: Explanation, at: Clock) -> str:
    until = f" until {at(why.until, seconds=True)}" if why.until else ""
    return f"WhatsApp told {why.account} to wait{until}. {_leaves(why, at)}"


def _slowed(why: Explanation, at: Clock) -> str:
    return f"{_turn(why, at)} {why.account} sends {why.rate:.3g} a second since WhatsApp asked."


def _turn(why: Explanation, at: Clock) -> str:
    if why.exact and not why.ahead and why.leaves_at and why.leaves_at - at.now < SOON:
        return f"Due {ago(at.now - why.due_at)}; it is next."
    return _leaves(why, at)


def _sending(why: Explanation, at: Clock) -> str:
    return "Being handed to WhatsApp."


def _checking(why: Explanation, at: Clock) -> str:
    since = at.since(why)
    until = f", and waited for until {at(why.until)} at least" if why.until else ""
    return f"Handed over, but its answer is missing{since}{until}."


def _ended(why: Explanation, at: Clock) -> str:
    return f"It waits for nothing: it is {why.detail}."


_SENTENCES: dict[Reason, Callable[[Explanation, Clock], str]] = {
    Reason.GUARD: _guard,
    Reason.STOPPED: _stopped,
    Reason.PAUSED: _paused,
    Reason.RETIRED: _paused,
    Reason.HELD: _held,
    Reason.BATCH: _batch,
    Reason.RETRY: _retry,
    Reason.QUIET: _quiet,
    Reason.RECIPIENT: _recipient,
    Reason.SCHEDULED: _scheduled,
    Reason.NO_WORKER: _no_worker,
    Reason.UNREACHED: _unreached,
    Reason.THROTTLED: _throttled,
    Reason.SLOWED: _slowed,
    Reason.TURN: _turn,
    Reason.SENDING: _sending,
    Reason.CHECKING: _checking,
    Reason.ENDED: _ended,
}

# What waits, as a heading or beside a number.
NAMES: dict[Reason, str] = {
    Reason.GUARD: "behind the restore guard",
    Reason.STOPPED: "stopped with all sending",
    Reason.PAUSED: "paused",
    Reason.RETIRED: "on a retired account",
    Reason.HELD: "held",
    Reason.BATCH: "held by their batch",
    Reason.RETRY: "to be tried again",
    Reason.QUIET: "in quiet hours",
    Reason.RECIPIENT: "behind another to the same person",
    Reason.SCHEDULED: "for later",
    Reason.NO_WORKER: "without a worker",
    Reason.UNREACHED: "not reaching WhatsApp",
    Reason.THROTTLED: "told to wait",
    Reason.SLOWED: "due, at a lower rate",
    Reason.TURN: "due",
}


def depth_in_words(counts: dict[Reason, int], *, cap: int = CAP) -> str:
    """«3 held · 1,204 due»; empty where nothing waits. `cap`: where they stopped counting."""
    shown = ((NAMES[reason], number) for reason, number in counts.items() if number)
    return " · ".join(f"{n:,} {name}" if n <= cap else f"{cap:,}+ {name}" for name, n in shown)
