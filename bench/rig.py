"""One Outbox under measurement: a fresh database, a responder in WhatsApp's place, real workers."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import sleep
from typing import Any

import requests
from sqlalchemy import Engine

from bench import usage
from bench.servers import Servers
from core import clock, db
from tests.processes import Process, ports
from tests.waiting import until

BIN = Path(sys.executable).parent
CONSUMER = ("-k", "thread", "-w", "4", "-g", "TERM", "-m", "0.5")
LONGEST = 300.0  # seconds that any one measurement may take


@dataclass
class Cpu:
    """CPU seconds between two readings."""

    workers: float
    responder: float
    gateways: float
    postgres: float | None


@dataclass
class Rig:
    servers: Servers
    kind: str
    url: str
    queue: str
    engine: Engine
    api: str
    responder: Process
    workers: list[Process] = field(default_factory=list)
    gateways: list[Process] = field(default_factory=list)
    others: list[Process] = field(default_factory=list)

    def worker(self) -> Process:
        """A consumer as in production with a data folder of its own; its loop runs on return."""
        made = self._start("worker", "huey_consumer", "tasks.huey", *CONSUMER)
        self.workers.append(made)
        until(partial(_says, made, "send loop"), within=30)
        return made

    def gateway(self, port: int) -> Process:
        """The gateway alone under uvicorn; answers on return."""
        made = self._start(
            "gateway", "uvicorn", "gateway.app:app", "--port", str(port), "--no-access-log"
        )
        self.gateways.append(made)
        until(partial(_says, made, "Uvicorn running"), within=30)
        return made

    def dashboard(self, port: int) -> Process:
        """The dashboard as in production; answers on return, and nobody has signed in yet."""
        line = ("run", "dashboard.py", "--server.port", str(port), "--server.headless", "true")
        made = self._start("dashboard", "streamlit", *line)
        self.others.append(made)
        until(partial(_says, made, "Outbox is at"), within=60)
        return made

    def program(self, name: str, program: str, *line: str) -> Process:
        """Anything else that runs beside the workers."""
        made = self._start(name, program, *line)
        self.others.append(made)
        return made

    def _start(self, name: str, program: str, *line: str) -> Process:
        folder = self.servers.subfolder(name)
        own = {
            "OUTBOX_DATA_DIR": str(folder),
            "OUTBOX_DATABASE_URL": self.url,
            "OUTBOX_QUEUE_URL": self.queue,
            "OUTBOX_API_URL": self.api,
            "PYTHONUNBUFFERED": "1",
        }
        return Process([str(BIN / program), *line], log=folder / "log", env=os.environ | own)

    def release(self) -> None:
        """Resume all accounts by one statement; whatever is due may leave from now on."""
        with self.engine.begin() as connection:
            connection.execute(db.sql("UPDATE account SET state = 'active'"))
            ready = db.sql("UPDATE pace SET ready_since = :now, next_slot_at = :now", "now")
            connection.execute(ready, {"now": clock.wall()})

    def forget_arrivals(self) -> None:
        requests.delete(f"{self.api}/_bench/arrivals", timeout=10).raise_for_status()

    def arrived(self) -> int:
        return int(requests.get(f"{self.api}/_bench/count", timeout=10).json())

    def arrivals(self) -> dict[str, list[float]]:
        """Phone-number id → epoch seconds of what arrived, ascending."""
        told: dict[str, list[float]] = requests.get(
            f"{self.api}/_bench/arrivals", timeout=60
        ).json()
        return told

    def all_arrivals(self) -> list[float]:
        return sorted(time for times in self.arrivals().values() for time in times)

    def until_sent(self, count: int, *, within: float = LONGEST) -> None:
        """Until so many have arrived and no message is on its way any more.

        Asks the responder, which costs the database nothing, and only then the database.
        """
        until(lambda: self.arrived() >= count, within=within, every=0.1)
        until(lambda: not self.unsettled(), within=30, every=0.02)
        statuses = dict(self.rows("SELECT status, count(*) FROM message GROUP BY status"))
        assert statuses == {"sent": count} and self.arrived() == count, statuses

    def posted(self, account_id: int | None = None) -> list[float]:
        """When posts started at the sender, in epoch seconds, ascending."""
        mine = "" if account_id is None else f" AND account_id = {account_id}"
        done = f"posted_at IS NOT NULL{mine}"
        statement = db.sql(f"SELECT posted_at FROM attempt WHERE {done} ORDER BY posted_at")
        with self.engine.connect() as connection:
            found = connection.execute(statement.columns(posted_at=db.UtcDateTime())).scalars()
            return [at.timestamp() for at in found]

    def unsettled(self) -> list[Any]:
        return self.rows("SELECT id FROM message WHERE status IN ('pending', 'processing') LIMIT 1")

    def rows(self, statement: str) -> list[Any]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(db.sql(statement)).all()]

    def cpu(self) -> Cpu:
        on_postgres = self.kind == "postgresql"
        return Cpu(
            sum(usage.cpu(one.child.pid) for one in self.workers),
            usage.cpu(self.responder.child.pid),
            sum(usage.cpu(one.child.pid) for one in self.gateways),
            usage.cpu_of_family(self.servers.postgres_pid) if on_postgres else None,
        )

    def cpu_since(self, before: Cpu) -> Cpu:
        now = self.cpu()
        postgres = None
        if now.postgres is not None and before.postgres is not None:
            postgres = now.postgres - before.postgres
        return Cpu(
            now.workers - before.workers,
            now.responder - before.responder,
            now.gateways - before.gateways,
            postgres,
        )

    def peak_megabytes(self) -> float:
        return max(usage.peak_megabytes(one.child.pid) for one in self.workers)

    def end(self) -> None:
        for process in [*self.workers, *self.gateways, *self.others, self.responder]:
            process.stop()
        self.engine.dispose()
        self.servers.drop(self.url)


@contextmanager
def rig(
    servers: Servers, kind: str, *, latency: str = "0", webhooks: str | None = None
) -> Iterator[Rig]:
    """A database of this kind and a responder that takes `latency` seconds, or a range of them."""
    url = servers.database(kind)
    [port] = ports(1)
    responder = start_responder(servers, port, latency=latency, webhooks=webhooks)
    api = f"http://127.0.0.1:{port}"
    made = Rig(servers, kind, url, servers.queue(kind), db.make_engine(url), api, responder)
    try:
        yield made
    finally:
        made.end()


def start_responder(
    servers: Servers, port: int, *, latency: str = "0", webhooks: str | None = None
) -> Process:
    line = [sys.executable, "-m", "bench.responder", "--port", str(port), "--latency", latency]
    if webhooks:
        line += ["--webhooks", webhooks, "--secret", os.environ["OUTBOX_APP_SECRET"]]
    log = servers.subfolder("responder") / "log"
    made = Process(line, log=log, env=dict(os.environ))
    until(partial(_answers, made, f"http://127.0.0.1:{port}/_bench/count"), within=20)
    return made


def settle_down(seconds: float = 1.5) -> None:
    """Let what has just started come to rest before anything is measured.

    `BENCH_HASTE` spares it, where only whether a bench runs is looked at.
    """
    sleep(0 if os.environ.get("BENCH_HASTE") else seconds)


def _says(process: Process, words: str) -> bool:
    assert process.child.poll() is None, process.said()
    return words in process.said()


def _answers(process: Process, url: str) -> bool:
    assert process.child.poll() is None, process.said()
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False
