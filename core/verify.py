"""Verify: whatever happened to processes and machines, what must hold of every row holds.

Reads the whole database by ranges of ids, each range in a short transaction of its own, beside
whatever is sending; a range of messages or attempts is judged by one statement.
"""

from collections.abc import Iterator
from datetime import timedelta

from core import db
from core.invariants import optouts, posts, rates
from core.invariants.attempts import ATTEMPTS
from core.invariants.events import EVENTS
from core.invariants.inbound import INBOUND
from core.invariants.messages import MESSAGES
from core.invariants.posts import Pairs
from core.invariants.rates import Rates
from core.invariants.violation import Violation

CHUNK = 5000
# A worker is taken for dead 30 s after its lease, and the next scan comes within a minute.
UNDER_WAY_FOR = timedelta(minutes=2)
FORGET_AFTER = 600.0  # seconds by which the slots of later attempts may lie before earlier ones


def violations() -> Iterator[Violation]:
    """Everything that breaks an invariant, as it is found; nothing when all is in order."""
    with db.reading() as session:
        long_ago = db.now(session) - UNDER_WAY_FOR
    for judged in (MESSAGES, ATTEMPTS, EVENTS, INBOUND):
        for first, last in _ranges(judged.table):
            with db.reading() as session:
                found = list(judged.broken(session, first, last, long_ago))
            yield from found
    yield from _posts()


def _ranges(table: str) -> Iterator[tuple[int, int]]:
    with db.reading() as session:
        ends = session.execute(db.sql(f"SELECT min(id) AS first, max(id) AS last FROM {table}"))
        first, last = ends.one()
    for start in range(first or 1, (last or 0) + 1, CHUNK):
        yield start, start + CHUNK - 1


def _posts() -> Iterator[Violation]:
    """What only the attempts in their order tell: bytes, instants, Meta's limits, opt-outs."""
    with db.reading() as session:
        limits = rates.limits(session)
    paced, pairs = Rates(limits), Pairs()
    for first, last in _ranges("attempt"):
        with db.reading() as session:
            read = list(posts.read(session, first, last))
            unwanted = list(optouts.sent_all_the_same(session, [post for post, _, _ in read]))
        yield from unwanted
        for post, payload, digest in read:
            paced.see(post)
            yield from posts.altered(post, payload, digest)
            yield from posts.mistimed(post, limits.most(post.account_id, post.slot, post.at))
            yield from pairs.see(post)
        if read:
            pairs.forget_before(min(post.slot for post, _, _ in read) - FORGET_AFTER)
    yield from paced.broken()
