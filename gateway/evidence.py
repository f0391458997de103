"""The evidence of one message, for people who are signed in."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core import evidence
from core.errors import Invalid, Refused
from gateway.files import LAST, disposition
from gateway.gate import actor_of


def html(request: Request) -> Response:
    """One file with everything; `zone`: whose clock it shows beside UTC."""
    wanted = min(request.path_params["id"], LAST)
    zone = request.query_params.get("zone", "UTC")
    address = request.client.host if request.client else None
    try:
        made = evidence.of(wanted, zone=zone, by=actor_of(request), address=address)
    except Refused as refused:
        return PlainTextResponse(str(refused), 404)
    except Invalid as wrong:
        return PlainTextResponse(str(wrong), 400)
    headers = {"Content-Disposition": disposition(made.name), "Cache-Control": "no-store"}
    return Response(made.html, media_type="text/html; charset=utf-8", headers=headers)


routes = [Route("/export/evidence/{id:int}.html", html)]
