"""What waits and why, as a person and a script ask for it."""

import json

import pytest

from core import accounts
from tests import given
from tests.manage.command import refused, said

pytestmark = pytest.mark.usefixtures("database")


def test_the_queue_is_told_by_reason_and_account() -> None:
    orders, support = given.account("Orders", rate=2), given.account("Support")
    for number in range(3):
        given.message(orders, to=given.recipient(number))
    later = given.message(support, when=given.in_(hours=1))
    accounts.pause("Support", reason="a look at it", by=given.ANA)
    told = said("queue")
    assert "Orders" in told and "2 of 2/s" in told
    assert told.endswith("in all: 1 paused · 3 without a worker\n")
    found = json.loads(said("queue", "--account", "orders", "--json"))
    [one] = found["accounts"]
    assert (one["account"], one["waiting"], one["due"]) == ("Orders", {"no_worker": 3}, 3)
    assert one["oldest_due_at"] == found["oldest_due_at"]
    assert "no account «Nobody»" in refused("queue", "--account", "Nobody")
    why = said("why", str(later))
    assert "Support is paused since" in why and "by ana: a look at it." in why
    assert "It is resumed on the Overview." in why


def test_why_is_one_sentence_or_one_object() -> None:
    message = given.message(given.account(), when=given.in_(hours=1))
    assert said("why", str(message)).startswith("Leaves ")
    found = json.loads(said("why", str(message), "--json"))
    assert (found["id"], found["reason"], found["exact"]) == (message, "scheduled", False)
    assert found["leaves_at"] and found["sentence"].startswith("Leaves ")
    assert "no message 99" in refused("why", "99")
    assert "not the number of a message" in refused("why", "first", code=2)
