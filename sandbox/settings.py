"""What `/_sandbox/settings` reads and changes while the sandbox runs; a restart forgets it."""

from dataclasses import asdict
from typing import Any

from sandbox.numbers import Changes
from sandbox.webhooks import Options
from sandbox.world import World

_SECTIONS = ("numbers", "webhooks", "templates", "listing", "latency_ms")
_STATUSES = ("APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED", "DELETED")
_CHANGES = ("status", "category", "components", "quality")

_SAID = {
    "quality": ("GREEN", "YELLOW", "RED", "UNKNOWN"),
    "messaging_limit": ("TIER_250", "TIER_2K", "TIER_10K", "TIER_100K", "TIER_UNLIMITED"),
}


def shown(world: World) -> dict[str, Any]:
    """All settings, and how many statuses wait or were dropped."""
    return {
        "numbers": {
            n.id: {name: getattr(n, name) for name in Changes.__annotations__}
            for n in world.numbers.all()
        },
        "webhooks": asdict(world.webhooks.options)
        | {"pending": world.webhooks.pending, "dropped": world.webhooks.dropped},
        "templates": {f"{t.name}/{t.language}": t.status for t in world.templates.all},
        "listing": world.templates.refusals,
        "latency_ms": world.latency * 1000,
    }


def change(world: World, body: dict[str, Any]) -> None:
    """Checks everything, then changes what was named. Raises ValueError or GraphError."""
    _known(body, _SECTIONS, "settings")
    numbers = {str(node): _number(want) for node, want in _object(body, "numbers").items()}
    options = _webhooks(world.webhooks.options, _object(body, "webhooks"))
    latency = _seconds(body.get("latency_ms", world.latency * 1000), "latency_ms") / 1000
    listing = _listing(body.get("listing", world.templates.refusals))
    known = {t.name for t in world.templates.all}
    templates = {
        name: _template(want, known=name in known)
        for name, want in _object(body, "templates").items()
    }
    for node, changes in numbers.items():
        world.numbers.change(node, changes)
    for name, edited in templates.items():
        world.templates.change(name, edited)
    world.templates.refusals = listing
    world.webhooks.options, world.latency = options, latency


def _known(body: dict[str, Any], names: Any, what: str) -> None:
    for name in body:
        if name not in names:
            raise ValueError(f"{what}: {name!r} is none of {', '.join(names)}")


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name, {})
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be a JSON object")
    return value


def _seconds(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise ValueError(f"{name} must be a number from 0 up")
    return float(value)


def _number(want: Any) -> Changes:
    if not isinstance(want, dict):
        raise ValueError("numbers: each phone number id (or *) needs a JSON object")
    _known(want, Changes.__annotations__, "numbers")
    rate = want.get("throughput")
    if rate is not None and _seconds(rate, "throughput") == 0:
        raise ValueError("throughput must be above 0, or null for no limit")
    for name in ("country", "waba_id"):
        if name in want and not (isinstance(want[name], str) and want[name].isdigit()):
            raise ValueError(f"{name} must be digits")
    for name, known in _SAID.items():
        if want.get(name, known[0]) not in known:
            raise ValueError(f"{name} is one of {', '.join(known)}")
    return Changes(**want)  # type: ignore[typeddict-item]


def _template(want: Any, *, known: bool) -> dict[str, Any]:
    """What to change of all languages of a template: its status alone, or an object."""
    changes = {"status": want} if isinstance(want, str) else want
    if not known or not isinstance(changes, dict):
        changes = {"status": None}
    if changes.get("status", "APPROVED") not in _STATUSES:
        raise ValueError(f"templates: a known name with one of {', '.join(_STATUSES)}")
    _known(changes, _CHANGES, "templates")
    return changes


def _listing(codes: Any) -> list[int | None]:
    if not isinstance(codes, list) or not all(c is None or type(c) is int for c in codes):
        raise ValueError("listing: a list of error codes, null for an answer as usual")
    return codes


def _webhooks(now: Options, want: dict[str, Any]) -> Options:
    _known(want, asdict(now), "webhooks")
    for name, value in want.items():
        if type(value) is not type(getattr(now, name)) and name not in ("retry_after", "delays"):
            raise ValueError(f"webhooks: {name} must be {type(getattr(now, name)).__name__}")
    if not want.get("url", now.url).startswith(("http://", "https://")):
        raise ValueError("webhooks: url must begin with http:// or https://")
    delays = _object(want, "delays")
    _known(delays, now.delays, "delays")
    return Options(
        **asdict(now)
        | want
        | {
            "delays": now.delays | {n: _seconds(v, f"delays {n}") for n, v in delays.items()},
            "retry_after": _seconds(want.get("retry_after", now.retry_after), "retry_after"),
        }
    )
