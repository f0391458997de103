"""A number that is taken out of use, and one that comes back."""

import pytest

from core import accounts, clock, messages, reports, retiring
from core.access import Actor, Role
from core.errors import Refused
from tests import given
from tests.core import stored
from tests.core.test_account_settings import last_audited


def state() -> str:
    [one] = accounts.everything()
    return one.state


def test_a_number_retires_once_nothing_waits_for_it_and_comes_back_paused(database: str) -> None:
    account = given.account("Orders")
    waits = given.message(account, when=given.in_(hours=1))
    with pytest.raises(Refused, match="1 message waits for «Orders»"):
        retiring.retire("orders", by=given.ANA)
    messages.cancel(waits, by=given.ANA)
    retiring.retire("orders", by=given.ANA)
    assert state() == "retired" and reports.accounts() == []
    assert (last_audited().action, last_audited().target) == ("account retired", "Orders")
    with pytest.raises(Refused, match="is retired already"):
        retiring.retire("Orders", by=given.ANA)
    with pytest.raises(Refused, match="is retired, not paused"):
        accounts.resume("Orders", by=given.ANA)
    retiring.reinstate("Orders", by=given.ANA)
    assert state() == "paused"
    with pytest.raises(Refused, match="is paused, not retired"):
        retiring.reinstate("Orders", by=given.ANA)
    accounts.resume("Orders", by=Actor("olga", Role.OPERATOR))
    assert state() == "active"


def test_a_number_does_not_retire_while_something_is_under_way_that_may_come_back(
    database: str,
) -> None:
    stored.messages(stored.account(), [{"status": "processing", "unconfirmed_since": clock.wall()}])
    with pytest.raises(Refused, match="1 message waits for «Orders»"):
        retiring.retire("orders", by=given.ANA)
