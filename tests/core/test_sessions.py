import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters
from sqlalchemy import event
from sqlmodel import select

from core import db, guesses, passwords, sessions, users
from core.access import Actor, Role
from core.errors import Forbidden, Invalid, Problem
from core.models import AuditEvent, UserSession

ADMIN = Actor("cli", Role.ADMIN)
PASSWORD = "long enough to be one"
Move = Callable[[timedelta], None]


@pytest.fixture(autouse=True)
def ana(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = guesses.Guesses(name=5, address=20, code=5)
    for module in (guesses, users, sessions):
        monkeypatch.setattr(module, "guesses", fresh)
    users.add("Ana", role=Role.OPERATOR, password=PASSWORD, by=ADMIN)


def refusal(name: str, password: str, *, address: str = "192.0.2.1") -> Problem:
    with pytest.raises(Invalid) as refused:
        sessions.sign_in(name, password, address=address)
    (only,) = refused.value.problems
    return only


def kept() -> UserSession:
    with db.reading() as session:
        return session.exec(select(UserSession)).one()


def test_a_token_stands_for_who_signed_in_and_only_its_hash_is_kept() -> None:
    token = sessions.sign_in(" ANA ", PASSWORD, address="192.0.2.1", user_agent="Firefox")
    assert sessions.actor(token) == Actor("Ana", Role.OPERATOR)
    assert len(token) >= 43
    assert kept().token_sha256 == hashlib.sha256(token.encode()).hexdigest()
    assert token not in kept().model_dump_json()
    with db.reading() as session:
        told = session.exec(select(AuditEvent.action, AuditEvent.address)).all()
    assert told == [("user added", None), ("signed in", "192.0.2.1")]


@pytest.mark.parametrize("token", [None, "", "x", "x" * 43, "x" * 5000, "ü\0"])
def test_a_made_up_token_is_nobody(token: str | None) -> None:
    sessions.sign_in("Ana", PASSWORD)
    assert sessions.actor(token) is None


def test_the_hash_that_is_kept_is_no_token() -> None:
    sessions.sign_in("Ana", PASSWORD)
    assert sessions.actor(kept().token_sha256) is None


def test_signing_out_ends_this_browser_and_no_other() -> None:
    here, there = sessions.sign_in("Ana", PASSWORD), sessions.sign_in("Ana", PASSWORD)
    sessions.sign_out(here)
    sessions.sign_out(here)
    assert sessions.actor(here) is None and sessions.actor(there)


def test_an_administrator_can_end_them_all() -> None:
    tokens = [sessions.sign_in("Ana", PASSWORD) for _ in range(3)]
    assert sessions.revoke_all("ana", by=ADMIN) == 3
    assert [sessions.actor(token) for token in tokens] == [None] * 3
    with pytest.raises(Forbidden):
        sessions.revoke_all("ana", by=Actor("Ana", Role.OPERATOR))


def test_a_session_ends_after_the_hours_without_a_visit(move_clock: Move) -> None:
    token = sessions.sign_in("Ana", PASSWORD)
    move_clock(timedelta(hours=11, minutes=59))
    assert sessions.actor(token)
    move_clock(timedelta(hours=23))
    assert sessions.actor(token)
    move_clock(timedelta(hours=36))
    assert sessions.actor(token) is None


def test_a_page_view_writes_at_most_once_a_minute(move_clock: Move) -> None:
    token = sessions.sign_in("Ana", PASSWORD)
    written: list[str] = []

    def note(*call: object) -> None:
        statement = str(call[2])
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            written.append(statement)

    event.listen(db.engine(), "before_cursor_execute", note)
    before = kept().last_seen_at
    for seconds in (10, 59):
        move_clock(timedelta(seconds=seconds))
        assert sessions.actor(token)
    assert written == [] and kept().last_seen_at == before
    move_clock(timedelta(seconds=61))
    assert sessions.actor(token) and sessions.actor(token)
    assert len(written) == 2 and kept().last_seen_at != before
    event.remove(db.engine(), "before_cursor_execute", note)


def test_a_wrong_password_and_an_unknown_name_are_told_alike() -> None:
    assert refusal("Ana", "wrong password") == refusal("nobody", "wrong password")


def test_a_wrong_password_and_an_unknown_name_cost_the_same_comparison(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = []

    class Watched(PasswordHasher):
        def verify(self, stored: str | bytes, password: str | bytes) -> Literal[True]:
            compared.append(extract_parameters(str(stored)))
            return super().verify(stored, password)

    monkeypatch.setattr(passwords, "_hasher", Watched())
    passwords._nobody.cache_clear()
    users.add("Bea", role=Role.OPERATOR, password=PASSWORD, by=ADMIN)
    for name in ("Bea", "nobody"):
        assert refusal(name, "wrong password").code == "wrong"
    passwords._nobody.cache_clear()  # the next to ask is to have a cheap one
    known, unknown = compared
    assert known == unknown and known.memory_cost == 65536


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("name", ["Ana", "nobody"])
def test_the_sixth_wrong_password_for_a_name_has_to_wait_longer_each_time(
    name: str, move_clock: Move
) -> None:
    for n in range(5):
        assert refusal(name, "wrong password", address=f"192.0.2.{n}").code == "wrong"
    told = refusal(name.upper(), PASSWORD, address="198.51.100.1")
    assert (told.code, told.details["seconds"]) == ("slowed", 2)
    assert told.message == "Too many wrong tries. Wait 2 s, then try again."
    move_clock(timedelta(seconds=3))
    assert refusal(name, "wrong password").code == "wrong"
    assert refusal(name, "wrong password").details["seconds"] == 4


@pytest.mark.usefixtures("still")
def test_waiting_it_out_lets_the_right_password_in_and_forgets(move_clock: Move) -> None:
    for _ in range(5):
        refusal("Ana", "wrong password")
    move_clock(timedelta(seconds=3))
    assert sessions.sign_in("Ana", PASSWORD)
    assert refusal("Ana", "wrong password").code == "wrong"


@pytest.mark.usefixtures("still")
def test_one_address_that_tries_many_names_has_to_wait_too() -> None:
    for n in range(20):
        assert refusal(f"name {n}", "wrong password").code == "wrong"
    assert refusal("one more", "wrong password").code == "slowed"
    assert sessions.sign_in("Ana", PASSWORD, address="198.51.100.1")


@pytest.mark.usefixtures("still")
def test_a_right_password_does_not_clear_an_address(move_clock: Move) -> None:
    for n in range(19):
        refusal(f"name {n}", "wrong password")
    assert sessions.sign_in("Ana", PASSWORD, address="192.0.2.1")
    refusal("another", "wrong password")
    assert refusal("one more", "wrong password").code == "slowed"


def test_guesses_at_the_same_moment_are_counted_before_they_are_tried() -> None:
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda n: refusal("Ana", f"guess number {n}").code, range(16)))
    assert told.count("wrong") == 5


