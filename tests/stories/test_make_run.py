"""`make run`, as somebody with a fresh clone and a terminal uses it."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import missing
from tests.processes import ROOT, ports
from tests.waiting import until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]

HANGS = "+447700900303"  # the sandbox never answers


def _hear_signals() -> None:
    """As under a terminal: who starts the tests may ignore these, and children inherit that."""
    for one in (signal.SIGHUP, signal.SIGINT):
        signal.signal(one, signal.SIG_DFL)


class Run:
    """One `make run` with a terminal's process group, so that Ctrl-C reaches what it reaches."""

    def __init__(self, folder: Path, log: Path, env: dict[str, str]) -> None:
        self.log = log
        # The environment counts as installed, whatever the age of its stamp.
        line = ["make", "--old-file", ".venv/installed", "run"]
        with log.open("wb") as out:
            self.child = subprocess.Popen(
                line,
                cwd=folder,
                env=env,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=_hear_signals,
            )

    def is_ready(self) -> bool:
        assert self.child.poll() is None, self.said()
        return "/sign-in" in self.said()

    def lose_terminal(self) -> None:
        """What the shell does when its window is closed."""
        os.killpg(self.child.pid, signal.SIGHUP)
        self.child.wait(10)

    def press_ctrl_c(self, *, within: float) -> None:
        os.killpg(self.child.pid, signal.SIGINT)
        try:
            self.child.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end within {within} s:\n{self.said()}") from None

    def said(self) -> str:
        return self.log.read_text(errors="replace")


class Clone:
    """A copy of all that git does not ignore, with its own data; the packages are shared."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dashboard, self.sandbox = ports(2)
        self.runs: list[Run] = []
        listed = subprocess.check_output(
            ["git", "ls-files", "-zco", "--exclude-standard"], cwd=ROOT, text=True
        )
        for name in listed.rstrip("\0").split("\0"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
        (folder / ".venv").symlink_to(ROOT / ".venv")

    @property
    def environment(self) -> dict[str, str]:
        mine = {"OUTBOX_DASHBOARD_PORT": self.dashboard, "OUTBOX_SANDBOX_PORT": self.sandbox}
        return os.environ | {name: str(port) for name, port in mine.items()}

    def run(self, **settings: str) -> Run:
        log = self.folder / f"run{len(self.runs)}.log"
        self.runs.append(Run(self.folder, log, self.environment | settings))
        return self.runs[-1]

    def manage(self, *words: str) -> str:
        line = [".venv/bin/python", "manage.py", *words]
        return subprocess.check_output(line, cwd=self.folder, env=self.environment, text=True)

    def one(self, statement: str) -> tuple[object, ...]:
        with sqlite3.connect(self.folder / "data" / "outbox.db") as database:
            return tuple(database.execute(statement).fetchone())


@pytest.fixture
def clone(environment: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clone]:
    if not (ROOT / ".venv" / "bin" / "honcho").exists():
        missing("there is no .venv yet: run  make check")
    environment.delenv("OUTBOX_DATA_DIR")  # each clone has the default, inside it
    folder = tmp_path / "clone"
    folder.mkdir()
    made = Clone(folder)
    yield made
    for run in made.runs:
        if run.child.poll() is None:
            run.press_ctrl_c(within=20)


def test_it_leads_to_a_sign_in_page_sends_and_ends_in_time_though_an_answer_hangs(
    clone: Clone,
) -> None:
    run = clone.run()
    until(run.is_ready, within=60)
    page = requests.get(f"http://127.0.0.1:{clone.dashboard}/sign-in", timeout=5)
    assert page.ok and "first administrator" in page.text

    told = ("schedule", "--account", "Sandbox", "--text", "Hello", "--now", "--to")
    clone.manage(*told, "+628123456789")
    until(lambda: clone.one("SELECT status FROM message WHERE id = 1") == ("sent",), within=5)
    waited = "SELECT (julianday(a.posted_at) - julianday(m.created_at)) * 86400 FROM message m"
    [seconds] = clone.one(f"{waited} JOIN attempt a ON a.message_id = m.id")
    assert isinstance(seconds, float) and seconds < 2

    clone.manage(*told, HANGS)
    until(lambda: clone.one("SELECT status FROM message WHERE id = 2") == ("processing",), within=5)
    run.press_ctrl_c(within=5)
    for program in ("dashboard", "worker", "sandbox"):
        assert f"{program}.1 stopped" in run.said()
    assert "SIGKILL" not in run.said()
    assert clone.one("SELECT worker_id FROM message WHERE id = 2") == (None,)


def test_the_next_run_keeps_the_data_and_the_environment_beats_the_file(clone: Clone) -> None:
    [elsewhere] = ports(1)
    first = clone.run()
    until(first.is_ready, within=60)
    clone.manage("account", "pause", "Sandbox")
    first.press_ctrl_c(within=5)
    (clone.folder / ".env").write_text("OUTBOX_DASHBOARD_PORT=1\nOUTBOX_PUBLIC_URL='http://o.test'")
    second = clone.run(OUTBOX_DASHBOARD_PORT=str(elsewhere))
    until(second.is_ready, within=60)
    assert "Outbox is at http://o.test\n" in second.said()
    assert "webhooks to http://o.test/webhooks/whatsapp" in second.said()
    assert requests.get(f"http://127.0.0.1:{elsewhere}/healthz", timeout=5).ok
    assert "paused" in clone.manage("account", "list")


def test_a_taken_port_is_told_before_anything_starts(clone: Clone) -> None:
    with socket.create_server(("127.0.0.1", clone.sandbox)):
        run = clone.run()
        assert run.child.wait(60) != 0
    assert f"Port {clone.sandbox} is taken" in run.said()
    assert "OUTBOX_SANDBOX_PORT=" in run.said()
    assert "started" not in run.said()


def test_a_program_that_dies_at_start_ends_the_others_and_is_a_failure(clone: Clone) -> None:
    (clone.folder / "sandbox" / "__main__.py").write_text("raise SystemExit('no sandbox today')")
    run = clone.run()
    assert run.child.wait(60) != 0
    assert "no sandbox today" in run.said()
    for program in ("dashboard", "worker"):
        assert f"{program}.1 stopped" in run.said()


def test_closing_the_terminal_leaves_nothing_running(clone: Clone) -> None:
    run = clone.run()
    until(run.is_ready, within=60)
    run.lose_terminal()
    until(lambda: not any(_listens(port) for port in (clone.dashboard, clone.sandbox)), within=10)
    until(lambda: clone.one("SELECT count(*) FROM worker") == (0,), within=10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
