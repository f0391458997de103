"""What other processes took: CPU seconds and peak memory, read from /proc."""

import os
from collections.abc import Iterator
from pathlib import Path
from time import clock_gettime

_TICK = os.sysconf("SC_CLK_TCK")
_SCHEDULED = 2  # CPUCLOCK_SCHED of the kernel: what a process ran, all its threads together


def cpu(pid: int, *, reaped: bool = False) -> float:
    """User and system seconds of a process so far, with `reaped` its ended children's too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(one) for one in fields[11 : 15 if reaped else 13]) / _TICK


def cpu_exactly(pid: int) -> float:
    """User and system seconds of a process so far, to the nanosecond: Linux has a clock of each."""
    return clock_gettime((~pid << 3) | _SCHEDULED)


def cpu_of_family(pid: int) -> float:
    """A server's seconds with those of its children, the ended ones included."""
    total = cpu(pid, reaped=True)
    for child in children(pid):
        try:
            total += cpu(child, reaped=True)
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended just now: the next reading has it as reaped
    return total


def children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def peak_megabytes(pid: int) -> float:
    """The largest resident size that a process ever had."""
    return _status(pid, "VmHWM")


def megabytes(pid: int) -> float:
    """The resident size of a process."""
    return _status(pid, "VmRSS")


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"/proc/{pid}/status names no {name}")


def forget_peak(pid: int) -> float:
    """Let the peak begin anew with what a process has now; returns that, in megabytes."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return peak_megabytes(pid)
