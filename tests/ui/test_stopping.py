"""Stopping all sending from the pages: asked once, told on every page, for operators alone."""

from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core import clock, installation
from core.access import Actor, Role
from core.settings import ROOT
from tests.core import stored
from tests.ui.seen import html, labels
from ui import live

OLGA, VERA = Actor("olga", Role.OPERATOR), Actor("vera", Role.VIEWER)
EVIL = "<img src=x onerror=alert(1)>"

pytestmark = pytest.mark.usefixtures("sqlite")


@pytest.fixture
def frame(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Actor], AppTest]]:
    live._pulse.clear()

    def seen_by(person: Actor) -> AppTest:
        monkeypatch.setattr("core.sessions.actor", lambda token: person)
        return AppTest.from_file(str(ROOT / "ui" / "frame.py"), default_timeout=20).run()

    yield seen_by


def test_the_frame_tells_everybody_who_stopped_and_why(frame: Callable[[Actor], AppTest]) -> None:
    assert labels(frame(OLGA)) == ["Stop all sending"] and labels(frame(VERA)) == []
    installation.stop_all(EVIL, by=OLGA)
    operator, viewer = frame(OLGA), frame(VERA)
    for told in (html(operator), html(viewer)):
        assert "<b>All sending is stopped</b> since" in told and "by olga: &lt;img" in told
        assert EVIL not in told and "All is well" not in told
    assert labels(operator) == ["Send again …"] and labels(viewer) == []


def _asking_to_stop() -> None:
    from core.access import Actor, Role
    from ui import stopping

    stopping._stop(Actor("olga", Role.OPERATOR))


def _asking_to_release() -> None:
    from core import installation
    from core.access import Actor, Role
    from ui import stopping

    stop = installation.stopped()
    assert stop
    stopping._resume(stop, Actor("olga", Role.OPERATOR))


def test_without_a_reason_nothing_stops_and_the_dialog_says_so() -> None:
    at = AppTest.from_function(_asking_to_stop).run()
    at.button(key="yes-stop-all").click().run()
    assert "Say why" in html(at) and installation.stopped() is None
    at.text_input(key="stop-reason").set_value("wrong prices")
    at.button(key="yes-stop-all").click().run()
    stop = installation.stopped()
    assert stop and (stop.by, stop.reason) == ("olga", "wrong prices")


def test_who_releases_is_told_first_what_will_leave() -> None:
    account = stored.account()
    stored.messages(account, [{"due_at": clock.wall()}, {"due_at": clock.wall()}, {}])
    installation.stop_all("wrong prices", by=OLGA)
    live._pulse.clear()
    at = AppTest.from_function(_asking_to_release).run()
    told = at.markdown[0].value
    assert told.startswith("2 messages came due meanwhile. Each leaves at its account's rate, but")
    assert "late by now" in told and "held or expires" in told
    at.button(key="yes-resume-all").click().run()
    assert installation.stopped() is None
