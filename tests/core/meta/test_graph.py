"""Questions to Meta: against the sandbox as a process, against its description, and gone wrong."""

import json
from typing import Any

import pytest
import requests

from core.errors import Unanswered
from core.meta import graph
from core.settings import settings
from tests import contract
from tests.conftest import forget_settings
from tests.core.meta.servers import Behaviour, Connection, server
from tests.processes import Programs

WABA = "100200300400500"
TOKEN = "EAAGm0PX4ZCpsBAsecretsecret"


def ordered(programs: Programs, **settings: Any) -> None:
    address = f"{programs.api}/_sandbox/settings"
    requests.post(address, json=settings, timeout=5).raise_for_status()


def names() -> list[str]:
    return [f"{one['name']}/{one['language']}" for one in graph.templates(WABA, TOKEN)]


def test_all_templates_are_read_page_by_page_each_once(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = graph.templates(WABA, TOKEN)
    assert len(whole) == 10 and whole[0]["quality_score"] == {"score": "UNKNOWN"}
    monkeypatch.setattr(graph, "PAGE", 3)
    assert graph.templates(WABA, TOKEN) == whole


def test_a_list_whose_cursor_expires_is_begun_again_and_nothing_in_it_is_twice(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "PAGE", 4)
    ordered(programs, listing=[None, 131059, None, None, 131059])
    found = names()
    assert len(found) == len(set(found)) == 10
    ordered(programs, listing=[131059] * 4)
    with pytest.raises(Unanswered, match="changed while it was read"):
        names()


def test_a_number_tells_its_quality_and_what_meta_lets_it_send(programs: Programs) -> None:
    found = graph.number("5001", TOKEN)
    assert found == graph.Number("+62 21 555 005001", "GREEN", "STANDARD", "TIER_UNLIMITED")


@pytest.mark.parametrize(
    "code, said",
    [
        (80007, "asked less often (80007)"),
        (4, "asked less often (4)"),
        (2, "was busy (2)"),
        (190, "account token"),
        (132000, "refused to answer (132000)"),
    ],
)
def test_a_refusal_is_a_sentence_for_an_operator_with_its_code(
    programs: Programs, code: int, said: str
) -> None:
    ordered(programs, listing=[code])
    with pytest.raises(Unanswered) as refused:
        names()
    assert said in str(refused.value) and refused.value.code == code


def test_an_unknown_business_and_a_token_that_ended_are_told_apart(programs: Programs) -> None:
    with pytest.raises(Unanswered, match="nothing with the id 999123"):
        graph.templates("999123", TOKEN)
    with pytest.raises(Unanswered, match="did not accept the access token"):
        graph.templates(WABA, "expired token")


def test_the_sandboxs_answers_are_those_of_metas_description(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[tuple[str, Any]] = []
    ask = requests.Session.get

    def get(self: requests.Session, url: str, **more: Any) -> requests.Response:
        found = ask(self, url, **more)
        answered.append((requests.Request("GET", url, params=more["params"]).url, found.json()))
        return found

    monkeypatch.setattr(requests.Session, "get", get)
    graph.templates(WABA, TOKEN)
    paths = contract.description()["paths"]
    described = paths["/{Version}/{WABA-ID}/message_templates"]["get"]["responses"]["200"]
    schema = described["content"]["application/json"]["schema"]
    assert [contract.problems(body, schema) for _, body in answered] == [[]]
    assert all(TOKEN not in url for url, _ in answered)


def answering(status: str, body: bytes, *more: str) -> Behaviour:
    def behave(connection: Connection) -> None:
        while connection.request():
            head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *more))
            connection.send(head.encode() + b"\r\n\r\n" + body)

    return behave


def leaving(connection: Connection) -> None:
    connection.request()
    connection.reset()


@pytest.mark.parametrize(
    "behave, said",
    [
        (answering("502 Bad Gateway", b"<html>"), "as it should (HTTP 502)"),
        (answering("200 OK", b"[]"), "as it should (HTTP 200)"),
        (answering("200 OK", b"["), "as it should (HTTP 200)"),
        (answering("302 Found", b"", "Location: http://127.0.0.1:9/"), "(HTTP 302)"),
        (leaving, "could not be reached (ConnectionError)"),
    ],
)
def test_whatever_goes_wrong_is_one_error_without_the_token(
    environment: pytest.MonkeyPatch, behave: Behaviour, said: str
) -> None:
    with server(behave) as elsewhere:
        environment.setenv("OUTBOX_API_URL", elsewhere.url)
        forget_settings()
        with pytest.raises(Unanswered) as refused:
            graph.templates(WABA, TOKEN)
    assert said in str(refused.value)
    assert elsewhere.requests and b"Bearer " + TOKEN.encode() in elsewhere.requests[0]


def test_a_token_that_graph_repeats_is_not_told(environment: pytest.MonkeyPatch) -> None:
    told = {"error": {"code": 190, "message": f"Malformed access token {TOKEN}"}}
    with server(answering("400 Bad Request", json.dumps(told).encode())) as elsewhere:
        environment.setenv("OUTBOX_API_URL", elsewhere.url)
        forget_settings()
        with pytest.raises(Unanswered) as refused:
            graph.number("5001", TOKEN)
    assert "[token]" in str(refused.value) and TOKEN not in str(refused.value)


def test_a_list_without_an_end_is_left(
    environment: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "MOST_PAGES", 3)
    page = {"data": [], "paging": {"cursors": {"after": "x"}, "next": "again"}}
    with server(answering("200 OK", json.dumps(page).encode())) as elsewhere:
        environment.setenv("OUTBOX_API_URL", elsewhere.url)
        forget_settings()
        with pytest.raises(Unanswered, match="does not end"):
            graph.templates(WABA, TOKEN)
    assert settings().training and len(elsewhere.requests) == 3


def test_what_no_database_stores_is_taken_out_of_an_answer(environment: pytest.MonkeyPatch) -> None:
    page = {"data": [{"name": "a\x00b", "components": [{"text": "half \ud83d"}]}]}
    with server(answering("200 OK", json.dumps(page).encode())) as elsewhere:
        environment.setenv("OUTBOX_API_URL", elsewhere.url)
        forget_settings()
        assert graph.templates(WABA, TOKEN) == [{"name": "ab", "components": [{"text": "half ?"}]}]
