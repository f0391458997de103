"""The pages of templates, and the form that schedules with one, without a browser."""

from collections.abc import Callable

import pytest
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db, templates
from core.access import Actor, Role
from core.models import Business, Content
from tests import given
from tests.core import templated
from tests.ui.seen import html
from tests.ui.test_pages import run, schedule_button, signed_in
from ui import filling

__all__ = ["signed_in"]
pytestmark = pytest.mark.usefixtures("sqlite", "signed_in")

SHIPPED = [
    {
        "type": "HEADER",
        "format": "TEXT",
        "text": "Order {{1}}",
        "example": {"header_text": ["A-1"]},
    },
    {"type": "BODY", "text": "Hi {{1}}, it left.", "example": {"body_text": [["Pablo"]]}},
    {"type": "FOOTER", "text": "Thank you"},
    {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Track", "url": "https://a.co/{{1}}"}]},
]


@pytest.fixture(autouse=True)
def fresh() -> None:
    filling._offers.clear()


def template_form(**columns: object) -> AppTest:
    """The form with a template chosen."""
    account = given.account("Orders", country="ID")
    template = templated.template(account, "shipped", components=SHIPPED, **columns)
    at = run("schedule")
    at.segmented_control[0].set_value(filling.TEMPLATE)
    at = at.run()
    next(box for box in at.selectbox if box.label == "Template").select(template)
    return at.run()


def field(at: AppTest, label: str) -> object:
    return next(one for one in at.text_input if one.label == label)


def type_(at: AppTest, **values: str) -> AppTest:
    for one in at.text_input:
        if one.label in values:
            one.set_value(values[one.label])
    return at.run()


FILLED = {
    "To": "+628123456789",
    "In the header": "A-7",
    "{{1}}": "Ana",
    "End of the address behind «Track»": "A-7",
}


def contents() -> list[Content]:
    with db.reading() as session:
        return list(session.exec(select(Content)).all())


def test_a_template_is_filled_in_shown_as_the_phone_shows_it_and_scheduled() -> None:
    at = template_form()
    assert [one.placeholder for one in at.text_input if one.label == "{{1}}"] == ["Pablo"]
    at = type_(at, **FILLED)
    body = html(at)
    for shown in ("Order A-7", "Hi Ana, it left.", "Thank you", "<li>Track</li>", "Leaves <b>"):
        assert shown in body
    at = schedule_button(at).click().run()
    assert "/message?id=" in html(at)
    [content] = contents()
    assert (content.template, content.text) == ("shipped", "Hi Ana, it left.")
    assert content.parameters == {"header.text": "A-7", "1": "Ana", "button.1": "A-7"}


def test_each_parameter_says_what_is_wrong_with_it_and_keeps_what_was_typed() -> None:
    at = template_form()
    assert "Fill this in." not in html(at)
    at = type_(at, **{"{{1}}": "two     spaces"})
    assert "more than four spaces" in html(at)
    at = schedule_button(at).click().run()
    assert html(at).count("Fill this in.") == 2
    assert field(at, "{{1}}").value == "two     spaces"  # type: ignore[attr-defined]
    assert contents() == []


def test_without_a_template_one_is_asked_for_and_not_a_text() -> None:
    templated.template(given.account("Orders"))
    at = run("schedule")
    at.segmented_control[0].set_value(filling.TEMPLATE)
    at = schedule_button(at.run()).click().run()
    assert "Choose a template." in html(at) and "Type the text" not in html(at)


def test_one_that_cannot_be_sent_is_offered_with_the_reason_and_refused() -> None:
    at = template_form(status="PAUSED")
    box = next(one for one in at.selectbox if one.label == "Template")
    assert box.options == [
        "shipped · en_US · utility · not now: Meta paused it: only approved ones can be sent."
    ]
    at = type_(at, **FILLED)
    assert "Meta paused it: only approved ones can be sent." in html(at)
    schedule_button(at).click().run()
    assert contents() == []


def test_a_held_template_warns_and_schedules() -> None:
    at = template_form()
    templates.hold(templated.row("shipped").id, reason="wrong price", by=given.ANA)
    at = type_(at, **FILLED)
    assert "It will wait until «shipped» is released: held by ana: wrong price." in html(at)
    schedule_button(at).click().run()
    assert len(contents()) == 1


def test_what_was_typed_as_a_text_is_kept_beside_the_template() -> None:
    templated.template(given.account("Orders"))
    at = run("schedule")
    at.text_area[0].set_value("Kept")
    at.segmented_control[0].set_value(filling.TEMPLATE)
    at = at.run()
    at.segmented_control[0].set_value(filling.TEXT)
    assert at.run().text_area[0].value == "Kept"


def test_the_list_tells_what_sends_why_one_does_not_and_what_waits() -> None:
    account = templated.account()
    held = templated.template(account)
    templated.template(account, "sale", status="PAUSED", category="MARKETING", quality="RED")
    templated.message(account)
    templates.hold(held, reason="<b>wrong</b>", by=given.ANA)
    body = html(run("templates"))
    assert "Held by ana: &lt;b&gt;wrong&lt;/b&gt;." in body and "<b>wrong" not in body
    assert "Meta paused it: only approved ones can be sent." in body
    assert f"/template?id={held}" in body and "2 templates" in body
    at = run("templates")
    next(one for one in at.selectbox if one.label == "Category").select("MARKETING")
    assert "1 template<" in html(at.run())


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"q": "sal"}, {"sale"}),
        ({"q": "HOLA"}, {"visit (es)"}),
        ({"language": "es"}, {"visit (es)"}),
        ({"quality": "RED"}, {"sale"}),
        ({"quality": "UNKNOWN"}, {"visit (es)", "visit (en_US)"}),
        ({"status": "DISABLED"}, {"sale"}),
        ({"status": "HELD"}, {"visit (en_US)"}),
        ({"q": "visit", "language": "en_US"}, {"visit (en_US)"}),
        ({"q": "nothing like it"}, set()),
    ],
)
def test_templates_are_found_by_words_language_quality_and_state(
    asked: dict[str, str], shown: set[str]
) -> None:
    account = templated.account()
    spanish = [{"type": "BODY", "text": "Hola {{1}}"}]
    ids = {
        "visit (en_US)": templated.template(account),
        "visit (es)": templated.template(account, language="es", components=spanish),
        "sale": templated.template(account, "sale", status="DISABLED", quality="RED"),
    }
    templates.hold(ids["visit (en_US)"], by=given.ANA)
    at = run("templates")
    for key, value in asked.items():
        if key == "q":
            at.text_input(key="q").set_value(value)
        else:
            at.selectbox(key=key).set_value(value)
    body = html(at.run())
    assert {name for name, one in ids.items() if f'/template?id={one}"' in body} == shown


