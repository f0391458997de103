"""The list of who is not to be contacted: in pages, from a file, and out as CSV and back."""

from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlmodel import select

from core import (
    db,
    enlisting,
    leasing,
    operating,
    operations,
    optout_import,
    optout_list,
    optouts,
)
from core.errors import Invalid
from core.models import AuditEvent
from tests import given

ANA = given.ANA
FILE = "number,scope,account,reason\n{},,,phoned\n{},marketing,orders,=1+1\nabc,,,\n"


def numbers(count: int) -> list[str]:
    return [given.recipient(n) for n in range(1, count + 1)]


def test_the_list_is_read_latest_first_there_and_back(database: str) -> None:
    optouts.add(numbers(7), by=ANA)
    seen, page = [], optout_list.page(size=3)
    assert page.before is None
    while True:
        seen.append([row.number for row in page.rows])
        if page.after is None:
            break
        page = optout_list.page(size=3, after=page.after)
    latest = numbers(7)[::-1]
    assert seen == [latest[:3], latest[3:6], latest[6:]]
    assert page.before is not None
    back = optout_list.page(size=3, before=page.before)
    assert [row.number for row in back.rows] == latest[3:6]
    assert back.before is not None and back.after is not None
    first = optout_list.page(size=3, before=back.before)
    assert [row.number for row in first.rows] == latest[:3] and first.before is None
    assert optout_list.count() == 7


def test_lifted_ones_are_left_out_or_shown(database: str) -> None:
    optouts.add(numbers(2), by=ANA)
    optouts.lift_number(numbers(1)[0], by=ANA)
    assert [row.number for row in optout_list.page().rows] == [given.recipient(2)]
    assert len(optout_list.page(lifted=True).rows) == 2
    assert len(optout_list.page(lifted=True, number=given.recipient(1)).rows) == 1
    assert optout_list.page(number="+1").rows == []


def imported(text: str) -> Any:
    """What came of a list of a few lines, which nobody has to wait for."""
    row = operations.state(optout_import.import_(text, by=ANA))
    assert row.state == "finished", row.error
    return row.result


def test_a_file_counts_line_by_line_and_what_is_pending_is_cancelled(database: str) -> None:
    orders = given.account("Orders")
    one, two = numbers(2)
    theirs, kept = given.message(orders, to=one), given.message(orders, to=two)
    done = imported(FILE.format(one, two))
    assert (done["added"], done["already"], done["wrong_lines"]) == (2, 0, 1)
    assert [(wrong["line"], wrong["value"]) for wrong in done["wrong"]] == [(4, "abc")]
    operating.run_waiting(Event())
    assert operations.state(done["cancels"]).done == 1
    assert (given.row(theirs).status, given.row(kept).status) == ("cancelled", "pending")
    again = imported(FILE.format(one, two))
    assert (again["added"], again["already"], again["cancels"]) == (0, 2, None)
    with db.reading() as session:
        found = session.exec(select(AuditEvent).where(AuditEvent.action == "opt-outs imported"))
        assert [one.after["added"] for one in found] == [2, 0]


def test_what_is_exported_is_imported_unchanged(database: str) -> None:
    given.account("Orders")
    one, two = numbers(2)
    imported(FILE.format(one, two))
    exported = "".join(optout_list.csv_rows())
    assert exported.startswith("\ufeffnumber,scope,account,reason,source,created_at,created_by\r\n")
    assert f"{two},marketing,Orders,'=1+1,file," in exported
    for number in (one, two):
        optouts.lift_number(number, by=ANA)
    assert imported(exported)["added"] == 2
    plain = [line.rsplit(",", 2)[0] for line in exported.splitlines()]
    again = [line.rsplit(",", 2)[0] for line in "".join(optout_list.csv_rows()).splitlines()]
    assert again == plain


def test_an_unknown_country_is_told(database: str) -> None:
    for import_or_add in (
        lambda: optout_import.import_("0812", home="XX", by=ANA),
        lambda: optouts.add(["0812"], home="XX", by=ANA),
    ):
        with pytest.raises(Invalid, match="is not a country"):
            import_or_add()


def test_of_two_lines_for_one_number_the_wider_counts(database: str) -> None:
    (one,) = numbers(1)
    text = f"number,scope\n{one},marketing\n{one},everything\n{one},marketing\n"
    done = imported(text)
    assert (done["added"], done["already"]) == (1, 2)
    [row] = optout_list.page(lifted=True).rows
    assert (row.scope, row.created_by) == ("everything", "ana")


MANY = "".join(f"{given.recipient(n)}\n" for n in range(7))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.optout_file.PART", 2)
    monkeypatch.setattr(optout_import, "AT_ONCE", 2)


@pytest.mark.usefixtures("small")
def test_a_long_list_is_for_a_worker_and_another_goes_on_where_one_was_killed(
    database: str, move_clock: Callable[[timedelta], None]
) -> None:
    made = optout_import.import_(MANY, by=ANA)
    assert operations.state(made).state == "queued" and optout_list.count() == 0
    killed = leasing.take()
    assert killed
    work = enlisting.work(killed)
    next(work), next(work)
    move_clock(operations.LEASE + timedelta(seconds=1))
    mine = leasing.take()
    assert mine
    operating.run(mine)
    assert list(work) == []
    row = operations.state(made)
    assert (row.state, row.done, row.counted) == ("finished", 7, 7)
    assert (row.result["added"], row.result["already"], optout_list.count()) == (7, 0, 7)


@pytest.mark.usefixtures("small")
def test_a_list_that_is_called_off_keeps_what_it_has_and_cancels_what_is_pending_for_them(
    database: str,
) -> None:
    orders = given.account("Orders")
    theirs = [given.message(orders, to=given.recipient(n)) for n in (0, 6)]
    made = optout_import.import_(MANY, by=ANA)
    mine = leasing.take()
    assert mine
    operating.run(mine, tell=lambda one: one.done == 2 and operations.cancel(made, by=ANA))
    operating.run_waiting(Event())
    assert optout_list.count() == 2 and operations.state(made).state == "cancelled"
    assert [given.row(one).status for one in theirs] == ["cancelled", "pending"]
