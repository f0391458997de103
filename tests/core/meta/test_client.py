"""The POST over real connections: which failures leave nothing sent, and which nobody can tell.

What matters most: once the request may have been written, no failure is ever «unreached», because
that would be sent again.
"""

import asyncio
import gzip
import json
import logging
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any

import aiohttp
import pytest
import uvloop

from core.meta import client, payloads
from core.meta.answers import Answer
from tests.core.meta.servers import Behaviour, Connection, Server, full, response, server
from tests.postgres import free_port
from tests.waiting import until

TOKEN = "EAAGm0PX4ZCpsBAKZBsecretsecret"
SENT = payloads.encode(payloads.text(to="+628123456789", body="Hello", reference="5f0c:17"))
ACCEPTED = json.dumps({"messages": [{"id": "wamid.x"}]}).encode()
REFUSED = json.dumps({"error": {"message": "(#131026) No", "code": 131026}}).encode()
Runner = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Runner:
    """Both event loops: the send loop runs on uvloop, a foreground one may run on either."""
    runner: Runner = request.param
    return runner


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TOTAL_SECONDS", 0.6)
    monkeypatch.setattr(client, "CONNECT_SECONDS", 0.3)


async def posted(*urls: str, token: str = TOKEN) -> list[Answer]:
    """One post after the other over one session, as a send loop makes them."""
    async with client.open_session() as session:
        return [await client.post(session, f"{url}/x/messages", token, SENT) for url in urls]


def kinds(found: list[Answer]) -> list[str]:
    return [str(one.verdict.error_class) if one.verdict else "accepted" for one in found]


def answer_once(data: bytes) -> Behaviour:
    def behave(connection: Connection) -> None:
        connection.request()
        connection.send(data)

    return behave


def answer_always(data: bytes) -> Behaviour:
    def behave(connection: Connection) -> None:
        while connection.request():
            connection.send(data)

    return behave


def hang(connection: Connection) -> None:
    connection.request()
    connection.socket.recv(1)  # until the client gives up


def drop_after_reading(connection: Connection) -> None:
    connection.request()


def reset_after_reading(connection: Connection) -> None:
    connection.request()
    connection.reset()


def reset_before_reading(connection: Connection) -> None:
    connection.reset()


def drop_before_reading(connection: Connection) -> None:
    """Accepts and goes, as a server does that is shutting down."""


def hang_in_the_body(connection: Connection) -> None:
    connection.request()
    connection.send(response(ACCEPTED)[:-5])
    connection.socket.recv(1)


