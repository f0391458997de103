"""How long the pages take before a month of messages, with 1, 20 and 40 operators at work.

`python -m bench pages --messages 1000000 --operators 20 --minutes 30`. Beside them a worker sends
and WhatsApp's statuses come in. Then one person at a real browser, alone.
"""

import argparse
import asyncio
import sys
from datetime import timedelta
from time import monotonic, process_time

import requests
import uvloop

from bench import lifelike, usage, watching
from bench.claim import as_ours
from bench.figures import percentile, slope
from bench.rig import Rig, rig, settle_down
from bench.rounds import Journal, Look, Operator
from bench.servers import Servers
from bench.visitor import Visitor
from core import clock, db, guarding, sessions, users
from core.access import Actor, Role
from core.guarding import Overdue
from tests.processes import Process, ports
from tests.waiting import until

PASSWORD = "correct horse battery"
SAMPLED = 2.0  # seconds between two looks at the memory
JOINING = 0.1  # seconds between two who come
ADMIN = Actor("bench", Role.ADMIN)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--messages", type=int, action="append", help="1,000,000")
    parser.add_argument("--operators", type=int, action="append", help="1, then 20, then 40")
    parser.add_argument("--dashboards", type=int, default=1, help="that share the operators")
    parser.add_argument("--minutes", type=float, default=3, help="of each number of operators")
    parser.add_argument("--pause", type=float, default=2, help="seconds between two actions")
    parser.add_argument("--browser", type=int, default=5, help="rounds at a browser; 0: none")


def run(servers: Servers, options: argparse.Namespace) -> list[dict[str, object]]:
    """Rows of three shapes: of each page, of each crowd as a whole, of the browser."""
    rows: dict[str, list[dict[str, object]]] = {"pages": [], "crowds": [], "browser": []}
    for kind in options.database or ("postgresql", "sqlite"):
        for count in options.messages or (1_000_000,):
            here = ports(options.dashboards)
            told = f"http://127.0.0.1:{here[0]}/webhooks/whatsapp"
            with rig(servers, kind, webhooks=told) as one:
                lifelike.fill(one.engine, count)
                for shape, found in _measured(one, here, options).items():
                    rows[shape] += [{"database": kind, "messages": count} | row for row in found]
    return [row for shape in rows.values() for row in shape]


def _measured(
    one: Rig, here: list[int], options: argparse.Namespace
) -> dict[str, list[dict[str, object]]]:
    numbers = options.operators or [1, 20, 40]
    sites = [f"http://127.0.0.1:{port}" for port in here]
    dashboards = list(map(one.dashboard, here))
    one.worker()
    _let_go(one)
    cookies = _signed_in(one, sites[0], max(numbers))
    settle_down(5)
    pages: list[dict[str, object]] = []
    crowds: list[dict[str, object]] = []
    for number in numbers:
        crowd = Crowd(one, dashboards, sites, cookies[:number], options.pause)
        uvloop.run(crowd.work(60 * options.minutes))
        pages += [{"operators": number} | row for row in crowd.pages()]
        crowds.append({"operators": number} | crowd.whole())
    browser = watching.watched(sites[0], cookies[0], options.browser) if options.browser else []
    return {"pages": pages, "crowds": crowds, "browser": browser}


def _let_go(one: Rig) -> None:
    """To the worker this database with all that it sent is another one's: somebody vouches."""
    with as_ours(one.url):
        until(guarding.guarded, within=30)
        guarding.answer(Overdue.SEND, by=ADMIN)


def _signed_in(one: Rig, site: str, number: int) -> list[str]:
    """The cookies of so many operators, who have all been here yesterday."""
    with as_ours(one.url):
        for name in map(_name, range(number)):
            users.add(name, role=Role.OPERATOR, password=PASSWORD, by=ADMIN)
    with one.engine.begin() as connection:
        been = db.sql('UPDATE "user" SET left_at = :then, here_at = :now', "then", "now")
        now = clock.wall()
        connection.execute(been, {"then": now - timedelta(hours=15), "now": now})
    return [_cookie(site, _name(one)) for one in range(number)]


def _name(number: int) -> str:
    return f"operator-{number}"


