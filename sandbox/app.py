"""The routes that imitate Meta's, and the way of one send through the checks."""

import asyncio
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiohttp import web

from sandbox import admin, clock, errors, phone
from sandbox.errors import GraphError
from sandbox.faults import Fault, Raw
from sandbox.ledger import Accepted, wamid
from sandbox.messages import Send, read_send
from sandbox.numbers import DEFAULT_FIELDS, WABA, Number
from sandbox.world import WORLD, World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
NEWEST = "v26.0"
_HANG_SECONDS = 3600
_ORDINARY = Fault()


def build(world: World) -> web.Application:
    """The whole application: Meta's paths, each also without the version, and the sandbox's own."""
    app = web.Application()
    app[WORLD] = world
    for prefix in ("/{version:v[0-9]+\\.[0-9]+}", ""):
        app.router.add_post(prefix + "/{node}/messages", _graph(_send))
        app.router.add_get(prefix + "/{node:[0-9]+}/phone_numbers", _graph(_phone_numbers))
        app.router.add_get(prefix + "/{node:[0-9]+}/message_templates", _graph(_templates))
        app.router.add_get(prefix + "/{node:[0-9]+}/subscribed_apps", _graph(_subscribed_apps))
        app.router.add_post(prefix + "/{node:[0-9]+}/unpause", _graph(_unpause))
        app.router.add_get(prefix + "/{node:[0-9]+}", _graph(_node))
    admin.add_routes(app)
    phone.add_routes(app)
    app.router.add_route("*", "/{node:.*}", _graph(_nothing))
    app.on_startup.append(lambda _: world.webhooks.start())
    app.on_shutdown.append(_close)
    app.on_cleanup.append(lambda _: world.webhooks.stop())
    return app


async def _close(app: web.Application) -> None:
    app[WORLD].closing.set()


