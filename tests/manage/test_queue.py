"""What waits and why, as a person and a script ask for it."""

import json
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from commands import queue
from core import accounts
from core.meta.answers import Answer
from core.sending.results import Result
from tests import given
from tests.core import stored
from tests.core.sending.ticking import Ticks
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
    assert "Mend what the reason says, then resume it on its page under Accounts." in why


def test_a_script_gets_when_it_is_empty_and_how_late_what_left_was() -> None:
    account, ticks = given.account(rate=2), Ticks()
    for number in range(3):
        given.message(account, to=given.recipient(number))
    before = json.loads(said("queue", "--json"))
    assert before["lag_seconds"] is None and before["accounts"][0]["empty_at"] > before["at"]
    [claim] = ticks.run(account).claims
    posted = given.row(claim.message_id).due_at + timedelta(seconds=1.5)
    accepted = Answer(None, wamid="wamid.A", http_status=200)
    ticks.run(results=[Result(claim, accepted, posted, posted)])
    found = json.loads(said("queue", "--json"))
    assert found["lag_seconds"] == {"p50": 1.5, "p95": 1.5}
    empty = datetime.fromisoformat(found["accounts"][0]["empty_at"])
    assert 0 < (empty - datetime.fromisoformat(found["at"])).total_seconds() < 2.5


def test_what_is_more_than_10000_is_named_and_never_told_as_a_number_of_its_own() -> None:
    account = stored.account(state="paused")
    stored.many(account, 10_001, hold="late")
    stored.many(stored.account("Support"), 3)
    found = json.loads(said("queue", "--json"))
    orders, support = found["accounts"]
    assert (found["cap"], found["waiting"]) == (10_000, {"paused": 10_000, "no_worker": 3})
    assert found["capped"] == ["paused"]
    assert (orders["holds"], orders["capped"]) == ({"late": 10_000}, ["paused", "late"])
    assert (support["due"], support["capped"]) == (3, [])


def test_watching_draws_again_until_ctrl_c_which_is_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given.account("Orders")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(queue, "time", SimpleNamespace(sleep=sleep))
    drawn = said("queue", "--watch")
    assert drawn.count("Orders") == drawn.count("in all: nothing waits") == 2
    assert slept == [2.0, 2.0]


def test_why_is_one_sentence_or_one_object() -> None:
    message = given.message(given.account(), when=given.in_(hours=1))
    assert said("why", str(message)).startswith("Leaves ")
    found = json.loads(said("why", str(message), "--json"))
    assert (found["id"], found["reason"], found["exact"]) == (message, "scheduled", False)
    assert found["leaves_at"] and found["sentence"].startswith("Leaves ")
    assert "no message 99" in refused("why", "99")
    assert "not the number of a message" in refused("why", "first", code=2)