def test_a_business_that_could_not_be_read_says_so_on_the_page() -> None:
    templated.account()
    assert "Not read from Meta yet" in html(run("templates"))
    with db.writing() as session:
        business = session.exec(select(Business)).one()
        business.sync_error = "Meta was busy (2)."
        session.add(business)
    assert "The last try failed: Meta was busy (2)." in html(run("templates"))


def test_without_a_business_the_page_says_how_to_name_one() -> None:
    given.account()
    said = html(run("templates"))
    assert "whose id is told when a number is added" in said and 'href="/accounts"' in said


def test_one_template_is_shown_with_its_examples_and_a_viewer_has_no_button(
    signed_in: Callable[[Actor | None], None],
) -> None:
    template = templated.template(given.account(), "shipped", components=SHIPPED)
    at = run("template", id=str(template))
    assert "Order A-1" in html(at) and "Hi Pablo, it left." in html(at) and "It sends." in html(at)
    assert [one.label for one in at.button] == ["Hold"]
    signed_in(Actor("vera", Role.VIEWER))
    assert not run("template", id=str(template)).button
    assert "No such template" in html(run("template", id="99"))


def test_the_messages_of_one_template_are_listed_and_named() -> None:
    account = given.account()
    template = templated.template(account)
    with_it = templated.message(account)
    without = given.message(account)
    body = html(run("messages", template=str(template)))
    assert f"/message?id={with_it}" in body and f"/message?id={without}" not in body
    assert "Template <a" in body and "visit" in body
    shown = html(run("message", id=str(with_it)))
    assert "visit (en_US)" in shown and "1: Ana" in shown and "Hello Ana" in shown
