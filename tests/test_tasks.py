"""The worker's tasks: what is asked for while a thread is at it is not left to the next minute."""

from threading import Event

import pytest

from core import operating


def test_an_operation_asked_for_as_the_last_one_ends_is_looked_for_at_once(
    sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks  # here: its queue is the test's

    looks: list[int] = []

    def look(_: Event) -> None:
        looks.append(len(looks))
        if len(looks) == 1:  # it has found nothing any more, and has not given its place up yet
            tasks.run_operation.call_local()

    monkeypatch.setattr(operating, "run_waiting", look)
    tasks.run_operation.call_local()
    assert looks == [0, 1]
