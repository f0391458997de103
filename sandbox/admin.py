"""The sandbox's own endpoints under `/_sandbox`: what arrived, faults, switches."""

from aiohttp import web

from sandbox.world import WORLD


def add_routes(app: web.Application) -> None:
    app.router.add_get("/_sandbox/messages", _messages)


async def _messages(request: web.Request) -> web.Response:
    names = ("phone_number_id", "to", "after")
    wanted = {name: request.query[name] for name in names if name in request.query}
    # A plus in a query is a space unless it was encoded.
    if "to" in wanted:
        wanted["to"] = "+" + wanted["to"].strip(" +")
    return web.json_response([m.row() for m in request.app[WORLD].ledger.find(**wanted)])
