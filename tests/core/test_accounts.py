"""Numbers that send: what is refused when they are added, and who ends which pause."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from core import account_checks, accounts, db, pacing, vault, wake
from core.access import Actor, Role
from core.errors import Invalid, Refused
from core.meta.answers import Answer
from core.meta.codes import classify
from core.models import Account, AuditEvent, Business, Pace
from core.sending import lanes
from tests import given
from tests.racing import at_once

OLGA = Actor("olga", Role.OPERATOR)
Move = Callable[[timedelta], None]


def stored(account_id: int) -> Account:
    with db.reading() as session:
        return session.get_one(Account, account_id)


def pace(account_id: int) -> Pace:
    with db.reading() as session:
        return session.get_one(Pace, account_id)


def business(account_id: int) -> Business:
    with db.reading() as session:
        return session.get_one(Business, stored(account_id).business_id)


def audited() -> list[tuple[str, str, str | None]]:
    with db.reading() as session:
        found = session.execute(select(AuditEvent).order_by(col(AuditEvent.id))).scalars()
        return [(one.actor, one.action, one.target) for one in found]


def count(model: Any) -> int:
    with db.reading() as session:
        return int(session.execute(select(func.count()).select_from(model)).scalar_one())


def pause_for_meta(account_id: int, code: int) -> None:
    answer = Answer(classify(code), http_status=400, code=code, text=f"(#{code}) No")
    with db.writing() as session:
        accounts.pause_for_meta(session, account_id, answer)


def pass_time() -> None:
    """What a scan does for accounts."""
    with db.writing() as session:
        accounts.resume_what_is_over(session)


def test_a_number_is_added_ready_to_send(database: str) -> None:
    made = given.account(
        " Orders ", phone_number_id=" 1055 ", token=" secret-token ", country=" id ", rate=20
    )
    account = stored(made)
    assert (account.name, account.phone_number_id) == ("Orders", "1055")
    assert (account.country, account.zone) == ("ID", "UTC")
    assert (account.rate, account.state, account.auto_resumes) == (20, "active", 0)
    assert pace(made).next_slot_at <= datetime.now(pace(made).next_slot_at.tzinfo)
    assert business(made).waba_id is None
    assert [one.name for one in accounts.everything()] == ["Orders"]
    assert audited() == [("ana", "account added", "Orders")]


def test_a_token_is_kept_encrypted_and_stands_nowhere_else(database: str) -> None:
    made = given.account(token="secret-token")
    assert "secret-token" not in business(made).token
    assert vault.decrypt(business(made).token) == "secret-token"
    with db.reading() as session:
        assert "secret-token" not in str(session.execute(select(AuditEvent.after)).all())


def test_every_problem_is_told_at_once_and_nothing_is_stored(database: str) -> None:
    with pytest.raises(Invalid) as refused:
        given.account(
            " ", phone_number_id="+62 812", token="", rate=0.0, country="XX", zone="Mars/Base"
        )
    fields = [problem.field for problem in refused.value.problems]
    assert fields == ["name", "phone_number_id", "token", "rate", "country", "zone"]
    assert accounts.everything() == [] and count(Business) == 0 and audited() == []


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf"), 1e-300, 1e9])
def test_a_rate_that_no_clock_can_keep_is_refused(database: str, rate: float) -> None:
    with pytest.raises(Invalid, match="The rate is a number of messages a second"):
        given.account(rate=rate)


@pytest.mark.parametrize("rate", [None, account_checks.SLOWEST, 0.5, 1000, account_checks.FASTEST])
def test_any_other_rate_can_be_kept(database: str, rate: float | None) -> None:
    assert stored(given.account(rate=rate)).rate == rate
    if rate:
        now = datetime.fromisoformat("2026-11-25T09:00Z")
        assert pacing.slots(now=now, next_slot_at=now, rate=rate, lead=0.02).count


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "naïve", "zero\u200bwidth"])
def test_a_token_that_no_header_can_hold_is_refused_without_its_text(
    database: str, token: str
) -> None:
    with pytest.raises(Invalid, match="copy it again") as refused:
        given.account(token=token)
    assert token not in str(refused.value)


@pytest.mark.parametrize("number", ["", "12x", "１２３", "²", "1 2"])
def test_a_phone_number_id_is_digits(database: str, number: str) -> None:
    with pytest.raises(Invalid, match="digits only"):
        given.account(phone_number_id=number)


def test_a_name_and_a_number_belong_to_one_account(database: str) -> None:
    given.account("Orders", phone_number_id="1055")
    with pytest.raises(Invalid) as refused:
        given.account("ORDERS", phone_number_id="1055")
    assert str(refused.value) == (
        "An account named «ORDERS» exists. The account «Orders» has this number already."
    )


def test_numbers_of_one_waba_share_its_business_and_token(database: str) -> None:
    first = given.account("Orders", waba_id="77", token="one")
    second = given.account("Support", waba_id="77", token="one")
    alone = given.account("Shop", token="one")
    assert business(first).id == business(second).id != business(alone).id


def test_another_token_for_a_known_waba_is_replaced_only_when_asked(database: str) -> None:
    first = given.account("Orders", waba_id="77", token="one")
    with pytest.raises(Invalid, match="--replace-token") as refused:
        given.account("Support", waba_id="77", token="two")
    assert refused.value.problems[0].field == "token"
    assert vault.decrypt(business(first).token) == "one"
    assert [one.name for one in accounts.everything()] == ["Orders"]
    given.account("Support", waba_id="77", token="two", replace_token=True)
    assert vault.decrypt(business(first).token) == "two"


def test_a_pause_says_who_why_and_since_when_and_a_resume_wakes(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[datetime] = []
    monkeypatch.setattr(wake, "_plugged", woken.append)
    made = given.account("Orders")
    accounts.pause("orders", reason="Holiday", by=OLGA)
    paused = stored(made)
    assert (paused.state, paused.state_reason, paused.state_by) == ("paused", "Holiday", "olga")
    assert paused.state_since is not None and woken == []
    accounts.resume(" Orders ", by=OLGA)
    resumed = stored(made)
    assert (resumed.state, resumed.state_reason, resumed.state_by) == ("active", None, "olga")
    assert resumed.state_since is not None and paused.state_since < resumed.state_since
    assert len(woken) == 1 and paused.state_since < woken[0]
    assert [action for _, action, _ in audited()[1:]] == ["account paused", "account resumed"]


def test_an_unknown_name_is_told_with_those_that_exist(database: str) -> None:
    with pytest.raises(Refused, match=r"There is no account «Ordres»\. Accounts: none yet\."):
        accounts.pause("Ordres", by=OLGA)
    given.account("Support")
    given.account("Orders")
    with pytest.raises(Refused, match=r"Accounts: «Orders», «Support»\."):
        accounts.pause("Ordres", by=OLGA)


def test_an_account_that_is_not_paused_is_not_resumed(database: str) -> None:
    given.account("Orders")
    with pytest.raises(Refused, match="«Orders» is active, not paused"):
        accounts.resume("Orders", by=OLGA)


def test_meta_pauses_an_account_with_its_words_and_code(database: str) -> None:
    made = given.account()
    pause_for_meta(made, 190)
    paused = stored(made)
    assert (paused.state, paused.state_by, paused.state_code) == ("paused", "Meta", 190)
    assert paused.state_reason == "(#190) No"
    assert pace(made).resume_at is None
    assert audited()[-1] == ("outbox", "account paused by Meta", "Orders")


def test_the_first_reason_of_a_pause_stays(database: str) -> None:
    made = given.account()
    accounts.pause("Orders", reason="Holiday", by=OLGA)
    pause_for_meta(made, 190)
    assert (stored(made).state_reason, stored(made).state_code) == ("Holiday", None)


@pytest.mark.parametrize("code", [131048, 131064])
def test_a_limit_that_meta_lifts_resumes_after_four_hours_twice_then_asks(
    database: str, move_clock: Move, code: int
) -> None:
    made, hours = given.account(), 0
    for _ in range(2):
        pause_for_meta(made, code)
        move_clock(timedelta(hours=hours + 3.9))
        pass_time()
        assert stored(made).state == "paused"
        hours += 4
        move_clock(timedelta(hours=hours, minutes=1))
        pass_time()
        assert stored(made).state == "active"
        assert pace(made).resume_at is None
    pause_for_meta(made, code)
    move_clock(timedelta(days=7))
    pass_time()
    assert stored(made).state == "paused"
    accounts.resume("Orders", by=OLGA)
    pause_for_meta(made, code)
    move_clock(timedelta(days=7, hours=5))
    pass_time()
    assert stored(made).state == "active"  # a person looked: it may resume by itself again


@pytest.mark.parametrize("code", [0, 190, 368, 131031, 131042])
def test_any_other_pause_by_meta_waits_for_a_person(
    database: str, move_clock: Move, code: int
) -> None:
    made = given.account()
    pause_for_meta(made, code)
    move_clock(timedelta(days=30))
    pass_time()
    assert stored(made).state == "paused"


@pytest.mark.parametrize("throttled", ["before", "after"])
@pytest.mark.parametrize("paused", ["by a person", "by Meta"])
def test_the_end_of_a_throttles_wait_does_not_end_a_pause(
    database: str, move_clock: Move, paused: str, throttled: str
) -> None:
    """Both waits stand in one column of `pace`."""
    made = given.account()

    def throttle() -> None:
        with db.writing() as session:
            lanes.wait_until(session, made, db.now(session) + timedelta(seconds=30))

    def pause() -> None:
        if paused == "by a person":
            accounts.pause("Orders", by=OLGA)
        else:
            pause_for_meta(made, 190)

    for step in (throttle, pause) if throttled == "before" else (pause, throttle):
        step()
    move_clock(timedelta(hours=5))
    pass_time()
    assert stored(made).state == "paused"


def test_a_person_takes_over_a_pause_that_would_have_ended_by_itself(
    database: str, move_clock: Move
) -> None:
    made = given.account()
    pause_for_meta(made, 131048)
    accounts.pause("Orders", reason="We look into it", by=OLGA)
    move_clock(timedelta(hours=5))
    pass_time()
    assert (stored(made).state, stored(made).state_by) == ("paused", "olga")


def test_the_reason_of_the_first_who_paused_stands(database: str) -> None:
    made = given.account()
    accounts.pause("Orders", reason="Printer on fire", by=OLGA)
    with pytest.raises(Refused, match="paused already, by olga: Printer on fire"):
        accounts.pause("Orders", by=given.ANA)
    assert stored(made).state_reason == "Printer on fire"


def test_of_two_people_who_add_the_same_number_one_is_told(database: str) -> None:
    told = at_once(*[partial(given.account, "Orders", phone_number_id="1055")] * 2)
    assert sorted(type(one).__name__ for one in told) == ["Invalid", "int"]
    assert len(accounts.everything()) == 1
