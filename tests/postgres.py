"""A PostgreSQL of one's own for tests and bench: unprivileged, a free port, a temporary folder."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MISSING = "PostgreSQL is not installed: run  sh deploy/debian-packages.sh"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(found).parent if found else debian[-1].parent if debian else None


class Cluster:
    """A running server; `url(name)` is where a database of it is reached."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c max_connections=200"

    def url(self, database: str) -> str:
        return f"postgresql://outbox@127.0.0.1:{self.port}/{database}"

    def command(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs; as the user postgres when we are root."""
        bin_folder = binaries()
        assert bin_folder
        line = [str(bin_folder / program), *arguments]
        if os.geteuid() == 0:
            line = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *line]
        done = subprocess.run(line, cwd="/", capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    def control(self, *arguments: str) -> None:
        log = self.folder / "log"
        self.command("pg_ctl", "-D", str(self.folder / "data"), "-l", str(log), "-w", *arguments)

    def start(self) -> None:
        self.control("-o", self.options, "start")

    def stop(self) -> None:
        """As if it had crashed: it recovers from its log at the next start."""
        self.control("-m", "immediate", "stop")


@contextmanager
def cluster(folder: Path, *, durable: bool = False) -> Iterator[Cluster]:
    """Start a cluster in `folder`, which must be empty; stop it at the end.

    `durable` keeps the defaults, which wait for the disk: for a bench, no test needs it.
    """
    made = Cluster(folder, free_port())
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    made.command("initdb", "-D", str(folder / "data"), "-U", "outbox", "-A", "trust", "-E", "UTF8")
    if not durable:  # no test takes the machine's power away
        made.options += " -c fsync=off -c full_page_writes=off"
    made.start()
    try:
        yield made
    finally:
        made.stop()
