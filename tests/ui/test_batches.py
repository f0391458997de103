"""A batch on its page: released under a bar, corrected each way, what failed sent again."""

import re
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import (
    batch_reports,
    clock,
    correcting,
    editing,
    following_up,
    leasing,
    loading,
    operating,
    operations,
    optouts,
    steering,
    workers,
)
from core.blocking import Reason
from core.corrections import Way
from core.drafts import Draft
from core.kinds import Kind
from core.loading import Then
from core.models import Operation
from core.standing import Standing
from tests import given
from tests.core import driven, loaded
from tests.core.batched import batch, holds, row, work
from tests.core.worded import done, filled, said, template
from tests.core.worded import work as work_apart
from tests.ui.seen import html
from tests.ui.test_pages import run, signed_in
from ui import batches as ui_batches
from ui import counting as ui_counting

__all__ = ["signed_in"]
pytestmark = pytest.mark.usefixtures("sqlite", "signed_in")

FAILED = {"status": "failed", "error_class": "recipient", "error_code": 131026}
UNCLEAR = {"status": "failed", "error_class": "unknown"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correcting, "EVERY", 0)
    st.cache_data.clear()  # the ids of another test's database


def press(at: AppTest, key: str) -> AppTest:
    return at.button(key=key).click().run()


def within(at: AppTest, opener: str) -> AppTest:
    """Run on in a dialog: this driver has no fragments, so the button that opens it is pressed."""
    return press(at, opener)


def asked(batch_id: int, kind: Kind) -> Operation:
    """The operation of this kind that the page ordered."""
    return next(o for o in operations.latest(5) if o.kind == kind and o.batch_id == batch_id)


def test_a_release_shows_what_remains_goes_on_without_the_page_and_is_ended_by_a_hold() -> None:
    batch_id, ids = batch(given.account(), [{}] * 3)
    at = press(run("batches", id=str(batch_id)), "release")
    made = asked(batch_id, Kind.BATCH_RELEASE)
    assert "Releasing</b>" in html(run("batches", id=str(batch_id)))
    assert leasing.take({Kind.BATCH_RELEASE})
    at = run("batches", id=str(batch_id))
    assert "0 of 3 messages" in html(at) and 'max="3"' in html(at)
    assert at.button(key=f"cancel-{made.id}").label == "Hold it again"
    press(at, f"cancel-{made.id}")
    assert (row(batch_id).state, operations.state(made.id).state) == ("paused", "cancelled")
    assert "Releasing</b>" not in html(run("batches", id=str(batch_id)))
    work()
    assert set(holds(ids)) == {"batch"}
    press(run("batches", id=str(batch_id)), "resume")
    work()
    assert set(holds(ids)) == {None}


def test_what_failed_is_sent_again_and_what_may_have_arrived_only_where_that_is_said() -> None:
    batch_id, ids = batch(given.account(), [FAILED, UNCLEAR, {"status": "sent"}], state="released")
    at = press(run("batches", id=str(batch_id)), "retry-failed")
    assert "1 may have arrived." in html(at)
    at.button(key="yes-retry-failed").click()
    within(at, "retry-failed")
    work()
    assert [given.row(one).status for one in ids] == ["pending", "failed", "sent"]
    at = press(run("batches", id=str(batch_id)), "retry-failed")
    at.checkbox(key="accept-risk").check()
    at.button(key="yes-retry-failed").click()
    within(at, "retry-failed")
    work()
    assert [given.row(one).status for one in ids] == ["pending", "pending", "sent"]
    assert given.row(ids[1]).confirmed_by == "ana"


