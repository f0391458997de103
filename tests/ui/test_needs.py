"""What needs somebody is told with its cure, to whoever may do that."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from core import clock, db, reports, workers
from core.access import Actor, Role
from core.models import Attempt, DayVolume, Worker
from core.settings import ROOT
from core.volumes import weekdays
from tests.core import stored
from tests.ui.seen import labels
from ui import needs

ANA, OLGA, VERA = (Actor(role.title, role) for role in (Role.ADMIN, Role.OPERATOR, Role.VIEWER))
LATELY = timedelta(minutes=25)

pytestmark = pytest.mark.usefixtures("sqlite")


@pytest.fixture(autouse=True)
def a_loop(sqlite: str) -> int:
    """That nobody sends is no problem here."""
    return workers.start("loop")


def links(by: Actor) -> list[tuple[str, str]]:
    """The label and the address of each cure that they are shown, in order."""
    found = needs.of(reports.pulse(midnight=clock.wall() - timedelta(hours=6)))
    shown = [needs.drawn(one, by=by) for one in found]
    parts = [one.partition('href="')[2] for one in shown if "<a" in one]
    return [(one.partition(">")[2].removesuffix("</a>"), one.partition('"')[0]) for one in parts]


def buttons(monkeypatch: pytest.MonkeyPatch, person: Actor) -> list[str]:
    """Those of the overview."""
    monkeypatch.setattr("core.sessions.actor", lambda token: person)
    return labels(AppTest.from_file(str(ROOT / "pages" / "overview.py"), default_timeout=20).run())


def test_what_a_person_paused_is_resumed_where_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    there = f"/accounts?id={stored.account(state='paused', state_by='ben')}"
    assert links(OLGA) == links(ANA) == [("Resume …", there)]
    assert links(VERA) == [("Look", there)]
    assert buttons(monkeypatch, OLGA) == ["Resume Orders …"]
    assert buttons(monkeypatch, VERA) == []


@pytest.mark.parametrize("by", [{"state_by": "Meta", "state_code": 190}, {"state_by": "engine"}])
def test_a_refused_token_is_replaced_and_not_resumed_with(
    by: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = f"/accounts?id={stored.account(state='paused', **by)}"
    assert links(ANA) == [("Replace the token", there)]
    assert links(OLGA) == [("Look", there)]
    assert buttons(monkeypatch, ANA) == buttons(monkeypatch, OLGA) == []


def test_what_else_meta_paused_is_asked_of_meta_first(monkeypatch: pytest.MonkeyPatch) -> None:
    made = stored.account(state="paused", state_by="Meta", state_code=131031)
    assert links(OLGA) == [("Check with Meta", f"/accounts?id={made}")]
    assert buttons(monkeypatch, OLGA) == []


def test_where_whatsapp_cannot_be_reached_it_can_be_asked_of_a_number_that_sends(
    a_loop: int,
) -> None:
    with db.writing() as session:
        session.execute(update(Worker).values(unreached_since=clock.wall() - LATELY))
    assert links(ANA) == []
    stored.account("Asleep", state="paused", state_by="Meta", state_code=190)
    made = stored.account()
    assert links(OLGA)[0] == ("Check with Meta", f"/accounts?id={made}")


def overdue() -> None:
    stored.messages(stored.account(rate=1.0), [{"due_at": clock.wall() - LATELY}])


def late() -> None:
    stored.messages(stored.account(), [{"hold": "late"}])


def unconfirmed() -> None:
    stored.messages(stored.account(), [{"status": "failed", "error_class": "unknown"}] * 2)


def new_code() -> None:
    orders, at = stored.account(), clock.wall()
    [made] = stored.messages(orders, [{"status": "failed", "error_class": "permanent"}])
    given = {"slot_at": at, "claimed_at": at, "payload": "{}", "payload_sha256": "x"}
    given |= {"outcome": "permanent", "error_code": 199999}
    with db.writing() as session:
        session.add(Attempt(message_id=made, account_id=orders, worker_id=1, **given))


def not_loaded() -> None:
    orders, now = stored.account(), clock.wall()
    rows = [(now.date(), 0), *((day, 4_900) for day in weekdays(now.date()))]
    with db.writing() as session:
        for day, n in rows:
            given: dict[str, Any] = {"account_id": orders, "day": day.isoformat(), "label": ""}
            session.add(DayVolume(**given, messages=n, counted_at=now))


HELD, UNCONFIRMED = "/messages?state=Held&amp;hold=late", "/messages?state=Unconfirmed"
WAITING = "/messages?account=Orders&amp;hold=due"


@pytest.mark.parametrize(
    ("given", "operators", "viewers"),
    [
        (overdue, ("See what waits", WAITING), ("See what waits", WAITING)),
        (late, ("Release or cancel it", HELD), ("Look", HELD)),
        (unconfirmed, ("Decide about them", UNCONFIRMED), ("Look", UNCONFIRMED)),
        (new_code, *[("See what failed", "/messages?state=Failed")] * 2),
        (not_loaded, ("Load a file", "/many"), ("Look", "/batches")),
    ],
)
def test_each_problem_names_its_cure_and_leads_there(
    given: Callable[[], None], operators: tuple[str, str], viewers: tuple[str, str]
) -> None:
    given()
    assert links(OLGA) == [operators]
    assert links(VERA) == [viewers]
