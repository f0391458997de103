"""Edit mode of the page Messages: cells are typed in, checked, kept, and saved together."""

from collections.abc import Mapping
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import clock, listing, revising
from core.access import Actor, Role
from core.revising import Revision
from core.settings import ROOT
from tests import given
from tests.core import stored, templated
from tests.core.test_editing import fail, stored_text
from tests.ui.seen import html, labels, messages_page

BEN = Actor("ben", Role.OPERATOR)

pytestmark = pytest.mark.usefixtures("sqlite", "olga")


def edited() -> AppTest:
    at = messages_page()
    return at.segmented_control(key="mode").set_value("Edit").run()


def type_in(at: AppTest, cells: Mapping[int, Mapping[str, Any]]) -> AppTest:
    """Cells by the row's place on the page."""
    key = at.session_state["sheet"].key
    at.session_state[key] = {"edited_rows": dict(cells), "added_rows": [], "deleted_rows": []}
    return at.run()


def by_ben(message_id: int, text: str) -> None:
    row = revising.rows([message_id])[message_id]
    assert revising.save([Revision(row, {"text": text})], by=BEN).done == (message_id,)


def _line(*cells: str) -> str:
    return "".join(f"<td><span>{cell}</span></td>" for cell in cells)


def test_only_what_waits_or_failed_is_there_to_be_edited() -> None:
    rows = [{}, {"status": "sent"}, {"status": "failed"}, {"status": "cancelled"}]
    ids = stored.messages(stored.account(), rows)
    at = edited()
    assert [row.id for row in at.session_state["sheet"].rows] == [ids[0], ids[2]]
    assert at.button(key="save-edits").disabled
    at.pills(key="state").set_value(["sent"]).run()
    assert "Nothing to edit here" in html(at)


def test_what_is_typed_in_several_rows_is_saved_together() -> None:
    one, two = stored.messages(stored.account(), [{}] * 2)
    other = stored.account("Support")
    at = type_in(edited(), {0: {"Message": "Other words", "Retries": 1}, 1: {"Account": "Support"}})
    assert '<b class="unsaved">2 messages</b> changed' in html(at)
    at.button(key="save-edits").click().run()
    assert "2 messages saved." in html(at)
    assert stored_text(one).text == "Other words" and given.row(one).max_retries == 1
    assert given.row(two).account_id == other and stored_text(two).text == "Hello"
    assert at.button(key="save-edits").disabled
    assert at.data_editor[0].value["Message"].tolist() == ["Other words", "Hello"]


def test_each_mistake_is_told_with_its_message_and_column_and_the_right_row_is_saved() -> None:
    right, wrong = stored.messages(stored.account(), [{}] * 2)
    cells = {"Retries": 9, "Message": "", "Recipient": "0812", "Leaves": "2020-01-01T09:00:00.000"}
    at = type_in(edited(), {0: {"Message": "Right"}, 1: cells})
    said = html(at)
    assert f"<b>Message {wrong}</b>" in said and f"<b>Message {right}</b>" not in said
    for told in (
        "Retries</b> Retries are",
        "Message</b> Type the text",
        "Recipient</b> ",
        "Leaves</b> W",
    ):
        assert told in said
    at.button(key="save-edits").click().run()
    assert "1 message saved. 1 not: see what is wrong." in html(at)
    assert stored_text(right).text == "Right" and given.row(wrong).version == 1
    assert at.session_state["unsaved"].of[wrong].typed["max_retries"] == 9
    at.button(key=f"drop-{wrong}").click().run()
    assert f"<b>Message {wrong}</b>" not in html(at) and at.button(key="save-edits").disabled


