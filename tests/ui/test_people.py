"""The page People: who may be contacted, told to everybody, changed by operators."""

from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core import optouts
from core.access import Actor, Role
from core.settings import ROOT
from tests import given
from tests.core import stored
from tests.ui.seen import html, labels

OLGA, VERA = Actor("olga", Role.OPERATOR), Actor("vera", Role.VIEWER)
DEWI = "+628123456789"

pytestmark = pytest.mark.usefixtures("sqlite")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AppTest]]:
    def seen_by(person: Actor, page: str = "people", **query: str) -> AppTest:
        monkeypatch.setattr("core.sessions.actor", lambda token: person)
        at = AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=20)
        for name, value in query.items():
            at.query_params[name] = value
        return at.run()

    yield seen_by


def found(at: AppTest, typed: str) -> AppTest:
    at.text_input(key="number").set_value(typed)
    return at.run()


def test_the_list_is_there_for_everybody_and_the_import_for_operators(
    run: Callable[..., AppTest],
) -> None:
    assert "Everybody may be contacted" in html(run(VERA))
    optouts.add([DEWI], reason="<b>phoned</b>", source="letter", by=OLGA)
    at = run(VERA)
    body = html(at)
    assert "Not to be contacted: 1 entry" in body and "+62 812-3456-789" in body
    assert "&lt;b&gt;phoned" in body and "letter" in body and "/export/optouts.csv" in body
    assert labels(at) == [] and not at.text_area
    assert labels(run(OLGA)) == ["Import"]


def test_a_person_is_found_in_any_shape_with_what_they_asked(run: Callable[..., AppTest]) -> None:
    orders = stored.account("Orders [1]", country="ID")
    (made,) = stored.messages(orders, [{"recipient": DEWI, "text": "Your order"}])
    at = found(run(OLGA), "0812 3456-789")
    body = html(at)
    assert "May be contacted" in body and "1 to be sent" in body and "Your order" in body
    assert f"/message?id={made}" in body
    assert labels(at) == ["Do not contact …", "Cancel all …"]
    optouts.add([DEWI], scope="marketing", account_id=orders, by=OLGA)
    at = found(run(OLGA), DEWI)
    assert "No marketing" in html(at) and "covers marketing from «Orders [1]»" in html(at)
    assert labels(at) == ["Do not contact …", "Lift …", "Cancel all …"]
    optouts.add([DEWI], by=OLGA)
    at = found(run(OLGA), DEWI)
    assert "Do not contact" in html(at) and "1 cancelled" in html(at)
    assert labels(at) == [
        "Lift\\: everything from every number …",
        "Lift\\: marketing from «Orders \\[1\\]» …",
    ]
    at = found(run(VERA), DEWI)
    assert labels(at) == [] and "Do not contact" in html(at)
    optouts.lift_number(DEWI, by=Actor("ben", Role.OPERATOR))
    body = html(found(run(VERA), DEWI))
    assert "May be contacted" in body and "<b>Lifted</b>" in body and "by ben" in body


def test_what_is_no_number_is_told_and_what_may_be_two_is_asked(
    run: Callable[..., AppTest],
) -> None:
    assert "contains letters" in html(found(run(VERA), "abc"))
    assert "Nothing was ever sent" in html(found(run(VERA), DEWI))
    stored.account("Orders", country="ID"), stored.account("Support", country="DE")
    body = html(found(run(VERA), "0812 3456 789"))
    assert "Which is meant?" in body and "number=%2B628123456789" in body
    assert "May be contacted" not in body


@pytest.mark.parametrize("place", ["", "x", "9" * 30, "-1", "²"])
def test_a_place_that_makes_no_sense_is_the_beginning(
    run: Callable[..., AppTest], place: str
) -> None:
    optouts.add([DEWI], by=OLGA)
    assert "812-3456-789" in html(run(VERA, after=place))


