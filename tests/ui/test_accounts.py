"""The page Accounts: who sees and may do what, what is typed and kept, what is asked first."""

from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core import account_settings, accounts, checking, db, vault
from core.access import Actor, Role
from core.checking import Checked, Finding
from core.models import Account, Business
from core.settings import ROOT
from tests import given
from tests.core import stored
from tests.ui.seen import html, labels
from ui import live

ANA, OLGA, VERA = (
    Actor("ana", Role.ADMIN),
    Actor("olga", Role.OPERATOR),
    Actor("vera", Role.VIEWER),
)
WELL = Checked((Finding("token", True, "Meta accepts the access token."),))
DEAF = Checked((*WELL.findings, Finding("webhook", False, "Nobody hears.", "Set it up.")))

pytestmark = pytest.mark.usefixtures("sqlite")
Run = Callable[..., AppTest]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    live._pulse.clear()

    def seen_by(person: Actor, **query: str) -> AppTest:
        monkeypatch.setattr("core.sessions.actor", lambda token: person)
        at = AppTest.from_file(str(ROOT / "pages" / "accounts.py"), default_timeout=20)
        for name, value in query.items():
            at.query_params[name] = value
        return at.run()

    yield seen_by


def the_account() -> Account:
    [one] = accounts.everything()
    return one


def test_each_number_is_a_card_with_its_state_its_figure_and_what_it_needs(run: Run) -> None:
    evil = "<img src=x>"
    paused = stored.account(evil, state="paused", state_by="Meta", state_reason=evil)
    gone = stored.account("Gone", state="paused", state_by="Meta", state_code=190)
    stored.account("Well"), stored.account("Old", state="retired")
    stored.messages(paused, [{}] * 3)
    at = run(ANA)
    body = html(at)
    assert "<img" not in body and "Paused by Meta: &lt;img" in body
    assert "<strong>3</strong><small>kept back" in body
    assert "It sends. Nothing waits." in body and "It sends no more" in body
    assert body.index(f"/accounts?id={gone}") < body.index(">Well<") < body.index(">Old<")
    assert labels(at) == ["Resume …", "Replace the token …"]
    assert [one.proto.type for one in at.button] == ["primary"] * 2
    assert labels(run(OLGA)) == ["Resume …"] * 2
    assert labels(run(VERA)) == [] and "<strong>3</strong>" in html(run(VERA))


def test_others_than_administrators_read_what_is_set_and_change_nothing(run: Run) -> None:
    made = stored.account("Orders", quiet_from="21:00", quiet_to="07:00", rate=0.5)
    at = run(VERA, id=str(made))
    assert "21:00–07:00" in html(at) and "0.5 a second" in html(at)
    assert not at.text_input and not at.button
    at = run(OLGA, id=str(made))
    assert labels(at) == ["Pause …", "Check with Meta"] and not at.text_input
    assert "Not for operators" in html(run(OLGA, new="1")) and not run(OLGA, new="1").text_input
    assert "No such account" in html(run(VERA, id="99"))


def test_on_a_new_installation_an_administrator_is_led_to_the_first_number(run: Run) -> None:
    assert "/accounts?new=1" in html(run(ANA)) and "/accounts?new=1" not in html(run(VERA))


def test_what_is_wrong_stands_at_its_field_and_all_that_was_typed_stays(run: Run) -> None:
    made = given.account("Orders")
    at = run(ANA, id=str(made))
    key = f"account-{made}"
    typed = {"rate": "fast", "late_after": "soon", "quiet_from": "21:00", "test_number": "me"}
    for name, text in typed.items():
        at.text_input(key=f"{key}-{name}").set_value(text)
    at.button(key=f"{key}-save").click().run()
    body = html(at)
    for said in ("«fast» is not a rate", "no length of time", "have a beginning and an end"):
        assert said in body
    assert {n: at.text_input(key=f"{key}-{n}").value for n in typed} == typed
    assert the_account().rate == 1
    right = {"rate": "none", "late_after": "90m", "quiet_to": "7:00", "test_number": ""}
    for name, text in right.items():
        at.text_input(key=f"{key}-{name}").set_value(text)
    at.button(key=f"{key}-save").click().run()
    now = the_account()
    assert (now.rate, now.late_after, now.quiet_from, now.quiet_to) == (
        None,
        5400,
        "21:00",
        "07:00",
    )
    assert at.text_input(key=f"{key}-quiet_to").value == "07:00"


def test_only_what_was_changed_here_is_saved_and_what_others_changed_is_shown_first(
    run: Run,
) -> None:
    made = given.account("Orders")
    at = run(ANA, id=str(made))
    key = f"account-{made}"
    at.text_input(key=f"{key}-rate").set_value("5").run()
    account_settings.change("Orders", {"rate": 2.0, "late_after": 600}, by=ANA)
    at.button(key=f"{key}-save").click().run()
    assert "Messages a second is 2 now" in html(at) and the_account().rate == 2
    at.button(key=f"{key}-save").click().run()
    assert (the_account().rate, the_account().late_after) == (5, 600)


