"""The real dashboard in a process of its own, as `streamlit run dashboard.py` starts it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.settings import ROOT
from tests.gateway.conftest import Browser
from tests.postgres import free_port

WAIT = 90.0


class Dashboard(Browser):
    def __init__(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        super().__init__(port)
        self.process, self.log = process, log

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def code(self) -> str:
        """The first administrator's code, from the line that tells to open it."""
        found = re.search(r"Open (\S+)/sign-in\?code=([A-Z2-9-]+) to create", self.said)
        assert found and found[1] == self.origin, self.said
        return found[2]

    def stop(self, by: signal.Signals = signal.SIGTERM) -> float:
        """Ask it to stop; returns the seconds that it took."""
        asked = time.monotonic()
        self.process.send_signal(by)
        self.process.wait(WAIT)
        return time.monotonic() - asked


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Dashboard]:
    """Start it on a migrated database; ready when it has printed its address, and not asked."""
    port, log = free_port(), folder / "dashboard.log"
    streamlit = [sys.executable, "-m", "streamlit", "run", "dashboard.py"]
    own = {"OUTBOX_DASHBOARD_PORT": str(port), "HOME": str(folder)} | environment
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*streamlit, "--server.port", str(port)],
            cwd=ROOT,
            env=os.environ | own,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    dashboard = Dashboard(port, process, log)
    try:
        deadline = time.monotonic() + WAIT
        while "Outbox is at" not in dashboard.said:
            assert process.poll() is None and time.monotonic() < deadline, dashboard.said
            time.sleep(0.05)
        yield dashboard
    finally:
        process.kill()
        process.wait()
