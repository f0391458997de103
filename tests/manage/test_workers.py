"""All workers at once, by command."""

from core import installation
from tests import given
from tests.manage.command import listed, refused, said


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
