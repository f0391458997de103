"""Every kind of answer to a send: what refuses, what accepts, and what nobody can tell."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.meta.answers import EXCERPT, Answer, read
from core.meta.codes import ErrorClass

ID = "wamid.HBgLNjI4MTIzNDU2Nzg5FQIAERgS"
ACCEPTED = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": "+628123456789", "wa_id": "628123456789"}],
    "messages": [{"id": ID}],
}


def answer(status: int, body: Any) -> Answer:
    return read(status, json.dumps(body).encode())


def kind(found: Answer) -> str | None:
    return found.verdict.error_class if found.verdict else None


def refused(**error: Any) -> Answer:
    return answer(400, {"error": {"message": "(#131000) Oops", "code": 131000} | error})


def test_a_200_with_a_message_id_is_accepted() -> None:
    found = answer(200, ACCEPTED)
    assert (found.accepted, found.wamid, found.http_status) == (True, ID, 200)
    assert (found.code, found.text) == (None, None)
    assert found.excerpt and ID in found.excerpt


def test_a_graph_error_keeps_its_codes_and_metas_words() -> None:
    error = {
        "message": "(#130429) Rate limit hit",
        "type": "OAuthException",
        "code": 130429,
        "error_data": {"messaging_product": "whatsapp", "details": "Throughput was reached."},
        "error_subcode": 2494055,
        "fbtrace_id": "Az8or2yhqkZ",
    }
    found = answer(429, {"error": error})
    assert (kind(found), found.code, found.subcode) == ("throttled", 130429, 2494055)
    assert found.text == "(#130429) Rate limit hit: Throughput was reached."
    assert found.http_status == 429 and not found.accepted and found.wamid is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({}, "(#131000) Oops"),
        ({"error_data": {"details": "More."}}, "(#131000) Oops: More."),
        ({"error_data": "More."}, "(#131000) Oops: More."),
        ({"error_data": "(#131000) Oops"}, "(#131000) Oops"),
        ({"error_data": {}}, "(#131000) Oops"),
        ({"error_data": {"details": {"deep": 1}}}, "(#131000) Oops"),
        ({"error_data": ["More."]}, "(#131000) Oops"),
        ({"error_data": None}, "(#131000) Oops"),
        ({"message": None}, "(#131000)"),
        ({"message": ""}, "(#131000)"),
        ({"message": 7, "error_data": "More."}, "More."),
    ],
)
def test_the_details_may_be_absent_an_object_or_a_plain_string(
    error: dict[str, Any], words: str
) -> None:
    assert (refused(**error).text, kind(refused(**error))) == (words, "transient")


@pytest.mark.parametrize("status", [200, 301, 400, 401, 404, 429, 500, 503])
def test_the_code_decides_whatever_the_http_status(status: int) -> None:
    found = answer(status, {"error": {"message": "x", "code": 131026}})
    assert (kind(found), found.http_status) == ("recipient", status)


def test_a_200_with_an_error_is_refused_even_beside_an_id() -> None:
    found = answer(200, ACCEPTED | {"error": {"message": "x", "code": 131008}})
    assert (kind(found), found.wamid) == ("permanent", None)


def test_subcode_33_of_100_pauses_the_account() -> None:
    assert kind(refused(code=100, error_subcode=33)) == "account"
    assert kind(refused(code=100, error_subcode=True)) == "permanent"
    assert kind(refused(code=100)) == "permanent"


def test_only_a_true_flag_makes_an_unlisted_code_transient() -> None:
    assert kind(refused(code=777)) == "permanent"
    assert kind(refused(code=777, is_transient=True)) == "transient"
    assert kind(refused(code=777, is_transient="true")) == "permanent"
    unlisted = refused(code=777).verdict
    assert unlisted and not unlisted.listed


def test_maintenance_names_its_wait() -> None:
    verdict = refused(code=131057).verdict
    assert verdict and verdict.wait == timedelta(seconds=60)


UNKNOWN: list[tuple[str, int, bytes]] = [
    ("a bare 502", 502, b"<html><h1>502 Bad Gateway</h1></html>"),
    ("an empty 500", 500, b""),
    ("a 503 in JSON of somebody else", 503, b'{"message": "upstream"}'),
    ("a 200 without an id", 200, b'{"messaging_product": "whatsapp", "messages": []}'),
    ("a 200 with an empty id", 200, b'{"messages": [{"id": ""}]}'),
    ("a 200 with an id of NULs", 200, b'{"messages": [{"id": "\\u0000"}]}'),
    ("a 200 with a number for an id", 200, b'{"messages": [{"id": 7}]}'),
    ("a 200 with messages as an object", 200, b'{"messages": {"id": "wamid.x"}}'),
    ("a 200 with messages as strings", 200, b'{"messages": ["wamid.x"]}'),
    ("a 200 with an id too long to be one", 200, b'{"messages":[{"id":"%s"}]}' % (b"w" * 9000)),
    ("an empty 200", 200, b""),
    ("a 201 with an id", 201, json.dumps(ACCEPTED).encode()),
    ("a redirect", 302, b""),
    ("a redirect with an id", 307, json.dumps(ACCEPTED).encode()),
    ("an array", 200, b'[{"messages": [{"id": "wamid.x"}]}]'),
    ("a string", 400, b'"error"'),
    ("null", 400, b"null"),
    ("an answer that is cut off", 200, json.dumps(ACCEPTED).encode()[:-9]),
    ("an error that is a string", 400, b'{"error": "invalid_request"}'),
    ("an error without a code", 400, b'{"error": {"message": "x"}}'),
    ("a code of true", 400, b'{"error": {"code": true}}'),
    ("a code in a string", 400, b'{"error": {"code": "131026"}}'),
    ("a code with a fraction", 400, b'{"error": {"code": 131026.0}}'),
    ("a code no database can keep", 400, b'{"error": {"code": 99999999999999999999}}'),
    ("a number of five thousand digits", 400, b'{"error": {"code": %s}}' % (b"9" * 5000)),
    ("thousands of brackets", 400, b"[" * 60_000),
    ("bytes that are no text", 200, bytes(range(256))),
]


@pytest.mark.parametrize(
    ("status", "body"), [case[1:] for case in UNKNOWN], ids=[case[0] for case in UNKNOWN]
)
def test_nobody_can_tell_from(status: int, body: bytes) -> None:
    found = read(status, body)
    assert (kind(found), found.wamid, found.code) == ("unknown", None, None)
    assert found.http_status == status
    assert found.text and str(status) in found.text


def test_a_huge_subcode_is_left_out_and_the_code_still_decides() -> None:
    found = refused(code=131026, error_subcode=10**18)
    assert (kind(found), found.subcode) == ("recipient", None)


def test_the_excerpt_is_bounded_and_stays_readable() -> None:
    found = read(502, b"\xff\x00" + b"x" * 100_000)
    assert found.excerpt and len(found.excerpt) <= EXCERPT
    assert found.excerpt.startswith("\ufffdx")


def test_what_no_database_takes_is_taken_out_of_metas_words() -> None:
    found = read(400, b'{"error": {"code": 131000, "message": "a\\u0000b\\ud800c"}}')
    assert found.text == "ab?c"
    assert read(200, b'{"messages": [{"id": "wamid.\\u0000x"}]}').wamid == "wamid.x"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("wamid.x"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "code", "message", "error_data", "error_subcode", "details"])
            | st.sampled_from(["messages", "id", "is_transient"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
_ERRORS = st.fixed_dictionaries({"error": st.fixed_dictionaries({"code": _VALUES})})
_SENT = st.fixed_dictionaries({"messages": st.lists(st.fixed_dictionaries({"id": _VALUES}))})
_BODIES = st.binary() | (_VALUES | _ERRORS | _SENT).map(lambda value: json.dumps(value).encode())


@given(status=st.sampled_from([200, 400, 500]) | st.integers(100, 599), body=_BODIES)
@example(status=400, body=b'{"error": {"code": true}}')
@example(status=500, body=b"[" * 100_000)
@example(status=200, body='{"messages": [{"id": "wamid.x"}]}'.encode("utf-16"))
def test_no_answer_raises_and_only_graph_refuses_and_only_an_id_accepts(
    status: int, body: bytes
) -> None:
    found = read(status, body)
    if found.accepted:
        assert status == 200 and found.wamid
        assert json.loads(body)["messages"][0]["id"]
    elif kind(found) == ErrorClass.UNKNOWN:
        assert found.code is None
    else:
        assert json.loads(body)["error"]["code"] == found.code
        assert kind(found) not in (ErrorClass.UNREACHED, ErrorClass.EXPIRED)
    for text in (found.text, found.excerpt, found.wamid):
        assert "\x00" not in (text or "")
        (text or "").encode()  # no half of a surrogate pair: the database takes it
    assert all(abs(number or 0) < 2**31 for number in (found.code, found.subcode))
