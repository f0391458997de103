from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import select

from core import db, guesses, passwords, sessions, users
from core.access import Actor, Role
from core.errors import Forbidden, Invalid, Problem
from core.models import AuditEvent, Setting, User

ADMIN = Actor("cli", Role.ADMIN)
PASSWORD = "long enough to be one"


@pytest.fixture(autouse=True)
def nothing_guessed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    fresh = guesses.Guesses(name=5, address=20, code=5)
    for module in (guesses, users, sessions):
        monkeypatch.setattr(module, "guesses", fresh)
    yield


def problem(refused: pytest.ExceptionInfo[Invalid]) -> Problem:
    (only,) = refused.value.problems
    return only


def test_a_user_is_added_with_a_role_and_nobody_learns_the_password(database: str) -> None:
    users.add("  Ana  ", role=Role.OPERATOR, password=PASSWORD, by=ADMIN)
    (ana,) = users.all_users()
    assert (ana.name, ana.role, ana.created_by) == ("Ana", Role.OPERATOR, "cli")
    with db.reading() as session:
        assert session.exec(select(User.password_hash)).one().startswith("$argon2id$")
        (event,) = session.exec(select(AuditEvent)).all()
    assert (event.actor, event.action, event.target) == ("cli", "user added", "Ana")
    assert PASSWORD not in event.model_dump_json()


def test_each_guess_at_a_stored_password_costs_64_megabytes_and_three_rounds() -> None:
    stored = passwords.hashed(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.matches(stored, PASSWORD) and not passwords.matches(stored, PASSWORD + "x")


@pytest.mark.parametrize(
    ("name", "password", "codes"),
    [
        ("", PASSWORD, ["empty"]),
        ("   ", "short", ["empty", "short"]),
        ("x" * 41, PASSWORD, ["long"]),
        ("a\u200bb", PASSWORD, ["unprintable"]),
        ("two\nlines", PASSWORD, ["unprintable"]),
        ("ANA", PASSWORD, ["taken"]),
        ("bo", "123456789", ["short"]),
        ("bo", "x" * 201, ["long"]),
    ],
)
def test_a_wrong_name_or_password_is_named(
    database: str, name: str, password: str, codes: list[str]
) -> None:
    users.add("ana", role=Role.VIEWER, password=PASSWORD, by=ADMIN)
    with pytest.raises(Invalid) as refused:
        users.add(name, role=Role.VIEWER, password=password, by=ADMIN)
    assert [found.code for found in refused.value.problems] == codes
    assert len(users.all_users()) == 1


def test_names_are_told_apart_by_more_than_capitals_in_every_script(database: str) -> None:
    users.add("Ömer", role=Role.VIEWER, password=PASSWORD, by=ADMIN)
    with pytest.raises(Invalid) as refused:
        users.add("öMER", role=Role.VIEWER, password=PASSWORD, by=ADMIN)
    assert problem(refused).message == "There is a user «Ömer» already."


def test_two_who_add_the_same_name_at_once_leave_one(database: str) -> None:
    def attempt(name: str) -> str:
        try:
            users.add(name, role=Role.VIEWER, password=PASSWORD, by=ADMIN)
        except Invalid as refused:
            return refused.problems[0].code
        return "added"

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(attempt, ["ana", "Ana", "aNa", "anA"]))
    assert sorted(told) == ["added", "taken", "taken", "taken"]


def test_only_administrators_arrange_users(database: str) -> None:
    with pytest.raises(Forbidden):
        users.add("bo", role=Role.VIEWER, password=PASSWORD, by=Actor("x", Role.OPERATOR))


def test_a_new_password_ends_what_the_old_one_opened(database: str) -> None:
    users.add("ana", role=Role.VIEWER, password=PASSWORD, by=ADMIN)
    token = sessions.sign_in("ana", PASSWORD)
    users.set_password("ANA", "another long password", by=ADMIN)
    assert sessions.actor(token) is None
    with pytest.raises(Invalid):
        sessions.sign_in("ana", PASSWORD)
    assert sessions.sign_in("ana", "another long password")


def test_a_disabled_user_is_signed_out_and_stays_out(database: str) -> None:
    for name in ("ana", "bo"):
        users.add(name, role=Role.ADMIN, password=PASSWORD, by=ADMIN)
    token = sessions.sign_in("ana", PASSWORD)
    users.disable("ana", by=ADMIN)
    users.disable("ana", by=ADMIN)
    assert sessions.actor(token) is None
    with pytest.raises(Invalid):
        sessions.sign_in("ana", PASSWORD)
    assert [person.name for person in users.all_users() if person.disabled_at] == ["ana"]


def test_the_last_administrator_cannot_be_disabled(database: str) -> None:
    users.add("ana", role=Role.ADMIN, password=PASSWORD, by=ADMIN)
    with pytest.raises(Invalid) as refused:
        users.disable("ana", by=ADMIN)
    assert problem(refused).code == "last administrator"
    assert sessions.sign_in("ana", PASSWORD)


def test_somebody_unknown_is_told_so(database: str) -> None:
    with pytest.raises(Invalid) as refused:
        users.set_password("nobody", PASSWORD, by=ADMIN)
    assert problem(refused).message == "There is no user «nobody»."


def test_the_first_administrator_needs_the_code_of_the_last_start(database: str) -> None:
    old, code = users.setup_code(), users.setup_code()
    assert code and old and code != old
    with pytest.raises(Invalid) as refused:
        users.first_administrator("ana", PASSWORD, old)
    assert problem(refused).code == "wrong"
    users.first_administrator("ana", PASSWORD, code.lower().replace("-", " "))
    assert [(p.name, p.role) for p in users.all_users()] == [("ana", Role.ADMIN)]
    with db.reading() as session:
        assert session.get(Setting, users.SETUP_CODE) is None
    assert users.setup_code() is None


def test_the_code_itself_is_nowhere_in_the_database(database: str) -> None:
    code = users.setup_code()
    with db.reading() as session:
        kept = session.exec(select(Setting)).one()
    assert code and code not in kept.model_dump_json() and len(str(kept.value)) == 64


def test_of_two_browsers_at_once_one_becomes_the_first_administrator(database: str) -> None:
    code = users.setup_code() or ""

    def attempt(name: str) -> str:
        try:
            users.first_administrator(name, PASSWORD, code)
        except Invalid as refused:
            return refused.problems[0].code
        return "created"

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(attempt, ["ana", "bo", "cy", "di"]))
    assert sorted(told) == ["created", "used", "used", "used"]
    assert len(users.all_users()) == 1


def test_guessing_the_code_has_to_wait(
    database: str, move_clock: Callable[[timedelta], None]
) -> None:
    code = users.setup_code() or ""
    for _ in range(5):
        with pytest.raises(Invalid) as refused:
            users.first_administrator("ana", PASSWORD, "guess")
    with pytest.raises(Invalid) as refused:
        users.first_administrator("ana", PASSWORD, code)
    assert (problem(refused).field, problem(refused).code) == ("code", "slowed")
    move_clock(timedelta(seconds=3))
    users.first_administrator("ana", PASSWORD, code)


def test_a_right_code_with_a_bad_password_is_no_guess(database: str) -> None:
    code = users.setup_code() or ""
    for _ in range(8):
        with pytest.raises(Invalid) as refused:
            users.first_administrator("", "short", code)
        assert [p.field for p in refused.value.problems] == ["name", "password"]
