"""The restore guard on the pages: told to everybody, answered by administrators."""

import pytest
from streamlit.testing.v1 import AppTest

from core import db, guarding
from tests import given
from tests.ui.seen import html

pytestmark = pytest.mark.usefixtures("sqlite")


def _deciding() -> None:
    from core.access import Actor, Role
    from ui import guarded

    guarded._answer(Actor("ana", Role.ADMIN))


def _banner() -> None:
    from core import guarding
    from core.access import Actor, Role
    from ui import guarded

    guarded.banner(guarding.guarded(), by=Actor("olga", Role.OPERATOR))


def test_everybody_is_told_why_and_only_administrators_may_decide() -> None:
    with db.writing() as session:
        guarding.guard(session, "here: <b>restored</b>")
    at = AppTest.from_function(_banner).run()
    assert "here: &lt;b&gt;restored" in html(at) and "The restore guard is on" in html(at)
    assert not at.button


def test_the_overdue_are_counted_before_a_person_decides_and_held_unless_told_otherwise() -> None:
    made = given.message(given.account())
    with db.writing() as session:
        guarding.guard(session, "here: restored")
    at = AppTest.from_function(_deciding).run()
    assert at.markdown[0].value.startswith("1 message came due until now")
    at.button(key="yes-answer-guard").click().run()
    assert guarding.guarded() is None and given.row(made).hold == "late"
