"""When the messages of a file will have left, and whether they pass Meta's daily limit.

The engine's own arithmetic: slots at the account's rate, behind what waits, outside quiet hours.
Meta counts, over all numbers of a portfolio, the people written to in any 24 hours who did not
write themselves in the 24 hours before (messaging limits).
"""

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from heapq import merge
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from core import db, pacing
from core.models import Account, Business, Message, Recipient
from core.quiet import quiet_until
from core.states import Status

DAY = timedelta(hours=24)
MOST_AHEAD = 100_000  # that are looked at of what waits before
_TIER = re.compile(r"TIER_(\d+)(K?)")


class Leaving(NamedTuple):
    """A message and when it leaves, in seconds since 1970."""

    at: float
    number: str
    ours: bool  # of the file; else it waits already


class Finish(NamedTuple):
    """One account's part of a file: from when to when it leaves."""

    account: str
    messages: int
    begins_at: datetime
    ends_at: datetime
    ahead: int  # that leave before its last


class Passing(NamedTuple):
    """The people in 24 hours that Meta allows, and when there are more; whose numbers count."""

    limit: int
    at: datetime
    accounts: list[str]


def leaving(
    session: Session, account: Account, dues: Iterable[tuple[datetime, str]], now: datetime
) -> list[Leaving]:
    """When each of these (time, number) leaves, and what waits on the account before the last."""
    mine = sorted((due.timestamp(), number, True) for due, number in dues)
    if not mine:
        return []
    there = _waiting(session, account.id, datetime.fromtimestamp(mine[-1][0], UTC))
    free = now.timestamp()
    step, opens = pacing.period(account.rate) if account.rate else 0.0, _opens(account)
    found = []
    for due, number, ours in merge(there, mine):
        at = opens(max(free, due))
        found.append(Leaving(at, number, ours))
        free = at + step if step else free
    return found


def _waiting(session: Session, account_id: int, until: datetime) -> list[tuple[float, str, bool]]:
    waits = (
        select(col(Message.due_at), col(Message.recipient))
        .where(
            col(Message.account_id) == account_id,
            col(Message.status) == Status.PENDING,
            col(Message.hold).is_(None),
            col(Message.priority).in_((0, 1, 2)),
            col(Message.due_at) <= until,
        )
        .order_by(col(Message.due_at))
        .limit(MOST_AHEAD)
    )
    return [(row.due_at.timestamp(), row.recipient, False) for row in session.execute(waits)]


