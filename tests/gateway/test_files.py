"""Finished exports through the gate: for who asked, whole, under a name that nothing can break."""

from collections.abc import Callable
from email.message import Message
from urllib.parse import unquote

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core import exporting, files, leasing, operating, operations, users
from core.access import Actor, Role
from core.export import Order
from core.kinds import Kind
from gateway import files as downloads
from gateway import session
from gateway.gate import Gate
from tests.core import stored
from tests.gateway.conftest import ADMIN, PASSWORD, Browser

pytestmark = pytest.mark.usefixtures("sqlite")


@pytest.fixture
def site(serve: Callable[[Starlette], Browser]) -> Browser:
    routes = [*session.routes, *downloads.routes]
    return serve(Starlette(routes=routes, middleware=[Middleware(Gate)]))


def cookie(site: Browser, name: str, role: Role) -> str:
    users.add(name, role=role, password=PASSWORD, by=ADMIN)
    return site.post("/sign-in", {"name": name, "password": PASSWORD}).cookie


def test_who_asked_and_administrators_get_the_file_and_nobody_else(site: Browser) -> None:
    stored.messages(stored.account(), [{}])
    begun = exporting.begin(Order(), by=Actor("vera", Role.VIEWER))
    mine = leasing.take({Kind.EXPORT})
    assert mine
    operating.run(mine)
    file_id = operations.state(begun).result["file_id"]
    for name, role, status in (
        ("vera", Role.VIEWER, 200),
        ("ada", Role.ADMIN, 200),
        ("otto", Role.OPERATOR, 404),
    ):
        answer = site.get(f"/files/{file_id}", Cookie=cookie(site, name, role))
        assert answer.status == status
        if status == 200:
            assert int(answer.headers["Content-Length"]) == files.find(file_id).size
            assert ".xlsx" in answer.headers["Content-Disposition"]
            assert answer.headers["Cache-Control"] == "no-store"
        else:
            assert answer.text.startswith("There is no such file for you")
    assert site.get(f"/files/{file_id}").status == 401


def test_what_is_not_there_is_told_in_words(site: Browser) -> None:
    vera = cookie(site, "vera", Role.VIEWER)
    for path in ("/files/7", f"/files/{10**30}"):
        answer = site.get(path, Cookie=vera)
        assert answer.status == 404 and "no such file" in answer.text
    assert site.get("/files/../1", Cookie=vera).status == 404


@pytest.mark.parametrize(
    "name",
    ["wrong rows.csv", 'a"; filename="x.exe', "напоминания 23.xlsx", "../../etc", "a\r\nX: 1", "…"],
)
def test_a_name_of_any_kind_is_one_header_and_comes_out_as_it_was(name: str) -> None:
    written = downloads.disposition(name)
    assert written.isascii() and "\r" not in written and "\n" not in written
    header = Message()
    header["Content-Disposition"] = written
    assert header.get_param("filename", header="content-disposition", unquote=True)
    plain = written.partition('filename="')[2].partition('"')[0]
    assert plain and "/" not in plain and not plain.startswith(".")
    assert unquote(written.rpartition("UTF-8''")[2]) == name
