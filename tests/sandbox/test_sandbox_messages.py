"""What a send must look like, and the error body of each refusal."""

import base64
import re

import pytest

TO = "+6281234567890"


def error(answer):
    """The error object of an answer, its shape checked."""
    body = answer.json()["error"]
    assert answer.headers["content-type"].startswith("application/json")
    assert body["type"] in ("OAuthException", "GraphMethodException")
    assert re.fullmatch(r"[\w-]{15,}", body["fbtrace_id"])
    return body


def test_a_text_is_accepted_with_exactly_the_documented_body(api, text_body):
    answer = api.post(text_body("+62 812-3456 (7890)"))
    wamid = answer.json()["messages"][0]["id"]
    assert answer.status_code == 200
    assert answer.json() == {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+62 812-3456 (7890)", "wa_id": "6281234567890"}],
        "messages": [{"id": wamid}],
    }
    assert wamid.startswith("wamid.HBg")
    assert b"6281234567890" in base64.b64decode(wamid.removeprefix("wamid."))
    assert '"type": "whatsapp"' in answer.headers["x-business-use-case-usage"]
    assert answer.headers["facebook-api-version"] == "v25.0"


def test_what_was_accepted_is_listed_in_order(api):
    for position in range(3):
        api.text(f"+62812000000{position}", body=f"n° {position}", biz_opaque_callback_data="ref")
    rows = api.ledger()
    assert [row["text"] for row in rows] == ["n° 0", "n° 1", "n° 2"]
    assert {"id", "phone_number_id", "to", "biz_opaque_callback_data"} < rows[0].keys()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}\+00:00", rows[0]["received_at"])
    assert [row["to"] for row in api.ledger(after=rows[0]["id"])] == [r["to"] for r in rows[1:]]
    assert [row["id"] for row in api.ledger(to="+628120000002")] == [rows[2]["id"]]
    assert api.ledger(phone_number_id="77") == []


def test_the_version_may_be_left_out(api, text_body):
    answer = api.session.post(f"{api.url}/5001/messages", json=text_body(TO), timeout=5)
    assert answer.status_code == 200
    assert answer.headers["facebook-api-version"] == "v26.0"


@pytest.mark.parametrize(
    "given, wa_id",
    [("0812", "620812"), ("81234567890", "6281234567890"), ("6281234567890", "626281234567890")],
)
def test_without_a_plus_the_senders_calling_code_is_put_in_front_literally(api, given, wa_id):
    assert api.text(given).json()["contacts"] == [{"input": given, "wa_id": wa_id}]


def test_the_senders_country_can_be_set(api):
    api.admin("settings", {"numbers": {"5001": {"country": "91"}}})
    contact = api.text("1 (631) 555-1234").json()["contacts"][0]
    assert contact["wa_id"] == "9116315551234"


@pytest.mark.parametrize(
    "token, code, subcode",
    [
        (None, 104, None),
        ("Bearer ", 104, None),
        ("Basic abc", 104, None),
        ("Bearer expired-1", 190, 463),
        ("Bearer invalid-1", 190, None),
    ],
)
def test_a_token_that_does_not_work_is_refused(api, token, code, subcode):
    answer = api.text(headers={"Authorization": token})
    assert answer.status_code == 401
    assert error(answer)["code"] == code
    assert error(answer).get("error_subcode") == subcode
    assert api.ledger() == []


@pytest.mark.parametrize("node", ["99912345", "not-digits", "100200300400500"])
def test_a_number_that_does_not_exist_is_100_with_subcode_33(api, node):
    answer = api.text(node=node)
    assert answer.status_code == 400
    assert error(answer)["code"] == 100
    assert error(answer)["error_subcode"] == 33
    assert error(answer)["type"] == "GraphMethodException"
    assert f"Object with ID '{node}' does not exist" in error(answer)["message"]


@pytest.mark.parametrize("missing", ["messaging_product", "to", "type", "text"])
def test_a_missing_parameter_is_131008(api, text_body, missing):
    body = text_body(TO)
    del body[missing]
    answer = api.post(body)
    assert answer.status_code == 400
    assert error(answer)["code"] == 131008
    assert error(answer)["message"] == "(#131008) Required parameter is missing"
    assert error(answer)["error_data"] == {
        "messaging_product": "whatsapp",
        "details": f"The parameter {missing} is required.",
    }


@pytest.mark.parametrize(
    "change, code, details",
    [
        ({"messaging_product": "telegram"}, 100, "messaging_product must be one of {WHATSAPP}"),
        ({"messaging_product": 5}, 100, "messaging_product must be a string"),
        ({"recipient_type": "crowd"}, 100, "recipient_type must be one of"),
        ({"recipient_type": "group"}, 131009, "no groups"),
        ({"type": "telepathy"}, 100, "Param type must be one of"),
        ({"type": "image"}, 131051, "not image"),
        ({"to": 6281234567890}, 100, "Param to must be a string"),
        ({"to": "nobody"}, 131009, "not a phone number"),
        ({"to": "+62812345678901234"}, 131009, "not a phone number"),
        ({"to": "+0812345678"}, 131009, "not a phone number"),
        ({"to": "+6.28123E+11"}, 131009, "not a phone number"),
        ({"to": "+62 21 555 005001"}, 131021, "cannot be the sender"),
        ({"text": "Hello"}, 100, "Param text must be a JSON object"),
        ({"text": {}}, 131008, "text['body'] is required"),
        ({"text": {"body": ""}}, 100, "Param text['body'] must be at least 1"),
        ({"text": {"body": "x" * 4097}}, 100, "Param text['body'] must be at most 4096"),
        ({"text": {"body": 7}}, 100, "Param text['body'] must be a string"),
        ({"text": {"body": "x", "preview_url": "yes"}}, 100, "must be a boolean"),
        ({"text": {"body": "x", "colour": "red"}}, 100, 'Unexpected key "colour"'),
        ({"context": {}}, 131008, "context['message_id'] is required"),
        ({"biz_opaque_callback_data": "x" * 513}, 100, "at most 512 characters"),
        ({"biz_opaque_callback_data": {"id": 1}}, 100, "must be a string"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(api, text_body, change, code, details):
    answer = api.post(text_body(TO) | change)
    assert answer.status_code == 400
    assert error(answer)["code"] == code
    assert details in error(answer)["error_data"]["details"]
    assert api.ledger() == []


def test_the_limits_themselves_are_allowed(api):
    answer = api.text(body="é" * 4096, biz_opaque_callback_data="x" * 512)
    assert answer.status_code == 200
    assert api.ledger()[0]["text"] == "é" * 4096


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'"text"'])
def test_a_body_that_is_no_json_object_is_refused(api, body):
    assert error(api.post(body))["code"] == 100


def test_a_recipient_without_a_number_is_131062(api, text_body):
    body = text_body(TO) | {"recipient": "US.13491208655302741918"}
    assert api.post(body).status_code == 200
    del body["to"]
    assert error(api.post(body))["code"] == 131062


def test_marking_as_read_succeeds_and_sends_nothing(api):
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.x"}
    assert api.post(body).json() == {"success": True}
    assert api.ledger() == []


def test_an_unknown_path_answers_in_graphs_shape(api):
    assert error(api.get("/v25.0/5001/nothing"))["error_subcode"] == 33
