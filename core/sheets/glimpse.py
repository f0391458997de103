"""What a page shows of a file, read in a process of its own: nobody else's page waits for it.

`python -m core.sheets.glimpse` is that process; both speak in pickles.
"""

import os
import pickle
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from time import monotonic
from typing import Any

from core.errors import Invalid, Problem
from core.sheets import matching, reading, times
from core.sheets.table import Table, refuse
from core.sheets.times import Column

SHOWN = 50  # rows
MOST_MEMORY = 2 * 1024**3  # bytes; the largest file that may be read takes half of it
MOST_SECONDS = 120  # the largest takes five
LOOK = 0.5  # seconds between two looks whether the reading is still wanted
POLITE = 10  # sending and pages go first where the cores are busy
_TOO_HARD = "This file takes more memory or time than there is. Save it as CSV, or divide it."
_ROOT = Path(__file__).resolve().parents[2]
SMALL = 256 * 1024  # bytes: a workbook of them takes some 50 MB, whatever is in it
_one = Lock()  # large file at a time in this process, however many people choose one


@dataclass(frozen=True)
class Glimpse:
    """`table`: with its first rows, without flaws. `total` rows; `flawed` lines. `times`: how the
    column of times can be read that was asked for or that its name tells, with its time of day."""

    table: Table
    total: int
    flawed: int
    times: Mapping[tuple[str, str], Column]


def of(
    data: bytes,
    name: str,
    *,
    encoding: str = "",
    when: tuple[str, str] | None = None,
    wanted: Callable[[], object] = lambda: None,
) -> Glimpse:
    """Read a file elsewhere. `when`: the headings of the times, and of the time of day or empty.

    `wanted` is called now and then: what it raises ends the reading, as where the file was taken
    back. Raises Invalid as `reading.read` does, or `too_hard`.
    """
    with _one if len(data) > SMALL else nullcontext():
        said = _said(pickle.dumps((data, name, encoding, when)), wanted)
    found = pickle.loads(said)  # our own process wrote it
    if all(isinstance(one, Problem) for one in found):
        raise Invalid(*found)
    return Glimpse(*found)


def _said(asked: bytes, wanted: Callable[[], object]) -> bytes:
    """What the process answers, which does not outlive the wish for it."""
    line, ends = [sys.executable, "-m", "core.sheets.glimpse"], monotonic() + MOST_SECONDS
    # Of a file and not of a pipe, which `communicate` feeds no further once it has timed out.
    with TemporaryFile() as given:
        given.write(asked)
        given.seek(0)
        with subprocess.Popen(line, stdin=given, stdout=subprocess.PIPE, cwd=_ROOT) as child:
            try:
                said = _waited(child, ends, wanted)
            except BaseException:
                child.kill()
                raise
    if child.returncode:
        raise RuntimeError(f"the process that reads a file ended with {child.returncode}")
    return said


def _waited(child: subprocess.Popen[bytes], ends: float, wanted: Callable[[], object]) -> bytes:
    while True:
        try:
            return child.communicate(timeout=min(LOOK, MOST_SECONDS))[0]
        except subprocess.TimeoutExpired:
            if monotonic() > ends:
                refuse("too_hard", _TOO_HARD)
            wanted()


def _read(data: bytes, name: str, encoding: str, when: tuple[str, str] | None) -> Any:
    """The parts of a Glimpse, or the problems."""
    try:
        table = reading.read(data, name, encoding=encoding or None)
        pair = when or _named(table)
        found = {pair: _decided(table, *pair)} if pair else {}
    except Invalid as invalid:
        return invalid.problems
    except MemoryError:
        return (Problem("file", "too_hard", _TOO_HARD),)
    flawed = len({flaw.line for flaw in table.flaws})
    return replace(table, rows=table.rows[:SHOWN], flaws=()), len(table.rows), flawed, found


def _named(table: Table) -> tuple[str, str] | None:
    known = matching.match(table.headings).columns
    return (known["when"], known.get("clock", "")) if "when" in known else None


def _decided(table: Table, when: str, clock: str) -> Column:
    day, hour = table.headings.index(when), table.headings.index(clock) if clock else None
    cells = [
        row.cells[day] if hour is None else times.joined(row.cells[day], row.cells[hour])
        for row in table.rows
    ]
    return times.decide(cells)


def main() -> None:
    os.nice(POLITE)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    pickle.dump(_read(*pickle.load(sys.stdin.buffer)), sys.stdout.buffer)


if __name__ == "__main__":
    main()
