"""Select mode of the page Messages: ticks over pages, the question, the outcome and its undo."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import (
    accounts,
    bulk,
    clock,
    listing,
    messages,
    operations,
    rescheduling,
)
from core.access import Actor, Role
from core.choosing import Choice
from core.filtering import Filter
from core.kinds import Kind
from tests import given
from tests.core import stored
from tests.core.worded import said
from tests.given import ANA
from tests.ui.seen import OLGA, html, messages_page
from ui import bulk as question
from ui import lately, picking
from ui.words.bulk import ASKED_AS, BULK

pytestmark = pytest.mark.usefixtures("sqlite", "olga")


def test_each_question_has_a_title_of_its_own() -> None:
    assert ASKED_AS.keys() == BULK.keys() and len({*ASKED_AS.values()}) == len(BULK)


def test_ticks_stay_over_pages_and_go_with_another_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing.page, "__kwdefaults__", listing.page.__kwdefaults__ | {"size": 3})
    ids = stored.messages(stored.account(), [{}] * 5)
    at = messages_page()
    at.segmented_control(key="mode").set_value("Select").run()
    picked = at.session_state["picking"]
    picked.ids = {ids[0]}
    at.button(key="pick-on").click().run()
    assert [row.id for row in at.session_state["picking"].shown.rows] == ids[3:]
    at.session_state["picking"].ids.add(ids[4])
    at.run()
    assert "<b>2</b> selected" in html(at)
    at.text_input(key="q").set_value("Hello").run()
    assert "<b>0</b> selected" in html(at) and at.button(key="bulk-cancel").disabled


def test_what_is_shown_stands_still_until_somebody_asks_for_what_is_new() -> None:
    account = stored.account()
    stored.messages(account, [{}])
    at = messages_page()
    at.segmented_control(key="mode").set_value("Select").run()
    stored.messages(account, [{}])
    at.run()
    assert len(at.dataframe[0].value) == 1 and "1 message" in html(at)
    st.cache_data.clear()  # the count of a moment ago
    at.run()
    assert at.button(key="show-new").label == "↻ 1 new: show them"
    at.button(key="show-new").click().run()
    assert len(at.dataframe[0].value) == 2 and "2 messages" in html(at)


def test_a_row_has_its_exact_time_and_opens_to_its_whole_text() -> None:
    due = datetime(2031, 3, 30, 0, 59, 58, tzinfo=UTC)
    text = "Your order 4417 is ready. " * 12 + "Ask for Siti <b>."
    [one] = stored.messages(stored.account(), [{"due_at": due, "text": text}])
    at = messages_page()
    at.segmented_control(key="mode").set_value("Select").run()
    [row] = at.dataframe[0].value.to_dict("records")
    assert row["Time"] == due and len(row["Message"]) <= 120
    at.session_state["picked-opened"] = one
    told = html(at.run())
    assert "Ask for Siti &lt;b&gt;." in told and f'href="/message?id={one}" target="_blank"' in told
    assert "Ask for Siti" not in html(at.run()), "it is opened once"


def test_all_that_match_are_selected_by_one_button() -> None:
    stored.messages(stored.account(), [{}] * 3)
    at = messages_page()
    at.segmented_control(key="mode").set_value("Select").run()
    at.button(key="select-all").click().run()
    assert "<b>3</b> selected" in html(at) and not at.button(key="bulk-cancel").disabled


def _question() -> None:
    import streamlit as st

    from core import listing, reports
    from core.access import Actor, Role
    from core.choosing import Choice
    from core.filtering import Filter
    from ui import bulk, picking

    now = reports.now()
    picked = picking.Picked("", now, listing.seen(Filter(), now=now))
    picked.every = Choice(ids=tuple(st.session_state["ids"]))
    bulk.question(st.session_state["what"], picked, Actor("olga", Role.OPERATOR))


def asked(what: str, ids: list[int]) -> AppTest:
    at = AppTest.from_function(_question, default_timeout=20)
    at.session_state["what"], at.session_state["ids"] = what, ids
    return at.run()


def test_a_question_says_how_many_it_touches_how_many_not_and_why() -> None:
    ids = stored.messages(stored.account(), [{}, {}, {"status": "sent"}])
    at = asked("cancel", ids)
    assert "**2** of the 3 selected" in at.markdown[0].value
    assert "1 sent already" in html(at) and "can be undone" in html(at)
    at.button(key="yes-bulk-cancel").click().run()
    assert given.statuses() == ["cancelled", "cancelled", "sent"]


def test_where_nothing_can_be_done_there_is_no_question_but_the_reason() -> None:
    at = asked("cancel", stored.messages(stored.account(), [{"status": "sent"}] * 2))
    assert "Nothing to do: 2 sent already." in html(at) and "undone" not in html(at)
    assert not at.markdown and not at.button


@pytest.mark.parametrize(
    ("what", "one"),
    [("retry", {"status": "failed"}), ("release", {"hold": "person"}), ("delete", {})],
)
def test_what_cannot_be_undone_says_so_before(what: str, one: dict[str, str]) -> None:
    told = html(asked(what, stored.messages(stored.account(), [one])))
    assert "This cannot be undone." in told and "It can be undone" not in told
    waits = "One whose batch is not released yet leaves with the batch."
    assert (waits in told) == (what == "release")


def test_what_a_question_asked_of_all_is_not_asked_again_for_each_key() -> None:
    (one,) = stored.messages(stored.account(), [{}])
    at = asked("reschedule", [one])
    messages.cancel(one, by=OLGA)
    at.text_input(key="bulk-by").set_value("soon").run()
    at.text_input(key="bulk-by").set_value("1h").run()
    assert "**1** of the 1 selected" in at.markdown[0].value
    at.text_input(key="bulk-by").set_value("2h").run()
    assert "Nothing to do: 1 cancelled." in html(at)


def test_all_are_given_a_time_so_much_later_and_a_length_that_cannot_be_read_is_said() -> None:
    (one,) = stored.messages(stored.account(), [{}])
    due = given.row(one).due_at
    at = asked("reschedule", [one])
    at.text_input(key="bulk-by").set_value("soon").run()
    assert "no length of time" in html(at) and not at.button
    at.text_input(key="bulk-by").set_value("2h").run()
    at.button(key="yes-bulk-reschedule").click().run()
    assert given.row(one).due_at == due + timedelta(hours=2)


def test_a_window_says_how_fast_that_is_and_whether_the_number_can_keep_up() -> None:
    now = clock.wall()
    ids = stored.messages(stored.account(rate=1), [{}] * 61)
    at = asked("reschedule", ids)
    at.segmented_control(key="bulk-way").set_value("Spread over a window").run()
    assert "One each 2 min; «Orders» sends 1 a second." in html(at)
    first = (now + timedelta(days=1)).replace(second=0, microsecond=0, tzinfo=None)
    at.datetime_input(key="bulk-first").set_value(first)
    at.datetime_input(key="bulk-last").set_value(first - timedelta(minutes=1)).run()
    assert "The window ends before it begins." in html(at) and not at.button
    at.datetime_input(key="bulk-last").set_value(first + timedelta(minutes=1)).run()
    assert "too narrow: «Orders» needs 1 min 3 s for its 61" in html(at)
    at.button(key="yes-bulk-reschedule").click().run()
    times = [given.row(one).due_at.replace(tzinfo=None) for one in ids]
    assert times == [first + timedelta(seconds=number) for number in range(61)]


def test_a_window_says_what_of_it_is_quiet_and_what_else_waits_for_it() -> None:
    account = stored.account(rate=1, quiet_from="22:00", quiet_to="06:00", zone="UTC")
    night = (clock.wall() + timedelta(days=2)).replace(hour=22, minute=0, second=0, microsecond=0)
    stored.messages(account, [{"due_at": night + timedelta(hours=8, seconds=1)}] * 70)
    at = asked("reschedule", stored.messages(stored.account("New"), [{}]))
    at.segmented_control(key="bulk-way").set_value("Spread over a window").run()
    assert "quiet" not in html(at)
    at = asked("reschedule", stored.messages(account, [{}] * 5))
    at.segmented_control(key="bulk-way").set_value("Spread over a window").run()
    at.datetime_input(key="bulk-first").set_value(night.replace(tzinfo=None))
    at.datetime_input(key="bulk-last").set_value((night + timedelta(hours=8)).replace(tzinfo=None))
    at.run()
    theirs = "in the quiet hours of «Orders» (22:00 to 06:00, UTC)"
    assert f"All of the window lies {theirs}" in html(at) and "narrow" not in html(at)
    until = (night + timedelta(hours=8, minutes=1)).replace(tzinfo=None)
    at.datetime_input(key="bulk-last").set_value(until).run()
    assert f"Of the window 8 h lie {theirs}" in html(at)
    assert "needs 1 min 18 s for its 5 and 70 others that wait there" in html(at)


def test_a_second_click_while_the_first_is_done_moves_nothing_again() -> None:
    (one,) = stored.messages(stored.account(), [{}])
    due, now = given.row(one).due_at, clock.wall()
    seen = listing.seen(Filter(), now=now)
    picked = picking.Picked("", now, seen, ids={one}, turn=1)
    later: dict[str, Any] = {"arguments": rescheduling.by(timedelta(hours=1))}
    later |= {"counted": 1, "by": OLGA}
    for _ in range(2):
        question._once(picked, partial(bulk.begin, Kind.RESCHEDULE, picked.choice, **later))
    assert given.row(one).due_at == due + timedelta(hours=1)


def test_nothing_is_asked_until_a_priority_is_chosen_and_then_all_get_it() -> None:
    ids = stored.messages(stored.account(), [{}, {"priority": 0}])
    at = asked("priority", ids)
    assert not at.button and not at.markdown
    at.segmented_control(key="bulk-to-priority").set_value(0).run()
    assert "Change **1** of the 2 selected" in at.markdown[0].value
    assert "1 have it already" in html(at) and "can be undone" in html(at)
    at.button(key="yes-bulk-priority").click().run()
    assert [given.row(one).priority for one in ids] == [0, 0]


def test_before_a_move_it_is_told_what_does_not_fit_and_when_the_last_would_leave_there() -> None:
    ids = stored.messages(stored.account(), [{}, {"reference": "R"}])
    new = stored.account("New", state="paused")
    stored.messages(new, [{"reference": "R"}])
    at = asked("move", ids)
    assert not at.button
    at.selectbox(key="bulk-number").set_value(new).run()
    told = html(at)
    assert "«New» is paused" in told and "1 with a reference that is in use there" in told
    assert "would have left" not in told, "nobody knows when it is resumed"
    accounts.resume("New", by=ANA)
    at = asked("move", ids)
    at.selectbox(key="bulk-number").set_value(new).run()
    assert "From «New» all would have left by" in html(at) and "can be undone" in html(at)
    at.button(key="yes-bulk-move").click().run()
    assert [given.row(one).account_id for one in ids] == [new, 1]


def test_words_are_corrected_in_what_is_selected_after_a_look_at_before_and_after() -> None:
    kinds = [{"text": "On Monday"}, {"text": "On Friday"}, {"text": "Monday", "status": "sent"}]
    ids = stored.messages(stored.account(), kinds)
    at = asked("correct", ids)
    assert not at.button
    at.text_input(key="correct-find").set_value("Monday")
    at.text_input(key="correct-put").set_value("Tuesday").run()
    told = html(at)
    assert "On <del>Monday</del> <ins>Tuesday</ins>" in told and "+62 812-" in told
    assert "1 message left with the old text" in told and "can be undone" in told
    button = at.button(key="yes-bulk-correct")
    assert button.label == "Correct 1 message"
    button.click().run()
    assert said(ids) == ["On Tuesday", "On Friday", "Monday"]
    [row] = bulk.lately(OLGA).told
    assert "1 message corrected." in lately.told(row)
    bulk.undo(row.id, by=OLGA)
    assert said(ids)[0] == "On Monday"


def test_what_a_stop_has_called_off_is_told() -> None:
    stored.messages(stored.account(), [{"status": "failed"}])
    operations.create(Kind.RETRY, Choice(), by=OLGA)
    made = operations.create(Kind.CANCEL, Choice(), by=OLGA)
    told = lately.told(operations.state(made))
    assert "Called off: 1 action that would have sent some of them." in told


def test_what_waits_gets_another_number_of_retries() -> None:
    (one,) = stored.messages(stored.account(), [{}])
    at = asked("max_retries", [one])
    at.segmented_control(key="bulk-to-max_retries").set_value(5).run()
    at.button(key="yes-bulk-max_retries").click().run()
    assert given.row(one).max_retries == 5


def test_what_may_have_arrived_is_sent_again_only_by_who_says_so() -> None:
    unknown = {"status": "failed", "error_class": "unknown"}
    ids = stored.messages(stored.account(), [unknown])
    at = asked("retry", ids)
    assert not at.button and "1 may have arrived" in html(at)
    at.checkbox(key="risk").check().run()
    at.button(key="yes-bulk-retry").click().run()
    assert given.row(ids[0]).confirmed_by == "olga"


def test_a_viewer_cannot_select(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.sessions.actor", lambda token: Actor("vera", Role.VIEWER))
    stored.messages(stored.account(), [{}])
    assert not messages_page().segmented_control
