"""The audit trail as CSV, for administrators who are signed in."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from core import exporting
from core.errors import Forbidden
from gateway.gate import actor_of


def audit_csv(request: Request) -> Response:
    """What the page's own search finds (`q`); all of it without one."""
    headers = {
        "Content-Disposition": 'attachment; filename="audit.csv"',
        "Cache-Control": "no-store",
        # Compressing buffers, and the first rows shall come at once.
        "Content-Encoding": "identity",
    }
    try:
        rows = exporting.audit_as_csv(request.query_params.get("q", ""), by=actor_of(request))
    except Forbidden as refused:
        return PlainTextResponse(str(refused), 403)
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)


routes = [Route("/export/audit.csv", audit_csv)]
