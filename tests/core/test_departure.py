"""When a message would leave: behind whom, how late, and what would keep it."""

from dataclasses import replace
from datetime import timedelta

from core import account_settings, accounts, clock, composing, db, departure, installation, workers
from core.blocking import Reason
from core.drafts import Draft, When
from core.models import Worker
from tests import given
from tests.core import heard

DRAFT = Draft(1, "+62 812-3456-789", "Hello", When("now"))


def test_the_forecast_counts_who_goes_first(database: str) -> None:
    account, soon = given.account(rate=2), given.in_(minutes=10)
    other = given.account("Support")
    given.message(account, when=soon, priority=0)
    given.message(account, when=soon, priority=1)
    given.message(account, when=soon, priority=2)
    given.message(account, when=given.in_(minutes=20))
    given.message(other, when=soon)
    same = replace(DRAFT, account_id=account, when=soon)
    told = departure.forecast(composing.check(same))
    assert (told.ahead, told.at_least) == (2, False)
    assert (
        timedelta(seconds=1) < told.leaves_at - composing.check(same).due_at < timedelta(seconds=2)
    )
    later = replace(DRAFT, account_id=account, when=given.in_(minutes=15))
    told = departure.forecast(composing.check(later))
    assert (told.ahead, told.leaves_at) == (0, composing.check(later).due_at)
    now = departure.forecast(composing.check(replace(later, when=When("now"))))
    assert now.ahead == 0


def test_the_forecast_says_whether_whatsapp_takes_free_text_when_it_leaves(database: str) -> None:
    account, other = given.account(phone_number_id="5001"), given.account("Support")
    who = {"recipient": given.recipient(1)}
    now = replace(DRAFT, account_id=account, when=When("now"), **who)
    late = replace(now, when=given.in_(hours=23))
    assert departure.forecast(composing.check(now)).outside  # nobody wrote
    at = clock.wall() - timedelta(hours=2)
    heard.write(sender=given.recipient(1), to="5001", at=at)
    told = departure.forecast(composing.check(now))
    assert told.answers_until == at.replace(microsecond=0) + timedelta(hours=24)
    assert not told.outside and departure.forecast(composing.check(late)).outside
    elsewhere = replace(now, account_id=other)
    assert departure.forecast(composing.check(elsewhere)).answers_until is None


def test_the_forecast_says_what_will_keep_it(database: str) -> None:
    draft = replace(DRAFT, account_id=given.account(), when=When("now"))

    def kept() -> Reason | None:
        why = departure.forecast(composing.check(draft)).why
        return why and why.reason

    assert kept() is Reason.NO_WORKER
    worker = workers.start("loop")
    assert kept() is None
    with db.writing() as session:
        session.get_one(Worker, worker).unreached_since = db.now(session)
    assert kept() is Reason.UNREACHED
    accounts.pause("Orders", by=given.ANA)
    assert kept() is Reason.PAUSED
    installation.stop_all("Wrong prices", by=given.ANA)
    assert kept() is Reason.STOPPED


def test_the_forecast_tells_of_quiet_hours_at_its_time(database: str) -> None:
    made = given.account(zone="UTC")
    account_settings.change("Orders", {"quiet_from": "00:00", "quiet_to": "23:59"}, by=given.ANA)
    workers.start("loop")
    told = departure.forecast(composing.check(replace(DRAFT, account_id=made, when=When("now"))))
    assert told.why and told.why.reason is Reason.QUIET and told.why.until == told.why.leaves_at


def test_the_forecast_adds_what_the_queue_takes(database: str) -> None:
    account = given.account(rate=0.1)
    for _ in range(6):
        given.message(account)
    draft = replace(DRAFT, account_id=account, when=When("now"))
    told = departure.forecast(composing.check(draft))
    with db.reading() as session:
        waits = told.leaves_at - db.now(session)
    assert told.ahead == 6
    assert timedelta(seconds=55) < waits <= timedelta(seconds=63)
