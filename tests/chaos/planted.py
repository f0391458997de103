"""The consumer with a misfortune planted that no setting can give: run as huey_consumer is.

`CHAOS_SKEW`: seconds by which this machine's clock is wrong; the database's is not. `CHAOS_PAGES`:
a file that holds the most pages that SQLite may have, read at each transaction. `CHAOS_TIMES_OUT`:
seconds after which a post is given up.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any

from huey.bin.huey_consumer import consumer_main
from sqlalchemy import event
from sqlalchemy.pool import Pool

from core import clock
from core.meta import client
from core.sending import engine_time


def skew(seconds: float) -> None:
    clock.wall = lambda: datetime.now(UTC) + timedelta(seconds=seconds)
    engine_time.time = lambda: time() + seconds  # type: ignore[attr-defined]


def bound_pages(path: Path) -> None:
    def bound(connection: Any, *_: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={int(path.read_text())}")

    event.listen(Pool, "checkout", bound)


if __name__ == "__main__":
    if seconds := os.environ.get("CHAOS_SKEW"):
        skew(float(seconds))
    if file := os.environ.get("CHAOS_PAGES"):
        bound_pages(Path(file))
    if seconds := os.environ.get("CHAOS_TIMES_OUT"):
        client.TOTAL_SECONDS = int(seconds)
    sys.argv[0] = "huey_consumer"
    consumer_main()
