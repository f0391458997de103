"""The page Not reached: who is tried once more, what that risks, and who is tried already."""

from collections.abc import Callable, Iterator

import pytest
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.access import Actor, Role
from core.models import Batch
from core.settings import ROOT
from tests import given
from tests.core.test_second_try import again, failed
from tests.core.worded import work
from tests.ui.seen import html, labels

OLGA, VERA = Actor("olga", Role.OPERATOR), Actor("vera", Role.VIEWER)

pytestmark = pytest.mark.usefixtures("sqlite")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AppTest]]:
    def seen_by(person: Actor) -> AppTest:
        monkeypatch.setattr("core.sessions.actor", lambda token: person)
        return AppTest.from_file(str(ROOT / "pages" / "not_reached.py"), default_timeout=20).run()

    yield seen_by


def within(at: AppTest) -> AppTest:
    """Once more with the dialog open: a run in a test is of the whole page."""
    return at.button(key="try").click().run()


def batches() -> list[Batch]:
    with db.reading() as session:
        found = session.exec(select(Batch)).all()
        return [one for one in found if one.name.startswith("Not reached")]


def test_operators_try_another_template_and_the_list_says_in_which_batch(
    run: Callable[..., AppTest],
) -> None:
    account = given.account()
    failed(account, 2)
    again(account, "{{name}}, we tried at {{hour}}")
    assert labels(run(VERA)) == []
    at = run(OLGA)
    assert labels(at) == ["Try another template …"] and "Tried again" not in html(at)
    within(at).selectbox(key="try-template").select_index(0)
    within(at)
    assert at.button(key="yes-try").disabled and "2 would not fit" in at.caption[-1].value
    at.text_input(key="try-hour").set_value("nine")
    within(at)
    assert at.button(key="yes-try").label == "Prepare 2"
    assert "we tried at nine" in html(at)
    at.button(key="yes-try").click()
    within(at)
    (made,) = batches()
    assert f'href="/batches?id={made.id}"' in html(at)
    work()
    assert f'Tried again in <a class="go" href="/batches?id={made.id}"' in html(run(OLGA))


def test_what_may_have_arrived_is_told_and_needs_a_tick(run: Callable[..., AppTest]) -> None:
    account = given.account()
    failed(account, 1, error_class="unknown")
    again(account)
    at = run(OLGA)
    within(at).selectbox(key="try-template").select_index(0)
    within(at)
    assert at.button(key="yes-try").disabled and "may have arrived" in html(at)
    at.checkbox(key="try-risk").check()
    within(at)
    assert at.button(key="yes-try").label == "Prepare 1"
    at.button(key="yes-try").click()
    within(at)
    assert len(batches()) == 1
