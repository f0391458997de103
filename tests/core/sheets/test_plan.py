"""How a plan makes drafts of rows: what each column says, what is the same for all."""

from datetime import UTC, datetime
from typing import Any

import pytest

from core.drafts import When
from core.errors import Invalid
from core.models import Account
from core.sheets import plan as plans
from core.sheets import reading
from core.sheets.drafting import Drafted, Drafter
from core.sheets.plan import Fill, Plan, Timing
from core.sheets.table import Row

ORDERS = Account(id=1, name="Orders", country="ID", zone="Asia/Jakarta")
SUPPORT = Account(id=2, name="Support", country="DE", zone="Europe/Berlin")
PEOPLE = "phone,name,when,branch\n+628123456789,Budi,2026-11-26 09:00,North\n"
WHO = {"recipient": "phone"}


def drafted(text: str, plan: Plan) -> list[Drafted]:
    table = reading.read(text.encode(), "people.csv")
    plans.check(plan, table.headings)
    accounts = {"orders": ORDERS, "support": SUPPORT}
    drafter = Drafter(plan, table.headings, accounts, total=len(table.rows))
    return [drafter.draft(row, n) for n, row in enumerate(table.rows)]


def first(file: str, **more: Any) -> Drafted:
    return drafted(file, Plan(**{"account_id": 1, "columns": WHO, "text": "Hi"} | more))[0]


