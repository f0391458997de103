"""The sandbox's own endpoints under `/_sandbox`: what arrived, faults, inbound, reset."""

import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox import clock, payloads, settings
from sandbox.errors import GraphError
from sandbox.ledger import wamid
from sandbox.world import WORLD, Inbound, World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_DIGITS = re.compile(r"[0-9]{4,15}")


def add_routes(app: web.Application) -> None:
    router = app.router
    router.add_get("/_sandbox/messages", _messages)
    router.add_get("/_sandbox/faults", _faults)
    router.add_post("/_sandbox/faults", _told(_add_fault))
    router.add_delete("/_sandbox/faults", _clear_faults)
    router.add_get("/_sandbox/settings", _settings)
    router.add_post("/_sandbox/settings", _told(_change_settings))
    router.add_post("/_sandbox/inbound", _told(_inbound))
    router.add_post("/_sandbox/reset", _reset)


def _told(handler: Callable[[World, dict[str, Any]], object]) -> Handler:
    """A handler that gets the JSON object of the request, and says in words what is wrong."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            body = json.loads(await request.read())
            if not isinstance(body, dict):
                raise ValueError("the body must be a JSON object")
            return web.json_response(handler(request.app[WORLD], body))
        except GraphError as error:
            return web.json_response({"error": str(error.body()["error"]["message"])}, status=400)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)

    return answer


async def _messages(request: web.Request) -> web.Response:
    names = ("phone_number_id", "to", "after")
    wanted = {name: request.query[name] for name in names if name in request.query}
    if "to" in wanted:
        # A plus in a query reads as a space unless it was encoded.
        wanted["to"] = "+" + wanted["to"].strip(" +")
    return web.json_response([m.row() for m in request.app[WORLD].ledger.find(**wanted)])


async def _faults(request: web.Request) -> web.Response:
    orders = request.app[WORLD].faults.orders
    return web.json_response([order.row() for order in orders if order.left != 0])


def _add_fault(world: World, body: dict[str, Any]) -> object:
    return world.faults.order(body).row()


async def _clear_faults(request: web.Request) -> web.Response:
    request.app[WORLD].faults.clear()
    return web.json_response([])


async def _settings(request: web.Request) -> web.Response:
    return web.json_response(settings.shown(request.app[WORLD]))


def _change_settings(world: World, body: dict[str, Any]) -> object:
    settings.change(world, body)
    return settings.shown(world)


def _inbound(world: World, body: dict[str, Any]) -> object:
    number = world.numbers.get(str(body.get("phone_number_id", "")), method="POST")
    sender = str(body.get("from", "")).lstrip("+")
    pressed = body.get("button")
    text = body.get("text") if pressed is None else pressed
    quotes = body.get("context")
    if not _DIGITS.fullmatch(sender):
        raise ValueError("from must be a phone number with its calling code")
    if not isinstance(text, str) or not text:
        raise ValueError("text must be what the person writes, or button what they press")
    if quotes is not None and not (isinstance(quotes, str) and quotes):
        raise ValueError("context must be the id of the message that they answer")
    if pressed is not None and quotes is None:
        raise ValueError("context must be the id of the message with the button")
    at, is_button = clock.now(), pressed is not None
    message = Inbound(wamid(sender), number.id, sender, text, at, quotes, is_button)
    world.inbound.append(message)
    if number.bucket:
        # Meta counts what comes in towards the throughput too, but refuses only what goes out.
        number.bucket.take(time.monotonic())
    world.webhooks.send_inbound(
        number,
        payloads.inbound(
            number,
            sender=sender,
            text=text,
            wamid=message.id,
            at=at,
            quotes=quotes,
            pressed=is_button,
        ),
    )
    return {"id": message.id}


async def _reset(request: web.Request) -> web.Response:
    request.app[WORLD].reset()
    return web.json_response({"reset": True})
