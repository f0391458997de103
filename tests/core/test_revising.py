"""Several messages changed together: the right ones are saved, the others come back with why."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import event

from core import db, editing, messages, optouts, revising
from core.access import Actor, Role
from core.drafts import Draft, When
from core.revising import Revision
from tests import given
from tests.core import templated
from tests.core.test_editing import claim, fail, stored_text
from tests.given import ANA

BEN = Actor("ben", Role.OPERATOR)


def seen(message_id: int, **typed: Any) -> Revision:
    """What somebody typed who has it before them as it is now."""
    return Revision(revising.rows([message_id])[message_id], typed)


def fields(wrong: Any) -> list[tuple[str, str]]:
    return [(problem.field, problem.code) for problem in wrong]


def test_what_is_right_is_saved_and_what_is_wrong_stays_as_it_was(database: str) -> None:
    account, other = given.account("Orders"), given.account("Support")
    one, two, three = (
        given.message(account, to=given.recipient(n), when=given.in_(hours=1), reference=f"A-{n}")
        for n in range(3)
    )
    saved = revising.save(
        [
            seen(one, text="Other words", max_retries=0),
            seen(two, recipient="+49 30 901820", account_id=other),
            seen(three, text=None, max_retries=9),
        ],
        by=BEN,
    )
    assert saved.done == (one, two) and saved.theirs == {}
    assert fields(saved.wrong[three]) == [("text", "empty"), ("max_retries", "range")]
    assert stored_text(one).text == "Other words" and given.row(one).max_retries == 0
    row = given.row(two)
    assert (row.recipient, row.account_id, row.reference) == ("+4930901820", other, "A-1")
    assert stored_text(three).text == "Hello" and given.row(three).version == 1


def test_what_was_not_typed_stays_also_its_time_to_the_second_and_where_it_was_meant(
    database: str,
) -> None:
    leaves = given.in_(hours=1, seconds=7)
    when = When("instant", wall=leaves.wall, zone="Asia/Jakarta")
    made = given.message(given.account(), when=when)
    revising.save([seen(made, text="Bye")], by=BEN)
    row = given.row(made)
    assert (row.due_at, row.zone) == (leaves.wall, "Asia/Jakarta")


def test_who_was_slower_is_shown_what_it_holds_now_and_overwrites_nothing(database: str) -> None:
    made = given.message(given.account(), when=given.in_(hours=1))
    mine = seen(made, text="Ben was here")
    revising.save([seen(made, text="Ana was here")], by=ANA)
    saved = revising.save([mine], by=BEN)
    assert saved.done == () and saved.wrong == {}
    theirs = saved.theirs[made]
    assert theirs.row is not None and theirs.changeable
    assert (theirs.row.text, theirs.row.version, theirs.by) == ("Ana was here", 2, "ana")
    assert stored_text(made).text == "Ana was here"
    again = revising.save([Revision(theirs.row, mine.typed)], by=BEN)
    assert again.done == (made,) and stored_text(made).text == "Ben was here"


def test_of_what_has_left_or_was_deleted_nothing_can_be_put_in_place(database: str) -> None:
    account = given.account()
    leaving, deleted = (given.message(account, to=given.recipient(n)) for n in range(2))
    typed = [seen(leaving, text="Late"), seen(deleted, text="Late")]
    claim(leaving)
    messages.delete(deleted, by=ANA)
    saved = revising.save(typed, by=BEN)
    assert saved.done == ()
    assert "is being sent" in saved.theirs[leaving].sentence
    assert "was deleted" in saved.theirs[deleted].sentence and saved.theirs[deleted].row is None
    assert not any(one.changeable for one in saved.theirs.values())
    assert stored_text(leaving).text == "Hello"


def test_what_may_have_arrived_is_sent_again_only_by_who_accepts_it(database: str) -> None:
    made = given.message(given.account())
    fail(made, "unknown")
    asked = seen(made, text="Again")
    assert fields(revising.judge([asked])[made]) == [("confirmed", "risk")]
    assert revising.save([asked], by=BEN).done == () and given.row(made).status == "failed"
    sure = Revision(asked.row, asked.typed, confirmed=True)
    assert revising.save([sure], by=BEN).done == (made,)
    assert (given.row(made).status, given.row(made).confirmed_by) == ("pending", "ben")


def test_each_mistake_is_told_at_its_column(database: str) -> None:
    account = given.account(country="ID")
    made = given.message(account, when=given.in_(hours=1), not_after=given.in_(hours=2).wall)
    optouts.add(["+62 812 999 8888"], by=ANA)
    past, far = datetime(2020, 1, 1), datetime.now() + timedelta(days=2)
    cases: list[tuple[dict[str, Any], tuple[str, str]]] = [
        ({"recipient": None}, ("recipient", "empty")),
        ({"recipient": "6.28123E+11"}, ("recipient", "shortened")),
        ({"recipient": "0812 999 8888"}, ("recipient", "opted_out")),
        ({"account_id": None}, ("account", "missing")),
        ({"text": "x" * 4097}, ("text", "too_long")),
        ({"max_retries": 2.5}, ("max_retries", "range")),
        ({"max_retries": None}, ("max_retries", "range")),
        ({"due_at": None}, ("when", "missing")),
        ({"due_at": past}, ("when", "past")),
        ({"due_at": far}, ("not_after", "before_due")),
    ]
    for typed, told in cases:
        assert fields(revising.judge([seen(made, **typed)])[made]) == [told], typed
    assert revising.judge([seen(made, text="Right")]) == {}


def test_a_time_that_clocks_leave_out_or_show_twice_is_told_and_the_second_can_be_meant(
    database: str,
) -> None:
    made = given.message(given.account(), when=given.in_(hours=1))
    row = revising.rows([made])[made]
    year = given.row(made).created_at.year + 1
    summer = max(datetime(year, 3, day) for day in range(25, 32) if _sunday(year, 3, day))
    winter = max(datetime(year, 10, day) for day in range(25, 32) if _sunday(year, 10, day))
    gap = Revision(row, {"due_at": summer.replace(hour=2, minute=30)}, "Europe/Berlin")
    assert fields(revising.judge([gap])[made]) == [("when", "gap")]
    twice = Revision(row, {"due_at": winter.replace(hour=2, minute=30)}, "Europe/Berlin")
    assert fields(revising.judge([twice])[made]) == [("when", "fold")]
    second = Revision(row, twice.typed, "Europe/Berlin", fold=1)
    assert revising.save([second], by=BEN).done == (made,)
    assert f"{given.row(made).due_at:%H:%M}" == "01:30"


def _sunday(year: int, month: int, day: int) -> bool:
    return datetime(year, month, day).weekday() == 6


def test_a_templates_words_are_not_typed_over_and_its_other_columns_are(database: str) -> None:
    account = templated.account()
    templated.template(account)
    made = templated.message(account)
    assert fields(revising.judge([seen(made, text="Mine")])[made]) == [("text", "template")]
    assert revising.save([seen(made, max_retries=1)], by=BEN).done == (made,)
    content = stored_text(made)
    assert (content.text, content.parameters) == ("Hello Ana", {"1": "Ana"})
    assert given.row(made).max_retries == 1 and given.row(made).kind == "template"


def test_a_templates_message_goes_to_no_number_of_another_business(database: str) -> None:
    account, other = templated.account(), given.account("Else")
    templated.template(account)
    made = templated.message(account)
    assert fields(revising.judge([seen(made, account_id=other)])[made]) == [("template", "missing")]


def test_fifty_are_judged_by_as_many_questions_as_one(database: str) -> None:
    account = given.account()
    made = [given.message(account, to=given.recipient(n)) for n in range(50)]
    typed = [seen(one, text="Other") for one in made]
    revising.judge(typed[:1])
    assert _asked(lambda: revising.judge(typed)) == _asked(lambda: revising.judge(typed[:1])) <= 4


def _asked(what: Any) -> int:
    asked: list[str] = []

    def note(*given_: Any) -> None:
        asked.append(given_[2])

    event.listen(db.engine(), "before_cursor_execute", note)
    try:
        what()
    finally:
        event.remove(db.engine(), "before_cursor_execute", note)
    return len(asked)


def test_an_edit_that_keeps_its_time_keeps_the_zone_in_which_it_was_meant(database: str) -> None:
    when = When("instant", wall=given.in_(hours=1).wall, zone="Asia/Jakarta")
    account = given.account()
    made = given.message(account, when=when)
    draft = Draft(account, given.recipient(), "Bye", When("keep"))
    editing.edit(made, draft, version=1, by=BEN)
    assert given.row(made).zone == "Asia/Jakarta"
