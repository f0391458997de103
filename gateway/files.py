"""Files that wait for who asked for them, behind the gate: exports, wrong rows."""

import re
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from core import files
from core.errors import Refused
from gateway.gate import actor_of

LAST = 2**63 - 1  # what a database has for an id; a longer number is none
_UNSAFE = re.compile(r"[^A-Za-z0-9._() -]")


def download(request: Request) -> Response:
    """A file of one's own; an administrator's are all."""
    wanted = min(request.path_params["id"], LAST)
    try:
        file = files.given(wanted, actor_of(request))
    except Refused as refused:
        return PlainTextResponse(str(refused), 404)
    headers = {
        "Content-Disposition": disposition(file.name),
        "Content-Length": str(file.size),
        "Cache-Control": "no-store",
        "Content-Encoding": "identity",  # compressing buffers, and a workbook is compressed
    }
    return StreamingResponse(files.read(file.id), media_type=file.media_type, headers=headers)


def disposition(name: str) -> str:
    """The header for a file of any name; RFC 6266: the second form for all who know it."""
    plain = _UNSAFE.sub("_", name).strip(". ") or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


routes = [Route("/files/{id:int}", download)]
