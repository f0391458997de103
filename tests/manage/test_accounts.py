"""How a number sends, from the command line."""

import json
from datetime import timedelta

import pytest

from core import accounts
from tests import given
from tests.core.sending.ticking import change
from tests.manage.command import TOKEN, here, refused, said


def test_an_account_is_set_and_its_token_replaced(sqlite: str) -> None:
    given.account("Orders")
    options = ("--rate", "none", "--quiet", "21:00-07:00", "--late", "hold", "--late-after", "10m")
    assert said("account", "set", "Orders", *options) == "The account «Orders» is changed.\n"
    shown = json.loads(said("account", "list", "--json"))
    assert (shown["rate"], shown["quiet"]) == (None, "21:00-07:00")
    assert (shown["late"], shown["late_after"]) == ("hold", 600)
    told = said("account", "token", "Orders", typed=f"{TOKEN}\n")
    assert told == "The new token serves «Orders».\n"
    assert "no quiet hours" in refused("account", "set", "Orders", "--quiet", "night", code=2)
    assert "30m, 2h" in refused("account", "set", "Orders", "--late-after", "soon")
    number = ("account", "set", "Orders", "--test-number")
    assert "is changed" in said(*number, "+62 812-0000-0001")
    assert json.loads(said("account", "list", "--json"))["test_number"] == "+6281200000001"
    assert refused(*number, "me").startswith("test_number: ")
    assert "Say what to change" in refused("account", "set", "Orders", code=2)


def test_a_resume_says_how_many_are_overdue_and_wants_a_choice(sqlite: str) -> None:
    made = given.account("Orders")
    old, new = (given.message(made, to=given.recipient(n)) for n in range(2))
    change(old, due_at=given.row(old).due_at - timedelta(hours=1))
    accounts.pause("Orders", by=given.ANA)
    told = refused("account", "resume", "Orders")
    assert told.startswith("2 messages are overdue on «Orders». Say --all, --only-last 30m, --hold")
    assert "only one of" in refused("account", "resume", "Orders", "--all", "--hold", code=2)
    told = said("account", "resume", "Orders", "--only-last", "30m")
    assert told == "The account «Orders» may send. 1 message is overdue and held.\n"
    assert (given.row(old).hold, given.row(new).hold) == ("late", None)


def test_a_check_says_part_by_part_what_is_well_and_ends_with_1_where_one_is_not(
    sqlite: str, environment: pytest.MonkeyPatch
) -> None:
    given.account("Orders")
    environment.setenv("OUTBOX_API_URL", "http://127.0.0.1:1")
    ended = here("account", "check", "Orders")
    assert ended.code == 1 and "phone_number_id  unknown  Meta could not be reached" in ended.out
    one = json.loads(here("account", "check", "Orders", "--json").out)
    assert (one["field"], one["well"]) == ("phone_number_id", None)


def test_a_number_is_retired_and_brought_back(sqlite: str) -> None:
    given.account("Orders")
    assert said("account", "retire", "Orders") == "The account «Orders» is retired.\n"
    assert said("account", "reinstate", "Orders") == "The account «Orders» is back, and paused.\n"