def test_who_was_slower_sees_both_versions_and_chooses() -> None:
    ids = stored.messages(stored.account(), [{}] * 2)
    at = edited()
    for message_id in ids:
        by_ben(message_id, "Ben's words")
    type_in(at, {0: {"Message": "Mine"}, 1: {"Message": "Mine", "Retries": 0}})
    at.button(key="save-edits").click().run()
    said = html(at)
    assert "Nothing was saved. 2 not: changed by somebody else" in said and "Last by ben" in said
    assert _line("Hello", "Ben&#x27;s words", "Mine") in said
    assert stored_text(ids[0]).text == "Ben's words"
    at.button(key=f"drop-{ids[0]}").click().run()
    at.button(key=f"put-{ids[1]}").click().run()
    assert "1 message saved." in html(at) and at.button(key="save-edits").disabled
    assert [stored_text(one).text for one in ids] == ["Ben's words", "Mine"]
    assert at.data_editor[0].value["Message"].tolist() == ["Ben's words", "Mine"]


def test_what_somebody_changes_again_before_mine_is_put_there_is_shown_again() -> None:
    (one,) = stored.messages(stored.account(), [{}])
    at = edited()
    by_ben(one, "First")
    type_in(at, {0: {"Message": "Mine"}})
    at.button(key="save-edits").click().run()
    by_ben(one, "Second")
    at.button(key=f"put-{one}").click().run()
    assert _line("First", "Second", "Mine") in html(at)
    assert stored_text(one).text == "Second"


def test_what_has_left_meanwhile_is_told_and_can_only_be_taken_back() -> None:
    (one,) = stored.messages(stored.account(), [{}])
    at = edited()
    given_away = revising.rows([one])[one]
    fail_to = {"status": "sent"}
    _set(one, **fail_to)
    type_in(at, {0: {"Message": "Late"}})
    at.button(key="save-edits").click().run()
    assert "has been sent, so it cannot be changed" in html(at)
    assert f"put-{one}" not in [button.key for button in at.button]
    at.button(key=f"drop-{one}").click().run()
    assert at.button(key="save-edits").disabled and given_away.status == "pending"


def _set(message_id: int, **columns: Any) -> None:
    from core import db
    from core.models import Message

    with db.writing() as session:
        row = session.get_one(Message, message_id)
        for name, value in {**columns, "version": row.version + 1}.items():
            setattr(row, name, value)
        session.add(row)


def test_what_is_typed_stays_over_pages_filters_modes_and_a_reload(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing.page, "__kwdefaults__", listing.page.__kwdefaults__ | {"size": 2})
    ids = stored.messages(stored.account(), [{}] * 3)
    at = type_in(edited(), {1: {"Message": "Kept"}})
    at.button(key="pick-on").click().run()
    assert "1 message</b> changed, not saved yet, 1 of them not on this page" in html(at)
    at.button(key="pick-back").click().run()
    assert at.data_editor[0].value["Message"].tolist() == ["Hello", "Kept"]
    type_in(at, {0: {"Retries": 0}})
    at.text_input(key="q").set_value("Hello").run()
    assert "2 messages</b> changed" in html(at)
    at.pills(key="state").set_value(["sent"]).run()
    assert "2 messages changed and not saved yet" in html(at)
    at.pills(key="state").set_value([]).run()
    at.segmented_control(key="mode").set_value("Read").run()
    assert "2 messages changed in Edit mode and not saved yet." in html(at)
    again = messages_page()
    assert again.segmented_control(key="mode").value == "Edit"
    again.button(key="save-edits").click().run()
    assert stored_text(ids[1]).text == "Kept" and given.row(ids[0]).max_retries == 0
    assert messages_page().segmented_control(key="mode").value == "Read"


def test_what_is_discarded_can_be_brought_back_until_something_else_is_typed() -> None:
    one, _ = stored.messages(stored.account(), [{}] * 2)
    at = type_in(edited(), {0: {"Message": "Typed long"}})
    at.button(key="drop-edits").click().run()
    assert at.button(key="save-edits").disabled
    at.button(key="edits-back").click().run()
    assert at.data_editor[0].value["Message"].tolist() == ["Typed long", "Hello"]
    at.button(key="drop-edits").click().run()
    type_in(at, {1: {"Retries": 1}})
    assert "edits-back" not in [button.key for button in at.button]
    assert stored_text(one).text == "Hello"


