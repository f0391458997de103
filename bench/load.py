"""How long a large file is checked and stored, while another number keeps sending at 80 a second.

`python -m bench load --rows 100000`
"""

import argparse
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from bench import filling
from bench.figures import fullest_second, percentile
from bench.rig import LONGEST, Rig, rig, settle_down
from bench.servers import Servers
from core import clock, db
from tests.waiting import until

RATE = 80.0
HEAD = "recipient,content,scheduled_at,reference"


@dataclass
class Load:
    """Seconds from the first to the last moment of each operation. Of the other number: posts a
    second all the while, the fullest second, milliseconds between two posts."""

    database: str
    rows: int
    check_s: float
    store_s: float
    per_second: float
    fullest_second: int
    gap_p50: float
    gap_p99: float
    gap_largest: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--rows", type=int, default=100_000)


def run(servers: Servers, options: argparse.Namespace) -> list[dict[str, object]]:
    found = []
    for kind in options.database or ("postgresql", "sqlite"):
        with rig(servers, kind) as one:
            found.append(asdict(_load(one, options.rows)))
    return found


def _load(one: Rig, rows: int) -> Load:
    sending, loading = filling.accounts(one.engine, 2, rate=RATE)
    filling.messages(one.engine, [sending], int(LONGEST * RATE), due_at=clock.wall())
    one.worker()
    settle_down(5)
    file = _written(one.servers.subfolder("file"), rows)
    line = ("manage.py", "import", str(file), "--account", f"Number {loading - 1}", "--hold")
    made = one.program("import", "python", *line)
    until(lambda: made.child.poll() is not None, within=LONGEST, every=0.2)
    assert made.child.returncode == 0, made.said()
    took = {kind: (begins, ends) for kind, begins, ends in _operations(one)}
    assert one.rows("SELECT count(*) FROM message WHERE hold = 'batch'") == [(rows,)]
    begins, ends = took["check"][0], took["load"][1]
    posted = [at for at in one.posted(sending) if begins <= at <= ends]
    gaps = [(b - a) * 1000 for a, b in pairwise(posted)]
    return Load(
        database=one.kind,
        rows=rows,
        check_s=took["check"][1] - begins,
        store_s=ends - took["load"][0],
        per_second=len(posted) / (ends - begins),
        fullest_second=fullest_second(posted),
        gap_p50=percentile(gaps, 50),
        gap_p99=percentile(gaps, 99),
        gap_largest=max(gaps),
    )


def _written(folder: Path, rows: int) -> Path:
    """A file of so many appointments to as many people, numbers as people write them."""
    at = (clock.wall() + timedelta(days=1)).isoformat(timespec="minutes")
    lines = (
        f"+62 812-{n // 10_000:04d}-{n % 10_000:04d},{filling.TEXT} No {n},{at},R-{n}"
        for n in range(rows)
    )
    file = folder / "people.csv"
    file.write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")
    return file


def _operations(one: Rig) -> list[tuple[str, float, float]]:
    instant = db.UtcDateTime()
    asked = db.sql("SELECT kind, started_at, finished_at FROM operation ORDER BY id")
    with one.engine.connect() as connection:
        found = connection.execute(asked.columns(started_at=instant, finished_at=instant)).all()
    return [(row.kind, row.started_at.timestamp(), row.finished_at.timestamp()) for row in found]
