"""One sandbox in a process of its own for all tests here, and a webhook that keeps raw bytes."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 15.0
FAST = {"sent": 0.05, "delivered": 0.1, "read": 0.15, "failed": 0.05}


class Hook:
    """A webhook endpoint: keeps each POST's raw bytes and headers, answers what it is told."""

    def __init__(self) -> None:
        self.posts: list[tuple[bytes, dict[str, str]]] = []
        self.answers: list[int] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posts.append((body, dict(self.headers)))
                self.send_response(hook.answers.pop(0) if hook.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing, so that the test's output stays readable."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/whatsapp"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def values(self) -> list[dict[str, Any]]:
        bodies = [json.loads(body) for body, _ in list(self.posts)]
        entries = [entry for body in bodies for entry in body["entry"]]
        return [change["value"] for entry in entries for change in entry["changes"]]

    def statuses(self, wamid: str = "") -> list[dict[str, Any]]:
        found = [item for value in self.values() for item in value.get("statuses", [])]
        return [item for item in found if wamid in ("", item["id"])]

    def names(self, wamid: str) -> list[str]:
        return [item["status"] for item in self.statuses(wamid)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Api:
    """A running sandbox: its process, and short ways to talk to it over HTTP."""

    def __init__(self, process: subprocess.Popen[str], line: str) -> None:
        self.process = process
        self.line = line
        self.url = line.split(" on ")[1].split(",")[0]
        self.session = requests.Session()
        self.session.headers["Authorization"] = "Bearer good"

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(self.url + path, timeout=DEADLINE, **options)

    def post(self, body: Any, *, node: str = "5001", **options: Any) -> requests.Response:
        """POSTs to `/messages`; a keyword `version` or `timeout` where a test needs it."""
        version = options.pop("version", "v25.0")
        options.setdefault("timeout", DEADLINE)
        data = body if isinstance(body, bytes) else json.dumps(body)
        options.setdefault("allow_redirects", False)
        return self.session.post(f"{self.url}/{version}/{node}/messages", data=data, **options)

    def text(self, to: str = "+6281234567890", **options: Any) -> requests.Response:
        extra = {k: options.pop(k) for k in ("biz_opaque_callback_data",) if k in options}
        words = options.pop("body", "Hello")
        return self.post(text_to(to, words) | extra, **options)

    def admin(self, what: str, body: Any) -> Any:
        answer = self.session.post(f"{self.url}/_sandbox/{what}", json=body, timeout=DEADLINE)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ledger(self, **query: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.get("/_sandbox/messages", params=query).json()
        return rows

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=DEADLINE)


def text_to(to: str, words: str = "Hello") -> dict[str, Any]:
    """A text send in the shape of Meta's guide."""
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "text",
        "text": {"body": words},
    }


@contextmanager
def _running(data_dir: Path, hook_url: str, **env: str) -> Iterator[Api]:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port=0", f"--webhook-url={hook_url}"],
        cwd=ROOT,
        env=os.environ | {"OUTBOX_DATA_DIR": str(data_dir), "OUTBOX_APP_SECRET": "s3cret"} | env,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"the sandbox ended with {process.wait()}"
        yield Api(process, line)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def run_sandbox() -> Callable[..., AbstractContextManager[Api]]:
    """Starts a further sandbox: `with run_sandbox(data_dir, hook_url, **env) as api`."""
    return _running


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Hook]]:
    hook = Hook()
    with _running(tmp_path_factory.mktemp("sandbox"), hook.url) as api:
        yield api, hook
    hook.close()


@pytest.fixture
def api(_shared: tuple[Api, Hook]) -> Api:
    """The shared sandbox, fresh, with fast webhooks."""
    api, hook = _shared
    api.admin("reset", {})
    api.admin("settings", {"webhooks": {"delays": FAST, "retry_after": 0.05}})
    hook.posts.clear()
    hook.answers.clear()
    return api


@pytest.fixture
def hook(api: Api, _shared: tuple[Api, Hook]) -> Hook:
    """Where the shared sandbox posts its webhooks."""
    return _shared[1]


@pytest.fixture
def text_body() -> Callable[..., dict[str, Any]]:
    """A text send in the shape of Meta's guide: `text_body(to, words)`."""
    return text_to


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Any]:
    """Waits until a call gives something true, and returns that; fails after a deadline."""

    def wait(met: Callable[[], Any], seconds: float = DEADLINE) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := met():
                return found
            time.sleep(0.01)
        raise AssertionError(f"not met within {seconds} s")

    return wait
