"""The list of who is not to be contacted, downloaded through the gate."""

from collections.abc import Callable

import pytest
from sqlmodel import select
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core import db, users
from core import optouts as core_optouts
from core.access import Role
from core.models import AuditEvent
from gateway import optouts, session
from gateway.gate import Gate
from tests.gateway.conftest import ADMIN, PASSWORD, Browser

pytestmark = pytest.mark.usefixtures("sqlite")
DEWI = "+628123456789"


def test_who_is_signed_in_downloads_the_list_and_no_formula_is_in_it(
    serve: Callable[[Starlette], Browser],
) -> None:
    core_optouts.add([DEWI], reason="=1+1", by=ADMIN)
    routes = [*session.routes, *optouts.routes]
    site = serve(Starlette(routes=routes, middleware=[Middleware(Gate)]))
    assert site.get("/export/optouts.csv").status == 401
    users.add("Vera", role=Role.VIEWER, password=PASSWORD, by=ADMIN)
    site.headers["Cookie"] = site.post("/sign-in", {"name": "vera", "password": PASSWORD}).cookie
    answer = site.get("/export/optouts.csv")
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
    heading, row = answer.text.removeprefix("\ufeff").splitlines()
    assert heading.startswith("number,scope,account,reason,source,")
    assert row.startswith(f"{DEWI},everything,,'=1+1,person,")
    with db.reading() as session_:
        asked = select(AuditEvent).where(AuditEvent.target == "optouts").order_by(AuditEvent.id)
        begun, ended = session_.exec(asked)
    assert (begun.action, begun.actor, ended.action) == ("export begun", "Vera", "export ended")
    assert ended.after == {"format": "csv", "rows": 1}