@pytest.mark.parametrize(
    ("key", "state", "messages"), [("load", "released", 600), ("remove", "cancelled", 0)]
)
def test_a_load_that_broke_in_its_second_chunk_is_gone_on_with_or_removed(
    key: str, state: str, messages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.account()
    made = loaded.ordered(loaded.checked(loaded.rows(600)))
    whole, left = loading.insert_new, iter((True, False))
    with monkeypatch.context() as broken:
        broken.setattr(loading, "insert_new", lambda *args: whole(*args) if next(left) else 1 / 0)
        with pytest.raises(ZeroDivisionError):
            operating.run(leasing.held(made))
    assert len(given.statuses()) == loading.CHUNK
    press(run("batches", id="1"), key)
    work(), work_apart()
    assert row(1).state == state and given.statuses().count("pending") == messages


def test_a_finished_batch_counts_who_asked_not_to_be_contacted() -> None:
    gone = {"status": "cancelled", "error_class": "opted_out"}
    batch(given.account(), [{"status": "sent"}, gone, gone], state="released")
    assert "3 messages, finished, none failed, 2 opted out" in html(run("batches"))


def test_a_held_batch_says_when_its_last_would_leave_if_it_were_released_now() -> None:
    account = given.account(rate=1)
    batch_id, _ = batch(account, [{"due_at": clock.wall()}] * 780)
    earliest = r"Released now, the last of 780 would leave .*\d\d:\d\d \(UTC\) at the earliest"
    assert re.search(earliest, words(run("batches", id=str(batch_id))))
    workers.start("loop")
    st.cache_data.clear()
    st.cache_resource.clear()
    about = r"Released now, the last of 780 would leave about .*\d\d:\d\d \(UTC\)\."
    assert re.search(about, words(run("batches", id=str(batch_id))))


def words(at: AppTest) -> str:
    return re.sub("<[^>]*>", "", html(at))


def test_who_presses_release_the_first_after_somebody_else_did_releases_no_more() -> None:
    batch_id, ids = batch(given.account(), [{}] * 50)
    late = run("batches", id=str(batch_id))
    steering.release_first(batch_id, 20, by=given.ANA)
    press(late, "first")
    assert holds(ids).count(None) == 20
    assert late.button(key="more").label == "Release 20 more"
    press(late, "more")
    assert holds(ids).count(None) == 40


def test_what_waits_of_a_large_batch_is_counted_to_the_last() -> None:
    progress = batch_reports.Progress({Standing.HELD: 12_000}, {Reason.BATCH: 12_000})
    whole: Any = SimpleNamespace(progress=progress)
    assert ui_batches.waits(whole) == "12,000 held by their batch"


def test_what_is_still_to_leave_is_drawn() -> None:
    later = [{"due_at": clock.wall() + timedelta(hours=n)} for n in range(1, 5)]
    batch_id, _ = batch(given.account(), later)
    assert not run("batches", id=str(batch_id)).get("vega_lite_chart")
    steering.release(batch_id, by=given.ANA)
    work()
    driven.loop()
    [chart] = run("batches", id=str(batch_id)).get("vega_lite_chart")
    assert "has left" in chart.proto.spec and "will leave" in chart.proto.spec


def correct(batch_id: int, way: Way, type_: Callable[[AppTest], object]) -> str:
    at = press(run("batches", id=str(batch_id)), "correct")
    at.segmented_control(key="correct-way").set_value(way)
    at = within(at, "correct")
    type_(at)
    shown = html(within(at, "correct"))
    at.button(key="yes-correct").click()
    within(at, "correct")
    assert done(asked(batch_id, Kind.CORRECT).id).done == 2
    assert "2 messages changed" in html(run("batches", id=str(batch_id)))
    return shown


def test_the_whole_text_is_corrected_on_the_page() -> None:
    batch_id, ids = batch(given.account(), [{"text": "Monday"}, {"text": "Monday, Bo"}])
    shown = correct(
        batch_id, Way.TEXT, lambda at: at.text_area(key="correct-text").set_value("On <Tuesday>")
    )
    assert "<del>Monday, Bo</del>" in shown and "<ins>On &lt;Tuesday&gt;</ins>" in shown
    assert said(ids) == ["On <Tuesday>"] * 2


def test_a_correction_says_that_braces_stay_as_they_are_before_anybody_reads_them() -> None:
    batch_id, _ = batch(given.account(), [{"text": "Monday"}, {"text": "Monday, Bo"}])
    shown = correct(
        batch_id, Way.TEXT, lambda at: at.text_area(key="correct-text").set_value("Dear {name}")
    )
    assert "«{name}» would leave as it stands" in shown


def test_one_parameter_is_corrected_on_the_page() -> None:
    account = given.account()
    visit = template(account, "visit", "Hello {{name}}, see you {{day}}")
    batch_id, ids = filled(account, visit, ["Ana", "Bo"])

    def day(at: AppTest) -> None:
        at.selectbox(key="correct-key").select("day")
        at.text_input(key="correct-value").set_value("Tuesday")

    assert "see you <del>Monday</del> <ins>Tuesday</ins>" in correct(batch_id, Way.PARAMETER, day)
    assert said(ids) == ["Hello Ana, see you Tuesday", "Hello Bo, see you Tuesday"]


def test_the_template_is_corrected_on_the_page() -> None:
    account = given.account()
    visit = template(account, "visit", "Hello {{name}}, see you {{day}}")
    other = template(account, "visit_2", "Dear {{name}}, at {{hour}}")
    batch_id, ids = filled(account, visit, ["Ana", "Bo"])

    def second(at: AppTest) -> None:
        box = at.selectbox(key="correct-template")
        box.select_index(box.options.index("visit_2 (en)"))
        within(at, "correct")
        at.text_input(key="correct-hour").set_value("9:00")

    assert "<ins>Dear Bo, at 9:00</ins>" in correct(batch_id, Way.TEMPLATE, second)
    assert said(ids) == ["Dear Ana, at 9:00", "Dear Bo, at 9:00"]
    assert {given.row(one).template_id for one in ids} == {other}


def test_who_is_not_in_a_correction_is_counted_on_its_page_and_it_is_offered_once() -> None:
    sent = [{"status": "sent", "text": "Monday", "recipient": f"+6281{n:08d}"} for n in range(3)]
    batch_id, _ = batch(given.account(), sent, state="released")
    optouts.add(["+628100000000"], by=given.ANA)
    # All have left: what a correction would change is nobody, and those who got it can be told.
    at = press(run("batches", id=str(batch_id)), "correct")
    at.text_input(key="correct-find").set_value("Monday")
    at.text_input(key="correct-put").set_value("Tuesday")
    at = within(at, "correct")
    assert "3 messages left with the old text" in html(at)
    at.button(key="yes-correct").click()
    within(at, "correct")
    done(asked(batch_id, Kind.CORRECT).id)
    at = press(run("batches", id=str(batch_id)), "follow-up")
    at.text_area(key="follow-text").set_value("Tuesday, sorry!")
    at = within(at, "follow-up")
    assert at.button(key="yes-follow-up").label == "Prepare 2"
    assert "Left out: 1 asked not to be contacted." in [one.value for one in at.caption]
    at.button(key="yes-follow-up").click()
    within(at, "follow-up")
    new = following_up.following(operations.latest(1)[0].arguments["of"])
    assert new
    work_apart()
    assert "1 asked not to be contacted" in html(run("batches", id=str(new.id)))
    at = run("batches", id=str(batch_id))
    assert f"/batches?id={new.id}" in html(at)
    assert "follow-up" not in [button.key for button in at.button]


def test_a_file_that_was_called_off_says_what_was_put_back_and_what_keeps_its_change() -> None:
    account = given.account()
    at = loaded.later(hours=1)
    loaded.load(loaded.rows(2, reference=True, at=at), then=Then.HOLD)
    made = loaded.ordered(loaded.checked(loaded.rows(2, reference=True, at=at, text="Bye")))
    next(loading.load(leasing.held(made)))
    operations.cancel(made, by=given.ANA)
    draft = Draft(account, given.recipient(1), "By hand", given.in_(hours=3))
    editing.edit(2, draft, version=given.row(2).version, by=given.ANA)
    batch_id = operations.state(made).batch_id
    assert "Putting back what its file changed" in html(run("batches", id=str(batch_id)))
    work_apart()
    told = words(run("batches", id=str(batch_id)))
    assert "1 waiting message put back as before this file" in told
    assert "1 waiting message keeps the changes this file made, changed once more since: 2" in told
    assert "put back as they were" in words(run("many", file="1", load=str(made)))


def test_what_a_putting_back_that_was_called_off_itself_has_left_is_told() -> None:
    given.account()
    at = loaded.later(hours=1)
    loaded.load(loaded.rows(2, reference=True, at=at), then=Then.HOLD)
    made = loaded.ordered(loaded.checked(loaded.rows(2, reference=True, at=at, text="Bye")))
    next(loading.load(leasing.held(made)))
    operations.cancel(made, by=given.ANA)
    [back] = [one.id for one in operations.latest(9) if one.kind == Kind.UNLOAD]
    operations.cancel(back, by=given.ANA)
    told = words(run("batches", id=str(operations.state(made).batch_id)))
    assert "2 messages stay as this file had them: putting them back was called off" in told


def test_a_file_that_was_called_off_when_all_of_it_was_in_does_not_say_that_it_was_put_back() -> (
    None
):
    given.account()
    at = loaded.later(hours=1)
    loaded.load(loaded.rows(2, reference=True, at=at), then=Then.HOLD)
    made = loaded.ordered(loaded.checked(loaded.rows(3, reference=True, at=at, text="Bye")))
    part = loading.load(leasing.held(made))
    next(part), next(part)
    operations.cancel(made, by=given.ANA)
    assert operations.state(made).result == {"new": 1, "changed": 2}
    assert "put back" not in words(run("many", file="1", load=str(made)))


def test_what_the_page_has_just_counted_is_not_counted_again_for_its_live_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch_id, _ = batch(given.account(), [{}] * 3)
    counted, ask = [], batch_reports.one

    def one(*given: Any, **more: Any) -> Any:
        counted.append(given)
        return ask(*given, **more)

    monkeypatch.setattr(batch_reports, "one", one)
    monkeypatch.setattr(ui_counting, "LEAST", 60)  # on however slow a machine
    assert "Held" in html(run("batches", id=str(batch_id)))
    assert counted == [(batch_id,)]
