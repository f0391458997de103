import random
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import Connection, event, select, update

from core import clock, db, listing
from core.filtering import Filter
from core.listing import Cursor, page
from core.models import Message
from core.standing import STATUS, Standing, m, standing, where
from core.states import Status
from tests.core import stored
from tests.core.batched import batch

pytestmark = pytest.mark.usefixtures("database")

NOW = clock.wall()


def any_row(dice: random.Random, status: Status) -> dict[str, Any]:
    """A row as the engine may leave it; due times collide, and some have no fraction."""
    whole = NOW.replace(microsecond=0)
    row: dict[str, Any] = {
        "status": status.value,
        "due_at": dice.choice([whole, NOW]) + timedelta(seconds=dice.randint(-4, 4)),
        "delivery": dice.choice([None, "accepted", "sent", "delivered", "read"]),
        "error_class": dice.choice([None, "unknown", "transient", "throttled", "expired"]),
        "retry_count": dice.choice([0, 0, 1, 3]),
        "hold": dice.choice([None, None, "batch"]) if status is Status.PENDING else None,
    }
    if status is Status.PROCESSING:
        row |= dice.choice([{"worker_id": 1}, {"unconfirmed_since": NOW}])
    return row


def many(count: int = 200, *, seed: int = 7) -> list[int]:
    dice = random.Random(seed)
    orders, paused = stored.account(), stored.account("Support", state="paused")
    rows = [any_row(dice, dice.choice(list(Status))) for _ in range(count)]
    half = count // 2
    return stored.messages(orders, rows[:half]) + stored.messages(paused, rows[half:])


EVERYTHING = Filter()


def every_page(wanted: Filter = EVERYTHING, *, size: int = 7) -> list[int]:
    seen: list[int] = []
    found = page(wanted, now=NOW, size=size)
    seen += [row.id for row in found.rows]
    while found.after:
        found = page(wanted, now=NOW, after=found.after, size=size)
        seen += [row.id for row in found.rows]
    return seen


def test_a_row_stands_in_sql_where_it_stands_in_python() -> None:
    ids = many(400)
    with db.reading() as session:
        rows = listing.rows(session, m.id.in_(ids))
        for one in Standing:
            in_sql = set(session.execute(select(m.id).where(where(one, NOW))).scalars())
            assert in_sql == {row.id for row in rows if standing(row, NOW) is one}, one


def test_pages_show_each_message_once_in_the_lists_order() -> None:
    ids = many()
    assert sorted(every_page()) == sorted(ids)
    with db.reading() as session:
        rows = {row.id: row for row in listing.rows(session, m.id.in_(ids))}

    def place(id_: int) -> tuple[bool, float, int]:
        row, sign = rows[id_], -1 if rows[id_].ended else 1
        return row.ended, sign * row.due_at.timestamp(), sign * id_

    assert every_page() == sorted(ids, key=place)


def test_turning_back_shows_the_same_pages() -> None:
    many()
    forwards = []
    found = page(Filter(), now=NOW, size=7)
    while found.after:
        forwards.append([row.id for row in found.rows])
        found = page(Filter(), now=NOW, after=found.after, size=7)
    backwards = []
    while found.before:
        found = page(Filter(), now=NOW, before=found.before, size=7)
        backwards.append([row.id for row in found.rows])
    assert backwards[::-1] == forwards


def test_what_does_not_change_is_seen_once_while_everything_else_does() -> None:
    ids, dice = many(), random.Random(3)
    still = set(ids[::2])
    moving = [id_ for id_ in ids if id_ not in still]
    seen: list[int] = []
    found = page(Filter(), now=NOW, size=5)
    while True:
        seen += [row.id for row in found.rows]
        if not found.after:
            break
        later = NOW + timedelta(seconds=dice.randint(-5, 5))
        with db.writing() as session:
            chosen = m.id == dice.choice(moving)
            session.execute(update(Message).where(chosen).values(due_at=later))
        found = page(Filter(), now=NOW, after=found.after, size=5)
    assert sorted(id_ for id_ in seen if id_ in still) == sorted(still)


@pytest.mark.parametrize("one", list(Standing))
def test_a_filter_by_state_shows_exactly_those(one: Standing) -> None:
    ids = many()
    with db.reading() as session:
        rows = listing.rows(session, m.id.in_(ids))
    expected = {row.id for row in rows if standing(row, NOW) is one}
    wanted = Filter(frozenset({one}))
    assert set(every_page(wanted)) == expected
    assert listing.count(wanted, now=NOW) == len(expected)


