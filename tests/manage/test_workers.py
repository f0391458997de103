"""All workers at once, by command."""

import json

from core import installation, workers
from tests import given
from tests.manage.command import here, listed, refused, said


def test_the_living_are_listed_and_asked_to_renew_themselves(sqlite: str) -> None:
    loop = workers.start("loop")
    (one,) = [json.loads(line) for line in here("workers", "--json").out.splitlines()]
    assert (one["id"], one["kind"], one["alive"]) == (loop, "loop", True)
    assert (one["in_flight"], one["unreached_since"]) == (0, None)
    assert ", 0 in flight" in here("workers").out
    assert "within a minute" in here("restart-workers").out
    assert workers.renewal_asked() is not None


def test_all_sending_is_stopped_with_a_reason_and_released(sqlite: str) -> None:
    given.message(given.account())
    assert "--reason" in refused("stop-all", code=2)
    assert said("stop-all", "--reason", "wrong price list").startswith("All sending is stopped.")
    stop = installation.stopped()
    assert stop and stop.by.startswith("cli:") and stop.reason == "wrong price list"
    assert [one["held_by"] for one in listed()] == ["stop"]
    assert refused("stop-all", "--reason", "again") == "All sending is stopped already.\n"
    assert said("resume-all") == "Outbox sends again.\n"
    assert refused("resume-all") == "Sending is not stopped.\n"
