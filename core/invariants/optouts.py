"""What must hold of each post and the list of who asked not to be contacted."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from core import db
from core.covering import MARKETING_CATEGORY
from core.invariants.posts import Post
from core.invariants.violation import Violation
from core.optout_file import EVERYTHING

# Seconds that lie between the instant that a row of the list names and its commit, or between a
# claim's and its commit: what happened within them happened at once.
AT_ONCE = 5.0


def sent_all_the_same(session: Session, posts: Sequence[Post]) -> Iterator[Violation]:
    """Those claimed while an opt-out that covered them was in force; given back unposted is not."""
    asked = _asked_not_to(session, posts)
    few = [post.attempt_id for post, row in asked if row.scope != EVERYTHING]
    marketing = _marketing(session, few)
    covered = {
        post.attempt_id: post
        for post, row in asked
        if row.scope == EVERYTHING or post.attempt_id in marketing
    }
    for post in covered.values():
        told = f"Attempt {post.attempt_id} sent message {post.message_id} to somebody who had"
        yield Violation(
            "sent to an opt-out",
            f"{told} asked not to be contacted.",
            (post.message_id,),
            (post.attempt_id,),
        )


def _asked_not_to(session: Session, posts: Sequence[Post]) -> list[tuple[Post, Row[Any]]]:
    """Each post with what its recipient had asked of its account at that time."""
    theirs: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    rows = [{"number": one} for one in sorted({post.recipient for post in posts})]
    found = db.sql(
        "SELECT o.number, o.scope, o.account_id, o.created_at, o.lifted_at"
        f" FROM {db.rows_sql(session, number='text')} JOIN opt_out o ON o.number = v.number"
    ).columns(created_at=db.UtcDateTime(), lifted_at=db.UtcDateTime())
    for row in session.execute(found, {"rows": db.rows(rows)}):
        theirs[row.number].append(row)
    return [
        (post, row)
        for post in posts
        if not post.released
        for row in theirs.get(post.recipient, ())
        if row.account_id in (None, post.account_id) and _in_force(row, post.claimed)
    ]


def _in_force(row: Row[Any], at: float) -> bool:
    begins = row.created_at.timestamp() + AT_ONCE
    return bool(begins < at and (row.lifted_at is None or at < row.lifted_at.timestamp() - AT_ONCE))


def _marketing(session: Session, attempt_ids: Sequence[int]) -> set[int]:
    """Those that are marketing: their template still is what they were scheduled with."""
    if not attempt_ids:
        return set()
    asked = db.sql(
        f"SELECT a.id FROM {db.rows_sql(session, attempt_id='bigint')}"
        " JOIN attempt a ON a.id = v.attempt_id JOIN message m ON m.id = a.message_id"
        " JOIN content c ON c.message_id = m.id JOIN template t ON t.id = m.template_id"
        f" WHERE m.kind = 'template' AND t.category = '{MARKETING_CATEGORY}'"
        ' AND c.template_sha256 = t.sha256 AND a.payload LIKE \'%"type":"template"%\''
    )
    rows = [{"attempt_id": one} for one in attempt_ids]
    return set(session.execute(asked, {"rows": db.rows(rows)}).scalars())
