"""The overview's drawings and sentences, without a browser."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from core import audit, clock, db, meta_clock, users, workers
from core.access import Actor, Role
from core.models import Attempt, DayVolume, Installation, Pace, Setting, User
from core.trends import RANGES
from core.volumes import weekdays
from tests.core import stored
from tests.ui.seen import drawings, html
from ui import live

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("sqlite")


@pytest.mark.parametrize("by", ["Status", "Account", "Reason"])
def test_the_queue_is_drawn_by_what_was_chosen(by: str, overview: Callable[..., AppTest]) -> None:
    orders = stored.account(rate=1.0)
    stored.messages(orders, [{"due_at": clock.wall() + HOUR}, {"hold": "person"}])
    stored.sample(orders)
    stored.sample(orders, at=clock.wall() - 20 * MINUTE)
    at = overview(by=by)
    assert len(drawings(at)) == 4, html(at)
    assert "Nothing was measured" not in html(at)


@pytest.mark.parametrize("over", RANGES)
def test_a_new_installation_says_that_there_is_nothing_yet(
    over: str, overview: Callable[..., AppTest]
) -> None:
    stored.account(rate=1.0)
    body = html(overview(over=over))
    for said in ("Nothing waits.", "Nothing was measured", "Nothing is scheduled", "None."):
        assert said in body


def test_failures_are_told_by_reason_the_most_frequent_first(
    overview: Callable[..., AppTest],
) -> None:
    past = {"status": "failed", "due_at": clock.wall() - MINUTE}
    unreached = past | {"error_class": "recipient", "error_code": 131026}
    old = past | {"error_class": "expired", "due_at": clock.wall() - 5 * HOUR}
    unknown = past | {"error_class": "unknown"}
    stored.messages(stored.account(), [unknown, unreached, unreached, old])
    body = html(overview())
    first = body.index("<b>2</b> This number cannot be reached on WhatsApp (131026).")
    assert first < body.index("<b>1</b> Unconfirmed: it may have arrived.")
    assert "Its time was over" not in body
    assert "Its time was over" in html(overview(over="24 h"))


def test_how_much_of_the_day_went_well_never_says_all_where_something_failed(
    overview: Callable[..., AppTest],
) -> None:
    assert "% ok" not in html(overview())
    at, orders = clock.wall(), stored.account()
    missed = {"status": "failed", "error_class": "expired", "due_at": at}
    *sent, _ = stored.messages(
        orders, [*[{"status": "sent", "sent_at": at, "due_at": at}] * 2999, missed]
    )
    posted = {"payload": "{}", "payload_sha256": "x", "slot_at": at, "claimed_at": at}
    with db.writing() as session:
        session.add_all(
            Attempt(message_id=one, account_id=orders, worker_id=1, outcome="accepted", **posted)
            for one in sent
        )
    live._pulse.clear()
    assert "99.9 % ok" in html(overview())


def test_what_is_due_for_long_says_why(overview: Callable[..., AppTest]) -> None:
    workers.start("loop")
    orders, paused = stored.account(rate=1.0), stored.account("Support", state="paused")
    for one in (orders, paused):
        stored.messages(one, [{"due_at": clock.wall() - 25 * MINUTE}] * 2)
    body = html(overview())
    told = "<b>Orders</b> has had 2 messages due for up to 25 min: more is due than it may send"
    assert told in body and "2 things need you" in body


def test_since_when_nobody_sends_is_told(overview: Callable[..., AppTest]) -> None:
    stored.account()
    with db.writing() as session:
        session.execute(update(Installation).values(lived_until=clock.wall() - HOUR))
    assert "<b>No worker has run since" in html(overview())


def test_a_clock_that_is_off_is_told(
    overview: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.account()
    assert "clock is off" not in html(overview())
    ahead = clock.wall() + 90 * MINUTE
    monkeypatch.setattr(db, "now", lambda session: ahead)
    live.forget()
    said = "<b>The clock is off</b>: here it is 1 h 30 min behind the database's."
    assert said in html(overview())


def test_a_clock_that_is_not_whatsapps_is_told_on_one_machine_too(
    overview: Callable[..., AppTest],
) -> None:
    stored.account()
    kept = {"key": meta_clock._KEY, "updated_at": clock.wall(), "updated_by": "outbox"}
    with db.writing() as session:
        session.add(Setting(value=-421.0, **kept))
    said = "<b>The clock is off</b>: it is 7 min 1 s behind WhatsApp's, as read"
    assert said in (body := html(overview())) and "messages leave as much too late" in body


def test_a_file_that_was_not_loaded_is_missed(overview: Callable[..., AppTest]) -> None:
    orders, now = stored.account("Orders & co"), clock.wall()
    day = now.date()
    rows = [(day, "", 0), *((one, label, n) for one in weekdays(day) for label, n in USUAL)]
    with db.writing() as session:
        for one, label, n in rows:
            given: dict[str, Any] = {"account_id": orders, "day": one.isoformat(), "label": label}
            session.add(DayVolume(**given, messages=n, counted_at=now))
    body = html(overview())
    told = "<b>Dental</b>: 0 scheduled today, normally 4,900. Was the file loaded?"
    assert told in body and "without a label" in body and "Orders &amp; co" in body


USUAL = (("", 7), ("Dental", 4_900))


def test_what_happened_since_somebody_was_here_is_told(overview: Callable[..., AppTest]) -> None:
    stored.account()
    assert "last here" not in html(overview())
    admin = Actor("ben", Role.ADMIN)
    users.add("vera", role=Role.VIEWER, password="correct horse battery", by=admin)
    with db.writing() as session:
        session.execute(update(User).values(left_at=clock.wall() - 3 * HOUR))
        audit.record(session, admin, "batch released", target="batch 7")
        audit.record(session, admin, "account paused by Meta", target="<Orders>")
    body = html(overview())
    assert "<b>0</b> sent, <b>0</b> failed." in body
    assert 'href="/batches?id=7">batch 7</a> released by ben' in body
    assert "&lt;Orders&gt; paused by Meta" in body


def test_a_pause_by_meta_leads_to_where_it_is_cured(overview: Callable[..., AppTest]) -> None:
    given = {"state": "paused", "state_by": "Meta", "state_reason": "Token expired."}
    orders = stored.account(**given)
    body = html(overview())
    told = "<b>Orders</b> is paused by Meta: Token expired."
    assert f'{told} <a class="go cure" href="/accounts?id={orders}">Look</a>' in body


def test_a_number_s_quality_and_the_use_of_its_limit_stand_in_its_row(
    overview: Callable[..., AppTest],
) -> None:
    stored.account("New", rate=1.0)
    stored.account("Free", quality="GREEN", messaging_limit="TIER_UNLIMITED")
    orders = stored.account("Orders", quality="YELLOW", messaging_limit="TIER_2K")
    past = {"status": "sent", "due_at": clock.wall() - MINUTE, "sent_at": clock.wall() - MINUTE}
    stored.messages(orders, [past, past])
    body = html(overview())
    assert "Not known yet<small>daily limit not known yet</small>" in body
    assert "High<small>no daily limit</small>" in body
    assert "Medium<small>2 of 2,000 people in 24 h</small>" in body


@pytest.mark.parametrize(
    ("given", "sample", "told"),
    [
        ({"rate": 4.0}, {"sent": 192}, "3.2 of 4 a second"),
        ({"rate": 4.0}, {"sent": 3}, "0.05 of 4 a second"),
        ({"rate": None}, {"sent": 2_000}, "33.3 a second, no pacing"),
        ({"rate": 4.0}, {"sent": 0}, "4 a second"),
        ({"rate": None}, {"sent": 0}, "no pacing"),
        ({"rate": 4.0}, {"sent": 192, "at": clock.wall() - HOUR / 2}, "4 a second"),
    ],
)
def test_what_a_number_sends_now_stands_beside_what_it_may(
    given: dict[str, Any], sample: dict[str, Any], told: str, overview: Callable[..., AppTest]
) -> None:
    stored.sample(stored.account(**given), **({"at": clock.wall() - MINUTE} | sample))
    assert f'<span class="says">{told}</span>' in html(overview())


def test_a_number_that_whatsapp_slowed_says_to_how_much_and_one_that_stalls_that_it_sends_nothing(
    overview: Callable[..., AppTest],
) -> None:
    slowed, stalled = stored.account(rate=4.0), stored.account("Stalled", rate=4.0)
    for account, sent in ((slowed, 96), (stalled, 0)):
        stored.sample(account, at=clock.wall() - MINUTE, sent=sent)
        stored.messages(account, [{"due_at": clock.wall() - 2 * MINUTE}])
    just_due = stored.account("Just due", rate=4.0)
    stored.sample(just_due, at=clock.wall() - MINUTE, sent=0)
    stored.messages(just_due, [{"due_at": clock.wall()}])
    now = {"next_slot_at": clock.wall(), "slowed_at": clock.wall()}
    with db.writing() as session:
        session.add(Pace(account_id=slowed, rate_now=2.0, **now))
    body = html(overview())
    assert '<span class="says">1.6 of 4 a second, slowed to 2<small>' in body
    assert body.count('<span class="says">0 of 4 a second<small>') == 1


def test_a_number_without_a_rate_is_drawn_too(overview: Callable[..., AppTest]) -> None:
    free = stored.account("Free", rate=None)
    stored.sample(free, step=300, rate=None)
    at = overview(over="24 h")
    assert "without a rate, of its busiest" in html(at)
    assert len(drawings(at)) == 3 and "Nothing was measured" not in html(at)


def test_a_time_in_which_nothing_left_says_so(overview: Callable[..., AppTest]) -> None:
    stored.sample(stored.account(rate=1.0), sent=0, p50=None, p95=None)
    assert "Nothing left in this time." in html(overview())