def test_the_longest_wait_is_five_minutes(move_clock: Move) -> None:
    slow = guesses.Guesses(name=0)
    for _ in range(40):
        slow._counts[("name", "x")] = guesses._Count(40, guesses.clock.wall())
    with pytest.raises(Invalid) as refused:
        slow.begin(("name", "x"), field="password")
    assert refused.value.problems[0].message == (
        "Too many wrong tries. Wait 5 minutes, then try again."
    )


def test_a_flood_of_names_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "MOST_KEYS", 50)
    slow = guesses.Guesses(name=5)
    for n in range(500):
        slow.begin(("name", str(n)), field="password")
    assert len(slow._counts) <= 52


def test_a_password_changed_while_it_is_verified_opens_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = sessions.passwords.matches

    def changed_meanwhile(stored: str | None, password: str) -> bool:
        right = real(stored, password)
        users.set_password("Ana", "another long password", by=ADMIN)
        return right

    monkeypatch.setattr(sessions.passwords, "matches", changed_meanwhile)
    assert refusal("Ana", PASSWORD).code == "wrong"


def test_with_tls_the_cookie_is_bound_to_this_host(environment: pytest.MonkeyPatch) -> None:
    assert sessions.cookie_name() == "outbox_session"
    environment.setenv("OUTBOX_PUBLIC_URL", "https://outbox.example")
    sessions.settings.cache_clear()
    assert sessions.cookie_name() == "__Host-outbox_session"