def test_an_account_and_several_states_narrow_the_list_together() -> None:
    many()
    wanted = Filter(frozenset({Standing.HELD, Standing.SENT}), account="Support")
    found = page(wanted, now=NOW, size=500).rows
    assert found
    assert {row.account for row in found} == {"Support"}
    assert {standing(row, NOW) for row in found} <= wanted.standings


def test_deleted_messages_are_in_no_list() -> None:
    rows = [{"status": "sent"}, {"status": "sent", "deleted_at": NOW, "deleted_by": "ana"}]
    kept, _ = stored.messages(stored.account(), rows)
    assert every_page() == [kept]
    assert listing.count(Filter(), now=NOW) == 1


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("0812-3456", {"jakarta"}),
        ("+62 812", {"jakarta"}),
        ("3456", {"jakarta", "berlin"}),
        ("ORDER", {"jakarta"}),
        ("100%", {"berlin"}),
        ("0%", {"berlin"}),
        ("%", {"berlin"}),
        ('say "hi"', {"jakarta"}),
        ("o_d", set()),
        ("hi\0", {"jakarta"}),
        ("  ", {"jakarta", "berlin"}),
    ],
)
def test_a_search_finds_parts_of_numbers_and_texts_literally(typed: str, found: set[str]) -> None:
    jakarta, berlin = stored.messages(
        stored.account(),
        [
            {"recipient": "+628123456789", "text": 'Your order: say "hi"'},
            {"recipient": "+491712345678", "text": "Rabatt 100% auf alles, Nr. 3456"},
        ],
    )
    ids = {"jakarta": jakarta, "berlin": berlin}
    assert set(every_page(Filter(search=typed))) == {ids[name] for name in found}


def test_a_count_stops_at_its_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "CAP", 20)
    stored.messages(stored.account(), [{}] * 15 + [{"status": "sent"}] * 15)
    assert listing.count(Filter(), now=NOW) == 21
    assert listing.count(Filter(frozenset({Standing.SENT})), now=NOW) == 15


def test_a_filter_comes_back_from_the_address_that_carries_it() -> None:
    wanted = Filter(frozenset({Standing.HELD, Standing.READ}), "Büro & Co", "100% +62")
    assert Filter.read(parse_qs(wanted.query)) == wanted
    assert Filter.read({"state": ["nonsense", "Read"]}) == Filter(frozenset({Standing.READ}))


def test_a_cursor_comes_back_from_the_address_that_carries_it() -> None:
    cursor = Cursor(ended=True, due_at=NOW, id=9)
    assert Cursor.read(str(cursor)) == cursor
    for nonsense in ("", "open-x-1", "open-1", "1-2-3-4"):
        with pytest.raises(ValueError):
            Cursor.read(nonsense)


def test_a_page_is_read_by_its_index_at_any_depth() -> None:
    many()
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *more: Any) -> None:
        asked.append((statement, parameters))

    event.listen(db.engine(), "before_cursor_execute", note)
    first = page(Filter(), now=NOW, size=5)
    page(Filter(), now=NOW, after=first.after, size=5)
    event.remove(db.engine(), "before_cursor_execute", note)
    reads = [pair for pair in asked if pair[0].startswith("SELECT")]
    assert len(reads) >= 4
    with db.engine().connect() as connection:
        for statement, parameters in reads:
            told = plan(connection, statement, parameters)
            assert "ix_message_list" in told, told
            assert "TEMP B-TREE" not in told and "Sort" not in told, told


def plan(connection: Connection, statement: str, parameters: Any) -> str:
    """How the database would read it, on PostgreSQL as if the table were large."""
    explain = "EXPLAIN QUERY PLAN"
    if connection.dialect.name == "postgresql":
        explain = "EXPLAIN"
        for way in ("seqscan", "bitmapscan", "sort"):
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    lines = connection.exec_driver_sql(f"{explain} {statement}", parameters)
    return " ".join(str(line[-1]) for line in lines)


def test_every_status_belongs_to_some_standing() -> None:
    assert set(STATUS.values()) == set(Status)


def test_the_messages_of_a_batch_are_listed_page_by_page_in_the_lists_order() -> None:
    account = stored.account()
    rows = [
        {"due_at": NOW + timedelta(minutes=n % 3), "status": ("sent", "pending")[n % 2]}
        for n in range(9)
    ]
    batch_id, ids = batch(account, rows)
    batch(account, rows)
    first = page(Filter(batch=batch_id), now=NOW, size=5)
    second = page(Filter(batch=batch_id), now=NOW, after=first.after, size=5)
    found = [one.id for one in [*first.rows, *second.rows]]
    waits = sorted(ids[1::2], key=lambda one: ((ids.index(one) % 3), one))
    left = sorted(ids[::2], key=lambda one: ((ids.index(one) % 3), one), reverse=True)
    assert found == waits + left and second.after is None