def _forbidding() -> None:
    from core import people
    from core.access import Actor, Role
    from ui import peace

    [who] = people.read("+628123456789")
    peace._forbid(people.find(who), Actor("olga", Role.OPERATOR))


def test_the_form_keeps_what_was_typed_while_it_is_wrong() -> None:
    orders = stored.account("Orders")
    at = AppTest.from_function(_forbidding).run()
    at.radio(key="forbid-scope").set_value("marketing")
    at.selectbox(key="forbid-account").set_value("Orders")
    at.text_input(key="forbid-reason").set_value("x" * 501)
    at.button(key="yes-forbid").click().run()
    assert "A reason has at most 500 characters" in html(at)
    at.text_input(key="forbid-reason").set_value("phoned")
    at.button(key="yes-forbid").click().run()
    from core import people

    [who] = people.read(DEWI)
    [one] = people.find(who).in_force
    assert (one.scope, one.account_id, one.reason) == ("marketing", orders, "phoned")


def test_a_pasted_list_is_imported_and_stays_with_its_wrong_lines(
    run: Callable[..., AppTest],
) -> None:
    stored.account("Orders", country="ID")
    at = run(OLGA)
    at.button(key="import-optouts").click().run()
    assert "Paste numbers, or choose a file" in html(at)
    at.text_area(key="optouts-pasted").set_value("0812-3456-789\n<i>12\n")
    at.button(key="import-optouts").click().run()
    body = html(at)
    assert "1 entry added, 0 on the list already" in body
    assert "<b>1 line wrong.</b>" in body and "Line 2: «&lt;i&gt;12»" in body
    assert at.text_area(key="optouts-pasted").value == "0812-3456-789\n<i>12\n"
    assert "Not to be contacted: 1 entry" in body
    at.text_area(key="optouts-pasted").set_value("another").run()
    assert "1 entry added" not in html(at)
    at.text_area(key="optouts-pasted").set_value("number,colour\n1,2\n")
    at.button(key="import-optouts").click().run()
    assert "has unknown columns «colour»" in html(at)
    at.text_area(key="optouts-pasted").set_value("number\n")
    at.button(key="import-optouts").click().run()
    assert "it has no line with a number" in html(at)


def test_a_long_list_is_for_a_worker_and_found_again_when_the_page_was_closed(
    run: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.optout_import.AT_ONCE", 1)
    at = run(OLGA)
    at.text_area(key="optouts-pasted").set_value(f"{DEWI}\n+628123456780\n")
    at.button(key="import-optouts").click().run()
    for seen in (at, run(OLGA)):
        assert "Importing the list" in html(seen) and "waits for a worker" in html(seen)
        assert "Cancel" in labels(seen)
    assert "Importing the list" not in html(run(VERA))


def test_a_national_number_is_never_read_in_one_of_two_countries(
    run: Callable[..., AppTest],
) -> None:
    stored.account("Orders", country="ID"), stored.account("Support", country="DE")
    at = run(OLGA)
    at.text_area(key="optouts-pasted").set_value("0812-3456-789")
    at.button(key="import-optouts").click().run()
    assert "has no country code" in html(at)
    at.selectbox(key="optouts-home").set_value("Indonesia")
    at.button(key="import-optouts").click().run()
    assert "1 entry added" in html(at) and "+62 812-3456-789" in html(at)


def test_a_message_leads_to_its_person_and_says_who_asked_when(
    run: Callable[..., AppTest],
) -> None:
    orders = given.account("Orders")
    made = given.message(orders, to=DEWI, when=given.in_(hours=1))
    body = html(run(VERA, "message", id=str(made)))
    assert 'href="/people?number=%2B628123456789"' in body
    optouts.add([DEWI], reason="phoned", by=OLGA)
    body = html(run(VERA, "message", id=str(made)))
    assert "They asked not to be contacted. It will not be sent." in body
    assert "by olga («phoned»), covers everything from every number." in body
    assert "They asked not to be contacted" in html(run(VERA, "messages"))
