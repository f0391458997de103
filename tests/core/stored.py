"""Messages put straight into the tables: any state, any number, any time."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core import clock, db, sampling
from core.drafts import search_words
from core.models import Account, Business, Content, Message
from core.trends import Sample


def account(name: str = "Orders", **more: Any) -> int:
    now = clock.wall()
    with db.writing() as session:
        business = Business(name=name, token="x", token_since=now, created_at=now)
        session.add(business)
        session.flush()
        given: dict[str, Any] = {"business_id": business.id, "name": name, "created_at": now}
        made = Account(**(given | {"phone_number_id": f"id of {name}"} | more))
        session.add(made)
        session.flush()
        return made.id


def messages(account_id: int, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Store one message for each mapping of columns (and `text`); returns their ids in order."""
    now = clock.wall()
    made = [_message(account_id, number, row, now) for number, row in enumerate(rows)]
    with db.writing() as session:
        session.add_all(made)
        session.flush()
        session.add_all(
            _content(message, row.get("text", "Hello"))
            for message, row in zip(made, rows, strict=True)
        )
    return [message.id for message in made]


def _message(account_id: int, number: int, row: Mapping[str, Any], now: datetime) -> Message:
    due: datetime = row.get("due_at", now + timedelta(hours=1))
    given: dict[str, Any] = {
        "account_id": account_id,
        "recipient": f"+62812{number:08d}",
        "scheduled_at": due,
        "due_at": due,
        "created_at": now,
    }
    return Message(**(given | {name: value for name, value in row.items() if name != "text"}))


def _content(message: Message, text: str) -> Content:
    words = search_words(message.recipient, text)
    return Content(
        message_id=message.id,
        recipient=message.recipient,
        text=text,
        created_by="ana",
        search=words,
    )


def many(account_id: int, count: int, **columns: Any) -> None:
    """Rows without a text, thousands by one statement: such as are counted, never sent."""
    now = clock.wall()
    due: datetime = columns.get("due_at", now)
    given = {"scheduled_at": due, "due_at": due, "created_at": now} | columns
    with db.writing() as session:
        numbers = (
            "generate_series(1, CAST(:count AS integer)) AS s(i)"
            if db.on_postgres(session)
            else "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < :count)"
            " SELECT i FROM s) AS s"
        )
        instants = [name for name, value in given.items() if isinstance(value, datetime)]
        session.execute(
            db.sql(
                f"INSERT INTO message (account_id, recipient, {', '.join(given)})"
                f" SELECT :account, '+62' || (81300000000 + i), {', '.join(f':{n}' for n in given)}"
                f" FROM {numbers}",
                *instants,
            ),
            given | {"account": account_id, "count": count},
        )


def sample(account_id: int, *, step: int = 60, **more: Any) -> None:
    """How the queue of an account was five minutes ago, or as `more` says."""
    plain = {"account": "", "reasons": {"turn": 3}, "standings": {"waiting": 3}, "oldest": 2.0}
    plain |= {"at": clock.wall() - timedelta(minutes=5), "sent": 30, "rate": 1.0}
    plain |= {"p50": 0.4, "p95": 9.0}
    with db.writing() as session:
        sampling._keep(session, step, [Sample(account_id=account_id, **(plain | more))])


def exportable(count: int, **columns: Any) -> None:
    """Messages with a text each, by two statements; `columns` as `many` has them."""
    many(account(), count, **columns)
    with db.writing() as session:
        session.execute(
            db.sql(
                "INSERT INTO content (message_id, recipient, text, created_by, search)"
                " SELECT id, recipient, 'Hello', 'ana', recipient FROM message"
            )
        )