TELL_NOTHING: dict[str, Behaviour] = {
    "drop_before_reading": drop_before_reading,
    "drop_after_reading": drop_after_reading,
    "reset_after_reading": reset_after_reading,
    "hang": hang,
    "hang_in_the_body": hang_in_the_body,
    "garbage": answer_once(b"\x00\xffno HTTP at all\r\n\r\n"),
    "html": answer_once(response(b"<h1>Bad Gateway</h1>", status="502 Bad Gateway")),
    "cut_off_body": answer_once(response(ACCEPTED)[:-5]),
    "cut_off_head": answer_once(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "broken_chunks": answer_once(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"
    ),
    "broken_gzip": answer_once(response(ACCEPTED, headers="Content-Encoding: gzip\r\n")),
    "endless_line": answer_once(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000),
    "more_than_is_read": answer_once(response(b" " * 300_000 + ACCEPTED)),
    "empty_200": answer_once(response(b"")),
}


@pytest.mark.parametrize("behave", TELL_NOTHING.values(), ids=TELL_NOTHING.keys())
def test_once_the_request_was_written_nobody_can_tell(
    run: Runner, behave: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with server(behave) as there:
        found = run(posted(there.url))
        assert kinds(found) == ["unknown"]
        assert len(there.requests) <= 1, "it was posted again"
    assert found[0].text and found[0].text.startswith(("no answer after", "HTTP "))
    assert TOKEN not in f"{found}{caplog.text}"
    assert "Hello" not in f"{found}{caplog.text}"


def test_a_reset_right_after_connecting_is_unreached_only_if_nothing_was_written(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Depending on who is faster the connection fails before the request, or under it."""
    written: list[bool] = []
    write = aiohttp.BytesPayload.write_with_length

    async def watched(self: aiohttp.BytesPayload, *more: Any) -> None:
        written.append(True)
        await write(self, *more)

    monkeypatch.setattr(aiohttp.BytesPayload, "write_with_length", watched)
    with server(reset_before_reading) as there:
        found = run(posted(*[there.url] * 20))
    assert len(written) == kinds(found).count("unknown")
    assert set(kinds(found)) <= {"unknown", "unreached"}


def unreachable(stack: ExitStack, how: str) -> str:
    match how:
        case "refused":
            return f"http://127.0.0.1:{free_port()}"
        case "no such name":
            return "http://outbox.invalid"
        case "name too long":
            return f"http://{'x' * 64}.invalid"
        case "connecting hangs":
            return stack.enter_context(full())
        case "no TLS there":
            return stack.enter_context(server(hang)).url.replace("http:", "https:")
        case "no address":
            return "http://"
        case _:
            return "127.0.0.1:80"


@pytest.mark.parametrize(
    "how",
    [
        *("refused", "no such name", "name too long", "connecting hangs"),
        *("no TLS there", "no address", "no scheme"),
    ],
)
def test_what_was_never_written_is_unreached(
    run: Runner, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with ExitStack() as stack:
        found = run(posted(unreachable(stack, how)))
    assert kinds(found) == ["unreached"]
    assert found[0].text and found[0].text.startswith("WhatsApp could not be reached (")
    assert TOKEN not in f"{found}{caplog.text}"


def test_an_accepted_post_was_made_as_it_should_be(run: Runner) -> None:
    with server(answer_always(response(ACCEPTED))) as there:
        found = run(posted(there.url))
        assert kinds(found) == ["accepted"] and found[0].wamid == "wamid.x"
        (request,) = there.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /x/messages HTTP/1.1\r\n")
    assert f"authorization: bearer {TOKEN}".lower().encode() in head.lower()
    assert b"content-type: application/json" in head.lower()
    assert body == SENT.encode()


def test_a_graph_error_refuses(run: Runner) -> None:
    with server(answer_always(response(REFUSED, status="400 Bad Request"))) as there:
        assert kinds(run(posted(there.url))) == ["recipient"]


def test_an_answer_in_pieces_is_read_whole(run: Runner) -> None:
    def behave(connection: Connection) -> None:
        connection.request()
        whole = response(ACCEPTED)
        connection.socket.settimeout(0.1)
        for piece in (whole[:-20], whole[-20:-10]):
            connection.send(piece)
            with pytest.raises(TimeoutError):  # nothing comes: the client waits for the rest
                connection.socket.recv(1)
        connection.send(whole[-10:])

    with server(behave) as there:
        assert kinds(run(posted(there.url))) == ["accepted"]


def test_a_compressed_answer_is_read(run: Runner) -> None:
    packed = response(gzip.compress(ACCEPTED), headers="Content-Encoding: gzip\r\n")
    with server(answer_once(packed)) as there:
        assert kinds(run(posted(there.url))) == ["accepted"]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed(run: Runner, status: str) -> None:
    with server(answer_always(response(ACCEPTED))) as elsewhere:
        away = response(b"", status=status, headers=f"Location: {elsewhere.url}/y\r\n")
        with server(answer_always(away)) as there:
            found = run(posted(there.url))
        assert kinds(found) == ["unknown"] and elsewhere.requests == []
    assert found[0].http_status == int(status[:3])


def test_posts_share_a_connection(run: Runner) -> None:
    connections: list[Connection] = []

    def behave(connection: Connection) -> None:
        connections.append(connection)
        answer_always(response(ACCEPTED))(connection)

    with server(behave) as there:
        assert kinds(run(posted(there.url, there.url, there.url))) == ["accepted"] * 3
    assert len(connections) == 1


def test_a_kept_connection_closed_between_two_posts_costs_nothing(run: Runner) -> None:
    async def both(there: Server) -> list[Answer]:
        async with client.open_session() as session:
            first = await client.post(session, there.url, TOKEN, SENT)
            await asyncio.to_thread(there.ended.acquire, timeout=5)
            second = await client.post(session, there.url, TOKEN, SENT)
        return [first, second]

    with server(answer_once(response(ACCEPTED))) as there:
        assert kinds(run(both(there))) == ["accepted", "accepted"]
        assert len(there.requests) == 2


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_kept_connection_that_ends_under_the_second_post_is_unknown_and_not_posted_again(
    run: Runner, end: str
) -> None:
    def behave(connection: Connection) -> None:
        connection.request()
        connection.send(response(ACCEPTED))
        connection.request()
        if end == "reset":
            connection.reset()

    with server(behave) as there:
        assert kinds(run(posted(there.url, there.url))) == ["accepted", "unknown"]
        assert len(there.requests) == 2


def test_a_post_after_a_failure_uses_a_fresh_connection(run: Runner) -> None:
    with server(hang) as broken, server(answer_always(response(ACCEPTED))) as sound:
        found = run(posted(broken.url, sound.url, sound.url))
    assert kinds(found) == ["unknown", "accepted", "accepted"]


def test_many_posts_at_once_need_no_queue(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    async def all_at_once(url: str) -> list[Answer]:
        async with client.open_session() as session:
            posts = [client.post(session, url, TOKEN, SENT) for _ in range(150)]
            return await asyncio.gather(*posts)

    with server(answer_always(response(ACCEPTED))) as there:
        assert set(kinds(run(all_at_once(there.url)))) == {"accepted"}
        assert len(there.requests) == 150


def test_what_forbids_the_post_at_the_last_instant_is_raised_and_nothing_leaves(
    run: Runner,
) -> None:
    class Forbidden(Exception):
        pass

    async def forbid() -> None:
        raise Forbidden

    async def forbidden(url: str) -> None:
        async with client.open_session() as session:
            with pytest.raises(Forbidden):
                await client.post(session, url, TOKEN, SENT, before=forbid)
            assert kinds([await client.post(session, url, TOKEN, SENT)]) == ["accepted"]

    with server(answer_always(response(ACCEPTED))) as there:
        run(forbidden(there.url))
        assert len(there.requests) == 1


def test_nothing_has_begun_where_no_connection_is_made(run: Runner) -> None:
    begun: list[int] = []

    async def unreached(url: str) -> list[Answer]:
        async with client.open_session() as session:

            async def before() -> None:
                begun.append(1)

            return [await client.post(session, url, TOKEN, SENT, before=before)]

    assert kinds(run(unreached(f"http://127.0.0.1:{free_port()}"))) == ["unreached"]
    assert begun == []


def test_cancelling_a_post_is_left_to_the_caller(run: Runner) -> None:
    async def cancelled(there: Server) -> None:
        async with client.open_session() as session:
            post = asyncio.ensure_future(client.post(session, there.url, TOKEN, SENT))
            await asyncio.to_thread(until, lambda: there.requests)
            post.cancel()
            await post

    with server(hang) as there, pytest.raises(asyncio.CancelledError):
        run(cancelled(there))


def test_a_token_that_meta_repeats_is_not_kept(run: Runner) -> None:
    words = {"error": {"message": f"Malformed access token {TOKEN}", "code": 190}}
    body = json.dumps(words).encode()
    with server(answer_always(response(body, status="401 Unauthorized"))) as there:
        found = run(posted(there.url))
    assert kinds(found) == ["account"]
    assert found[0].text == "Malformed access token [token]"
    assert TOKEN not in str(found)


def test_a_token_that_no_header_can_hold_is_told_without_its_text(
    run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with server(answer_always(response(ACCEPTED))) as there:
        found = run(posted(there.url, token=f"{TOKEN}\r\nX-Evil: 1"))
        assert there.requests == []
    assert kinds(found) in (["unknown"], ["unreached"])
    assert TOKEN not in f"{found}{caplog.text}"


def test_the_address_names_version_and_number(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OUTBOX_API_URL", "https://graph.facebook.com/")
    environment.setenv("OUTBOX_API_VERSION", "v99.0")
    assert client.messages_url("1055") == "https://graph.facebook.com/v99.0/1055/messages"


def test_the_time_outs_are_those_of_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert (client.CONNECT_SECONDS, client.TOTAL_SECONDS) == (3, 30)
    assert client.KEEPALIVE_SECONDS < 60


def test_greeting_tells_what_went_wrong(run: Runner, environment: pytest.MonkeyPatch) -> None:
    async def greeted() -> str | None:
        async with client.open_session() as session:
            return await client.greet(session)

    environment.setenv("OUTBOX_API_URL", f"http://127.0.0.1:{free_port()}")
    assert run(greeted()) == aiohttp.ClientConnectorError.__name__
