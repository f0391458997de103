"""The loop in this process, over real HTTP to a sandbox of its own."""

from collections.abc import Callable
from threading import Event

import pytest

from core.sending.loop import SendLoop
from tests.processes import Programs


@pytest.fixture
def send_due(programs: Programs) -> Callable[[], SendLoop]:
    """Send what is due until nothing is; returns the loop that did it."""

    def send() -> SendLoop:
        loop = SendLoop(Event(), until_idle=True)
        loop.run()
        return loop

    return send
