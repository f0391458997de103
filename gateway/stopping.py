"""Ends a server that was told to stop, also while somebody still downloads from it."""

import signal
from typing import Any

GRACE = 1  # seconds


def within_a_second() -> None:
    """Give open connections this long after SIGTERM or Ctrl-C; call it while uvicorn starts.

    Uvicorn would wait for the last of them without end, and `streamlit run` passes no option for
    it: the running server is found as the owner of the signal handler.
    """
    server: Any = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if hasattr(server, "config"):
        server.config.timeout_graceful_shutdown = GRACE
