"""The page Settings: for administrators alone, people and how the installation is set."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core import house_rules, password_links, ruling, sessions, users
from core.access import Actor, Role
from core.settings import ROOT, Settings
from tests.conftest import forget_settings
from tests.ui.seen import html
from ui.words.house import HOUSE, SETTINGS

ADA = Actor("ada", Role.ADMIN)
PASSWORD = "long enough to be one"

pytestmark = pytest.mark.usefixtures("sqlite")
Run = Callable[[Actor], AppTest]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    def seen_by(person: Actor) -> AppTest:
        monkeypatch.setattr("core.sessions.actor", lambda token: person)
        path = str(ROOT / "pages" / "settings.py")
        return AppTest.from_file(path, default_timeout=20).run()

    yield seen_by


def test_others_than_administrators_see_nothing_of_it(run: Run) -> None:
    users.add("Secret", role=Role.VIEWER, password=PASSWORD, by=ADA)
    at = run(Actor("olga", Role.OPERATOR))
    assert "Not for operators" in html(at) and "Secret" not in html(at) and not at.button


def test_everybody_is_told_with_their_role_and_where_they_are_signed_in(run: Run) -> None:
    users.add("<b>Ana", role=Role.OPERATOR, password=PASSWORD, by=ADA)
    users.add("Bo", role=Role.ADMIN, password=PASSWORD, by=ADA)
    sessions.sign_in("bo", PASSWORD)
    users.disable("<b>Ana", by=ADA)
    at = run(ADA)
    assert "&lt;b&gt;Ana" in html(at) and "signed in: 1 browser" in html(at)
    people = ["Let in again", "Change …", "Add somebody …"]
    assert [one.label for one in at.button] == [*people, "Save"]
    at.button(key="enable-<b>Ana").click().run()
    assert not any(one.disabled_at for one in users.all_users())


def test_every_setting_is_shown_with_its_meaning_and_no_secret_is(
    run: Run, environment: pytest.MonkeyPatch
) -> None:
    assert set(SETTINGS) == set(Settings.model_fields)
    environment.setenv("OUTBOX_APP_SECRET", "hush-hush")
    environment.setenv("OUTBOX_QUEUE_URL", "redis://me:hush-hush@127.0.0.1/0")
    forget_settings()
    body = html(run(ADA))
    assert all(f"OUTBOX_{name.upper()}" in body for name in Settings.model_fields)
    assert "redis://…@127.0.0.1/0" in body and "hush-hush" not in body
    environment.setenv("OUTBOX_QUEUE_URL", "redis://127.0.0.1/0?password=hush-hush&db=1")
    forget_settings()
    body = html(run(ADA))
    assert "password=…&amp;db=1" in body and "hush-hush" not in body


def test_what_holds_for_everybody_is_changed_and_brought_back(run: Run) -> None:
    at = run(ADA)
    assert [one.label for one in at.text_input] == [name for name, _ in HOUSE.values()]
    assert at.text_input(key="rule-retry_delays").value == "1 min, 5 min, 15 min, 30 min, 1 h"
    at.text_input(key="rule-retry_delays").set_value("30, 2h")
    at.text_input(key="rule-test_number").set_value("+62 812-3456-789")
    at.button(key="save-rules").click().run()
    assert at.text_input(key="rule-retry_delays").value == "30 s, 2 h"
    assert at.text_input(key="rule-test_number").value == "+628123456789"
    assert house_rules.retry_delays() == (30, 7200)
    body = html(at)
    assert (
        "by <b>ada</b> · default: 1 min, 5 min" in body and "by <b>ada</b> · default: none" in body
    )
    at.button(key="reset-retry_delays").click().run()
    assert at.text_input(key="rule-retry_delays").value == "1 min, 5 min, 15 min, 30 min, 1 h"
    assert house_rules.retry_delays()[0] != 30 and not at.exception


def test_a_wrong_value_is_told_at_its_field_and_nothing_typed_is_lost(run: Run) -> None:
    at = run(ADA)
    at.text_input(key="rule-session_hours").set_value("long")
    at.text_input(key="rule-stop_words").set_value("Genug")
    at.button(key="save-rules").click().run()
    assert "«long» is no number of hours" in html(at)
    assert at.text_input(key="rule-session_hours").value == "long"
    assert at.text_input(key="rule-stop_words").value == "Genug"
    assert "genug" not in house_rules.stop_words()
    at.text_input(key="rule-session_hours").set_value("8")
    at.button(key="save-rules").click().run()
    assert house_rules.stop_words() == {"genug"} and "is no number" not in html(at)


def test_what_somebody_else_changed_meanwhile_is_told_before_it_is_overwritten(run: Run) -> None:
    at = run(ADA)
    ruling.settle({"session_hours": "6", "undelivered_hours": "48"}, by=Actor("bo", Role.ADMIN))
    at.text_input(key="rule-session_hours").set_value("9")
    at.button(key="save-rules").click().run()
    assert "Stays signed in, in hours is 6 now" in html(at)
    assert at.text_input(key="rule-undelivered_hours").value == "48"
    at.button(key="save-rules").click().run()
    assert house_rules.session_lasts() == timedelta(hours=9)
    assert "is 6 now" not in html(at)


def _dialogs() -> None:
    import streamlit as st

    from core import sessions, users
    from core.access import Actor, Role
    from ui import people_forms

    ada = Actor("ada", Role.ADMIN)
    sessions.actor = lambda token: ada
    people_forms.handed_over()
    if st.session_state.get("which") == "add":
        people_forms.add(ada)
    else:
        [one] = users.all_users()
        people_forms.change(one, ada)


def test_somebody_is_added_by_a_link_that_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "actor", sessions.actor)  # put back afterwards
    at = AppTest.from_function(_dialogs)
    at.session_state["which"] = "add"
    at.run()
    at.button(key="yes-add-user").click().run()
    assert "A name is needed." in html(at)
    at.text_input(key="user-name").set_value("Bo").run()
    at.radio(key="user-role").set_value(Role.OPERATOR).run()
    at.button(key="yes-add-user").click().run()
    [bo] = users.all_users()
    assert (bo.name, bo.role) == ("Bo", Role.OPERATOR)
    assert password_links.whose(at.code[0].value.partition("?link=")[2]) == "Bo"
    assert not at.run().code


def test_a_role_is_changed_and_sessions_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    users.add("Bo", role=Role.VIEWER, password=PASSWORD, by=ADA)
    sessions.sign_in("bo", PASSWORD)
    monkeypatch.setattr(sessions, "actor", sessions.actor)
    at = AppTest.from_function(_dialogs).run()
    at.radio(key="role-Bo").set_value(Role.OPERATOR).run()
    at.button(key="yes-role").click().run()
    at.button(key="yes-sign-out").click().run()
    [bo] = users.all_users()
    assert (bo.role, bo.signed_in) == (Role.OPERATOR, 0) and not at.exception
    at.button(key="yes-disable").click().run()
    assert users.all_users()[0].disabled_at
