"""What an attempt posted is read back from its request, whatever its message says since."""

import pytest

from core import history, posted, shapes, templating
from core.meta import payloads
from tests.core import stored
from tests.core.templated import BODY
from tests.core.worded import filled, template

PARTS = [
    {"type": "HEADER", "format": "IMAGE"},
    {"type": "BODY", "text": "Order {{1}} comes {{2}}"},
    {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Track", "url": "https://x.y/{{1}}"}]},
]


def test_the_parameters_come_back_that_were_filled_in() -> None:
    given = {"header.image": "https://x.y/z.png", "1": "A", "2": "Friday", "button.1": "A b"}
    shape = shapes.shape(PARTS, "POSITIONAL")
    assert posted.given(templating.filled(shape, given)) == given
    named = shapes.shape([{"type": "BODY", "text": "Hi {{name}}"}], "NAMED")
    assert posted.given(templating.filled(named, {"name": "Ana"})) == {"name": "Ana"}
    assert posted.given(templating.filled(shapes.shape(BODY, None), {"1": "Ana"})) == {"1": "Ana"}


@pytest.mark.usefixtures("sqlite")
def test_a_template_is_shown_with_what_was_posted_and_not_with_what_it_was_edited_to() -> None:
    account = stored.account()
    made = template(account, "visit", "Hi {{name}}, see you")
    _, [one] = filled(account, made, ["Edited"])
    found = history.read(one)
    assert found is not None
    named = {"type": "body", "parameters": [{"type": "text", "parameter_name": "name"}]}
    named["parameters"][0]["text"] = "Ana"  # type: ignore[index]
    said = payloads.template(
        to="+628123456789", name="visit", language="en", components=[named], reference="x:1"
    )
    _, shown = posted.said(found.row, payloads.encode(said))
    assert shown is not None and shown.body == "Hi Ana, see you"
    other = payloads.encode(said | {"template": said["template"] | {"name": "gone"}})
    _, shown = posted.said(found.row, other)
    assert shown is not None and shown.body == "gone (en) · Ana"


@pytest.mark.usefixtures("sqlite")
def test_a_request_that_says_nothing_leaves_what_the_message_says() -> None:
    (one,) = stored.messages(stored.account(), [{"text": "Hello"}])
    found = history.read(one)
    assert found is not None
    assert [posted.said(found.row, body) for body in ("", "{}")] == [("Hello", None)] * 2
