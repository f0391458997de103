"""Resuming an account, and holding one message, from the pages."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core import accounts, clock, holding, messages
from core.access import Actor, Role
from core.settings import ROOT
from tests import given
from tests.core import batched, stored
from tests.core.sending.ticking import change
from tests.ui.seen import html, labels
from ui import live

OLGA, VERA = Actor("olga", Role.OPERATOR), Actor("vera", Role.VIEWER)

pytestmark = pytest.mark.usefixtures("sqlite")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AppTest]]:
    live._pulse.clear()

    def seen_by(person: Actor, page: str, **query: str) -> AppTest:
        monkeypatch.setattr("core.sessions.actor", lambda token: person)
        at = AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=20)
        for name, value in query.items():
            at.query_params[name] = value
        return at.run()

    yield seen_by


def test_operators_are_offered_to_resume_what_is_paused(run: Callable[..., AppTest]) -> None:
    stored.account("Orders [1]", state="paused"), stored.account("Support")
    assert labels(run(OLGA, "overview")) == ["Resume Orders \\[1\\] …"]
    assert labels(run(VERA, "overview")) == []


def _asking() -> None:
    from core import accounts
    from core.access import Actor, Role
    from ui import pausing

    [account] = accounts.everything()
    pausing.resume(account, Actor("olga", Role.OPERATOR))


def overdue(*minutes: int) -> list[int]:
    """A paused account with messages that were due so many minutes ago."""
    account = given.account("Orders")
    made = [given.message(account, to=given.recipient(n)) for n in range(len(minutes))]
    for one, ago in zip(made, minutes, strict=True):
        change(one, due_at=clock.wall() - timedelta(minutes=ago))
    accounts.pause("Orders", reason="<b>Holiday</b>", by=OLGA)
    live._pulse.clear()
    return made


def test_who_resumes_is_told_what_is_overdue_and_chooses_what_becomes_of_it() -> None:
    old, new = overdue(60, 1)
    at = AppTest.from_function(_asking).run()
    assert "by olga: &lt;b&gt;Holiday" in "".join(one.proto.body for one in at.get("html"))
    assert at.radio[0].label == "2 messages came due meanwhile"
    at.radio[0].set_value("Only the latest, hold the rest").run()
    at.number_input[0].set_value(90).run()
    assert at.caption[0].value.startswith("0 older ones are held")
    at.number_input[0].set_value(5).run()
    assert at.caption[0].value.startswith("1 older one is held")
    at.button(key="yes-resume").click().run()
    assert (given.row(old).hold, given.row(new).hold) == ("late", None)
    assert [one.state for one in accounts.everything()] == ["active"]


def test_what_is_held_as_late_waits_for_somebody_on_every_page(run: Callable[..., AppTest]) -> None:
    late, other = stored.messages(stored.account(), [{"hold": "late"}, {"hold": "person"}])
    body = "".join(one.proto.body for one in run(VERA, "overview").get("html"))
    assert "<b>1 message</b> late and held." in body
    change(late, hold=None)
    live._pulse.clear()
    body = "".join(one.proto.body for one in run(VERA, "overview").get("html"))
    assert "late and held" not in body and given.row(other).hold == "person"


def test_without_anything_overdue_there_is_nothing_to_choose() -> None:
    overdue(-60)
    at = AppTest.from_function(_asking).run()
    assert not at.radio
    at.button(key="yes-resume").click().run()
    assert [one.state for one in accounts.everything()] == ["active"]


def test_one_message_is_held_and_released_where_it_stands(run: Callable[..., AppTest]) -> None:
    made = given.message(given.account("Orders"), when=given.in_(hours=1), late_policy="skip")
    at = run(OLGA, "message", id=str(made))
    assert {"Hold", "Cancel message"} <= set(labels(at)) and "Release" not in labels(at)
    at.button(key="hold").click().run()
    assert given.row(made).hold == "person" and "Hold" not in labels(at)
    at.button(key="release").click().run()
    assert given.row(made).hold is None and "Release" not in labels(at)
    holding.hold(made, by=OLGA)
    assert labels(run(VERA, "message", id=str(made))) == []


def test_what_is_let_go_before_its_batch_is_released_says_that_it_waits_for_that(
    run: Callable[..., AppTest],
) -> None:
    _, [made] = batched.batch(given.account("Orders"), [{}])
    holding.hold(made, by=OLGA)
    at = run(OLGA, "message", id=str(made))
    at.button(key="release").click().run()
    assert said(at) == "Waits for its batch again."
    assert "Waits for its batch again" in html(at) and "Hold" in labels(at)


def test_a_hold_that_comes_too_late_says_so_beside_the_buttons_there_are_now(
    run: Callable[..., AppTest],
) -> None:
    [made] = stored.messages(stored.account(), [{}])
    at = run(OLGA, "message", id=str(made))
    holding.hold(made, by=OLGA)
    at.button(key="hold").click().run()
    assert f"Message {made} is held already." in html(at) and "Release" in labels(at)
    assert not at.toast
    at.button(key="release").click().run()
    assert said(at) == "Released: it leaves when its turn comes."


def test_a_hold_of_what_was_deleted_meanwhile_says_why_it_is_not_held(
    run: Callable[..., AppTest],
) -> None:
    [made] = stored.messages(stored.account(), [{}])
    at = run(OLGA, "message", id=str(made))
    messages.delete(made, by=OLGA)
    at.button(key="hold").click().run()
    told = html(at)
    assert 'class="wrong"' in told and "Deleted by olga" in told and labels(at) == []


def said(at: AppTest) -> str:
    return at.toast[0].value.replace("\\", "")
