"""What is posted to Meta: held to Meta's own description, and readable back from a webhook."""

import copy
import json
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import phone, rendering, shapes, templating
from core.errors import Invalid
from core.meta import payloads
from tests import contract

TO, BODY, REFERENCE = "+628123456789", "Hello *you*", "5f0c:17"
MESSAGES = "/{Version}/{Phone-Number-ID}/messages"
TYPED = (
    "+62 812-3456-789",
    "00628123456789",
    "0812-3456-789",
    "+1 (650) 555-1234",
    "+49 30 901820",
)


def sent(**changed: Any) -> dict[str, Any]:
    return payloads.text(**({"to": TO, "body": BODY, "reference": REFERENCE} | changed))


def test_a_text_is_exactly_this() -> None:
    assert sent() == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+628123456789",
        "type": "text",
        "text": {"preview_url": False, "body": "Hello *you*"},
        "biz_opaque_callback_data": "5f0c:17",
    }


@pytest.mark.parametrize("typed", TYPED)
def test_every_recipient_that_is_read_is_sent_in_e164_with_its_plus(typed: str) -> None:
    to = phone.read(typed, home="ID").e164
    assert sent(to=to)["to"] == to
    assert to.startswith("+") and to[1:].isdecimal() and len(to) <= 16


@pytest.mark.parametrize("body", ["x", "Grüße 😀 *b* _i_\n~s~", "x" * rendering.LIMIT, "😀" * 2048])
def test_every_text_that_may_be_stored_is_a_request_as_described(body: str) -> None:
    rendering.check_text(body)
    request = json.loads(payloads.encode(sent(body=body)))
    assert problems(request) == []


@pytest.mark.parametrize(
    ("components", "given"),
    [
        ([{"type": "BODY", "text": "Hello"}], {}),
        ([{"type": "BODY", "text": "Hello {{1}}"}], {"1": "😀 *you*"}),
        (
            [
                {"type": "HEADER", "format": "IMAGE"},
                {"type": "BODY", "text": "Hello"},
                {
                    "type": "BUTTONS",
                    "buttons": [{"type": "URL", "text": "Go", "url": "https://x.example/{{1}}"}],
                },
            ],
            {"header.image": "https://x.example/a.jpg", "button.1": "a b"},
        ),
    ],
)
def test_every_template_is_a_request_as_described(
    components: list[dict[str, Any]], given: dict[str, str]
) -> None:
    shape = shapes.shape(components, "POSITIONAL")
    filled = templating.filled(shape, given)
    made = payloads.template(
        to=TO, name="visit", language="en_US", components=filled, reference=REFERENCE
    )
    assert problems(made) == []


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(body=st.text(min_size=1, max_size=200), attempt=st.integers(1, 2**63 - 1))
def test_any_text_is_a_request_as_described(body: str, attempt: int) -> None:
    try:
        rendering.check_text(body)
    except Invalid:
        return
    request = sent(body=body, reference=payloads.reference("5f0c9a7e" * 4, attempt))
    assert problems(request) == []
    assert json.loads(payloads.encode(request).encode()) == request


def problems(request: dict[str, Any]) -> list[str]:
    """What is wrong with a request by Meta's description, its slips below put right."""
    return contract.problems(request, contract.request_schema(MESSAGES), corrected())


@cache
def corrected() -> dict[str, Any]:
    whole = copy.deepcopy(contract.description())
    schemas = whole["components"]["schemas"]
    schemas["TextMessage"]["allOf"][1].pop("additionalProperties")
    schemas["TextMessage"]["unevaluatedProperties"] = False
    schemas["LanguageObject"]["required"].remove("policy")
    for index in _indexes(schemas):
        index["pattern"] = "^[0-9]$"
    callback = schemas["CallRequestPayload"]["properties"]["biz_opaque_callback_data"]
    schemas["BaseMessageProperties"]["properties"]["biz_opaque_callback_data"] = callback
    return whole


def test_the_description_refuses_a_request_that_is_wrong() -> None:
    assert problems(sent(body=7))
    assert problems(sent(reference="x" * 513))
    assert problems(sent() | {"colour": "red"})
    assert problems(sent() | {"text": {"body": "x", "colour": "red"}})
    assert problems({key: value for key, value in sent().items() if key != "to"})


def test_the_guides_win_a_text_has_more_properties_than_its_text() -> None:
    """Read to the letter, the description refuses every message, its own examples too."""
    post = contract.description()["paths"][MESSAGES]["post"]
    examples = post["requestBody"]["content"]["application/json"]["examples"]
    for name in ("Send Text Message", "Send Reply to Text Message"):
        example = examples[name]["value"]
        assert contract.problems(example, contract.request_schema(MESSAGES))
        assert problems(example) == []


def test_the_guides_win_a_message_may_carry_callback_data() -> None:
    """The guide on sending knows `biz_opaque_callback_data`; the description has it on calls."""
    schemas = contract.description()["components"]["schemas"]
    assert "biz_opaque_callback_data" not in str(schemas["BaseMessageProperties"])
    assert (
        schemas["CallRequestPayload"]["properties"]["biz_opaque_callback_data"]["maxLength"] == 512
    )


def test_the_guides_win_a_language_needs_no_policy() -> None:
    """A relic of the on-premises API; no guide on templates sends it."""
    assert contract.description()["components"]["schemas"]["LanguageObject"]["required"] == [
        "policy",
        "code",
    ]


def test_the_guides_win_the_first_button_has_index_0() -> None:
    """The description's pattern allows 2 to 6, a comma, a blank, and no two digits."""
    found = _indexes(contract.description()["components"]["schemas"])
    assert {one["pattern"] for one in found} == {"^[2-6, 11-14]$"}


def _indexes(schemas: dict[str, Any]) -> list[dict[str, Any]]:
    button = schemas["ButtonComponent"]["allOf"][1]
    return [one["properties"]["index"] for one in (button, schemas["TemplateComponent"])]


def test_the_posted_bytes_are_compact_utf_8() -> None:
    encoded = payloads.encode(sent(body="é 😀"))
    assert "é 😀" in encoded and ": " not in encoded and json.loads(encoded) == sent(body="é 😀")


@given(installation=st.text(min_size=1, max_size=40), attempt=st.integers(1, 2**63 - 1))
def test_a_reference_is_read_back_as_it_was_made(installation: str, attempt: int) -> None:
    made = payloads.reference(installation, attempt)
    assert payloads.read_reference(made) == (installation, attempt)


def test_the_longest_reference_fits_what_meta_returns() -> None:
    assert len(payloads.reference("f" * 64, 2**63 - 1)) <= 512


@pytest.mark.parametrize(
    "foreign", ["", ":", "17", ":17", "5f0c:", "5f0c:x", "5f0c:-1", "5f0c:1.5"]
)
def test_a_reference_of_somebody_else_is_not_ours(foreign: str) -> None:
    assert payloads.read_reference(foreign) is None


@given(foreign=st.text(max_size=600))
def test_no_reference_raises(foreign: str) -> None:
    found = payloads.read_reference(foreign)
    assert found is None or (found[0] and 0 <= found[1] < 2**63)
