"""The phone's side of the conversations, as a page that reads itself anew."""

from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.components import shown
from sandbox.ledger import Accepted
from sandbox.world import WORLD, Inbound, World

_PAGE = Path(__file__).with_name("phone.html")
_LATEST = 300
_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src data:; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
)


def add_routes(app: web.Application) -> None:
    app.router.add_get("/", _page)
    app.router.add_get("/_sandbox/phone", _conversations)


async def _page(request: web.Request) -> web.Response:
    return web.Response(
        text=_PAGE.read_text(encoding="utf-8"),
        content_type="text/html",
        headers={"Content-Security-Policy": _POLICY},
    )


async def _conversations(request: web.Request) -> web.Response:
    """The latest bubbles by recipient and number, the most recent conversation first."""
    world = request.app[WORLD]
    bubbles = [_outbound(world, message) for message in world.ledger.latest(_LATEST)]
    bubbles += [_inbound(message) for message in world.inbound]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for bubble in sorted(bubbles, key=lambda bubble: str(bubble["at"])):
        key = (bubble.pop("person"), bubble.pop("number"))
        empty = {"person": key[0], "number": key[1], "bubbles": []}
        found.setdefault(key, empty)["bubbles"].append(bubble)
    latest = sorted(found.values(), key=lambda c: str(c["bubbles"][-1]["at"]), reverse=True)
    return web.json_response({"conversations": latest, "accepted": len(world.ledger)})


def _outbound(world: World, message: Accepted) -> dict[str, Any]:
    names = [status["status"] for status in message.statuses]
    best = max(names, key=("sent", "delivered", "read", "failed").index, default="accepted")
    return {
        "person": message.to,
        "number": message.phone_number_id,
        "id": message.id,
        "mine": False,
        "at": message.received_at.isoformat(timespec="microseconds"),
        "status": best,
        "code": message.fails,
        **_words(world, message),
    }


def _words(world: World, message: Accepted) -> dict[str, Any]:
    if "text" in message.content:
        return {"text": message.content["text"]}
    sent = message.content["template"]
    template = world.templates.find(sent["name"], sent["language"]["code"])
    if template is None:
        return {"text": f"({sent['name']})"}
    buttons = template.component("BUTTONS").get("buttons", [])
    return {
        "header": shown(template, sent, "header"),
        "text": shown(template, sent),
        "footer": template.component("FOOTER").get("text", ""),
        "buttons": [button["text"] for button in buttons],
        "replies": [button["text"] for button in buttons if button["type"] == "QUICK_REPLY"],
    }


def _inbound(message: Inbound) -> dict[str, Any]:
    return {
        "person": f"+{message.sender}",
        "number": message.phone_number_id,
        "id": message.id,
        "mine": True,
        "at": message.at.isoformat(timespec="microseconds"),
        "text": message.text,
        "quotes": message.quotes,
    }
