"""What operators do all day: each walks the same round from another place of it."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from urllib.parse import quote

from websockets.exceptions import WebSocketException

from bench.visitor import Broken, Run, Visitor
from core import clock

MODE, READ, SELECT = "Mode", "Read", "Select"
SEARCH = "Search in numbers and texts"
FAR = timedelta(hours=2)
LINGERS = 3  # actions' time before what is live
LIVE = {"Overview": "Overview, its live parts", "A message": "A message, its live part"}


@dataclass(frozen=True)
class Look:
    """One page as somebody waited for it; `cpu`: seconds of the dashboard meanwhile, None of a part
    that came by itself."""

    page: str
    run: Run
    cpu: float | None


@dataclass
class Journal:
    """All that was seen by everybody. `cpu` tells the dashboard's seconds so far."""

    cpu: Callable[[], float]
    looks: list[Look] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)


class Operator:
    """`number` tells where the round begins and what is looked for, `pause` the seconds between
    two actions, on the average."""

    def __init__(self, number: int, visitor: Visitor, journal: Journal, *, pause: float) -> None:
        self.visitor, self.journal = visitor, journal
        self.random, self.number = random.Random(number), number
        self.pause, self.leg = pause, number * 5 % len(LEGS)

    async def work(self, until: float) -> None:
        """Until that moment of `monotonic`, but one round at least; what breaks is noted, and the
        next leg begins."""
        last = self.leg + len(LEGS)
        while monotonic() < until or self.leg < last:
            leg = LEGS[self.leg % len(LEGS)]
            self.leg += 1
            try:
                await leg(self)
            except (Broken, TimeoutError, WebSocketException) as error:
                self.journal.wrong.append((leg.__name__, f"{type(error).__name__}: {error}"))
                await self._rest()

    async def does(
        self, page: str, action: Awaitable[Run], shows: str = "", *, lingers: float = 1
    ) -> None:
        """Wait for the page, look whether it is the one that was meant, and stay a while."""
        before = self.journal.cpu()
        run = await action
        self.journal.looks.append(Look(page, run, self.journal.cpu() - before))
        if shows and not self.visitor.shows(shows):
            raise Broken(f"{page} does not show {shows!r}")
        await self._rest(lingers)
        live = LIVE.get(page, "What needs somebody")
        self.journal.looks += [Look(live, part, None) for part in self.visitor.taken()]

    async def _rest(self, times: float = 1) -> None:
        await asyncio.sleep(times * self.pause * self.random.uniform(0.5, 1.5))

    async def overview(self) -> None:
        opened = self.visitor.open("/")
        await self.does("Overview", opened, "Sent today", lingers=LINGERS)

    async def messages(self) -> None:
        await self.does("Messages", self.visitor.open("/messages"), "Recipient")
        account = f"Number {self.random.randrange(4)}"
        address = f"/messages?state=Read&state=Scheduled&account={account.replace(' ', '+')}"
        await self.does("Messages, filtered", self.visitor.open(address), account)
        await self.does("Next →", self.visitor.follow("Next →"), "Previous")

    async def selecting(self) -> None:
        await self.visitor.open("/messages?state=Scheduled")
        await self.does("Select", self.visitor.choose(MODE, SELECT))
        for rows in ([0], [0, 3], [0, 3, 4]):
            await self.does("Tick a row", self.visitor.tick(rows), f"<b>{len(rows)}</b> selected")
        await self.does("Next → while selecting", self.visitor.press("Next →"), "<b>3</b> selected")
        await self.visitor.choose(MODE, READ)

    async def search(self) -> None:
        await self.visitor.open("/messages")
        number = f"0812-{self.random.randrange(100):02d}{self.random.randrange(10)}"
        found = self.visitor.type(SEARCH, number)
        await self.does("Search, part of a number", found, "Looked for")
        text = f"order {self.random.randrange(10_000, 100_000)}"
        await self.does("Search, a text", self.visitor.type(SEARCH, text))
        nobody = f"/messages?label=nobody-{self.random.randrange(1000)}"
        await self.does("A label that nobody has", self.visitor.open(nobody), "No message matches")

    async def message(self) -> None:
        await self.visitor.open("/messages?state=Read&state=Failed")
        row = self.visitor.link(r"href=\"(/message\?id=\d+)\"")
        opened = self.visitor.open(row)
        await self.does("A message", opened, "What happened", lingers=LINGERS)

    async def holding(self) -> None:
        """What changes something: a message of one's own, far ahead of the engine."""
        far = quote(f"{clock.wall() + FAR:%Y-%m-%dT%H:%M:%S+00:00}")
        await self.visitor.open(f"/messages?state=Scheduled&due_from={far}")
        rows = re.findall(r"href=\"(/message\?id=\d+)\"", "".join(self.visitor.drawn.html))
        await self.visitor.open(rows[self.number % len(rows)])
        await self.does("Hold a message", self.visitor.press("Hold"), "Held")
        await self.does("Release a message", self.visitor.press("Release"), "Scheduled")

    async def scheduling(self) -> None:
        await self.does("Schedule", self.visitor.open("/schedule"), "Schedule a message")
        await self.does("Many", self.visitor.open("/many"), "Schedule many messages")

    async def templates(self) -> None:
        await self.does("Templates", self.visitor.open("/templates"), "Templates")
        address = self.visitor.link(r"href=\"(/template\?id=\d+)\"")
        await self.does("A template", self.visitor.open(address), "order_ready")

    async def people(self) -> None:
        await self.does("People", self.visitor.open("/people"), "People")

    async def failed(self) -> None:
        await self.visitor.open("/messages")
        await self.does("Failed", self.visitor.follow("Failed"), "Failed")

    async def history(self) -> None:
        await self.visitor.open("/messages")
        await self.does("History", self.visitor.follow("History"), "Finished")

    async def batches(self) -> None:
        await self.does("Batches", self.visitor.open("/batches"), "List ")
        every = re.findall(r"href=\"(/batches\?id=\d+)\"", "".join(self.visitor.drawn.html))
        await self.does("A batch", self.visitor.open(self.random.choice(every)), "Who did what")

    async def not_reached(self) -> None:
        await self.does("Not reached", self.visitor.open("/not_reached"), "Not reached")

    async def accounts(self) -> None:
        await self.does("Accounts", self.visitor.open("/accounts"), "Number 0")


LEGS = (
    Operator.overview,
    Operator.messages,
    Operator.selecting,
    Operator.search,
    Operator.message,
    Operator.holding,
    Operator.failed,
    Operator.history,
    Operator.batches,
    Operator.not_reached,
    Operator.accounts,
    Operator.scheduling,
    Operator.templates,
    Operator.people,
)
