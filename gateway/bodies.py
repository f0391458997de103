"""Reads a request's body up to a limit, whatever its Content-Length claims."""

from starlette.exceptions import HTTPException
from starlette.requests import Request


async def read(request: Request, *, limit: int) -> bytes:
    """The body, at most `limit` bytes. Raises HTTPException 413 as soon as it is longer."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise HTTPException(413, f"The body is over {limit} bytes.")
        chunks.append(chunk)
    return b"".join(chunks)
