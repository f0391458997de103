"""People and numbers by command: what is printed, what is refused."""

import json

import pytest

from core import db, password_links, passwords, users
from core.models import User
from tests import given
from tests.manage.command import ACCOUNT, refused, said


def stored_user(name: str) -> User:
    with db.reading() as session:
        return users.existing(session, name)


def test_a_person_is_added_with_a_password_from_standard_input(sqlite: str) -> None:
    added = said("user", "add", "Olga", "--role", "operator", typed="correct horse battery\n")
    assert added == "Olga may sign in as operator.\n"
    assert passwords.matches(stored_user("olga").password_hash, "correct horse battery")
    assert stored_user("olga").created_by.startswith("cli:")
    (line,) = said("user", "list").splitlines()
    assert line.split() == ["Olga", "operator", "last", "seen", "never"]


def test_a_person_gets_another_password_and_is_disabled(sqlite: str) -> None:
    for name, role in (("ana", "admin"), ("olga", "viewer")):
        said("user", "add", name, "--role", role, typed="correct horse battery")
    changed = said("user", "password", "OLGA", typed="another long password\n")
    assert changed == "OLGA has a new password.\n"
    assert passwords.matches(stored_user("olga").password_hash, "another long password")
    assert said("user", "disable", "olga") == "olga may no longer sign in.\n"
    assert [line.split()[:2] for line in said("user", "list").splitlines()] == [
        ["ana", "admin"],
        ["olga", "disabled"],
    ]
    assert "only administrator" in refused("user", "disable", "ana")


def test_a_person_gets_a_link_another_role_and_is_let_in_again(sqlite: str) -> None:
    for name in ("ana", "olga"):
        said("user", "add", name, "--role", "admin", typed="correct horse battery")
    assert (
        password_links.whose(said("user", "link", "olga").strip().partition("?link=")[2]) == "olga"
    )
    assert said("user", "role", "Olga", "Viewer") == "Olga is viewer now.\n"
    assert stored_user("olga").role == "viewer"
    assert "only administrator" in refused("user", "role", "ana", "operator")
    assert "is not a role" in refused("user", "role", "ana", "boss", code=2)
    said("user", "disable", "olga")
    assert "let them in again first" in refused("user", "link", "olga")
    assert said("user", "enable", "olga") == "olga may sign in again.\n"
    assert stored_user("olga").disabled_at is None


def test_what_is_wrong_with_a_person_is_told_at_its_field(sqlite: str) -> None:
    short = refused("user", "add", "olga", "--role", "viewer", typed="short\n")
    assert short == "password: The password needs at least 10 characters; this one has 5.\n"
    assert "password: " in refused("user", "add", "olga", "--role", "viewer", typed="")
    role = refused("user", "add", "olga", "--role", "boss", typed="correct horse battery", code=2)
    assert role == "«boss» is not a role: viewer, operator or admin.\n"
    verbs = ("password", "disable", "enable", "link")
    for line in [*((verb, "nobody") for verb in verbs), ("role", "nobody", "viewer")]:
        told = refused("user", *line, typed="correct horse battery\n")
        assert told == "name: There is no user «nobody».\n"
    assert said("user", "list") == ""


def test_an_account_is_added_listed_paused_and_resumed(sqlite: str) -> None:
    line = ("--rate", "0.5", "--country", "ID", "--timezone", "Asia/Jakarta", "--waba-id", "77")
    assert said(*ACCOUNT, *line).startswith("The account «Orders» may send.")
    (shown,) = said("account", "list").splitlines()
    assert shown.split() == ["Orders", "1055", "0.5/s", "active"]
    (one,) = [json.loads(each) for each in said("account", "list", "--json").splitlines()]
    assert one == {
        "id": 1,
        "name": "Orders",
        "phone_number_id": "1055",
        "state": "active",
        "state_reason": None,
        "rate": 0.5,
        "country": "ID",
        "timezone": "Asia/Jakarta",
        "quiet": None,
        "late": "send",
        "late_after": None,
        "test_number": None,
    }
    paused = said("account", "pause", "orders", "--reason", "Holiday")
    assert paused == "The account «orders» is paused.\n"
    assert said("account", "list").split()[-2:] == ["paused:", "Holiday"]
    assert said("account", "resume", "Orders") == "The account «Orders» may send.\n"
    assert said("account", "list").split()[-1] == "active"
    assert "is active, not paused" in refused("account", "resume", "Orders")


def test_an_account_without_pacing(sqlite: str) -> None:
    said(*ACCOUNT, "--rate", "None")
    assert json.loads(said("account", "list", "--json"))["rate"] is None
    assert "no pacing" in said("account", "list")


@pytest.mark.parametrize(
    ("line", "told", "code"),
    [
        (("--rate", "fast"), "«fast» is not a rate", 2),
        (("--rate", "0"), "rate: ", 1),
        (("--rate", "nan"), "rate: ", 1),
        (("--country", "Indonesia"), "country: ", 1),
        (("--timezone", "Mars/Base"), "zone: ", 1),
        (("--phone-number-id", "+62 812"), "phone_number_id: ", 1),
        (("--token", ""), "token: ", 1),
    ],
)
def test_what_is_wrong_with_an_account_is_told_at_its_field(
    sqlite: str, line: tuple[str, ...], told: str, code: int
) -> None:
    assert refused(*ACCOUNT, *line, code=code).startswith(told)
    assert said("account", "list") == ""


def test_another_token_for_a_known_waba_needs_its_option(sqlite: str) -> None:
    said(*ACCOUNT, "--waba-id", "77")
    second = ("account", "add", "--name", "Support", "--phone-number-id", "1056")
    more = ("--token", "another-token", "--waba-id", "77")
    told = refused(*second, *more)
    assert "--replace-token" in told and "another-token" not in told
    replaced = said(*second, *more, "--replace-token")
    assert replaced.startswith("The account «Support» may send.")


def test_an_unknown_account_is_told_with_those_that_exist(sqlite: str) -> None:
    given.account("Orders")
    told = "There is no account «Ordres». Accounts: «Orders».\n"
    assert refused("account", "pause", "Ordres") == told
    assert refused("schedule", "--account", "Ordres", "--to", "x", "--text", "y", "--now") == told
