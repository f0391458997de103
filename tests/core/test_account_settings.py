"""Changing how an account sends: what is refused, recorded, and becomes of what waits."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from core import account_settings, db, vault
from core.access import Actor, Role
from core.errors import Forbidden, Invalid
from core.models import Account, AuditEvent, Business, Pace
from tests import given
from tests.core.sending.ticking import Ticks, account

Move = Callable[[timedelta], None]


def last_audited() -> AuditEvent:
    with db.reading() as session:
        newest = select(AuditEvent).order_by(col(AuditEvent.id).desc()).limit(1)
        return session.execute(newest).scalar_one()


def test_a_change_is_stored_and_recorded_with_what_was_before(database: str) -> None:
    made = given.account("Orders", rate=1)
    wanted = {
        "rate": 20.0,
        "quiet_from": "21:00",
        "quiet_to": "07:00",
        "late_policy": "hold",
        "late_after": 600,
        "zone": "Asia/Jakarta",
        "country": "ID",
    }
    account_settings.change("orders", wanted, by=given.ANA)
    with db.reading() as session:
        stored = session.get_one(Account, made)
        assert {key: getattr(stored, key) for key in wanted} == wanted
    told = last_audited()
    assert (told.actor, told.action, told.target) == ("ana", "account changed", "Orders")
    assert told.after == wanted and (told.before["rate"], told.before["zone"]) == (1, "UTC")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rate": 0.0}, "The rate is a number"),
        ({"country": "XX"}, "«XX» is not a country"),
        ({"zone": "Mars/Base"}, "«Mars/Base» is not a time zone"),
        ({"quiet_from": "25:00", "quiet_to": "07:00"}, "«25:00» is not a time of the day"),
        ({"quiet_from": "21:00"}, "a beginning and an end"),
        ({"quiet_from": "07:00", "quiet_to": "07:00"}, "are none"),
        ({"late_policy": "drop"}, "send, skip, hold"),
        ({"late_after": 59}, "after one minute"),
    ],
)
def test_what_cannot_be_a_setting_is_refused_and_nothing_is_stored(
    sqlite: str, wrong: dict[str, Any], said: str
) -> None:
    made = given.account("Orders", rate=5)
    with pytest.raises(Invalid, match=said):
        account_settings.change("Orders", {"rate": 20.0} | wrong, by=given.ANA)
    with db.reading() as session:
        assert session.get_one(Account, made).rate == 5
    assert last_audited().action == "account added"


def test_a_faster_rate_does_not_wait_for_the_slot_of_the_slow_one(database: str) -> None:
    made = given.account("Orders", rate=0.01)
    ticks = Ticks()
    given.message(made)
    assert len(ticks.claimed(made)) == 1
    account_settings.change("Orders", {"rate": 80.0}, by=given.ANA)
    with db.reading() as session:
        ahead = session.get_one(Pace, made).next_slot_at - db.now(session)
    assert ahead <= timedelta(seconds=1)


def test_a_rate_that_is_faster_and_still_slow_is_kept_after_the_last_slot(sqlite: str) -> None:
    made = given.account("Orders", rate=0.01)
    message = given.message(made)
    assert len(Ticks().claimed(made)) == 1
    [claim] = given.attempts(message)
    account_settings.change("Orders", {"rate": 0.1}, by=given.ANA)
    with db.reading() as session:
        after = session.get_one(Pace, made).next_slot_at - claim.slot_at
    assert timedelta(seconds=10) <= after <= timedelta(seconds=12)


def test_what_waits_for_the_end_of_quiet_hours_is_due_again_when_they_are_taken_away(
    database: str, move_clock: Move
) -> None:
    evening = datetime.now(UTC).replace(hour=22, minute=0, second=0, microsecond=0)
    move_clock(evening - datetime.now(UTC))
    ticks, made = Ticks(), account("Orders", quiet_from="21:00", quiet_to="07:00")
    first, second = (given.message(made, to=given.recipient(n)) for n in range(2))
    tomorrow = given.message(made, when=given.in_(hours=12))
    assert ticks.claimed(made) == []
    account_settings.change("Orders", {"quiet_from": None, "quiet_to": None}, by=given.ANA)
    assert ticks.claimed(made) == [first, second]
    assert given.row(tomorrow).due_at == given.row(tomorrow).scheduled_at


def test_a_token_is_replaced_for_every_number_that_shares_it_and_stands_nowhere(
    database: str,
) -> None:
    made = given.account("Orders", waba_id="77", token="old")
    given.account("Support", waba_id="77", token="old")
    given.account("Alone", token="own")
    names = account_settings.replace_token("orders", " new-token ", by=given.ANA)
    assert names == ["Orders", "Support"]
    with db.reading() as session:
        tokens = {
            vault.decrypt(token) for token in session.execute(select(col(Business.token))).scalars()
        }
        assert session.get_one(Account, made).state == "active"
    assert tokens == {"new-token", "own"}
    assert last_audited().after == {"accounts": ["Orders", "Support"]}
    with pytest.raises(Invalid, match="copy it again"):
        account_settings.replace_token("Orders", "two words", by=given.ANA)


def test_an_operator_arranges_nothing(sqlite: str) -> None:
    given.account("Orders")
    with pytest.raises(Forbidden):
        account_settings.change("Orders", {"rate": 2.0}, by=Actor("olga", Role.OPERATOR))
