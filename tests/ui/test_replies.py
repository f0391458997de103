"""What people wrote back, on the page of the message and on their own."""

import pytest
from streamlit.testing.v1 import AppTest

from core import clock
from core.access import Actor, Role
from core.settings import ROOT
from tests import given
from tests.core import heard, stored
from tests.core.test_history import sent
from tests.ui.seen import html

BUDI = given.recipient(1)

pytestmark = pytest.mark.usefixtures("sqlite")


@pytest.fixture(autouse=True)
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.sessions.actor", lambda token: Actor("vera", Role.VIEWER))


def run(page: str, **query: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=20)
    for name, value in query.items():
        at.query_params[name] = value
    return at.run()


def posted() -> int:
    columns = {"status": "sent", "sent_at": clock.wall(), "meta_message_id": "wamid.A"}
    (one,) = stored.messages(stored.account(), [columns | {"recipient": BUDI}])
    sent(one, "wamid.A")
    return one


def test_the_phone_and_the_history_show_what_they_wrote_back_and_which_answers_it() -> None:
    one = posted()
    body = html(run("message", id=str(one)))
    assert "bubble mine" not in body and "They wrote" not in body
    heard.write("I paid <b>", sender=BUDI)
    heard.write("*Thanks*", sender=BUDI, context={"id": "wamid.A"})
    body = html(run("message", id=str(one)))
    assert body.count("bubble mine") == 2 and body.count("Answers this message") == 1
    assert "I paid &lt;b&gt;" in body and "<b>Thanks</b>" in body
    assert "They wrote after it" in body and "They answered it" in body


def test_a_reaction_taken_back_is_no_bubble() -> None:
    one = posted()
    heard.write(sender=BUDI, type="reaction", reaction={"message_id": "wamid.A"})
    body = html(run("message", id=str(one)))
    assert "bubble mine" not in body and "They took back their reaction" in body


def test_a_person_is_shown_with_what_they_last_wrote_and_to_which_number() -> None:
    posted()
    assert "never" in html(run("people", number=BUDI))
    heard.write("Call me <b>", sender=BUDI)
    body = html(run("people", number=BUDI))
    assert "to Orders: «Call me &lt;b&gt;»" in body


def test_a_free_text_says_whether_they_wrote_lately_and_a_template_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.sessions.actor", lambda token: Actor("ana", Role.OPERATOR))
    stored.account()
    at = run("schedule")
    at.text_input[0].set_value(BUDI)
    at.text_area[0].set_value("Hello")
    assert "refuses all but templates" in html(at.run())
    heard.write(sender=BUDI)
    assert "They wrote: WhatsApp takes free text to them until" in html(at.run())
