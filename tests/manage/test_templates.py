"""Templates from the command line, against the sandbox as a process."""

import json

import pytest

from core import db
from core.models import Content
from tests import given
from tests.core.templated import WABA, at_meta
from tests.manage.command import TOKEN, refused, said
from tests.processes import Programs

ADD = ("account", "add", "--name", "Orders", "--phone-number-id", "5001", "--token", TOKEN)
TO = ("schedule", "--account", "Orders", "--to", "+62 812-3456-789", "--now")
SALE = ("--template", "autumn_sale", "--param", "1=Ana", "--param", "2=FALL25")


@pytest.fixture
def orders(sqlite: str, programs: Programs) -> Programs:
    assert said(*ADD, "--waba-id", WABA) == "The account «Orders» may send. It has 10 templates.\n"
    return programs


def listed() -> dict[str, dict[str, object]]:
    rows = [json.loads(line) for line in said("template", "list", "--json").splitlines()]
    return {f"{row['name']}/{row['language']}": row for row in rows}


def test_a_message_is_scheduled_from_a_template(orders: Programs) -> None:
    made = int(said(*TO, *SALE))
    with db.reading() as session:
        content = session.get_one(Content, made)
    assert content.text == "Hi Ana, use the code FALL25 until Sunday for 25% off."
    assert (content.template, content.language) == ("autumn_sale", "en_US")
    assert content.parameters == {"1": "Ana", "2": "FALL25"}


def test_what_is_wrong_with_a_template_is_told(orders: Programs) -> None:
    assert "param.2: The parameter «2» is empty" in refused(*TO, *SALE[:4])
    shipped = (*TO, "--template", "order_shipped", "--param", "1=Ana")
    assert "approved in one language: say which" in refused(*shipped)
    assert "param.header.text" in refused(*shipped, "--language", "id")
    assert "Meta paused it" in refused(*TO, "--template", "spring_offer", "--language", "en_US")
    assert "either --text or --template" in refused(*TO, code=2)
    assert "either --text or --template" in refused(*TO, *SALE, "--text", "Hello", code=2)
    assert "is no parameter" in refused(*TO, "--template", "autumn_sale", "--param", "x", code=2)
    assert "belong to a --template" in refused(*TO, "--text", "Hello", "--param", "1=x", code=2)


def test_templates_are_listed_with_what_they_ask_for_and_why_one_cannot_be_sent(
    orders: Programs,
) -> None:
    said(*TO, *SALE)
    rows = listed()
    assert rows["autumn_sale/en_US"]["parameters"] == ["1", "2"]
    assert rows["autumn_sale/en_US"]["waiting"] == 1
    assert (
        rows["spring_offer/en_US"]["why_not"] == "Meta paused it: only approved ones can be sent."
    )
    assert "Meta rejected it (scam)" in said("template", "list")


def test_a_template_is_read_again_held_and_released(orders: Programs) -> None:
    at_meta(orders, hello_world="PAUSED")
    told = said("template", "sync")
    assert "Orders: 10 templates, 1 changed.\n  hello_world (en_US): Meta paused it" in told
    said("template", "hold", "autumn_sale", "--reason", "wrong price")
    assert listed()["autumn_sale/en_US"]["hold"] == "wrong price"
    assert "held already" in refused("template", "hold", "autumn_sale")
    assert "several templates «order_shipped» (en_US, id)" in refused(
        "template", "hold", "order_shipped"
    )
    said("template", "release", "autumn_sale")
    assert listed()["autumn_sale/en_US"]["hold"] is None
    assert "Only Meta can" in refused("template", "release", "hello_world")
    assert "no template «x»" in refused("template", "hold", "x")


def test_what_meta_does_not_tell_is_told_and_the_number_is_there_all_the_same(
    sqlite: str, programs: Programs
) -> None:
    assert "No number was added with its WABA" in refused("template", "sync")
    told = said(*ADD, "--waba-id", "999000")
    assert "may send. Its templates were not read yet" in told and TOKEN not in told
    assert "nothing with the id 999000" in refused("template", "sync")
    assert given.message(1) > 0


def test_a_number_that_was_added_without_its_waba_is_told_it_later(
    sqlite: str, programs: Programs
) -> None:
    said(*ADD)
    told = said("account", "set", "Orders", "--waba-id", WABA)
    assert told == "The account «Orders» is changed. It has 10 templates.\n"
    assert len(listed()) == 10