def test_a_long_text_is_read_whole_in_the_list() -> None:
    long = "Your order is ready.\n" + "Please come. " * 40
    stored.messages(stored.account(), [{"text": long}, {}])
    said = html(messages_page())
    assert said.count('<details class="whole">') == 1 and said.count("Please come. ") > 39


def test_a_cell_that_says_again_what_it_said_is_no_change() -> None:
    stored.messages(stored.account(), [{}])
    at = type_in(edited(), {0: {"Message": "Other"}})
    type_in(at, {0: {"Message": "Hello"}})
    assert at.button(key="save-edits").disabled


def test_the_page_stands_still_and_what_is_new_is_shown_when_asked_for() -> None:
    account = stored.account()
    stored.messages(account, [{}])
    at = type_in(edited(), {0: {"Message": "Mine"}})
    stored.messages(account, [{}])
    st.cache_data.clear()
    at.run()
    assert len(at.data_editor[0].value) == 1
    at.button(key="show-new").click().run()
    assert at.data_editor[0].value["Message"].tolist() == ["Mine", "Hello"]


def test_what_may_have_arrived_asks_before_it_is_sent_again() -> None:
    made = given.message(given.account())
    fail(made, "unknown")
    at = type_in(edited(), {0: {"Message": "Again"}})
    assert "1 failed before: saved, sent again" in html(at)
    at.button(key="save-edits").click().run()
    assert given.row(made).status == "failed"
    at.checkbox(key=f"sure-{made}").check().run()
    at.button(key="save-edits").click().run()
    assert given.row(made).status == "pending" and given.row(made).confirmed_by == "olga"


def test_of_a_time_that_happens_twice_it_is_asked_which_is_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ui.guard.zone", lambda: "Europe/Berlin")
    (made,) = stored.messages(stored.account(), [{}])
    year = clock.wall().year + 1
    last = 31 - (clock.wall().replace(year=year, month=10, day=31).weekday() + 1) % 7
    at = edited()
    at.session_state["sheet"].zone = "Europe/Berlin"
    type_in(at, {0: {"Leaves": f"{year}-10-{last}T02:30:00"}})
    (which,) = [one for one in at.radio if str(one.key).startswith("fold-")]
    which.set_value(1).run()
    at.button(key="save-edits").click().run()
    assert f"{given.row(made).due_at:%H:%M}" == "01:30"


def test_a_templates_words_are_filled_in_elsewhere() -> None:
    account = templated.account()
    templated.template(account)
    made = templated.message(account)
    at = type_in(edited(), {0: {"Message": "Mine"}})
    assert "Message</b> Its words are a template" in html(at)
    at.button(key="save-edits").click().run()
    assert stored_text(made).text == "Hello Ana"


def test_a_message_opens_in_the_drawer_with_what_is_typed_of_it() -> None:
    (made,) = stored.messages(stored.account(), [{}])
    at = type_in(edited(), {0: {"Message": "Typed"}})
    at.session_state["sheet-opened"] = made
    at.run()
    assert at.text_area(key=f"edit-{made}-says-text").value == "Typed"


def test_viewers_have_no_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.sessions.actor", lambda token: Actor("vera", Role.VIEWER))
    stored.messages(stored.account(), [{}])
    at = messages_page()
    assert not at.segmented_control and "save-edits" not in labels(at)


def test_what_was_typed_in_the_drawer_is_there_when_it_is_opened_again() -> None:
    (made,) = stored.messages(stored.account(), [{"text": "As it was"}])
    at = AppTest.from_file(str(ROOT / "pages" / "message.py"), default_timeout=20)
    at.query_params["id"] = str(made)
    text = f"edit-{made}-says-text"
    at.run().button(key="edit").click().run()
    assert "still here" not in html(at)
    at.text_area(key=text).set_value("Half a day's work").run()
    at.button(key="edit").click().run()  # a click beside the drawer had closed it
    assert at.text_area(key=text).value == "Half a day's work" and "not saved" in html(at)
    at.button(key=f"edit-{made}-anew").click().run()
    assert at.session_state[text] == "As it was"
    at.button(key="edit").click().run()
    assert at.text_area(key=text).value == "As it was" and "still here" not in html(at)