def problems(**more: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        first(PEOPLE, **more)
    return [(one.field, one.code) for one in refused.value.problems]


def test_a_plan_is_read_as_it_was_stored() -> None:
    plan = Plan(
        3,
        {"recipient": "phone"},
        parameters={"1": Fill("name"), "header.text": Fill(None, "Hi")},
        timing=Timing("spread", begins="2026-11-26T09:00", ends="2026-11-26T12:00"),
    )
    assert Plan.read(plan.stored()) == plan


def test_a_text_is_filled_from_columns_and_the_rest_is_the_same_for_all() -> None:
    one = first(PEOPLE, text="Dear { Name }, {{ok}}", label="West", priority=2)
    assert one.draft.text == "Dear Budi, {ok}" and not one.flaws
    assert (one.draft.label, one.draft.priority, one.draft.when) == ("West", 2, When("now"))
    assert (one.line, one.draft.account_id, one.draft.recipient) == (2, 1, "+628123456789")


def test_parameters_come_from_columns_or_are_fixed_and_what_is_empty_is_left_out() -> None:
    fills = {"1": Fill("name"), "2": Fill(None, "Dr Sri"), "3": Fill("blank")}
    one = first("phone,name,blank\n0812345678,Budi,\n", template="reminder", parameters=fills)
    assert (one.draft.template, one.draft.text) == ("reminder", "")
    assert one.draft.parameters == {"1": "Budi", "2": "Dr Sri"}


def test_all_parameters_may_stand_in_one_cell_as_our_export_has_them() -> None:
    text = 'phone,template,parameters\n+62812345678,reminder,"{""1"": ""Budi""}"\n'
    columns = WHO | {"template": "template", "parameters": "parameters"}
    assert first(text, text="", columns=columns).draft.parameters == {"1": "Budi"}
    wrong = first(text.replace("{", "["), text="", columns=columns)
    assert [(one.column, one.code) for one in wrong.flaws] == [("parameters", "unreadable")]


@pytest.mark.parametrize(
    ("text", "code"),
    [("phone,name\n+62812345678,\n", "empty"), ("phone,name\n+62812345678,{x}\n", "unfilled")],
)
def test_an_empty_column_and_what_nobody_filled_in_are_wrong(text: str, code: str) -> None:
    [flaw] = first(text, text="Dear {name}").flaws
    assert (flaw.line, flaw.code) == (2, code)


@pytest.mark.parametrize("mark", ["'=SUM(A1)", "'+62", "'-5", "'@all"])
def test_what_our_export_made_harmless_is_as_it_was(mark: str) -> None:
    text = f"recipient,text\n+62812345678,{mark}\n"
    columns = {"recipient": "recipient", "content": "text"}
    assert first(text, text="", columns=columns).draft.text == mark[1:]


@pytest.mark.parametrize(
    ("timing", "due"),
    [
        (Timing("at", wall="2026-11-26T09:00", zone="Asia/Jakarta"), (2, 0)),
        (Timing("column", zone="Asia/Jakarta"), (2, 0)),
        (Timing("column", form="ymd", zone="Europe/Berlin"), (8, 0)),
        (Timing("local", wall="2026-11-26T09:00", zone="UTC"), (2, 0)),
    ],
)
def test_a_time_is_one_of_its_zone(timing: Timing, due: tuple[int, int]) -> None:
    one = first(PEOPLE, timing=timing, columns=WHO | {"when": "when"})
    assert one.draft.when.wall == datetime(2026, 11, 26, *due, tzinfo=UTC)


def test_local_times_take_the_zone_of_the_row_then_of_the_country_then_of_the_account() -> None:
    text = "phone,zone\n+628123456789,Asia/Makassar\n+4930901820,\n+628123456789,\n"
    plan = Plan(1, WHO | {"zone": "zone"}, "Hi", timing=Timing("local", wall="2026-11-26T09:00"))
    found = drafted(text, plan)
    assert [(one.draft.when.zone, one.draft.when.guessed) for one in found] == [
        ("Asia/Makassar", False),
        ("Europe/Berlin", True),
        ("Asia/Jakarta", False),
    ]


def test_messages_are_spread_evenly_over_a_window() -> None:
    text = "phone\n" + "+62812345678\n" * 4
    timing = Timing("spread", begins="2026-11-26T08:00", ends="2026-11-26T10:00")
    found = drafted(text, Plan(1, WHO, "Hi", timing=timing))
    walls = [one.draft.when.wall for one in found]
    assert [(at.hour, at.minute) for at in walls if at] == [(8, 0), (8, 30), (9, 0), (9, 30)]


@pytest.mark.parametrize("until", ["27/11/2026 18:00", "2026-11-27 18:00"])
def test_a_last_time_is_written_as_the_times_are_or_says_itself_what_it_is(until: str) -> None:
    timing = Timing("column", form="dmy@09:00", zone="Asia/Jakarta")
    columns = WHO | {"when": "when", "not_after": "until"}
    text = f"phone,when,until\n+62812345678,26/11/2026,{until}\n+62812345678,26/11/2026,soon\n"
    found, wrong = drafted(text, Plan(1, columns, "Hi", timing=timing))
    assert found.draft.not_after == datetime(2026, 11, 27, 11, 0, tzinfo=UTC) and not found.flaws
    assert [(one.column, one.code) for one in wrong.flaws] == [("until", "unreadable")]


def test_a_time_without_a_time_of_day_is_told_how_to_write_it() -> None:
    timing, columns = Timing("column", form="dmy", zone="Asia/Jakarta"), WHO | {"when": "when"}
    [flaw] = first("phone,when\n+62812345678,26/11/2026\n", timing=timing, columns=columns).flaws
    assert (flaw.column, flaw.code) == ("when", "no_clock")
    assert flaw.reason.endswith("Write it like 2026-11-26 09:00.")


@pytest.mark.parametrize("until", ["27/11/2026", "2026-11-27", datetime(2026, 11, 27)])
def test_a_last_day_is_meant_to_its_end_also_as_a_spreadsheet_has_it(until: str | datetime) -> None:
    timing = Timing("column", form="dmy@09:00", zone="Asia/Jakarta")
    columns = WHO | {"when": "when", "not_after": "until"}
    plan, head = Plan(1, columns, "Hi", timing=timing), ("phone", "when", "until")
    row = Row(2, ["+62812345678", "26/11/2026", until])
    found = Drafter(plan, head, {"orders": ORDERS}, total=1).draft(row, 0)
    assert found.draft.not_after == datetime(2026, 11, 27, 16, 59, tzinfo=UTC) and not found.flaws


def test_each_row_may_name_its_account() -> None:
    text = "phone,from\n+62812345678,support\n+62812345678,\n+62812345678,Ordres\n"
    found = drafted(text, Plan(1, WHO | {"account": "from"}, "Hi"))
    assert [one.draft.account_id for one in found] == [2, 1, None]
    assert [(one.column, one.value) for one in found[2].flaws] == [("from", "Ordres")]


def test_a_plan_that_no_row_could_follow_is_refused_with_every_problem() -> None:
    assert problems(account_id=None, columns={}, text="") == [
        ("account", "missing"),
        ("recipient", "missing"),
        ("text", "missing"),
    ]
    assert problems(text="Dear {nmae}") == [("text", "placeholder")]
    assert problems(columns={"recipient": "fone"}) == [("recipient", "no_column")]
    assert problems(timing=Timing("at", wall="nine")) == [("when", "unreadable")]
    assert problems(timing=Timing("at", wall="2026-11-26T09:00", zone="Mars")) == [
        ("zone", "unknown_zone")
    ]
    assert problems(timing=Timing("column", zone="Mars"), columns=WHO | {"when": "when"}) == [
        ("zone", "unknown_zone")
    ]
    backwards = Timing("spread", begins="2026-11-26T09:00", ends="2026-11-26T08:00")
    assert problems(timing=backwards) == [("when", "backwards")]


def test_a_plan_says_nothing_that_cannot_be_sent() -> None:
    fills = {"1": Fill(fixed="Ana\ud83d")}
    odd = Plan(1, WHO, "Hello\0", parameters=fills, label="May\x07")
    with pytest.raises(Invalid) as wrong:
        plans.check(odd, ("phone", "name"))
    found = [(one.field, one.code) for one in wrong.value.problems]
    assert found == [("text", "control"), ("label", "control"), ("param.1", "control")]


def test_our_own_headings_need_no_plan() -> None:
    heads = ("recipient", "content", "scheduled_at", "param.1", "problem", "status", "id")
    plan = plans.standard(heads, Plan(1))
    assert plan.columns == {"recipient": "recipient", "content": "content", "when": "scheduled_at"}
    assert plan.parameters == {"1": Fill("param.1")}
    assert plan.timing == Timing("column", zone="UTC", blank_is_now=True)
    with pytest.raises(Invalid, match="without recipient, content and has unknown columns fone"):
        plans.standard(("fone",), Plan(1))
