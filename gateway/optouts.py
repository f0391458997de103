"""Who is not to be contacted, as CSV for people who are signed in."""

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from core import exporting
from gateway.gate import actor_of


def optouts_csv(request: Request) -> Response:
    """All that is in force; what `optout import` and the page People read back."""
    headers = {
        "Content-Disposition": 'attachment; filename="optouts.csv"',
        "Cache-Control": "no-store",
        # Compressing buffers, and the first rows shall come at once.
        "Content-Encoding": "identity",
    }
    rows = exporting.optouts_as_csv(by=actor_of(request))
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)


routes = [Route("/export/optouts.csv", optouts_csv)]
