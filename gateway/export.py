"""Downloads for people who are signed in: the gate in front of every route asks for the session."""

from urllib.parse import parse_qs
from zoneinfo import available_timezones

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from core.export import csv_rows
from core.listing import Filter


def messages_csv(request: Request) -> Response:
    """The messages that the page's own filter shows: `state`, `account`, `q`; times in `zone`."""
    zone = request.query_params.get("zone", "UTC")
    if zone not in available_timezones():
        return PlainTextResponse(f"There is no time zone {zone}.", 400)
    wanted = Filter.read(parse_qs(request.url.query))
    headers = {
        "Content-Disposition": 'attachment; filename="messages.csv"',
        "Cache-Control": "no-store",
        # Compressing buffers, and the first rows shall come at once.
        "Content-Encoding": "identity",
    }
    return StreamingResponse(
        csv_rows(wanted, zone=zone), media_type="text/csv; charset=utf-8", headers=headers
    )


routes = [Route("/export/messages.csv", messages_csv)]
