"""Which messages a filter means, and that an address carries all of it."""

from datetime import UTC, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlmodel import col, update

from core import clock, db, filtering, listing
from core.filtering import Filter
from core.listing import Totals, page
from core.models import Content
from core.standing import Standing
from tests.core import stored

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
    told = listing.totals(Filter(account="Orders"), now=NOW)
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
    monkeypatch.setattr(listing, "TOTALLED", 2)
    older = {"status": "sent", "delivery": "read", "due_at": NOW - HOUR}
    stored.messages(stored.account(), [older, {"status": "sent"}, {"status": "sent"}])
    assert listing.totals(Filter(), now=NOW) == Totals({Standing.SENT: 2}, {}, True)
