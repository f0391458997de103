"""On what a bench ran: without it no figure can be compared with another."""

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time

from bench.figures import percentile
from bench.servers import Servers
from tests.postgres import binaries

LIBRARIES = ("aiohttp", "uvloop", "SQLAlchemy", "psycopg", "huey", "requests")


def machine(servers: Servers) -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return {
        "cores": f"{cores} × {_cpu_model()}, {memory:.1f} GB, load {os.getloadavg()[0]:.2f} before",
        "python": f"a million turns of a loop take {_loop():.0f} ms",
        "disk": f"a write and fsync of 4 kB takes {_fsync(servers.folder) * 1000:.2f} ms",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "databases": f"SQLite {sqlite3.sqlite_version}, {_server('postgres')}, {_server('redis')}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _server(name: str) -> str:
    folder = binaries()
    line = [str(folder / "postgres")] if name == "postgres" and folder else ["redis-server"]
    try:
        told = subprocess.run([*line, "--version"], capture_output=True, text=True, timeout=10)
    except FileNotFoundError:
        return f"no {name}"
    return " ".join(told.stdout.split()[:3])


def _loop() -> float:
    """Milliseconds of CPU: how quick this machine is in this hour, to compare with another."""
    began, total = process_time(), 0
    for turn in range(5_000_000):
        total += turn
    return 1000 * (process_time() - began) / 5


def _fsync(folder: Path, times: int = 50) -> float:
    """The median seconds of a small durable write where the databases of the bench lie."""
    path, taken = folder / "fsync", []
    with path.open("wb", buffering=0) as file:
        for _ in range(times):
            began = perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            taken.append(perf_counter() - began)
    path.unlink()
    return percentile(taken, 50)
