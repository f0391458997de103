"""What a row of a file means, beside what the tests of the check tell of it."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from openpyxl import Workbook

from core import db
from core.judging import Is, Judge
from core.sheets import plan as plans
from core.sheets import reading
from core.sheets.plan import Fill, Plan
from tests import given
from tests.core import templated
from tests.core.loaded import HEAD, checked, checked_as, found, rows


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


def test_a_template_that_is_not_approved_says_why_though_no_language_is_named(sqlite: str) -> None:
    account = given.account()
    templated.template(account, status="PAUSED")
    plan = Plan(account, {one: one for one in ("recipient", "template")})
    check = checked_as(f"recipient,template\n{given.recipient()},visit\n", plan)
    [wrong] = check.result["wrong"]
    assert wrong["reason"] == "Meta paused it: only approved ones can be sent."


@pytest.mark.parametrize("plan", [Plan(1, text="Dear {name}"), Plan(1, template="visit")])
def test_a_formula_without_its_result_is_told_once_and_not_as_empty(
    sqlite: str, plan: Plan
) -> None:
    templated.template(given.account())
    book, out = Workbook(), io.BytesIO()
    for line in (["recipient", "name"], [given.recipient(), "=A1"]):
        book.active.append(line)
    book.save(out)
    table = reading.read(out.getvalue(), "people.xlsx")
    plan = replace(plan, columns={"recipient": "recipient"}, parameters={"1": Fill("name")})
    judge = Judge(plan, table, "0" * 64)
    with db.reading() as session:
        [judged] = judge.composed(0, table.rows, db.now(session))
    assert [(one.column, one.code) for one in judged.flaws] == [("name", "formula")]


def _judge(text: str) -> Judge:
    table = reading.read(text.encode(), "people.csv")
    return Judge(plans.standard(table.headings, Plan(1)), table, "0" * 64)


@pytest.mark.parametrize("timed", [True, False])
def test_what_is_scheduled_between_the_look_back_and_the_lock_is_seen(
    database: str, timed: bool
) -> None:
    account, when = given.account(), given.in_(hours=2)
    given.message(account, to=given.recipient(0), when=when, text="Hello 0")
    assert when.wall
    judge = _judge(rows(3, at=when.wall.isoformat() if timed else ""))
    with db.reading() as session:
        now = db.now(session)
        judged = judge.composed(0, judge.table.rows, now)
        judge.look_back(session, judged, now)
    given.message(account, to=given.recipient(1), when=when, text="Hello 1")
    judge._there.until = 1  # the first is not asked for again
    with db.reading() as session:
        judge.compare(session, judged, now)
    assert [one.kind for one in judged] == [Is.DOUBLE, Is.DOUBLE, Is.NEW]


def test_a_time_that_lost_its_split_seconds_is_the_same_time(database: str) -> None:
    account, when = given.account(), given.in_(hours=2)
    assert when.wall
    exact = replace(when, wall=when.wall.replace(microsecond=654_321))
    given.message(account, to=given.recipient(0), when=exact, text="Hello 0")
    given.message(account, to=given.recipient(1), when=exact, text="Hello 1", reference="R-1")
    short = exact.wall.isoformat(timespec="seconds")
    text = HEAD + "".join(
        f"{given.recipient(n)},Hello {n},{short},{'R-1' if n == 1 else ''}\n" for n in range(3)
    )
    assert found(checked(text), "new", "double", "same", "changed") == (1, 1, 1, 0)
    after = (exact.wall + timedelta(seconds=1)).isoformat(timespec="seconds")
    assert found(checked(text.replace(short, after)), "new", "double", "changed") == (2, 0, 1)
