"""The bar of an operation: how far it is, what remains, who may cancel, and what is said after."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, update
from streamlit.testing.v1 import AppTest

from core import db, operations, reports
from core.access import Actor, Role
from core.choosing import Choice
from core.kinds import Kind
from core.models import Operation
from tests.ui.seen import html, labels

OLGA = Actor("olga", Role.OPERATOR)
VERA, VICTOR = (Actor(name, Role.VIEWER) for name in ("vera", "victor"))
Be = Callable[[Actor | None], None]

pytestmark = pytest.mark.usefixtures("sqlite")


def _page() -> None:
    import streamlit as st

    from ui.progress import progress

    row = progress(1, doing="Checking «a & b»")
    st.write(f"came back {row.state}")


@pytest.fixture(autouse=True)
def be(monkeypatch: pytest.MonkeyPatch) -> Callable[[Actor | None], None]:
    def be(person: Actor | None) -> None:
        monkeypatch.setattr("core.sessions.actor", lambda token: person)

    be(OLGA)
    return be


def seen() -> AppTest:
    return AppTest.from_function(_page, default_timeout=20).run()


def made(**columns: Any) -> int:
    """The first operation there is, as far as `columns` say."""
    one = operations.create(Kind.CHECK, Choice(), by=OLGA, counted=1000)
    with db.writing() as session:
        session.execute(update(Operation).where(col(Operation.id) == one).values(**columns))
    return one


def test_what_no_worker_has_taken_says_so_without_a_figure() -> None:
    made(counted=1000)
    told = html(seen())
    assert "Checking «a &amp; b»" in told and "waits for a worker" in told and "value=" not in told


def test_what_runs_tells_how_much_is_done_and_how_long_the_rest_takes() -> None:
    made(state="running", started_at=reports.now() - timedelta(minutes=5), done=240, skipped=10)
    told = html(seen())
    assert "250 of 1,000 rows · 15 min left" in told and 'value="250" max="1000"' in told


def test_what_nobody_is_at_any_more_says_so_and_not_how_long_it_takes() -> None:
    since = {"started_at": reports.now() - timedelta(minutes=5), "state": "running", "done": 250}
    beaten = reports.now() - timedelta(seconds=25)  # a killed worker's last chunk
    made(lease_until=beaten + operations.LEASE, **since)
    told = html(seen())
    assert "250 of 1,000 rows · no progress for 2" in told and "goes on by itself" in told
    assert "left" not in told


def test_who_asked_and_operators_may_cancel_and_other_viewers_may_not(be: Be) -> None:
    made(state="running", created_by="vera")
    for person, may in ((VERA, ["Cancel"]), (OLGA, ["Cancel"]), (VICTOR, [])):
        be(person)
        assert labels(seen()) == may


@pytest.mark.parametrize(("now", "told"), [(None, "signed out"), (Actor("olga", Role.VIEWER), "")])
def test_in_a_page_left_open_nobody_cancels_who_may_not_any_more(
    be: Be, now: Actor | None, told: str
) -> None:
    one = made(state="running", created_by="vera")
    at = seen()
    be(now)
    at.button[0].click().run()
    assert operations.state(one).state == "running"
    assert labels(at) == [] and told in html(at)


def test_cancel_ends_it_and_the_page_says_how_far_it_came() -> None:
    one = made(state="running", done=3)
    at = seen()
    at.button[0].click().run()
    assert operations.state(one).state == "cancelled"
    assert "cancelled after 3 rows" in html(seen())


def test_what_failed_says_why_and_what_is_finished_is_left_to_the_page() -> None:
    made(state="failed", error="the file <i>ended</i>")
    assert "failed after 0 rows: the file &lt;i&gt;ended&lt;/i&gt;." in html(seen())
    with db.writing() as session:
        session.execute(update(Operation).values(state="finished", error=None))
    at = seen()
    assert html(at) == "" and at.markdown[0].value == "came back finished"
