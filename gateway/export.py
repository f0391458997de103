"""Exports for people who are signed in: the gate in front of every route asks for the session."""

from collections.abc import Callable
from functools import partial
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from core import clock, exporting
from core.columns import What
from core.errors import Invalid
from core.export import Order
from core.filtering import Filter
from core.not_reached import Missed
from gateway.gate import actor_of


def _csv(what: What, request: Request) -> Response:
    """What the page's own filter shows: `state`, `account`, `q`; `columns`, with commas between
    them or each for itself, are the usual ones unless some are named; times also in `zone`."""
    given = parse_qs(request.url.query)
    names = [name for one in given.get("columns", ()) for name in one.split(",") if name]
    zone = given.get("zone", ["UTC"])[-1]
    try:
        order = Order.of(what, Filter.read(given), names=names, zone=zone)
    except Invalid as refused:
        told = "\n".join(problem.message for problem in refused.problems)
        return PlainTextResponse(told, 400)
    name = order.file_name(clock.wall(), "csv")
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        # Compressing buffers, and the first rows shall come at once.
        "Content-Encoding": "identity",
    }
    rows = exporting.as_csv(order, by=actor_of(request))
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)


def _missed(request: Request) -> Response:
    """Who was not reached, for the telephone: `days`, `account`, `zone`."""
    given = parse_qs(request.url.query)
    zone = given.get("zone", ["UTC"])[-1]
    try:
        rows = exporting.missed_as_csv(Missed.read(given), zone=zone, by=actor_of(request))
    except Invalid as refused:
        return PlainTextResponse(str(refused), 400)
    headers = {
        "Content-Disposition": f'attachment; filename="not-reached-{clock.wall():%Y-%m-%d}.csv"',
        "Cache-Control": "no-store",
        "Content-Encoding": "identity",
    }
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)


def _route(what: What) -> Route:
    answer: Callable[[Request], Response] = partial(_csv, what)
    return Route(f"/export/{what}.csv", answer)


routes = [*map(_route, What), Route("/export/not-reached.csv", _missed)]
