"""How long a CSV of a million messages takes, what memory it costs the server, who waits for it.

`python -m bench export --rows 1000000`
"""

import argparse
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Event, Thread
from time import monotonic

import requests

from bench import filling, usage
from bench.figures import percentile
from bench.rig import Rig, rig, settle_down
from bench.servers import Servers
from core import clock, db
from tests.processes import Process, ports

PASSWORD = "correct horse battery"
CSV = "/export/messages.csv?zone=Asia/Jakarta"
PIECE = 1 << 16
APART = 0.1  # seconds between two looks of somebody else


@dataclass
class Export:
    """`grew_mb`: how far the largest size of the dashboard, while it wrote the file, was above its
    size before, when it had begun to write one already; `others`: milliseconds of
    somebody else's requests, before and meanwhile."""

    database: str
    what: str
    rows: int
    megabytes: float
    first_ms: float  # until the first byte
    seconds: float
    per_second: float
    server_mb: float
    grew_mb: float
    others_before_p95: float
    others_p50: float
    others_p95: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--rows", type=int, default=1_000_000)


def run(servers: Servers, options: argparse.Namespace) -> list[dict[str, object]]:
    found = []
    for kind in options.database or ("postgresql", "sqlite"):
        with rig(servers, kind) as one:
            _fill(one, options.rows)
            found.append(asdict(_export(one, options.rows)))
    return found


def _fill(one: Rig, rows: int) -> None:
    """Messages that were sent and read, each at a second of its own."""
    [account] = filling.accounts(one.engine, 1, rate=None)
    now = clock.wall()
    read = {"status": "sent", "delivery": "read", "meta_message_id": "wamid.HBgNNjI4MTIwMDAwMDAw"}
    filling.messages(one.engine, [account], rows, due_at=now, **read)
    on_postgres = one.kind == "postgresql"
    shifted = (
        "now() - id * interval '1.234567 s'"
        if on_postgres
        else "strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', (-1.234 * id) || ' seconds')"
    )
    with one.engine.begin() as connection:
        for column in ("sent_at", "delivery_at"):
            connection.execute(db.sql(f"UPDATE message SET {column} = {shifted}"))
    filling.settle_statistics(one.engine)


def _export(one: Rig, rows: int) -> Export:
    [port] = ports(1)
    server, site = one.dashboard(port), f"http://127.0.0.1:{port}"
    person = _signed_in(server, site)
    _begin_one(site, person)
    settle_down()
    before = _looks(site, person, lambda: settle_down(5))
    size = usage.forget_peak(server.child.pid)
    told: list[float] = []
    meanwhile = _looks(site, person, lambda: told.extend(_download(site, person, rows)))
    length, first, seconds = told
    return Export(
        database=one.kind,
        what="messages.csv",
        rows=rows,
        megabytes=length / 1e6,
        first_ms=first * 1000,
        seconds=seconds,
        per_second=rows / seconds,
        server_mb=size,
        grew_mb=usage.peak_megabytes(server.child.pid) - size,
        others_before_p95=percentile(before, 95),
        others_p50=percentile(meanwhile, 50),
        others_p95=percentile(meanwhile, 95),
    )


def _signed_in(server: Process, site: str) -> requests.Session:
    found = re.search(r"/sign-in\?code=(\S+)", server.said())
    assert found, server.said()
    person = requests.Session()
    form = {"code": found[1], "name": "ana", "password": PASSWORD, "again": PASSWORD}
    person.post(f"{site}/sign-in", data=form, timeout=30).raise_for_status()
    return person


def _begin_one(site: str, person: requests.Session) -> None:
    """What a server keeps from its first export on is no memory of the next one."""
    with person.get(f"{site}{CSV}", stream=True, timeout=60) as answer:
        next(answer.iter_content(PIECE))


def _download(site: str, person: requests.Session, rows: int) -> tuple[float, float, float]:
    """Bytes, seconds to the first of them, seconds to the last; not a line more or less."""
    began, length, lines, first = monotonic(), 0, 0, 0.0
    with person.get(f"{site}{CSV}", stream=True, timeout=300) as answer:
        answer.raise_for_status()
        for piece in answer.iter_content(PIECE):
            first = first or monotonic() - began
            length += len(piece)
            lines += piece.count(b"\n")
    assert lines == rows + 1, f"{lines} lines for {rows} rows"
    return length, first, monotonic() - began


def _looks(site: str, person: requests.Session, while_: Callable[[], object]) -> list[float]:
    """Milliseconds of a signed-in person's requests, which ask the database, beside `while_`."""
    over, took = Event(), []
    cookies = person.cookies.copy()

    def look() -> None:
        going = True
        while going:
            began = monotonic()
            requests.get(f"{site}/export/attempts.csv", cookies=cookies, timeout=60)
            took.append((monotonic() - began) * 1000)
            going = not over.wait(APART)

    other = Thread(target=look)
    other.start()
    try:
        while_()
    finally:
        over.set()
        other.join()
    return took
