"""Which messages a filter means, and that an address carries all of it."""

from datetime import UTC, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import event
from sqlmodel import col, update

from core import clock, db, filtering, listing, totals
from core.filtering import Filter
from core.listing import page
from core.models import Content
from core.standing import Standing
from tests.core import stored, templated

pytestmark = pytest.mark.usefixtures("database")

NOW = clock.wall()
HOUR = timedelta(hours=1)


def found(wanted: Filter) -> list[int]:
    ids = sorted(row.id for row in page(wanted, now=NOW).rows)
    assert listing.count(wanted, now=NOW) == len(ids)
    return ids


def test_what_keeps_a_message_back_and_why_it_failed_narrow_the_list() -> None:
    kinds: list[dict[str, Any]] = [
        {"hold": "late"},
        {"hold": "person"},
        {"status": "failed", "error_class": "recipient"},
        {"error_class": "transient", "retry_count": 1},
    ]
    late, _, failed, retrying = stored.messages(stored.account(), kinds)
    assert found(Filter(hold="late")) == [late]
    assert found(Filter(error="recipient")) == [failed]
    assert found(Filter(error="transient")) == [retrying]
    assert found(Filter(frozenset({Standing.SENT}), hold="late")) == []


def test_a_time_begins_with_its_first_instant_and_ends_before_its_last() -> None:
    sent = {"status": "sent", "due_at": NOW - 3 * HOUR}
    rows = [{"due_at": NOW}, {"due_at": NOW + HOUR}, sent | {"sent_at": NOW - HOUR}]
    now_, later, late = stored.messages(stored.account(), rows)
    assert found(Filter(due_from=NOW, due_until=NOW + HOUR)) == [now_]
    assert found(Filter(due_from=NOW)) == [now_, later]
    assert found(Filter(sent_from=NOW - HOUR, sent_until=NOW)) == [late]
    assert found(Filter(sent_from=NOW - 2 * HOUR, sent_until=NOW - HOUR)) == []


def test_a_label_and_who_scheduled_it_are_asked_of_what_it_says() -> None:
    ids = stored.messages(stored.account(), [{}, {}, {}])
    with db.writing() as session:
        for one, values in zip(ids, ({"label": "Jakarta"}, {"created_by": "olga"}), strict=False):
            session.execute(update(Content).where(col(Content.message_id) == one).values(**values))
    assert found(Filter(label="Jakarta")) == ids[:1]
    assert found(Filter(by="olga")) == ids[1:2]
    assert found(Filter(by="ana")) == [ids[0], ids[2]]


def test_an_address_carries_all_of_a_filter_and_what_makes_no_sense_in_it_is_left_out() -> None:
    wanted = Filter(
        frozenset({Standing.FAILED}),
        *("Orders & Co", "08 12", 3, 4, "recipient", "late", "Büro", "olga"),
        due_from=NOW.astimezone(UTC),
        sent_until=NOW.astimezone(UTC),
    )
    assert Filter.read(parse_qs(wanted.query)) == wanted
    odd = {"class": ["x"], "hold": ["y"], "batch": ["-1"], "due_from": ["z"], "sent_from": ["2026"]}
    assert Filter.read(odd) == Filter()
    odd = {
        "due_from": ["0001-01-01T00:00:00+14:00"],
        "label": ["\0"],
        "by": ["\0"],
        "account": ["\0"],
    }
    assert Filter.read(odd) == Filter()
    naive = {"due_from": ["2026-11-24T00:00:00"]}
    assert Filter.read(naive) == Filter()


def test_a_search_says_what_it_looks_for_in_texts_and_what_in_numbers() -> None:
    assert filtering.fragments(" 0812-34 ") == ("0812-34", "81234")
    assert filtering.fragments("order 7") == ("order 7", "")


def test_totals_count_what_ended_by_its_standing_and_failures_by_class() -> None:
    account = stored.account()
    failed = {"status": "failed", "error_class": "recipient"}
    kinds: list[dict[str, Any]] = [
        *({"status": "sent", "delivery": one} for one in ("accepted", "delivered", "read")),
        *(failed, failed, {"status": "failed", "error_class": "unknown"}),
        *({"status": "cancelled"}, {}),
    ]
    stored.messages(account, kinds)
    stored.messages(stored.account("Support"), [failed])
    told = totals.totals(Filter(account="Orders"), now=NOW)
    assert told.failures == {"recipient": 2, "unknown": 1} and not told.capped
    assert told.standings == {
        Standing.SENT: 1,
        Standing.DELIVERED: 1,
        Standing.READ: 1,
        Standing.FAILED: 2,
        Standing.UNCONFIRMED: 1,
        Standing.CANCELLED: 1,
    }


def test_totals_of_very_many_are_those_of_the_latest_and_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(totals, "TOTALLED", 2)
    older = {"status": "sent", "delivery": "read", "due_at": NOW - HOUR}
    stored.messages(stored.account(), [older, {"status": "sent"}, {"status": "sent"}])
    assert totals.totals(Filter(), now=NOW) == totals.Totals({Standing.SENT: 2}, {}, True)


WORDS = [
    Filter(search="0812-0000"),
    Filter(search="Hello 3"),
    Filter(label="may"),
    Filter(by="budi"),
    Filter(label="may", by="budi"),
    Filter(label="nobody's"),
    Filter(search="Hello", standings=frozenset({Standing.SENT, Standing.WAITING})),
]


@pytest.mark.parametrize("wanted", WORDS, ids=lambda one: one.query)
def test_what_few_messages_have_in_common_finds_the_same_by_their_ids(
    wanted: Filter, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = ("sent", "failed", "pending")
    kinds = [
        {"status": statuses[n % 3], "due_at": NOW - n * HOUR, "text": f"Hello {n}"}
        for n in range(12)
    ]
    ids = stored.messages(stored.account(), kinds)
    with db.writing() as session:
        for one in ids[::2]:
            session.get_one(Content, one).label = "may"
        for one in ids[::4]:
            session.get_one(Content, one).created_by = "budi"
    by_ids = listing.seen(wanted, now=NOW)
    monkeypatch.setattr(filtering, "FEW", -1)
    looked_through = listing.seen(wanted, now=NOW)
    assert by_ids == looked_through
    with db.reading() as session:
        assert wanted.narrowed(session, NOW).ids is None


def test_a_template_that_few_messages_have_finds_them_in_its_language_alone() -> None:
    account = templated.account()
    english, german = (templated.template(account, language=one) for one in ("en_US", "de"))
    mine = templated.message(account)
    templated.message(account, language="de")
    assert [row.id for row in listing.seen(Filter(template=english), now=NOW).page.rows] == [mine]
    assert listing.seen(Filter(template=german + 1), now=NOW).matching == 0


def test_a_search_is_looked_up_once_for_a_page_and_its_count() -> None:
    stored.messages(stored.account(), [{"text": "Hello"}, {"status": "sent", "text": "Hello"}])
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *more: Any) -> None:
        asked.append(statement)

    event.listen(db.engine(), "before_cursor_execute", note)
    assert listing.seen(Filter(search="hello"), now=NOW).matching == 2
    event.remove(db.engine(), "before_cursor_execute", note)
    assert sum("MATCH" in one or "ILIKE" in one for one in asked) == 1
