"""A disk that fills up under full load, and has room again later."""

from random import Random

import pytest

from tests.chaos import tally
from tests.chaos.fleet import PLANTED, STARTS_WITHIN, Fleet
from tests.chaos.load import Load
from tests.waiting import until

pytestmark = pytest.mark.timeout(240)
NO_LIMIT = str(2**32 - 2)


def test_a_worker_that_can_write_no_start_mark_posts_nothing_and_goes_on_later(
    fleet: Fleet, load: Load, chance: Random
) -> None:
    """No file of it may grow or change: marks and twin, and SQLite's database as well."""
    alone = fleet.worker()
    load.add(load.account(None), 4000)
    load.until_more(chance.randint(1, 1000))
    alone.fill_disk()  # which takes its log as well
    tally.until_still(load.arrived)
    assert load.arrived() < 4000
    alone.free_disk()
    load.until_more(200)
    tally.until_quiet()
    tally.reckon(load.ledger, scheduled=load.scheduled).check(in_flight=())


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_database_that_may_not_grow_holds_everything_back_and_loses_nothing(
    fleet: Fleet, load: Load, chance: Random
) -> None:
    pages = fleet.programs.folder / "pages"
    pages.write_text(NO_LIMIT)
    alone = fleet.worker(program=PLANTED, CHAOS_PAGES=str(pages))
    load.add(load.account(None), 5000)
    load.until_more(chance.randint(1, 1000))
    pages.write_text("1")  # which SQLite reads as: no more than there are
    until(lambda: "tick failed" in alone.said(), within=STARTS_WITHIN)
    tally.until_still(load.arrived)
    assert load.arrived() < 5000
    pages.write_text(NO_LIMIT)
    load.until_more(200)
    tally.until_quiet()
    tally.reckon(load.ledger, scheduled=load.scheduled).check(in_flight=())
