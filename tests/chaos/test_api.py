"""WhatsApp itself fails under full load: it is gone, silent, talks nonsense, or takes and drops.

Waiting for the next probe is done by the test clock; posts that hang are waited for.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from time import monotonic

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from core import db
from core.models import Worker
from core.settings import settings
from sandbox.faults import FAULTS
from tests import given
from tests.chaos import tally
from tests.chaos.conftest import tell_sandbox
from tests.chaos.fleet import PLANTED, Fleet
from tests.chaos.load import Load
from tests.waiting import until

pytestmark = pytest.mark.timeout(240)

Move = Callable[[timedelta], None]
BREAKER_ASKS = timedelta(seconds=16)
MAGIC = "+447700900"


def test_an_api_that_is_gone_costs_what_was_in_flight_and_no_more(
    fleet: Fleet, load: Load, chance: Random, move_clock: Move
) -> None:
    fleet.two()
    load.add(load.account(None), 4000)
    load.until_more(chance.randint(1, 1000))
    killed, in_flight = _now(), tally.open_attempts()
    fleet.programs.whatsapp.kill()
    until(lambda: all("does not answer" in one.said() for one in fleet.workers), within=60)
    noticed = _now()
    fleet.programs.sandbox(settings().sandbox_port)
    tell_sandbox(fleet.programs)
    _until_all_left(move_clock)
    found = tally.reckon(load.ledger, scheduled=load.scheduled)
    posted_into_nothing = "a.posted_at BETWEEN :killed AND :noticed"
    in_flight |= _unknown(posted_into_nothing, killed=killed, noticed=noticed)
    found.check(in_flight=in_flight)


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_an_api_that_is_silent_for_a_while_costs_nothing(
    fleet: Fleet, load: Load, chance: Random, move_clock: Move
) -> None:
    fleet.two()
    load.add(load.account(None), 4000)
    load.until_more(chance.randint(1, 1000))
    fleet.programs.whatsapp.freeze()
    silent = monotonic()
    until(lambda: monotonic() > silent + 4)  # longer than connecting may take
    fleet.programs.whatsapp.thaw()
    _until_all_left(move_clock)
    tally.reckon(load.ledger, scheduled=load.scheduled).check(in_flight=())


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_an_api_that_takes_and_drops_is_believed_in_nothing(
    fleet: Fleet, load: Load, chance: Random, move_clock: Move
) -> None:
    fleet.two()
    load.add(load.account(None), 4000)
    load.until_more(chance.randint(1, 1000))
    dropped = chance.randint(5, 100)
    fleet.programs.fault("drop_after", count=dropped)
    _until_all_left(move_clock)
    found = tally.reckon(load.ledger, scheduled=load.scheduled)
    assert len(found.unconfirmed) == found.arrived == dropped
    found.check(in_flight=_unknown())


def test_what_whatsapp_took_before_it_dropped_the_connection_is_settled_by_its_webhooks(
    fleet: Fleet, load: Load, move_clock: Move
) -> None:
    tell_sandbox(fleet.programs, webhooks={"on": True})
    fleet.programs.gateway(settings().dashboard_port)
    fleet.worker()
    fleet.programs.fault("drop_after", count=50)
    load.add(load.account(None), 300)
    _until_all_left(move_clock)
    until(lambda: set(given.statuses()) == {"sent"}, within=60, every=0.5)
    found = tally.reckon(load.ledger, scheduled=load.scheduled)
    found.check(in_flight=())
    assert (found.statuses["sent"], found.unconfirmed) == (300, set())
    assert _count("outcome = 'accepted' AND http_status IS NULL") == 50


def _count(where: str) -> int:
    """Attempts of which that is true."""
    with db.reading() as session:
        found = session.execute(db.sql(f"SELECT count(*) FROM attempt WHERE {where}"))
        return int(found.scalar_one())


def test_every_fault_leaves_each_message_with_its_due(
    fleet: Fleet, load: Load, move_clock: Move
) -> None:
    """Each fault among hundreds that go well; those of the whole account on one of its own.

    Those that only slow down (11x) never end here, and delay what would.
    """
    shared = [load.account(None) for _ in range(2)]
    ending = [digits for digits, _ in FAULTS.values() if not digits.startswith("11")]
    for digits in ending:
        for account in [load.account(None)] if digits.startswith("12") else shared:
            load.add(account, 20)
            load.schedule(account, MAGIC + digits)
    for account in shared:
        load.add(account, 500)
    hasty = {"OUTBOX_RETRY_DELAYS": "1", "CHAOS_TIMES_OUT": "10"}
    fleet.worker("one", program=PLANTED, **hasty)
    fleet.worker("two", program=PLANTED, **hasty)
    _until_all_left(move_clock)
    found = tally.reckon(load.ledger, scheduled=load.scheduled)
    found.check(in_flight=_unknown("m.recipient LIKE :magic", magic=f"{MAGIC}3%"))


def _unknown(where: str = "1 = 1", **values: str | datetime) -> set[int]:
    """Attempts of unknown outcome, those that `where` tells."""
    asked = (
        "SELECT a.id FROM attempt a JOIN message m ON m.id = a.message_id"
        f" WHERE a.outcome = 'unknown' AND {where}"
    )
    with db.reading() as session:
        instants = [name for name, value in values.items() if isinstance(value, datetime)]
        found = session.execute(db.sql(asked, *instants), values)
        return set(found.scalars())


def _now() -> datetime:
    with db.reading() as session:
        return db.now(session)


def _until_all_left(move: Move) -> None:
    """Move on to the next probe again and again, until nothing is left that may be sent."""
    passed = timedelta()

    def left() -> bool:
        nonlocal passed
        if not _waiting() and not any(tally.under_way().values()):
            return True
        if _all_renewed():
            passed += BREAKER_ASKS
            move(passed)
        return False

    until(left, within=tally.QUIET_WITHIN, every=1.0)


def _waiting() -> bool:
    """Whether anything on an account that may send waits for its time."""
    asked = (
        "SELECT m.id FROM message m JOIN account a ON a.id = m.account_id WHERE m.status ="
        " 'pending' AND m.hold IS NULL AND a.state = 'active' LIMIT 1"
    )
    with db.reading() as session:
        return session.execute(db.sql(asked)).first() is not None


def _all_renewed() -> bool:
    """Nobody may seem dead because the clock is moved faster than leases are renewed."""
    with db.reading() as session:
        leases = session.execute(select(func.min(col(Worker.lease_until)))).scalar()
        return leases is not None and leases > db.now(session)
