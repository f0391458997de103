"""Starting, stopping, being killed, and the clock."""

import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

pytestmark = pytest.mark.chaos  # it stops and kills real processes


def wamids(api) -> list[str]:
    return [row["id"] for row in api.ledger()]


def test_a_kill_forgets_nothing_that_was_accepted(run_sandbox, hook, tmp_path):
    with run_sandbox(tmp_path, hook.url) as api:
        answered = []

        def send_on(start: int) -> None:
            for position in range(start, start + 500):
                try:
                    answer = api.text(f"+62811{position:06}", node=str(6000 + position % 50))
                except requests.ConnectionError:
                    return
                if answer.status_code == 200:
                    answered.append(answer.json()["messages"][0]["id"])
                if len(answered) == 100:
                    api.process.kill()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send_on, range(0, 2000, 500)))
    assert len(answered) >= 100
    with run_sandbox(tmp_path, hook.url) as api:
        rows = api.ledger()
        assert set(answered) <= {row["id"] for row in rows}
        assert rows[0]["text"] == "Hello"
        assert rows == sorted(rows, key=lambda row: row["received_at"])


def test_webhooks_that_a_kill_interrupted_come_after_the_restart(
    run_sandbox, hook, until, tmp_path
):
    with run_sandbox(tmp_path, "http://127.0.0.1:9/nobody") as api:
        wamid = api.text(biz_opaque_callback_data="ours").json()["messages"][0]["id"]
        api.process.kill()
    with run_sandbox(tmp_path, hook.url) as api:
        until(lambda: set(hook.names(wamid)) == {"sent", "delivered", "read"})
        assert hook.statuses(wamid)[0]["biz_opaque_callback_data"] == "ours"
        until(lambda: api.get("/_sandbox/settings").json()["webhooks"]["pending"] == 0)
        assert api.stop() == 0
    hook.posts.clear()
    with run_sandbox(tmp_path, hook.url) as api:
        after = api.text().json()["messages"][0]["id"]
        until(lambda: "sent" in hook.names(after))
        assert hook.statuses(wamid) == []
        statuses = [status["status"] for status in api.ledger()[0]["statuses"]]
        assert statuses == ["sent", "delivered", "read"]


def test_half_a_line_left_by_a_kill_is_dropped(run_sandbox, hook, tmp_path):
    with run_sandbox(tmp_path, hook.url) as api:
        api.text()
        first = wamids(api)
    with (tmp_path / "sandbox.jsonl").open("a") as ledger:
        ledger.write('{"id": "wamid.half')
    with run_sandbox(tmp_path, hook.url) as api:
        assert wamids(api) == first
        api.text()
    with run_sandbox(tmp_path, hook.url) as api:
        assert len(wamids(api)) == 2


def test_a_ledger_that_cannot_be_read_is_said_with_its_line(tmp_path):
    (tmp_path / "sandbox.jsonl").write_text("this is no JSON\n")
    ended = subprocess.run(
        [sys.executable, "-m", "sandbox", "--port=0", f"--data-dir={tmp_path}"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert ended.returncode == 1
    assert "sandbox.jsonl, line 1 cannot be read" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_reset_forgets_the_file_too(run_sandbox, hook, tmp_path):
    with run_sandbox(tmp_path, hook.url) as api:
        api.text()
        api.admin("reset", {})
        assert wamids(api) == []
        assert (tmp_path / "sandbox.jsonl").read_bytes() == b""


def test_a_taken_port_is_named_with_its_variable(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "sandbox", f"--port={port}", f"--data-dir={tmp_path}"],
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in ended.stderr
    assert "OUTBOX_SANDBOX_PORT" in ended.stderr


@pytest.mark.parametrize("port", ["80x", "70000", "-1"])
def test_a_port_that_is_none_is_refused(port):
    ended = subprocess.run(
        [sys.executable, "-m", "sandbox", f"--port={port}"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert ended.returncode == 2
    assert "OUTBOX_SANDBOX_PORT" in ended.stderr


@pytest.mark.alone
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_it_ends_within_two_seconds_with_hanging_sends_and_waiting_webhooks(
    run_sandbox, hook, until, tmp_path, name
):
    with run_sandbox(tmp_path, "http://127.0.0.1:9/nobody") as api, ThreadPoolExecutor(3) as pool:
        api.text()
        hanging = ["+447700900304", "+447700900303", "+447700900308"]
        sends = [pool.submit(requests.post, **_raw(api, to)) for to in hanging]
        until(lambda: len(api.ledger()) == 3)
        started = time.monotonic()
        api.process.send_signal(getattr(signal, name))
        assert api.process.wait(timeout=10) == 0
        assert time.monotonic() - started < 2
        assert all(send.exception(timeout=5) is not None for send in sends[:2])


def _raw(api, to: str):
    body = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "x"}}
    headers = {"Authorization": "Bearer x"}
    url = f"{api.url}/v25.0/5001/messages"
    return {"url": url, "json": body, "headers": headers, "timeout": 10}


def test_the_first_line_says_where_everything_is(run_sandbox, hook, tmp_path):
    with run_sandbox(tmp_path, hook.url) as api:
        assert api.line.startswith("sandbox: WhatsApp Cloud API on http://127.0.0.1:")
        assert hook.url in api.line
        assert str(tmp_path / "sandbox.jsonl") in api.line


def test_the_clock_is_moved_by_the_file_and_read_again_when_it_changes(
    run_sandbox, hook, until, tmp_path
):
    clock = tmp_path / "clock"
    with run_sandbox(tmp_path, hook.url, OUTBOX_TEST_CLOCK=str(clock)) as api:

        def received(offset: str | None) -> timedelta:
            if offset is not None:
                clock.write_text(offset)
            api.text()
            at = datetime.fromisoformat(api.ledger()[-1]["received_at"])
            return at - datetime.now(UTC)

        near = timedelta(seconds=20)
        assert abs(received(None)) < near
        assert abs(received("600") - timedelta(minutes=10)) < near
        assert abs(received("-86400.5\n") + timedelta(days=1)) < near
        assert abs(received("")) < near
        assert abs(received("7200") - timedelta(hours=2)) < near
        last = until(lambda: hook.statuses(wamids(api)[-1]))[0]
        assert abs(int(last["timestamp"]) - time.time() - 7200) < 20


def test_moving_the_clock_gives_no_tokens_back(run_sandbox, hook, tmp_path):
    clock = tmp_path / "clock"
    with run_sandbox(tmp_path, hook.url, OUTBOX_TEST_CLOCK=str(clock)) as api:
        api.admin("settings", {"numbers": {"*": {"throughput": 0.01}}})
        assert api.text().status_code == 200
        clock.write_text("86400")
        assert api.text().status_code == 429
