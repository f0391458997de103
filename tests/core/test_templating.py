"""Templates as the sandbox lists them, filled as its own checks demand."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import shapes, templating
from core.errors import Invalid
from core.meta import payloads
from core.shapes import Asked, Shape
from sandbox import components
from sandbox.templates import Templates

SEED = json.loads((Path("sandbox") / "templates.json").read_text(encoding="utf-8"))
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30
)


def shape_named(name: str, language: str = "en_US") -> Shape:
    return shapes.shape(*parts(name, language))


def parts(name: str, language: str) -> tuple[list[dict[str, Any]], str]:
    [node] = [one for one in SEED if (one["name"], one["language"]) == (name, language)]
    return node["components"], node["parameter_format"]


SHIPPED = {"header.text": "A-1", "1": "Pablo", "2": "Monday", "3": "Friday", "button.1": "A 1/2"}


def test_a_template_tells_what_it_asks_for_with_the_examples_that_meta_saw() -> None:
    assert shape_named("order_shipped").asks == (
        Asked("header.text", "text", "A-1042"),
        Asked("1", "text", "Pablo"),
        Asked("2", "text", "Monday"),
        Asked("3", "text", "Wednesday"),
        Asked("button.1", "ending", "A-1042"),
    )
    booked = shape_named("reservation_confirmation")
    assert [one.key for one in booked.asks] == ["header.image", "number_of_guests", "day", "time"]
    assert [one.example for one in booked.asks] == ["", "4", "Saturday", "19:30"]
    assert shape_named("hello_world").asks == ()


def test_filled_it_reads_as_meta_wants_it() -> None:
    assert templating.filled(shape_named("order_shipped"), SHIPPED) == [
        {"type": "header", "parameters": [{"type": "text", "text": "A-1"}]},
        {
            "type": "body",
            "parameters": [
                {"type": "text", "text": word} for word in ("Pablo", "Monday", "Friday")
            ],
        },
        {
            "type": "button",
            "sub_type": "url",
            "index": "0",
            "parameters": [{"type": "text", "text": "A%201/2"}],
        },
    ]
    link = "https://example.com/t.jpg"
    booked = {"header.image": link, "day": "Sunday", "time": "8", "number_of_guests": "2"}
    header, body = templating.filled(shape_named("reservation_confirmation"), booked)
    assert header["parameters"] == [{"type": "image", "image": {"link": link}}]
    assert body["parameters"][1] == {"type": "text", "parameter_name": "day", "text": "Sunday"}
    assert templating.filled(shape_named("hello_world"), {}) == []


def test_the_phone_shows_header_text_footer_and_buttons() -> None:
    seen = templating.shown(shape_named("order_shipped"), SHIPPED)
    assert seen.header == "Order A-1"
    assert seen.body == "Hi Pablo, your order left us on Monday and should arrive on Friday."
    assert seen.footer == "Thank you for your order" and seen.buttons == ("Track it", "Need help")


def test_what_is_missing_stays_as_the_template_has_it() -> None:
    seen = templating.shown(shape_named("order_shipped"), {"1": "Pablo"})
    assert seen.header == "Order {{1}}" and "Hi Pablo, your order left us on {{2}}" in seen.body


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"1": " "}, "param.1", "empty"),
        ({"4": "x"}, "param.4", "unknown"),
        ({"2": "two\nlines"}, "param.2", "line"),
        ({"2": "a     b"}, "param.2", "line"),
        ({"2": "x" * 1000}, "param.2", "too_long"),
        ({"header.text": "x" * 60}, "param.header.text", "too_long"),
    ],
)
def test_a_parameter_that_meta_would_refuse_is_refused_at_its_own_field(
    change: dict[str, str], field: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        templating.check(shape_named("order_shipped"), SHIPPED | change)
    assert [(one.field, one.code) for one in refused.value.problems] == [(field, code)]


def test_every_missing_parameter_is_told_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        templating.check(shape_named("order_shipped"), {})
    assert len(refused.value.problems) == 5


@pytest.mark.parametrize("link", ["table.jpg", "ftp://x.example/t.jpg", "https://", "https://a b"])
def test_a_medium_needs_a_link(link: str) -> None:
    booked = {"header.image": link, "day": "Sunday", "time": "8", "number_of_guests": "2"}
    with pytest.raises(Invalid) as refused:
        templating.check(shape_named("reservation_confirmation"), booked)
    assert [(one.field, one.code) for one in refused.value.problems] == [
        ("param.header.image", "link")
    ]


@settings(max_examples=60)
@given(st.data())
def test_what_passes_our_checks_passes_the_sandboxs_and_shows_the_same(data: st.DataObject) -> None:
    node = data.draw(st.sampled_from([one for one in SEED if one["status"] == "APPROVED"]))
    shape = shapes.shape(node["components"], node["parameter_format"])
    given = {
        one.key: "https://example.com/t.jpg" if one.kind == "link" else data.draw(WORDS)
        for one in shape.asks
    }
    try:
        templating.check(shape, given)
    except Invalid:
        return
    given = templating.cleaned(given)
    sent = payloads.template(
        to="+628123456789",
        name=node["name"],
        language=node["language"],
        components=templating.filled(shape, given),
        reference="x:1",
    )["template"]
    taken = components.check(sent, Templates(), version=25.0)
    assert components.shown(taken, sent) == templating.shown(shape, given).body
