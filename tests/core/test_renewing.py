"""When a worker renews itself: its age, its size, a person's wish; and what people see of it."""

from datetime import timedelta

import pytest

from core import db, renewing, workers
from core.models import Attempt
from tests import given

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("given_", "why"),
    [
        ({}, None),
        ({"age": 24 * HOUR}, "it has run for 24.0 hours"),
        ({"age": 24 * HOUR, "most_hours": 0}, None),
        ({"megabytes": 512.0}, "it has grown to 512 megabytes"),
        ({"megabytes": 512.0, "most_megabytes": 0}, None),
        ({"megabytes": 512.0, "age": timedelta(seconds=59)}, None),
        ({"asked": timedelta(minutes=59)}, "a person asked for it"),
        ({"asked": HOUR}, None),  # it began since
    ],
)
def test_old_grown_or_asked(given_: dict[str, object], why: str | None) -> None:
    usual = {"age": HOUR, "megabytes": 100.0, "asked": None}
    limits = {"most_hours": 24, "most_megabytes": 512}
    assert renewing.reason(**(usual | limits | given_)) == why  # type: ignore[arg-type]


def test_a_wish_counts_for_those_who_began_before_it(database: str) -> None:
    assert workers.renewal_asked() is None
    for _ in range(2):
        workers.ask_renewal(by=given.ANA)
        ago = workers.renewal_asked()
        assert ago is not None and timedelta() <= ago < timedelta(seconds=10)


def test_people_see_each_worker_with_its_lease_and_what_it_has_in_flight(database: str) -> None:
    loop, gateway = workers.start("loop"), workers.start("gateway")
    message = given.message(given.account())
    with db.writing() as session:
        now = db.now(session)
        row = {"message_id": message, "account_id": 1, "worker_id": loop, "payload": ""}
        for _ in range(2):
            session.add(Attempt(**row, slot_at=now, claimed_at=now, payload_sha256=""))
    seen = workers.seen()
    assert [(one.worker.id, one.worker.kind, one.in_flight) for one in seen] == [
        (loop, "loop", 2),
        (gateway, "gateway", 0),
    ]
    assert all(timedelta() < one.lease <= workers.LEASE for one in seen)


def test_this_process_has_a_size(environment: pytest.MonkeyPatch) -> None:
    assert 20 < workers.megabytes() < 5000
