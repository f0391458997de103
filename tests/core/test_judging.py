"""What a row of a file means, beside what the tests of the check tell of it."""

import pytest

from core.sheets.plan import Plan
from tests import given
from tests.core import templated
from tests.core.loaded import checked_as


@pytest.mark.parametrize(
    ("name", "language", "good"),
    [
        ("visit", "en-US", 1),
        (" visit ", " en_us ", 1),
        ("visit", "", 1),
        ("bill", "", 0),
        ("bill", "de", 1),
        ("visit", "de", 0),
    ],
)
def test_a_file_may_name_a_template_as_loosely_as_a_person(
    sqlite: None, name: str, language: str, good: int
) -> None:
    account = given.account()
    templated.template(account)
    templated.template(account, language="de", status="REJECTED")
    templated.template(account, "bill")
    templated.template(account, "bill", language="de")
    plan = Plan(account, {one: one for one in ("recipient", "template", "language", "parameters")})
    row = f'{given.recipient()},{name},{language},"{{""1"": ""Ana""}}"'
    check = checked_as(f"recipient,template,language,parameters\n{row}\n", plan)
    assert check.result["good"] == good
