import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import select

from core import db, password_links, sessions, users
from core.access import Role
from core.models import UserSession
from tests.gateway.conftest import ADMIN, PASSWORD, Browser

pytestmark = pytest.mark.usefixtures("database")
Move = Callable[[timedelta], None]


def first(code: str, **also: str) -> dict[str, str]:
    return {"code": code, "name": "Ana", "password": PASSWORD, "again": PASSWORD} | also


def test_the_first_visit_asks_for_the_code_and_prefills_it(gated: Browser) -> None:
    page = gated.get("/sign-in?code=K7QM-%22%3E%3Cscript%3E")
    assert page.status == 200 and "Create the first administrator" in page.text
    assert 'value="K7QM-&#34;&gt;&lt;script&gt;"' in page.text


def test_the_first_administrator_is_created_and_signed_in(gated: Browser) -> None:
    code = users.setup_code() or ""
    answer = gated.post("/sign-in", first(code), Origin=gated.origin)
    assert (answer.status, answer.where) == (303, "/")
    assert gated.get("/messages", Cookie=answer.cookie).status == 200
    assert [person.role for person in users.all_users()] == [Role.ADMIN]
    assert "Create the first" not in gated.get(f"/sign-in?code={code}").text


@pytest.mark.parametrize(
    ("change", "field", "sentence", "status"),
    [
        ({"code": "guess"}, "code", "This is not the code", 401),
        ({"name": ""}, "name", "A name is needed.", 400),
        ({"password": "short", "again": "short"}, "password", "at least 10 characters", 400),
        ({"again": "another one"}, "again", "The two passwords are not the same.", 400),
    ],
)
def test_what_is_wrong_is_said_next_to_its_field_and_only_passwords_are_lost(
    gated: Browser, change: dict[str, str], field: str, sentence: str, status: int
) -> None:
    sent = first(users.setup_code() or "") | change
    page = gated.post("/sign-in", sent)
    assert page.status == status and not page.cookie
    told = re.search(rf'id="{field}-told" role="alert">([^<]*)', page.text)
    assert told and sentence in told[1]
    assert f'value="{sent["code"]}"' in page.text and f'value="{sent["name"]}"' in page.text
    assert PASSWORD not in page.text and "short" not in page.text.replace("shortcut", "")
    assert users.all_users() == []


def test_who_is_second_to_create_the_first_is_told_to_sign_in(gated: Browser) -> None:
    code = users.setup_code() or ""
    assert gated.post("/sign-in", first(code)).status == 303
    page = gated.post("/sign-in", first(code, name="Bo"))
    assert page.status == 401 and "Create the first" not in page.text
    assert len(users.all_users()) == 1


def test_a_wrong_password_keeps_the_name_and_where_one_was_going(gated: Browser, ana: str) -> None:
    sent = {"name": '"><b>Ana', "password": "wrong password", "next": "/messages?status=failed"}
    page = gated.post("/sign-in", sent)
    assert page.status == 401 and not page.cookie
    assert "The name or the password is not right." in page.text
    assert 'value="&#34;&gt;&lt;b&gt;Ana"' in page.text
    assert 'value="/messages?status=failed"' in page.text
    assert "wrong password" not in page.text


@pytest.mark.usefixtures("still")
def test_guessing_is_answered_with_how_long_to_wait(gated: Browser, ana: str) -> None:
    for _ in range(5):
        assert gated.post("/sign-in", {"name": "Ana", "password": "wrong"}).status == 401
    page = gated.post("/sign-in", {"name": "Ana", "password": PASSWORD})
    assert (page.status, page.headers["Retry-After"]) == (429, "2")
    assert "Too many wrong tries. Wait 2 s, then try again." in page.text


def test_signing_in_goes_where_one_was_going_but_never_elsewhere(gated: Browser, ana: str) -> None:
    sent = {"name": "Ana", "password": PASSWORD}
    assert gated.post("/sign-in", sent | {"next": "/messages?a=b"}).where == "/messages?a=b"
    assert gated.post("/sign-in", sent | {"next": "//evil.example"}).where == "/"
    assert gated.get("/sign-in?next=//evil.example", Cookie=ana).where == "/"


