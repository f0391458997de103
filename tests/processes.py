"""Real processes of Outbox for tests: sandbox, workers, dashboard; each ends with its test."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

from tests.postgres import free_port
from tests.waiting import until

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


class Process:
    """A child with its own log; `stop` is graceful, `kill` is SIGKILL."""

    def __init__(self, line: list[str], *, log: Path, env: dict[str, str]) -> None:
        self.log = log
        with log.open("ab") as out:
            self.child = subprocess.Popen(line, cwd=ROOT, env=env, stdout=out, stderr=out)

    def stop(self, *, within: float = 10) -> int:
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(within)
        except subprocess.TimeoutExpired:
            self.child.kill()
            raise AssertionError(f"did not end within {within} s:\n{self.said()}") from None

    def kill(self) -> None:
        self.child.kill()
        self.child.wait(10)

    def freeze(self) -> None:
        """It keeps its connections and says nothing, until `thaw`."""
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.child.send_signal(signal.SIGCONT)

    def said(self) -> str:
        return self.log.read_text(errors="replace")


class Programs:
    """One installation's programs over the environment that the test has set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[Process] = []
        self.api = self.site = ""

    def start(self, name: str, *line: str, **settings: str) -> Process:
        env = os.environ | {"PYTHONUNBUFFERED": "1"} | settings
        log = self.folder / f"{name}-{uuid4().hex[:6]}.log"
        made = Process([str(BIN / line[0]), *line[1:]], log=log, env=env)
        self.running.append(made)
        return made

    def sandbox(self, port: int) -> Process:
        """The Cloud API imitation; ready when this returns."""
        self.api = f"http://127.0.0.1:{port}"
        made = self.start("sandbox", "python", "-m", "sandbox", "--port", str(port))
        until(lambda: self._answers(made), within=60)
        self.whatsapp = made
        return made

    def _answers(self, made: Process) -> bool:
        assert made.child.poll() is None, made.said()
        try:
            return requests.get(f"{self.api}/_sandbox/messages", timeout=2).ok
        except requests.RequestException:
            return False

    def worker(self, **settings: str) -> Process:
        """A consumer as in production; its send loop runs when this returns."""
        line = ("huey_consumer", "tasks.huey", "-k", "thread", "-w", "4", "-g", "TERM", "-m", "0.5")
        made = self.start("worker", *line, **settings)
        until(lambda: self._sends(made), within=60)
        return made

    def _sends(self, made: Process) -> bool:
        assert made.child.poll() is None, made.said()
        return "send loop" in made.said()

    def dashboard(self, port: int) -> Process:
        """The dashboard with its gateway; answers when this returns."""
        self.site = f"http://127.0.0.1:{port}"
        line = ("streamlit", "run", "dashboard.py", "--server.port", str(port))
        made = self.start("dashboard", *line)
        until(lambda: self._serves(made), within=60)
        return made

    def gateway(self, port: int) -> Process:
        """The gateway alone, where the sandbox sends its webhooks; answers when this returns."""
        self.site = f"http://127.0.0.1:{port}"
        made = self.start("gateway", "uvicorn", "gateway.app:app", "--port", str(port))
        until(lambda: self._serves(made), within=60)
        return made

    def _serves(self, made: Process) -> bool:
        assert made.child.poll() is None, made.said()
        try:
            return requests.get(f"{self.site}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    def arrived(self) -> list[dict[str, Any]]:
        """What the sandbox accepted, in order."""
        listed: list[dict[str, Any]] = requests.get(
            f"{self.api}/_sandbox/messages", timeout=30
        ).json()
        return listed

    def fault(self, fault: Any, **where: Any) -> None:
        """Have the sandbox answer with a fault."""
        requests.post(
            f"{self.api}/_sandbox/faults", json={"fault": fault} | where, timeout=30
        ).raise_for_status()

    def clear_faults(self) -> None:
        requests.delete(f"{self.api}/_sandbox/faults", timeout=30).raise_for_status()

    def end(self) -> None:
        for process in self.running:
            if process.child.poll() is None:
                process.kill()


def look() -> None:
    """What a page does when somebody orders an operation: the workers look for it."""
    line = [sys.executable, "-c", "import tasks; tasks.run_operations()"]
    subprocess.run(line, cwd=ROOT, check=True, timeout=60)


def ports(count: int) -> list[int]:
    """Distinct free ports."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)