def filled(at: AppTest, waba: str = "77") -> AppTest:
    typed = {"name": "Orders", "number": "1055", "waba": waba, "token": "EAAGm", "rate": "0.5"}
    for name, text in typed.items():
        at.text_input(key=f"add-{name}").set_value(text)
    return at.button(key="add").click().run()


def test_a_number_is_added_once_meta_says_that_it_is_right(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = Finding("token", False, "Meta does not accept it.", "Get another.")
    monkeypatch.setattr(checking, "ask", lambda *_, **__: Checked((refusal,)))
    at = filled(run(ANA, new="1"))
    assert "Meta does not accept it. Get another." in html(at) and accounts.everything() == []
    assert at.text_input(key="add-token").value == "EAAGm" and "EAAGm" not in html(at)
    monkeypatch.setattr(checking, "ask", lambda *_, **__: WELL)
    at.button(key="add").click().run()
    assert (the_account().name, the_account().rate) == ("Orders", 0.5)
    assert at.session_state["did"] == "Added. Its templates are read within a minute."
    assert "add-token" not in at.session_state and "EAAGm" not in html(at)


def test_no_templates_are_promised_of_a_number_without_a_waba(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "ask", lambda *_, **__: WELL)
    at = filled(run(ANA, new="1"), waba=" ")
    assert "sends texts only until its WABA id" in at.session_state["did"]


def test_all_that_is_wrong_of_a_new_number_is_told_at_once_and_before_meta_is_asked(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "ask", lambda *_, **__: pytest.fail("asked Meta"))
    at = run(ANA, new="1")
    at.text_input(key="add-rate").set_value("fast")
    body = html(at.button(key="add").click().run())
    for said in ("Give the account a name", "digits only", "token is empty", "«fast» is not"):
        assert said in body
    given.account("Orders")
    assert "An account named «Orders» exists." in html(filled(at))


def test_what_keeps_nothing_from_being_sent_is_told_and_can_be_accepted(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "ask", lambda *_, **__: DEAF)
    at = filled(run(ANA, new="1"))
    assert "Nobody hears." in html(at) and "Set it up." in html(at)
    assert labels(at) == ["Add it all the same"] and accounts.everything() == []
    at.text_input(key="add-token").set_value("another").run()
    assert labels(at) == ["Check and add"]  # that was said of the other token
    at.text_input(key="add-token").set_value("EAAGm").run()
    at.button(key="add").click().run()
    assert the_account().name == "Orders"


def test_a_check_stays_on_the_page_with_each_cure(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = given.account("Orders")
    monkeypatch.setattr(checking, "ask", lambda *_, **__: DEAF)
    at = run(OLGA, id=str(made))
    at.button(key="check").click().run()
    assert "Webhook wrong" in html(at) and "Set it up." in html(at)
    assert "Access token well" in html(at.run())


def test_a_retired_number_is_brought_back_paused(run: Run) -> None:
    made = given.account("Orders")
    with db.writing() as session:
        session.get_one(Account, made).state = "retired"
    at = run(ANA, id=str(made))
    assert labels(at) == ["Bring it back"] and not at.text_input
    at.button(key="reinstate").click().run()
    assert the_account().state == "paused" and "Resume …" in labels(at)


def _pausing() -> None:
    from core import accounts
    from core.access import Actor, Role
    from ui import pausing

    [account] = accounts.everything()
    pausing.pause(account, Actor("olga", Role.OPERATOR))


def test_who_pauses_says_why() -> None:
    given.account("Orders")
    at = AppTest.from_function(_pausing).run()
    at.text_input(key="pause-reason").set_value("Holiday").run()
    at.button(key="yes-pause").click().run()
    one = the_account()
    assert (one.state, one.state_reason, one.state_by) == ("paused", "Holiday", "olga")


def _replacing() -> None:
    from core import account_reports
    from core.access import Actor, Role
    from ui import account_forms

    [card] = account_reports.cards()
    account_forms.replace_token(card, Actor("ana", Role.ADMIN))


def test_a_token_is_replaced_only_where_meta_accepts_the_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given.account("Orders")

    def token() -> str:
        with db.reading() as session:
            return vault.decrypt(session.get_one(Business, 1).token)

    refusal = Finding("token", False, "Meta does not accept it.", "Get another.")
    monkeypatch.setattr(checking, "ask", lambda *_, **__: Checked((refusal,)))
    at = AppTest.from_function(_replacing).run()
    at.text_input(key="new-token").set_value("EAAGnew").run()
    at.button(key="yes-token").click().run()
    assert "Meta does not accept it." in html(at) and token() == "token"
    monkeypatch.setattr(checking, "ask", lambda *_, **__: WELL)
    at.button(key="yes-token").click().run()
    assert token() == "EAAGnew"
