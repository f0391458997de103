"""What holds in the whole house: the environment's until an administrator settles otherwise."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from core import db, house_rules, house_typed, ruling
from core.access import Actor, Role
from core.errors import Conflict, Invalid
from core.models import AuditEvent
from tests.conftest import forget_settings

ADA = Actor("ada", Role.ADMIN)


@pytest.mark.parametrize(
    ("name", "typed", "value", "written"),
    [
        ("retry_delays", "60, 300", [60, 300], "1 min, 5 min"),
        ("retry_delays", "90s; 2 h\n1d", [90, 7200, 86400], "90 s, 2 h, 1 d"),
        ("undelivered_hours", "0,5", 0.5, "0.5"),
        ("session_hours", "12 hours", 12, "12"),
        ("min_lead_seconds", "0", 0, "0 s"),
        ("min_lead_seconds", "10 min", 600, "10 min"),
        ("stop_words", "stop, Stop ,\nquiero   baja", ["STOP", "QUIERO BAJA"], "STOP, QUIERO BAJA"),
        ("stop_words", "", [], ""),
        ("test_number", "+62 812-3456-789", "+628123456789", "+628123456789"),
        ("test_number", "", "", ""),
    ],
)
def test_a_rule_is_read_as_people_type_it_and_written_so_that_it_is_read_alike(
    name: str, typed: str, value: Any, written: str
) -> None:
    assert house_typed.read(name, typed) == value
    assert house_typed.RULES[name].written(value) == written
    assert house_typed.read(name, written) == value


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("retry_delays", ""),
        ("retry_delays", "soon"),
        ("retry_delays", "0"),
        ("retry_delays", "2d"),
        ("retry_delays", "1,2,3,4,5,6"),
        ("undelivered_hours", "0"),
        ("undelivered_hours", "nan"),
        ("undelivered_hours", "721"),
        ("session_hours", "long"),
        ("session_hours", "0.01"),
        ("stop_words", "STOP, !"),
        ("min_lead_seconds", "2 d"),
        ("stop_words", "x" * 41),
        ("stop_words", ",".join(f"word{n}" for n in range(101))),
        ("test_number", "0812"),
        ("test_number", "me"),
    ],
)
def test_a_value_that_cannot_be_is_refused_at_its_name(name: str, typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        house_typed.read(name, typed)
    assert {one.field for one in refused.value.problems} == {name}


def test_the_environment_holds_until_somebody_settles_and_again_after_a_reset(
    database: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("OUTBOX_UNDELIVERED_HOURS", "6")
    environment.setenv("OUTBOX_STOP_WORDS", " Stop , halt")
    forget_settings()
    assert house_rules.undelivered() == timedelta(hours=6)
    assert house_rules.stop_words() == {"stop", "halt"}
    typed = {"undelivered_hours": "12", "stop_words": "Genug"}
    assert ruling.settle(typed, by=ADA) == ["undelivered_hours", "stop_words"]
    assert house_rules.undelivered() == timedelta(hours=12)
    assert house_rules.stop_words() == {"genug"}
    told = {one.name: one for one in house_rules.all_rules()}
    assert (told["stop_words"].by, told["stop_words"].written) == ("ada", "GENUG")
    assert not told["session_hours"].settled
    assert ruling.reset("undelivered_hours", by=ADA)
    assert not ruling.reset("undelivered_hours", by=ADA)
    assert house_rules.undelivered() == timedelta(hours=6)


def test_each_change_is_on_record_with_before_and_after(database: str) -> None:
    ruling.settle({"retry_delays": "1 min, 2 min", "session_hours": "12"}, by=ADA)
    ruling.reset("retry_delays", by=ADA)
    with db.reading() as session:
        events = session.exec(select(AuditEvent).order_by(col(AuditEvent.id))).all()
    default = {"retry_delays": "1 min, 5 min, 15 min, 30 min, 1 h"}
    assert [(one.actor, one.action, one.before, one.after) for one in events] == [
        ("ada", "setting changed", default, {"retry_delays": "1 min, 2 min"}),
        ("ada", "setting back to its default", {"retry_delays": "1 min, 2 min"}, default),
    ]


def test_nothing_is_settled_where_one_is_wrong_or_somebody_was_faster(database: str) -> None:
    with pytest.raises(Invalid) as refused:
        ruling.settle({"session_hours": "8", "retry_delays": "x", "test_number": "y"}, by=ADA)
    assert [one.field for one in refused.value.problems] == ["retry_delays", "test_number"]
    with pytest.raises(Invalid, match="no setting"):
        ruling.settle({"secret_key": "x"}, by=ADA)
    ruling.settle({"session_hours": "8"}, by=ADA)
    with pytest.raises(Conflict) as conflict:
        ruling.settle({"session_hours": "4"}, seen={"session_hours": "12"}, by=ADA)
    assert conflict.value.current == {"session_hours": "8"}
    assert house_rules.session_lasts() == timedelta(hours=8)


def test_the_send_loop_does_not_ask_the_database_in_each_tick(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And yet learns within seconds what another process settled."""
    asked: list[str] = []
    event.listen(db.engine(), "before_cursor_execute", lambda *a: asked.append(a[2]))
    now = 1_000.0
    monkeypatch.setattr(house_rules, "monotonic", lambda: now)
    with db.reading() as session:
        for _ in range(1_000):
            assert house_rules.retry_delays(session)[0] == 60
    assert sum("setting" in one for one in asked) == 1
    monkeypatch.setattr(house_rules, "forget", lambda: None)  # as in another process
    ruling.settle({"retry_delays": "7 s"}, by=ADA)
    assert house_rules.retry_delays() == (60, 300, 900, 1800, 3600)
    now += house_rules.FRESH + 1
    assert house_rules.retry_delays() == (7,)
