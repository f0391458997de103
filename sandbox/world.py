"""Everything the sandbox knows while it runs, in one place that the routes share."""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aiohttp import web

from sandbox.faults import Fault, Faults
from sandbox.ledger import Ledger
from sandbox.limits import Pairs
from sandbox.numbers import Number, Numbers
from sandbox.templates import Templates
from sandbox.webhooks import Emitter, Options

_KEPT_INBOUND = 300


@dataclass(frozen=True, slots=True)
class Inbound:
    """One text that a person wrote, or a button that they pressed; `sender` is digits."""

    id: str
    phone_number_id: str
    sender: str
    text: str
    at: datetime
    quotes: str | None = None  # the id of the message that it answers
    pressed: bool = False


class World:
    """Numbers, templates, limits, faults, the ledger and the webhooks of one sandbox."""

    def __init__(self, *, data_dir: Path, webhook_url: str, secret: str) -> None:
        self.webhook_url = webhook_url
        self.closing = asyncio.Event()
        self.ledger = Ledger(data_dir / "sandbox.jsonl")
        self.numbers = Numbers()
        self.webhooks = Emitter(Options(webhook_url), secret, self.ledger, self._number)
        self.fresh()
        for message in self.ledger.find():
            self._number(message.phone_number_id)

    def fresh(self) -> None:
        """Numbers, templates, limits, faults and switches as at the first start."""
        self.numbers.clear()
        self.templates = Templates()
        self.pairs = Pairs()
        self.faults = Faults()
        self.inbound: deque[Inbound] = deque(maxlen=_KEPT_INBOUND)
        self.latency = 0.0
        self.webhooks.options = Options(self.webhook_url)

    def reset(self) -> None:
        """Forgets everything, also what was accepted and what the webhook has not taken yet."""
        self.webhooks.forget()
        self.ledger.clear()
        self.fresh()

    def steps(self, fault: Fault) -> list[tuple[str, float]]:
        """The statuses that a message meeting this fault will have, with their delays."""
        options = self.webhooks.options
        skipped = "delivered" if options.skip_delivered else ""
        return [(name, options.delays[name]) for name in fault.statuses if name != skipped]

    def _number(self, node: str) -> Number:
        return self.numbers.get(node, method="GET")


WORLD = web.AppKey("world", World)
