"""The restore guard at the terminal."""

import pytest

from core import db, guarding
from core.sending import twin
from tests import given
from tests.manage.command import here

pytestmark = pytest.mark.usefixtures("sqlite")


def _guard(why: str) -> None:
    with db.writing() as session:
        guarding.guard(session, why)


def test_the_guard_says_why_it_is_on_and_how_much_is_overdue_until_it_is_answered() -> None:
    given.message(given.account())
    assert here("guard", "status").out == "The restore guard is off.\n"
    _guard("here: restored.")
    code, out, _ = here("guard", "status")
    assert code == 1 and "here: restored." in out and "Overdue: 1 message." in out
    assert here("guard", "answer", "burn").code == 2
    code, out, _ = here("guard", "answer", "hold")
    assert (code, out) == (0, "The restore guard is off. 1 held.\n")
    assert here("guard", "answer", "hold").code == 1


def test_a_machine_that_joins_lifts_its_own_guard_and_no_other() -> None:
    _guard(twin._here(twin.NEW_MACHINE))
    assert here("worker", "join").code == 0 and guarding.guarded() is None
    _guard("elsewhere: restored.")
    code, out, _ = here("worker", "join")
    assert code == 1 and "elsewhere: restored." in out and guarding.guarded()
