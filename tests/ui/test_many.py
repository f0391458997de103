"""A file on the page Many: what each row brings itself is taken as the command line takes it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import streamlit as st
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from core import batch_reports, clock, db, files, leasing, operating, operations
from core.access import Actor, Role
from core.kinds import Kind
from core.models import Account, Batch, Operation
from core.sheets.plan import Plan
from tests import given
from tests.core import loaded, templated
from tests.core.worded import work as work_apart
from tests.given import ANA
from tests.ui.seen import html
from tests.ui.test_pages import run, signed_in

__all__ = ["signed_in"]
pytestmark = pytest.mark.usefixtures("sqlite", "signed_in")


@pytest.fixture(autouse=True)
def fresh() -> None:
    st.cache_resource.clear()  # the ids of another test's files


@pytest.mark.parametrize(
    ("heading", "cell"),
    [("param.1", "Budi"), ("Param.1", "Budi"), ("parameters", '"{""1"": ""Budi""}"')],
)
def test_rows_with_their_own_template_are_filled_from_the_columns_of_its_parameters(
    heading: str, cell: str
) -> None:
    templated.template(templated.account())
    text = f"recipient,template,language,{heading}\n{given.recipient()},visit,en_US,{cell}\n"
    file_id = files.upload(text.encode(), name="a.csv", by=ANA)
    at = run("many", file=str(file_id))
    assert at.segmented_control(key=f"many-{file_id}-message-way").value == "As the file says"
    assert "Hello Budi" in html(at), "the preview, before anything is checked"
    at.segmented_control(key=f"many-{file_id}-when").set_value("now")
    at = at.run()
    at.button(key=f"many-{file_id}-check").click().run()
    work_apart()
    [check] = [one for one in operations.latest(5) if one.kind == Kind.CHECK]
    assert (check.result["good"], check.result["wrong"]) == (1, [])
    assert check.result["first"][0]["text"] == "Hello Budi"
    at = run("many", file=str(file_id), check=str(check.id))
    assert html(at).count("Hello Budi") == 2 and at.button(key=f"many-{file_id}-load-go")
    assert Plan.read(check.arguments["plan"]).template == ""


def test_a_file_with_templates_and_without_their_parameters_is_told_how_to_name_the_columns() -> (
    None
):
    templated.template(templated.account())
    text = f"recipient,template\n{given.recipient()},visit\n".encode()
    file_id = files.upload(text, name="a.csv", by=ANA)
    assert "<code>param.1</code>; this file has none" in html(run("many", file=str(file_id)))


def uploaded(text: str) -> int:
    return files.upload(text.encode(), name="a.csv", by=ANA)


def test_rows_are_counted_to_the_last_and_a_time_that_comes_twice_is_read_back_once() -> None:
    given.account("Orders", country="ID")
    rows = "".join(f"08123{number:06},2099-01-05 09:00\n" for number in range(10_001))
    file_id = uploaded("recipient,scheduled_at\n" + rows)
    at = run("many", file=str(file_id))
    assert at.button(key=f"many-{file_id}-check").label == "Check 10,001 rows"
    assert html(at).count("«2099-01-05 09:00» is") == 1


def checked(file_id: int, *choices: Callable[[AppTest], object]) -> Operation:
    """What became of pressing Check after these choices, each of which is one run of the page."""
    at = run("many", file=str(file_id))
    for choose in choices:
        choose(at)
        at.run()
    at.button(key=f"many-{file_id}-check").click().run()
    work_apart()
    return operations.latest(1)[0]


def to_load() -> tuple[int, Operation, AppTest]:
    """A file on the page, checked and ready to be loaded."""
    given.account("Orders", country="ID")
    file_id = uploaded(loaded.rows(2))
    key = f"many-{file_id}-when"
    check = checked(file_id, lambda at: at.segmented_control(key=key).set_value("now"))
    return file_id, check, run("many", file=str(file_id), check=str(check.id))


def test_a_batch_is_named_by_its_file_and_the_time_where_the_person_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ui.guard.zone", lambda: "Pacific/Kiritimati")  # 14 hours ahead
    before = clock.wall() + timedelta(hours=14)
    file_id, _, at = to_load()
    after = clock.wall() + timedelta(hours=14)
    name = at.text_input(key=f"many-{file_id}-load-name").value
    assert name in {f"a {one.day} {one:%b %H:%M}" for one in (before, after)}


def test_pressing_load_once_more_after_going_back_is_refused_and_makes_no_batch() -> None:
    file_id, check, at = to_load()
    operating.run(leasing.held(loaded.ordered(check)))
    at.button(key=f"many-{file_id}-load-go").click().run()
    assert "The same file was loaded on" in html(at) and "load" not in at.query_params
    assert len(batch_reports.latest()) == 1


def leaves(check: Operation) -> list[datetime]:
    assert check.result["wrong"] == []
    return [datetime.fromisoformat(one["due_at"]) for one in check.result["first"]]


def test_what_is_spread_over_a_window_leaves_evenly_in_it() -> None:
    given.account("Orders", zone="Asia/Jakarta")
    file_id = uploaded(loaded.rows(3))
    key = f"many-{file_id}-when"
    check = checked(file_id, lambda at: at.segmented_control(key=key).set_value("spread"))
    timing = Plan.read(check.arguments["plan"]).timing
    begins, ends = map(datetime.fromisoformat, (timing.begins, timing.ends))
    assert timing.zone == "UTC" and ends > begins
    each = (ends - begins) / 3
    assert [one.replace(tzinfo=None) for one in leaves(check)] == [
        begins + each * n for n in range(3)
    ]


def test_all_leave_at_one_time_or_each_at_nine_where_they_live() -> None:
    given.account("Orders", zone="Asia/Jakarta")
    text = (
        "recipient,content,zone\n+6591234567,Hi,\n+628123456789,Hi,\n+628123456780,Hi,Asia/Tokyo\n"
    )
    file_id = uploaded(text)
    key, nine = f"many-{file_id}-when", datetime(2029, 3, 1, 9)
    at_one = checked(
        file_id,
        lambda at: at.segmented_control(key=key).set_value("at"),
        lambda at: at.datetime_input(key=f"{key}-at").set_value(nine),
    )
    assert {one.hour for one in leaves(at_one)} == {9}
    local = checked(
        file_id,
        lambda at: at.segmented_control(key=key).set_value("local"),
        lambda at: at.datetime_input(key=f"{key}-local").set_value(nine),
    )
    assert [one.hour for one in leaves(local)] == [1, 2, 0]  # Singapore, the account's, Tokyo
    assert local.result["guessed"] == 1


def test_a_parameter_may_be_the_same_for_all() -> None:
    one = templated.template(templated.account())
    file_id = uploaded(f"recipient\n{given.recipient()}\n")
    key = f"many-{file_id}-message"
    check = checked(
        file_id,
        lambda at: at.segmented_control(key=f"many-{file_id}-when").set_value("now"),
        lambda at: at.segmented_control(key=f"{key}-way").set_value("A template"),
        lambda at: at.selectbox(key=f"{key}-template").set_value(one),
        lambda at: at.selectbox(key=f"{key}-{one}-1").set_value("The same for all"),
        lambda at: at.text_input(key=f"{key}-{one}-1-fixed").set_value("friend"),
    )
    assert [each["text"] for each in check.result["first"]] == ["Hello friend"]


def test_a_check_says_when_metas_daily_limit_is_passed() -> None:
    given.account("Orders", rate=10.0)
    with db.writing() as session:
        session.execute(update(Account).values(messaging_limit="TIER_250"))
    check = loaded.checked(loaded.rows(260, at=loaded.later(hours=1)))
    body = html(run("many", file=str(check.arguments["file_id"]), check=str(check.id)))
    assert "«Orders» pass Meta&#x27;s limit of 250 people in 24 hours" in body


def test_an_address_that_takes_another_operation_for_a_load_is_told() -> None:
    check = loaded.checked(loaded.rows(2), given.account("Orders"))
    at = run("many", file=str(check.arguments["file_id"]), load=str(check.id))
    assert f"Operation {check.id} loads no file" in html(at)


def test_what_was_chosen_for_a_file_is_there_again_when_the_page_is_loaded_anew() -> None:
    given.account("Orders", country="ID")
    support = given.account("Support", country="ID")
    file_id = uploaded(
        f"recipient,name,time\n08123456789,Dewi,03/04/{clock.wall().year + 1} 09:00\n"
    )
    key = f"many-{file_id}"
    at = run("many", file=str(file_id))
    at.selectbox(key=f"{key}-account").set_value(support)
    at.text_area(key=f"{key}-message-text").set_value("Dear {name}")
    at.radio(key=f"{key}-when-form").set_value("dmy").run()
    anew = run("many", file=str(file_id))
    assert "Dear Dewi" in html(anew) and not anew.warning
    assert anew.selectbox(key=f"{key}-account").value == support
    assert anew.radio(key=f"{key}-when-form").value == "dmy"
    anew.button(key=f"{key}-check").click().run()
    work_apart()
    st.cache_resource.clear()  # another dashboard, or this one after it was started anew
    check = operations.latest(1)[0]
    anew = run("many", file=str(file_id), check=str(check.id))
    assert anew.selectbox(key=f"{key}-account").value == support
    assert anew.radio(key=f"{key}-when-form").value == "dmy"
    assert "changed after this check" not in html(anew) and anew.button(key=f"{key}-load-go")


def test_what_somebody_else_chose_for_a_file_stays_theirs(
    signed_in: Callable[[Actor | None], None],
) -> None:
    given.account("Orders")
    file_id = uploaded("recipient,name\n+6281234567890,Dewi\n")
    at = run("many", file=str(file_id))
    at.text_area(key=f"many-{file_id}-message-text").set_value("Dear {name}").run()
    signed_in(Actor("ben", Role.OPERATOR))
    assert "Dear Dewi" not in html(run("many", file=str(file_id)))


def test_a_column_that_was_the_whole_time_is_the_time_of_day_beside_one_with_the_day() -> None:
    given.account("Orders", country="ID")
    before = {"columns": {"when": "time", "label": "text"}}
    with db.writing() as session:
        now = db.now(session)
        session.add(Batch(name="b", created_at=now, created_by="ana", arguments=before))
    file_id = uploaded("phone,date,time,text\n08123456789,2030-01-05,09:00,Halo\n")
    at, key = run("many", file=str(file_id)), f"many-{file_id}-column"
    assert "is chosen twice" not in html(at)
    chosen = {what: at.selectbox(key=f"{key}-{what}").value for what in ("when", "clock")}
    assert chosen == {"when": "date", "clock": "time"}
    assert at.selectbox(key=f"{key}-label").value == "text"
    assert at.selectbox(key=f"{key}-content").value is None


def test_a_time_is_read_back_in_the_zone_that_its_row_names() -> None:
    given.account("Orders", country="ID")
    day = f"{clock.wall().year + 1}-01-05 09:00"
    rows = f"08123456789,{day},Asia/Jakarta\n08123456780,{day},\n08123456781,{day},Mars\n"
    file_id = uploaded(f"phone,date,zone\n{rows}")
    told = html(run("many", file=str(file_id)))
    assert f"«{day}» is" in told and told.count("09:00 Jakarta") == told.count("09:00 UTC") == 1


def test_a_file_that_was_left_for_another_page_is_offered_again_until_it_is_put_aside() -> None:
    file_id, check, at = to_load()
    del at.query_params["file"], at.query_params["check"]
    link = f'href="/many?file={file_id}&amp;check={check.id}">Go on with it'
    assert f'You left «a.csv» here. <a class="go" {link}' in html(at.run())
    at.query_params["file"] = str(file_id)
    at.run().button(key="many-anew").click().run()
    assert "Go on with it" not in html(at)


def test_what_was_wrong_is_told_once_more_when_the_rest_is_loaded() -> None:
    given.account("Orders")
    done = loaded.load(loaded.rows(2) + "0812x,Hello,,\n")
    at = run("many", file=str(done.arguments["file_id"]), load=str(done.id))
    assert "2 messages loaded, 1 wrong row left out" in html(at)
