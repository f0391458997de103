"""The audit trail as a download: for administrators alone."""

from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core import users
from core.access import Role
from gateway import audit, session
from gateway.gate import Gate
from tests.gateway.conftest import ADMIN, PASSWORD, Browser

pytestmark = pytest.mark.usefixtures("sqlite")


def test_only_an_administrator_downloads_the_trail(serve: Callable[[Starlette], Browser]) -> None:
    routes = [*session.routes, *audit.routes]
    site = serve(Starlette(routes=routes, middleware=[Middleware(Gate)]))
    assert site.get("/export/audit.csv").status == 401
    told = {}
    for name, role in (("olga", Role.OPERATOR), ("ada", Role.ADMIN)):
        users.add(name, role=role, password=PASSWORD, by=ADMIN)
        cookie = site.post("/sign-in", {"name": name, "password": PASSWORD}).cookie
        told[name] = site.get("/export/audit.csv?q=signed", Cookie=cookie)
    assert told["olga"].status == 403 and "needs the role Administrator" in told["olga"].text
    assert told["ada"].status == 200 and told["ada"].headers["Cache-Control"] == "no-store"
    heading, *rows = told["ada"].text.removeprefix("\ufeff").splitlines()
    assert heading.startswith("id,at,actor,action,") and len(rows) == 2
    assert all(",signed in," in row and row.endswith(",127.0.0.1") for row in rows)
