"""Do not contact, by command."""

import json
from pathlib import Path

import pytest

from tests import given
from tests.manage.command import SCHEDULE, refused, said

pytestmark = pytest.mark.usefixtures("sqlite")
DEWI = "+628123456789"


def listed(*line: str) -> list[dict[str, object]]:
    return [json.loads(one) for one in said("optout", "list", "--json", *line).splitlines()]


def test_who_is_added_is_not_scheduled_to_until_they_are_removed() -> None:
    orders = given.account("Orders")
    made = given.message(orders, to=DEWI, when=given.in_(hours=1))
    done = said("optout", "add", "0812-3456-789", "--country", "id", "--reason", "phoned")
    assert done == f"{DEWI} is on the list; 1 message cancelled.\n"
    assert given.row(made).status == "cancelled"
    again = said("optout", "add", DEWI, "--scope", "marketing")
    assert again == f"{DEWI} was on the list already; 0 messages cancelled.\n"
    told = refused(*SCHEDULE, "--now")
    assert told.startswith("recipient: They asked not to be contacted: since ")
    [one] = listed()
    assert (one["number"], one["scope"], one["account"]) == (DEWI, "everything", None)
    assert "phoned" in said("optout", "list")
    removed = said("optout", "remove", "0812 3456 789", "--country", "ID")
    assert removed == f"{DEWI} may be sent everything from every number again.\n"
    assert listed() == [] and listed("--all")[0]["lifted_by"]
    assert "lifted" in said("optout", "list", "--all")
    assert said(*SCHEDULE, "--now")


def test_one_account_and_one_scope() -> None:
    given.account("Orders", country="ID")
    said("optout", "add", "08123456789", "--account", "Orders", "--scope", "marketing")
    [one] = listed()
    assert (one["account"], one["scope"]) == ("Orders", "marketing")
    removed = said("optout", "remove", "--id", str(one["id"]))
    assert removed == f"{DEWI} may be sent marketing from «Orders» again.\n"
    assert "was lifted already" in refused("optout", "remove", "--id", str(one["id"]))


def test_what_is_typed_wrongly_is_told() -> None:
    assert "«all» is no scope" in refused("optout", "add", DEWI, "--scope", "all")
    assert "number: " in refused("optout", "add", "0812")
    assert "is not a country" in refused("optout", "add", "0812", "--country", "XX")
    assert "is not on the list" in refused("optout", "remove", DEWI)
    assert "Say either" in refused("optout", "remove", code=2)


def test_a_file_goes_in_and_comes_out(tmp_path: Path) -> None:
    given.account("Orders")
    file, out = tmp_path / "stop.csv", tmp_path / "out.csv"
    file.write_text(f"number,reason\n{DEWI},=STOP\n")
    assert said("optout", "import", str(file)) == (
        "1 added, 0 on the list already; 0 messages cancelled.\n"
    )
    said("optout", "export", str(out))
    assert f"{DEWI},everything,,'=STOP,file," in out.read_text("utf-8-sig")
    assert "1 on the list already" in said("optout", "import", str(out))
    assert "cannot be written" in refused("optout", "export", str(out))
    assert "cannot be read" in refused("optout", "import", str(tmp_path / "none.csv"))
    file.write_text("")
    assert said("optout", "import", str(file)).startswith("0 added, 0 on the list already;")
    file.write_text("abc\n")
    told = refused("optout", "import", str(file))
    assert told.startswith("line 1: number 'abc': ") and told.endswith("1 line is wrong.\n")
