"""Every answer and every webhook of the sandbox against Meta's own OpenAPI description (v23.0).

Where Meta's guides say otherwise the guides win; each such place is a test named for it.
"""

import copy
import json
from typing import Any

import pytest

from sandbox.faults import FAULTS, MAGIC_PREFIX
from tests import contract

WABA = "/v23.0/100200300400500"


@pytest.fixture(scope="session")
def description() -> dict[str, Any]:
    return contract.description()


@pytest.fixture
def problems(description):
    """What is wrong with a value by a schema, given by name or as an object of the description."""
    return contract.problems


def answer_schema(description, path: str, method: str = "get") -> dict[str, Any]:
    response = description["paths"][path][method]["responses"]["200"]
    return response["content"]["application/json"]["schema"]


def test_the_validator_finds_what_is_wrong(problems):
    assert problems({"error": {"message": "x", "type": "y"}}, "GraphAPIError")
    assert problems({"contacts": "none"}, "MessageResponsePayload")


@pytest.mark.parametrize("schema", ["MessageResponsePayload", "MessageResponse"])
def test_an_accepted_text_is_as_described(api, problems, schema):
    assert problems(api.text(version="v23.0").json(), schema) == []


def test_the_send_paths_own_schema_takes_an_accepted_text(api, problems, description):
    schema = answer_schema(description, "/{Version}/{Phone-Number-ID}/messages", "post")
    assert problems(api.text().json(), schema) == []


def test_an_accepted_template_is_as_described(api, problems):
    template = {"name": "hello_world", "language": {"policy": "deterministic", "code": "en_US"}}
    head = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": "+6281"}
    body = head | {"type": "template", "template": template}
    assert problems(body, "TemplateMessage") == []
    answer = api.post(body)
    assert answer.status_code == 200
    assert problems(answer.json(), "MessageResponsePayload") == []


def test_marking_as_read_is_as_described(api, problems):
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.x"}
    assert problems(api.post(body).json(), "MarkMessageResponsePayload") == []


def test_every_refusal_is_as_described(api, problems, text_body):
    refused = 0
    for digits, fault in FAULTS.values():
        if fault.code is not None:
            body = api.text(f"+{MAGIC_PREFIX}{digits}").json()
            assert problems(body, "GraphAPIError") == []
            refused += 1
    assert refused > 20
    for answer in (
        api.post(b"{"),
        api.post({}),
        api.text("+6281", node="99912"),
        api.text("+6281", headers={"Authorization": None}),
        api.text("+6281", headers={"Authorization": "Bearer expired"}),
        api.post(text_body("+6281") | {"text": {"body": "x" * 5000}}),
        api.get("/v23.0/5001?fields=colour"),
        api.get(f"{WABA}/message_templates?after=x"),
        api.get("/v23.0/5001/nothing"),
    ):
        assert answer.status_code >= 400
        assert problems(answer.json(), "GraphAPIError") == []


def test_a_phone_number_is_as_described(api, problems, description):
    schema = answer_schema(description, "/{Version}/{Phone-Number-ID}")
    for fields in ("", "?fields=name_status,code_verification_status,quality_rating"):
        assert problems(api.get(f"/v23.0/5001{fields}").json(), schema) == []


def test_the_guides_win_a_number_that_can_send_has_the_status_connected(api, problems, description):
    """The guide «Phone numbers» needs CONNECTED; the description's enum does not know it."""
    api.text()
    body = api.get(f"{WABA}/phone_numbers?fields=id,display_phone_number,status").json()
    assert body["data"][0]["status"] == "CONNECTED"
    schema = answer_schema(description, "/{Version}/{WABA-ID}/phone_numbers")
    assert len(problems(body, schema)) == 1
    corrected = copy.deepcopy(description)
    corrected["components"]["schemas"]["WhatsAppPhoneNumberStatus"]["enum"].append("CONNECTED")
    assert problems(body, schema, corrected) == []


def test_the_guides_win_status_is_left_out_of_a_number_list_unless_asked_for(
    api, problems, description
):
    """The guide's default answer has no `status`; the description requires one."""
    api.text()
    body = api.get(f"{WABA}/phone_numbers").json()
    schema = answer_schema(description, "/{Version}/{WABA-ID}/phone_numbers")
    assert [problem.partition(": ")[2] for problem in problems(body, schema)] == [
        "'status' is a required property"
    ]


def test_the_template_list_is_as_described(api, problems, description):
    """Named parameters aside, which the description's one example does not show."""
    schema = answer_schema(description, "/{Version}/{WABA-ID}/message_templates")
    for query in ("", "?limit=2", "?status=REJECTED", "?name=absent"):
        body = api.get(f"{WABA}/message_templates{query}").json()
        assert problems(body, schema) == []


def test_the_apps_of_a_business_are_as_described(api, problems, description):
    schema = answer_schema(description, "/{Version}/{WABA-ID}/subscribed_apps")
    body = api.get(f"{WABA}/subscribed_apps").json()
    assert body["data"] and problems(body, schema) == []


def test_unpausing_is_as_described(api, problems):
    paused = api.get(f"{WABA}/message_templates?status=PAUSED").json()["data"][0]["id"]
    answer = api.session.post(f"{api.url}/v23.0/{paused}/unpause", timeout=5)
    assert problems(answer.json(), "SuccessResponse") == []


@pytest.mark.parametrize("name", ["", "marketing_withheld_later"])
def test_status_webhooks_are_as_described(api, hook, until, problems, name):
    to = f"+{MAGIC_PREFIX}{FAULTS[name][0]}" if name else "+6281"
    api.text(to, biz_opaque_callback_data="ours")
    last = "failed" if name else "read"
    until(lambda: any(status["status"] == last for status in hook.statuses()))
    for body, _ in hook.posts:
        payload = json.loads(body)
        assert problems(payload, "WebhookPayload") == []
        assert problems(payload["entry"][0]["changes"][0]["value"], "StatusMessageValue") == []


def test_the_guides_win_an_inbound_text_is_not_an_outbound_one(
    api, hook, until, problems, description
):
    """The description resolves inbound `TextMessage` to the schema of that name for sends."""
    body = {"phone_number_id": "5001", "from": "+6281234567890", "text": "Hello"}
    api.admin("inbound", body)
    payload = json.loads(until(lambda: hook.posts)[0][0])
    assert problems(payload, "WebhookPayload")
    value = payload["entry"][0]["changes"][0]["value"]
    corrected = copy.deepcopy(description)
    schemas = corrected["components"]["schemas"]
    schemas["IncomingMessage"] = {"allOf": schemas["TextMessage_2"]["allOf"][1:]}
    assert problems(payload, "WebhookPayload", corrected) == []
    assert problems(value, "IncomingMessageValueGeneral", corrected) == []


def test_the_usage_header_is_as_described(api, problems, description):
    header = description["components"]["headers"]["x-business-use-case-usage"]["schema"]
    assert problems(api.text().headers["x-business-use-case-usage"], header) == []
