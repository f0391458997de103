"""Waiting for a condition with a deadline, in place of sleeping and hoping."""

import threading
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], *, within: float = 10, every: float = 0.05) -> T:
    """The first truthy value of `condition`; fails after `within` seconds with the last one."""
    deadline, pause = monotonic() + within, threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if monotonic() > deadline:
            raise AssertionError(f"not within {within} s; last seen: {value!r}")
        pause.wait(every)
