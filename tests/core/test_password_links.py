"""A link by which somebody chooses their password: once, in time, by nobody who may not sign in."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import col, select

from core import db, password_links, sessions, users
from core.access import Actor, Role
from core.errors import Invalid, Refused
from core.models import AuditEvent

ADA = Actor("ada", Role.ADMIN, "10.0.0.7")
OLD, NEW = "an old long password", "a new long password"
Move = Callable[[timedelta], None]


def code(name: str = "ana") -> str:
    return password_links.make(name, by=ADA).partition("?link=")[2]


def test_a_link_gives_its_person_a_password_once_and_ends_what_was_open(database: str) -> None:
    users.add("Ana", role=Role.VIEWER, password=OLD, by=ADA)
    token, link = sessions.sign_in("ana", OLD), code()
    assert password_links.whose(link) == "Ana" and sessions.actor(token)
    with pytest.raises(Invalid, match="at least 10 characters"):
        password_links.use(link, "short")
    assert password_links.use(link, NEW, address="10.0.0.8") == "Ana"
    assert sessions.actor(token) is None and sessions.sign_in("ana", NEW)
    with pytest.raises(Invalid, match="was used, or is too old"):
        password_links.use(link, OLD)
    assert password_links.whose(link) is None
    with db.reading() as session:
        told = session.exec(select(AuditEvent).order_by(col(AuditEvent.id))).all()
    made, used = (one for one in told if "link" in one.action)
    assert (made.actor, made.address) == ("ada", "10.0.0.7")
    assert (used.actor, used.address) == ("Ana", "10.0.0.8")
    assert all(secret not in one.model_dump_json() for one in told for secret in (link, OLD, NEW))


def test_a_newer_link_a_day_and_being_disabled_each_end_one(
    database: str, move_clock: Move
) -> None:
    users.invite("Ana", role=Role.VIEWER, by=ADA)
    users.add("Bo", role=Role.VIEWER, password=OLD, by=ADA)
    other, first, second = code("bo"), code(), code()
    assert [password_links.whose(one) for one in (first, second, other)] == [None, "Ana", "Bo"]
    users.disable("bo", by=ADA)
    assert password_links.whose(other) is None
    with pytest.raises(Refused, match="may not sign in"):
        code("bo")
    users.enable("bo", by=ADA)
    assert password_links.whose(other) is None
    third = code("bo")
    users.set_password("bo", NEW, by=ADA)
    assert password_links.whose(third) is None
    move_clock(password_links.LASTS)
    assert password_links.whose(second) is None
    for guess in ("", "x" * 5000, "%"):
        assert password_links.whose(guess) is None


def test_a_role_counts_from_the_next_click_and_the_last_administrator_stays_one(
    database: str,
) -> None:
    for name in ("ada", "ana"):
        users.add(name, role=Role.ADMIN, password=OLD, by=ADA)
    token = sessions.sign_in("ana", OLD, address="10.0.0.9")
    users.set_role("ANA", Role.VIEWER, by=ADA)
    person = sessions.actor(token)
    assert person and (person.role, person.address) == (Role.VIEWER, "10.0.0.9")
    with pytest.raises(Invalid, match="only administrator"):
        users.set_role("ada", Role.OPERATOR, by=ADA)
    users.disable("ana", by=ADA)
    users.enable("ana", by=ADA)
    assert [(one.name, one.signed_in) for one in users.all_users()] == [("ada", 0), ("ana", 0)]
    assert sessions.sign_in("ana", OLD)
    assert [one.signed_in for one in users.all_users()] == [0, 1]
