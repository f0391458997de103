"""The Huey instance and its tasks. They carry no ids: each means «look at the database now».

Run by `huey_consumer tasks.huey -k thread -w 4 -g TERM -m 0.5`.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

from huey import Huey, RedisHuey, SqliteHuey, crontab
from huey.consumer_options import OptionParserHandler

from core import (
    apart,
    clock,
    day_counts,
    operating,
    renewing,
    sampling,
    syncing,
    wake,
    workers,
)
from core.logs import configure
from core.scan import scan
from core.sending.loop import SendLoop
from core.settings import settings

log = logging.getLogger(__name__)

SOON = timedelta(seconds=60)
BEGAN = monotonic()


def _huey() -> Huey:
    url = settings().queue_url
    if url.startswith(("redis://", "rediss://")):
        return RedisHuey("outbox", url=url)
    # A file of its own: sharing one with the data gives «database is locked».
    return SqliteHuey("outbox", filename=url.removeprefix("sqlite:///"))


huey = _huey()
_stop = threading.Event()
_change = threading.Lock()
_started = threading.Lock()
_operating, _more = threading.Lock(), threading.Event()
_apart, _more_apart = threading.Lock(), threading.Event()
_loop: SendLoop | None = None


@huey.task()
def send_due() -> None:
    """Be this process's send loop until it stops; where there is one already, wake it."""
    global _loop
    with _change:
        running = _loop
        if running is None:
            _loop = mine = SendLoop(_stop)
    if running is not None:
        running.wake()
        return
    try:
        mine.run()
    finally:
        _loop = None


@huey.periodic_task(crontab(minute="*"))
def scan_due() -> None:
    """Once a minute, Huey's smallest period: what no send loop does by itself."""
    loop = _loop
    if scan(worker_id=loop.worker_id if loop else None) or loop is None:
        send_due()
    _renew_when_due()
    run_operation.call_local()
    _ask_for(run_apart)


def _renew_when_due() -> None:
    """End in order and begin anew with the same pid; Huey does that on SIGHUP."""
    why = renewing.reason(
        age=timedelta(seconds=monotonic() - BEGAN),
        megabytes=workers.megabytes(),
        asked=workers.renewal_asked(),
        most_hours=settings().worker_max_hours,
        most_megabytes=settings().worker_max_megabytes,
    )
    if why:
        log.warning("the worker renews itself: %s", why)
        os.kill(os.getpid(), signal.SIGHUP)


def _ask_for(task: Callable[[], object]) -> None:
    """The queue is only a hint: without it a worker sends all the same."""
    try:
        task()
    except Exception as error:
        log.warning("the queue takes nothing (%s): it is asked again", type(error).__name__)


@huey.periodic_task(crontab(minute="*"))
def sync_templates() -> None:
    """Read from Meta the templates of each business whose turn has come: hourly, new ones soon."""
    if syncing.sync_due():
        send_due()


@huey.periodic_task(crontab(minute="*"))
def sample_queue() -> None:
    """Keep how deep the queue is; of several workers whoever comes first in a minute does."""
    sampling.take()


@huey.periodic_task(crontab(minute="*"))
def count_days() -> None:
    """Count a day's messages whose turn it is, for what is usual on a weekday."""
    day_counts.count_next()


@huey.task()
def run_operation() -> None:
    """Run the operations that wait, and those that a dead process left.

    One thread of a process at a time: several would leave none to scan, wake and stop.
    """
    _while_asked(_operating, _more, _run_waiting)


def _run_waiting() -> None:
    _more.clear()
    operating.run_waiting(_stop)


def _while_asked(one: threading.Lock, more: threading.Event, run: Callable[[], object]) -> None:
    """Run, unless another thread is at it, which then hears that there is more."""
    more.set()
    while more.is_set() and not _stop.is_set() and one.acquire(blocking=False):
        try:
            run()
        finally:
            one.release()


@huey.task()
def run_apart() -> None:
    """Check, load and export files, each in a process of its own; nothing else waits for it."""
    _while_asked(
        _apart,
        _more_apart,
        lambda: apart.run_waiting(_stop, _more_apart, _look_at_what_it_left),
    )


def _look_at_what_it_left() -> None:
    """Messages that may leave, and what a list of opt-outs leaves to be cancelled."""
    _ask_for(send_due)
    _ask_for(run_operation)


def run_operations() -> None:
    """Have the workers look for operations of both sorts."""
    run_operation()
    run_apart()


@huey.on_startup()
def _begin() -> None:
    # Huey calls this in each worker thread; the first one becomes the send loop for good.
    if _started.acquire(blocking=False):
        _quieten()
        _ask_for(sync_templates)
        send_due.call_local()


def _quieten() -> None:
    """Huey tells of each task it runs, twice with our own handler; its warnings stay."""
    logging.getLogger("huey").handlers.clear()
    logging.getLogger("huey").setLevel(logging.WARNING)


@huey.on_shutdown()
def _end() -> None:
    _stop.set()


def wake_at(at: datetime) -> None:
    """Have the send loops look when something is due; within a minute they time it themselves."""
    if at <= clock.wall() + SOON:
        send_due()
    else:
        send_due.schedule(eta=at - clock.offset())


def _in_consumer() -> bool:
    return Path(sys.argv[0]).name.startswith("huey_consumer")


def _refuse_one_worker() -> None:
    """The send loop takes one worker thread; without a second nobody could scan, wake or stop."""
    options, _ = OptionParserHandler().get_option_parser().parse_args(sys.argv[1:])
    if options.workers < 2:
        raise SystemExit("The worker needs at least two threads: huey_consumer … -w 4")


if _in_consumer():
    configure()
    _refuse_one_worker()
    wake.plug(wake_at, run_operations)
