"""Two people at the same moment: actions that begin together, each on a thread of its own."""

import threading
from collections.abc import Callable
from typing import Any


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """What each action returned or raised, in their order, all of them begun together."""
    start = threading.Barrier(len(actions))
    ended: list[Any] = [None] * len(actions)

    def run(place: int) -> None:
        start.wait(10)
        try:
            ended[place] = actions[place]()
        except Exception as error:
            ended[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(actions))]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    return ended
