"""Whom to telephone: who is on the list, why, and the file of it."""

import csv
import io
from datetime import timedelta

import pytest

from core import exporting, not_reached
from core.access import Actor, Role
from core.errors import Invalid
from core.listing import Cursor
from core.not_reached import Missed
from tests.core import stored
from tests.core.test_reports import now

pytestmark = pytest.mark.usefixtures("database")

HOUR = timedelta(hours=1)
VERA = Actor("vera", Role.VIEWER)


RECENT = Missed()


def listed(wanted: Missed = RECENT, size: int = 50) -> list[int]:
    at, found, after = now(), list[int](), None
    while True:
        page = not_reached.page(wanted, now=at, after=after, size=size)
        found += [row.id for row in page.rows]
        after = page.after
        if after is None:
            return found


def world() -> dict[str, int]:
    """One message of each kind; those that are on the list first, latest due first."""
    old = {"due_at": now() - 30 * HOUR, "sent_at": now() - 30 * HOUR, "status": "sent"}
    rows = {
        "failed": {"status": "failed", "error_class": "recipient", "error_code": 131026},
        "unconfirmed": {"status": "failed", "error_class": "unknown"},
        "silent": old | {"delivery": "sent", "reference": "=A-1"},
        "delivered": old | {"delivery": "delivered"},
        "fresh": {"status": "sent", "sent_at": now() - HOUR, "delivery": "accepted"},
        "long ago": {"status": "failed", "due_at": now() - timedelta(days=9)},
        "deleted": {"status": "failed", "deleted_at": now()},
        "waiting": {},
    }
    given = [{"due_at": now() - n * HOUR} | row for n, row in enumerate(rows.values(), start=1)]
    return dict(zip(rows, stored.messages(stored.account(), given), strict=True))


def test_who_failed_is_unconfirmed_or_has_not_got_it_in_time_is_listed_and_nobody_else() -> None:
    ids = world()
    wanted = [ids[name] for name in ("failed", "unconfirmed", "silent")]
    assert listed() == wanted and not_reached.count(Missed(), now=now()) == 3
    assert listed(size=1) == listed(Missed(days=1)) == wanted
    assert listed(Missed(days=30)) == [*wanted, ids["long ago"]]
    assert listed(Missed(account="Other")) == []


def test_each_is_told_why_and_what_can_be_done() -> None:
    world()
    whys = [
        not_reached.why(row, now()).reason for row in not_reached.page(Missed(), now=now()).rows
    ]
    assert whys == [
        "This number cannot be reached on WhatsApp (131026).",
        "Nobody knows whether it arrived.",
        "WhatsApp took it 30 hours ago and has not delivered it.",
    ]


def test_the_file_has_all_of_them_and_no_formula() -> None:
    world()
    pieces = exporting.missed_as_csv(Missed(), zone="Asia/Jakarta", by=VERA)
    read = list(csv.DictReader(io.StringIO("".join(pieces).removeprefix("\ufeff"))))
    assert [row["state"] for row in read] == ["failed", "unconfirmed", "not delivered"]
    assert read[2]["reference"] == "'=A-1" and read[0]["due_at_local"].endswith("+07:00")
    with pytest.raises(Invalid):
        exporting.missed_as_csv(Missed(), zone="Mars/Base", by=VERA)


def test_what_makes_no_sense_in_an_address_is_left_out() -> None:
    assert Missed.read({"days": ["x"], "account": [""]}) == Missed()
    assert Missed.read({"account": ["\0"]}) == Missed()
    assert Missed.read({"days": ["30"], "account": ["Orders"]}) == Missed(30, "Orders")
    assert isinstance(Cursor.read("ended-0-1"), Cursor)