def flags(set_cookie: str) -> set[str]:
    return {part.strip().split("=")[0].lower() for part in set_cookie.split(";")[1:]}


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(gated: Browser, ana: str) -> None:
    answer = gated.post("/sign-in", {"name": "Ana", "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("outbox_session=") and "SameSite=lax" in cookie and "Path=/" in cookie
    assert flags(cookie) >= {"httponly", "path", "samesite"} and "secure" not in flags(cookie)
    assert "domain" not in flags(cookie)


def test_with_tls_the_cookie_is_secure_and_of_this_host_only(
    gated: Browser, ana: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("OUTBOX_PUBLIC_URL", "https://outbox.example")
    sessions.settings.cache_clear()
    answer = gated.post("/sign-in", {"name": "Ana", "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-outbox_session=") and "Path=/" in cookie
    assert flags(cookie) >= {"httponly", "path", "samesite", "secure"}
    assert "domain" not in flags(cookie)
    assert gated.get("/", Cookie=answer.cookie).status == 200
    assert gated.get("/", Cookie=answer.cookie.removeprefix("__Host-")).status == 303
    gone = gated.post("/sign-out", b"", Cookie=answer.cookie).headers["Set-Cookie"]
    assert gone.startswith("__Host-outbox_session=") and "secure" in flags(gone)


def test_signing_out_ends_the_session_and_clears_the_cookie(gated: Browser, ana: str) -> None:
    answer = gated.post("/sign-out", b"", Cookie=ana, Origin=gated.origin)
    assert (answer.status, answer.where) == (303, "/sign-in")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert gated.get("/", Cookie=ana).status == 303
    with db.reading() as session:
        assert session.exec(select(UserSession)).all() == []


def test_a_link_to_sign_out_only_offers_it(gated: Browser, ana: str) -> None:
    page = gated.get("/sign-out", Cookie=ana)
    assert page.status == 200 and '<form method="post" action="/sign-out">' in page.text
    assert gated.get("/", Cookie=ana).status == 200


def test_an_expired_session_can_be_signed_out_of(
    gated: Browser, ana: str, move_clock: Move
) -> None:
    move_clock(timedelta(hours=13))
    assert gated.get("/", Cookie=ana).status == 303
    assert gated.post("/sign-out", b"", Cookie=ana).where == "/sign-in"


def test_the_page_loads_nothing_and_runs_nothing(gated: Browser, ana: str) -> None:
    page = gated.get("/sign-in")
    assert page.headers["Cache-Control"] == "no-store"
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "script" not in policy
    assert not re.search(r"<script|\bon\w+=|\sstyle=|https?://(?!www\.w3\.org)", page.text)


@pytest.mark.parametrize(("url", "shown"), [("", True), ("https://graph.facebook.com", False)])
def test_training_is_said_while_nothing_leaves_the_machine(
    gated: Browser, environment: pytest.MonkeyPatch, url: str, shown: bool
) -> None:
    environment.setenv("OUTBOX_API_URL", url)
    sessions.settings.cache_clear()
    assert ("Training: nothing leaves this machine" in gated.get("/sign-in").text) is shown


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"x" * 30_000, 413), (b"\xff\xfe=1", 400), (b"&".join([b"a=1"] * 50), 400), (b"", 401)],
)
def test_what_is_no_form_of_ours_is_refused(
    gated: Browser, ana: str, body: bytes, status: int
) -> None:
    assert gated.post("/sign-in", body).status == status


def test_a_password_with_spaces_and_other_scripts_is_taken_as_typed(gated: Browser) -> None:
    password = "  пароль & = + %41 ключ  "
    users.add("Bo", role=Role.VIEWER, password=password, by=ADMIN)
    assert gated.post("/sign-in", {"name": "bo", "password": password}).status == 303
    assert gated.post("/sign-in", {"name": "bo", "password": password.strip()}).status == 401


def test_a_link_asks_for_a_password_signs_in_and_is_used_up(gated: Browser, ana: str) -> None:
    path = password_links.make("ana", by=ADMIN).partition("/sign-in")[2]
    link = path.partition("=")[2]
    page = gated.get(f"/sign-in{path}", Cookie=ana)  # also where somebody is signed in
    assert page.status == 200 and "Choose your password" in page.text and "For Ana." in page.text
    sent = {"link": link, "password": "another long password", "again": "another"}
    page = gated.post("/sign-in", sent)
    assert page.status == 400 and "The two passwords are not the same." in page.text
    answer = gated.post("/sign-in", sent | {"again": "another long password"})
    assert answer.status == 303 and gated.get("/messages", Cookie=answer.cookie).status == 200
    assert gated.get("/", Cookie=ana).status == 303
    for page in (gated.get(f"/sign-in{path}"), gated.post("/sign-in", sent)):
        assert page.status in (400, 404) and not page.cookie
    assert "too old. Ask an administrator" in gated.get("/sign-in?link=guess").text


@pytest.mark.usefixtures("still")
def test_who_was_slowed_for_wrong_passwords_gets_in_by_a_link(gated: Browser, ana: str) -> None:
    for _ in range(6):
        gated.post("/sign-in", {"name": "Ana", "password": "wrong"})
    link = password_links.make("ana", by=ADMIN).partition("?link=")[2]
    chosen = "another long password"
    answer = gated.post("/sign-in", {"link": link, "password": chosen, "again": chosen})
    assert answer.status == 303 and gated.get("/messages", Cookie=answer.cookie).status == 200
    assert gated.post("/sign-in", {"name": "Ana", "password": chosen}).status == 303