def _cookie(site: str, name: str) -> str:
    person = requests.Session()
    form = {"name": name, "password": PASSWORD, "next": "/healthz"}
    person.post(f"{site}/sign-in", data=form, timeout=30).raise_for_status()
    return f"{sessions.cookie_name()}={person.cookies[sessions.cookie_name()]}"


class Crowd:
    """So many operators at work at once, all driven by one thread: it shares the cores with what
    it measures, and takes little of them."""

    def __init__(
        self, one: Rig, servers: list[Process], sites: list[str], cookies: list[str], pause: float
    ) -> None:
        self.one, self.sites, self.cookies, self.pause = one, sites, cookies, pause
        self.pids = [server.child.pid for server in servers]
        self.journal = Journal(self._dashboards)
        self.sizes: list[tuple[float, float]] = []  # minutes, megabytes

    async def work(self, seconds: float) -> None:
        began, end = monotonic(), monotonic() + seconds
        before = (self._dashboards(), self._postgres(), process_time())
        weighing = asyncio.create_task(self._weigh(began))
        await asyncio.gather(*(self._operator(number, end) for number in range(len(self.cookies))))
        weighing.cancel()
        self._note_size(began)
        after = (self._dashboards(), self._postgres(), process_time())
        self.cpu, self.postgres, self.own = (b - a for a, b in zip(before, after, strict=True))
        self.seconds = monotonic() - began
        for leg, told in self.journal.wrong:
            print(f"{leg}: {told}", file=sys.stderr)

    async def _operator(self, number: int, end: float) -> None:
        await asyncio.sleep(number * JOINING)
        site = self.sites[number % len(self.sites)]
        async with Visitor(site, self.cookies[number], zone=lifelike.ZONE) as visitor:
            await Operator(number, visitor, self.journal, pause=self.pause).work(end)

    async def _weigh(self, began: float) -> None:
        while True:
            self._note_size(began)
            await asyncio.sleep(SAMPLED)

    def _note_size(self, began: float) -> None:
        self.sizes.append(((monotonic() - began) / 60, sum(map(usage.megabytes, self.pids))))

    def _dashboards(self) -> float:
        return sum(map(usage.cpu_exactly, self.pids))

    def _postgres(self) -> float:
        return self.one.cpu().postgres or 0

    def pages(self) -> list[dict[str, object]]:
        """Milliseconds as the client waits for each page; its CPU where nobody else is there."""
        by_page: dict[str, list[Look]] = {}
        for look in self.journal.looks:
            by_page.setdefault(look.page, []).append(look)
        return [{"page": page} | self._of(looks) for page, looks in by_page.items()]

    def _of(self, looks: list[Look]) -> dict[str, object]:
        times = [1000 * look.run.seconds for look in looks]
        spent = [1000 * look.cpu for look in looks if look.cpu is not None]
        alone = len(self.cookies) == 1 and bool(spent)
        return {
            "runs": len(looks),
            "p50_ms": percentile(times, 50),
            "p95_ms": percentile(times, 95),
            "max_ms": max(times),
            "cpu_ms": percentile(spent, 50) if alone else None,
            "kilobytes": percentile([look.run.bytes / 1000 for look in looks], 50) or None,
        }

    def whole(self) -> dict[str, object]:
        """All pages together, and what it cost; `mb_per_minute` without the first quarter."""
        times, quarter = [1000 * one.run.seconds for one in self.journal.looks], self.seconds / 240
        runs = len(times)
        first = [size for at, size in self.sizes if at <= quarter]
        last = [size for at, size in self.sizes if at >= 3 * quarter]
        warm = [pair for pair in self.sizes if pair[0] >= quarter]
        return {
            "minutes": self.seconds / 60,
            "runs": runs,
            "errors": len(self.journal.wrong),
            "p50_ms": percentile(times, 50),
            "p95_ms": percentile(times, 95),
            "max_ms": max(times),
            "run_cpu_ms": 1000 * self.cpu / runs,
            "run_postgres_ms": 1000 * self.postgres / runs if self.postgres else None,
            "cores": self.cpu / self.seconds,
            "bench_cores": self.own / self.seconds,
            "first_mb": percentile(first, 50),
            "last_mb": percentile(last, 50),
            "mb_per_minute": slope(warm),
        }