def _opens(account: Account) -> Callable[[float], float]:
    """From an instant to the end of the quiet hours that it lies in; they begin and end at full
    minutes."""
    if not account.quiet_from or not account.quiet_to:
        return lambda at: at
    ends: dict[int, float] = {}

    def opens(at: float) -> float:
        minute = int(at // 60)
        if minute not in ends:
            end = quiet_until(
                datetime.fromtimestamp(minute * 60, UTC),
                zone=account.zone,
                quiet_from=account.quiet_from,
                quiet_to=account.quiet_to,
            )
            ends[minute] = end.timestamp() if end else 0.0
        return max(at, ends[minute])

    return opens


def finish(account: Account, leaves: Sequence[Leaving]) -> Finish | None:
    """From when to when the file's messages of one account leave; None without any."""
    ours = [one.at for one in leaves if one.ours]
    if not ours:
        return None
    last = max(ours)
    ahead = sum(not one.ours and one.at < last for one in leaves)
    begins, ends = (datetime.fromtimestamp(at, UTC) for at in (min(ours), last))
    return Finish(account.name, len(ours), begins, ends, ahead)


def limit_of(account: Account) -> int | None:
    """How many people Meta lets this number's portfolio write to in 24 hours; None: no limit, or
    none that Meta has told."""
    found = _TIER.fullmatch(account.messaging_limit or "")
    return int(found[1]) * (1_000 if found[2] else 1) if found else None


def passings(
    session: Session, leaves: Mapping[int, Sequence[Leaving]], now: datetime
) -> list[Passing]:
    """When Meta's limits are passed by what leaves (account → messages), the earliest first."""
    found = []
    for limit, accounts in portfolios(session, leaves):
        ids = [one.id for one in accounts]
        coming = sorted((one.at, each, one.number) for each in ids for one in leaves.get(each, ()))
        at = _passes([*_sent(session, ids, now), *coming], _windows(session, ids, now), limit)
        if at is not None:
            names = sorted(one.name for one in accounts)
            found.append(Passing(limit, datetime.fromtimestamp(at, UTC), names))
    return sorted(found, key=lambda one: one.at)


def portfolios(session: Session, ids: Iterable[int]) -> Iterable[tuple[int, list[Account]]]:
    """The limit and the numbers of each portfolio that these accounts belong to."""
    rows = session.execute(
        select(Account, col(Business.portfolio_id), col(Business.id)).join(
            Business, col(Business.id) == col(Account.business_id)
        )
    ).all()
    whose = {row[0].id: row[1] or f"business {row[2]}" for row in rows}
    for portfolio in sorted({whose[one] for one in ids}):
        accounts = [row[0] for row in rows if whose[row[0].id] == portfolio]
        limits = [limit for one in accounts if (limit := limit_of(one)) is not None]
        if limits:
            yield min(limits), accounts


def unheard(
    session: Session, texts: Mapping[int, Iterable[tuple[datetime, str]]], now: datetime
) -> int:
    """How many of these (account → time, number) come when nothing that the person wrote to the
    account is less than 24 hours old, as far as is known: WhatsApp takes templates only then."""
    windows = _windows(session, list(texts), now)
    return sum(
        not _answers(windows.get((account_id, number)), due.timestamp())
        for account_id, dues in texts.items()
        for due, number in dues
    )


def _answers(wrote: float | None, at: float) -> bool:
    return wrote is not None and wrote <= at < wrote + DAY.total_seconds()


def _windows(session: Session, ids: Sequence[int], now: datetime) -> dict[tuple[int, str], float]:
    """Who wrote to which number in the last 24 hours, and when: what answers it does not count."""
    asked = (col(Recipient.account_id), col(Recipient.number), col(Recipient.last_inbound_at))
    wrote = select(*asked).where(asked[0].in_(ids), asked[2] > now - DAY)
    return {(account, who): at.timestamp() for account, who, at in session.execute(wrote)}


def _sent(session: Session, ids: Sequence[int], now: datetime) -> list[tuple[float, int, str]]:
    """Who was written to in the last 24 hours. By `due_at`, which has an index: what is older than
    two days and left only now is not looked for."""
    asked = (col(Message.sent_at), col(Message.account_id), col(Message.recipient))
    sent = select(*asked).where(
        col(Message.status) == Status.SENT,
        col(Message.due_at) > now - 2 * DAY,
        col(Message.due_at) <= now,
        col(Message.sent_at) > now - DAY,
        col(Message.account_id).in_(ids),
    )
    return sorted((at.timestamp(), account, who) for at, account, who in session.execute(sent))


def _passes(
    messages: Iterable[tuple[float, int, str]],
    windows: Mapping[tuple[int, str], float],
    limit: int,
) -> float | None:
    """When the people of the last 24 hours become more than `limit`; messages by their time.

    Each is time, account, number. What was sent before somebody wrote does count.
    """
    day, latest, people = DAY.total_seconds(), deque[tuple[float, str]](), Counter[str]()
    for at, account_id, number in messages:
        if _answers(windows.get((account_id, number)), at):
            continue
        latest.append((at, number))
        people[number] += 1
        while latest[0][0] <= at - day:
            gone = latest.popleft()[1]
            people[gone] -= 1
            if not people[gone]:
                del people[gone]
        if len(people) > limit:
            return at
    return None


def told(one: Finish | Passing) -> dict[str, Any]:
    """As JSON."""
    return {
        key: db.stamp(value) if isinstance(value, datetime) else value
        for key, value in one._asdict().items()
    }