def _graph(handler: Callable[[web.Request, World], Awaitable[web.StreamResponse]]) -> Handler:
    """Wraps a handler: the token first, then Graph's error shape and headers."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            _authorize(request)
            response = await handler(request, request.app[WORLD])
        except GraphError as error:
            response = web.json_response(error.body(), status=error.http_status)
        response.headers.update(_headers(request))
        return response

    return answer


def _authorize(request: web.Request) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise GraphError(104)
    if token.startswith("expired"):
        raise errors.expired_token()
    if token.startswith("invalid"):
        raise GraphError(190, message="Invalid OAuth access token - Cannot parse access token")


def _headers(request: web.Request) -> dict[str, str]:
    usage = {
        "type": "whatsapp",
        "call_count": 1,
        "total_cputime": 1,
        "total_time": 1,
        "estimated_time_to_regain_access": 0,
    }
    return {
        "x-business-use-case-usage": json.dumps({WABA: [usage]}),
        "facebook-api-version": request.match_info.get("version", NEWEST),
        "x-fb-trace-id": secrets.token_urlsafe(8),
        "x-fb-request-id": secrets.token_urlsafe(16),
    }


async def _send(request: web.Request, world: World) -> web.StreamResponse:
    number = world.numbers.get(request.match_info["node"], method="POST")
    body = await _json(request)
    if isinstance(body, dict) and body.get("status") == "read":
        return web.json_response({"success": True})
    version = float(request.match_info.get("version", NEWEST)[1:])
    send = read_send(body, number=number, templates=world.templates, version=version)
    fault = world.faults.meet(number.id, send.wa_id) or _ORDINARY
    if fault.code is not None:
        raise fault.error(number.id)
    if not fault.accepts:
        return await _instead(request, world, fault)
    _meter(world, number, send)
    message = _accept(world, number, send, fault)
    if world.webhooks.options.early:
        await world.webhooks.early(message)
    else:
        world.webhooks.plan(message, message.plan)
    await _pause(world, world.latency + fault.delay)
    if fault.answer is not None:
        return await _instead(request, world, fault)
    return web.json_response(_accepted(send, message, fault))


async def _json(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError:
        raise GraphError(100, "The request body is not valid JSON.") from None


def _meter(world: World, number: Number, send: Send) -> None:
    now = time.monotonic()
    if number.bucket and not number.bucket.take(now):
        raise GraphError(130429)
    if not world.pairs.take(number.id, send.wa_id, now):
        raise GraphError(131056)


def _accept(world: World, number: Number, send: Send, fault: Fault) -> Accepted:
    message = Accepted(
        id=wamid(send.wa_id),
        phone_number_id=number.id,
        to=f"+{send.wa_id}",
        input=send.input,
        content=send.content,
        biz_opaque_callback_data=send.callback_data,
        received_at=clock.now(),
        plan=world.steps(fault),
        fails=fault.fails,
        pricing=send.pricing,
    )
    world.ledger.accept(message)
    return message


def _accepted(send: Send, message: Accepted, fault: Fault) -> dict[str, Any]:
    item = {"id": message.id}
    if send.type == "template":
        item["message_status"] = "held_for_quality_assessment" if fault.held else "accepted"
    return {
        "messaging_product": "whatsapp",
        "contacts": [{"input": send.input, "wa_id": send.wa_id}],
        "messages": [item],
    }


async def _instead(request: web.Request, world: World, fault: Fault) -> web.StreamResponse:
    """What a fault gives the sender in place of the usual answer."""
    if isinstance(fault.answer, Raw):
        headers = {"Location": fault.answer.location} if fault.answer.location else {}
        raw = fault.answer
        return web.Response(
            status=raw.status, body=raw.body, content_type=raw.content_type, headers=headers
        )
    if fault.answer == "hang":
        await _pause(world, _HANG_SECONDS)
    if request.transport:
        request.transport.abort()
    return web.Response()


async def _pause(world: World, seconds: float) -> None:
    """Waits, but not longer than the sandbox lives."""
    if seconds:
        with suppress(TimeoutError):
            await asyncio.wait_for(world.closing.wait(), seconds)


async def _node(request: web.Request, world: World) -> web.StreamResponse:
    node = request.match_info["node"]
    if node == WABA:
        return web.json_response({"id": WABA, "name": "Sandbox business"})
    every = _number(world, world.numbers.get(node, method="GET"))
    return web.json_response(_fields(request, every))


def _number(world: World, number: Number) -> dict[str, Any]:
    return number.node() | {"webhook_configuration": {"application": world.webhooks.options.url}}


def _fields(request: web.Request, every: dict[str, Any]) -> dict[str, Any]:
    asked = [name for name in request.query.get("fields", "").split(",") if name]
    for name in asked:
        if name not in every:
            raise GraphError(100, message=f"(#100) Tried accessing nonexisting field ({name})")
    return {name: every[name] for name in dict.fromkeys([*(asked or DEFAULT_FIELDS), "id"])}


async def _phone_numbers(request: web.Request, world: World) -> web.StreamResponse:
    waba = _waba(request)
    numbers = [number for number in world.numbers.all() if number.waba_id == waba]
    nodes = [_number(world, number) for number in numbers]
    body: dict[str, Any] = {"data": [_fields(request, node) for node in nodes]}
    if nodes:
        body["paging"] = {"cursors": {"before": "MAZDZD", "after": "MjQZD"}}
    return web.json_response(body)


def _waba(request: web.Request) -> str:
    node = request.match_info["node"]
    if node.startswith("999"):
        raise errors.not_found("GET", node)
    return node


async def _subscribed_apps(request: web.Request, world: World) -> web.StreamResponse:
    _waba(request)
    app = {"id": "100300500700900", "name": "Sandbox app", "link": str(request.url.origin())}
    return web.json_response({"data": [{"whatsapp_business_api_data": app}]})


async def _templates(request: web.Request, world: World) -> web.StreamResponse:
    _waba(request)
    url = str(request.url.with_query(None))
    return web.json_response(world.templates.page(dict(request.query), url=url))


async def _unpause(request: web.Request, world: World) -> web.StreamResponse:
    world.templates.unpause(request.match_info["node"])
    return web.json_response({"success": True})


async def _nothing(request: web.Request, world: World) -> web.StreamResponse:
    raise errors.not_found(request.method, re.sub(r"^/(v[0-9.]+/)?", "", request.path))
