"""One person at the dashboard without a browser: the websocket as Streamlit's own page speaks it.

A message of ours asks for a run of the page, or of one of its fragments, whose period the server
told; the last message of a run says that it has finished. What a page drew is kept until the next
run of the whole page, so that a link, a widget or a row can be found in it.
"""

import asyncio
import json
import re
from dataclasses import dataclass, field
from html import unescape
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl, urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

LONGEST = 60.0  # seconds that a run may take
CACHED_FOR = 2  # runs: as long as a browser keeps a large message
_WIDGETS = ("button_group", "text_input", "button", "dataframe")


class Broken(Exception):
    """A page showed an error, or not what was asked for."""


@dataclass
class Run:
    """One run from the asking to its last message; of a part its bytes are not told apart."""

    seconds: float
    bytes: int


@dataclass
class Drawn:
    """What the last run of the whole page has drawn, and its fragments since."""

    html: list[str] = field(default_factory=list)
    widgets: dict[tuple[str, str], Any] = field(default_factory=dict)  # by kind and label
    wrong: list[str] = field(default_factory=list)


class Visitor:
    """Signed in by a cookie. What is live comes by itself and is kept until `taken`."""

    def __init__(self, site: str, cookie: str, *, zone: str) -> None:
        self.site, self.cookie, self.zone = site, cookie, zone
        self.path, self.query = "", ""
        self.drawn = Drawn()
        self._pages: dict[str, str] = {}  # the server's own name of each, by its path
        self._parts: list[Run] = []
        self._states: dict[str, tuple[str, Any]] = {}  # what the person has set, by widget
        self._kept: dict[str, tuple[int, ForwardMsg]] = {}
        self._timers: list[asyncio.Task[None]] = []
        self._asked: dict[str, float] = {}  # fragments that were asked for
        self._finished: asyncio.Future[None] | None = None
        self._bytes = self._number = 0

    async def __aenter__(self) -> "Visitor":
        self._line: ClientConnection = await connect(
            f"{self.site.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=[Subprotocol("streamlit")],
            additional_headers={"Cookie": self.cookie},
            origin=self.site,  # type: ignore[arg-type]
            max_size=None,
            compression=None,
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop_timers()
        self._reading.cancel()
        await self._line.close()

    async def open(self, address: str) -> Run:
        """Follow an address of ours: «/messages?state=Failed»."""
        self._stop_timers()
        path, _, self.query = address.partition("?")
        if path.strip("/") != self.path:
            self.path, self._states = path.strip("/"), {}
        bound = {one.id for one in self.drawn.widgets.values() if _in_address(one)}
        self._states = {id_: one for id_, one in self._states.items() if id_ not in bound}
        return await self._run(moved=True)

    async def follow(self, words: str) -> Run:
        """The first link that says so."""
        return await self.open(
            self.link(rf"<a [^>]*?href=\"([^\"]+)\"[^>]*>{re.escape(words)}</a>")
        )

    def link(self, pattern: str) -> str:
        """The first group of a pattern in what was drawn."""
        found = re.search(pattern, "".join(self.drawn.html))
        if not found:
            raise Broken(f"/{self.path}?{self.query}: no link {pattern}")
        return unescape(found[1])

    async def choose(self, label: str, option: str) -> Run:
        """One of the options that stand beside each other."""
        return await self._set(self._widget("button_group", label), "string_array_value", [option])

    async def type(self, label: str, text: str) -> Run:
        """A text; where the address has it, there too."""
        return await self._set(self._widget("text_input", label), "string_value", text)

    async def press(self, label: str) -> Run:
        return await self._run({self._widget("button", label).id: ("trigger_value", True)})

    async def tick(self, rows: list[int]) -> Run:
        """These rows of the table, and no other."""
        chosen = {"selection": {"rows": rows, "columns": [], "cells": []}}
        return await self._set(self._widget("dataframe", ""), "string_value", json.dumps(chosen))

    def shows(self, words: str) -> bool:
        return any(words in one for one in self.drawn.html)

    def taken(self) -> list[Run]:
        """The runs of live parts since this was asked last."""
        parts, self._parts = self._parts, []
        return parts

    def _widget(self, kind: str, label: str) -> Any:
        try:
            return self.drawn.widgets[kind, label]
        except KeyError:
            raise Broken(f"/{self.path}?{self.query}: no {kind} «{label}»") from None

    async def _set(self, widget: Any, kind: str, value: Any) -> Run:
        self._states[widget.id] = (kind, value)
        if name := _in_address(widget):
            pairs = [pair for pair in parse_qsl(self.query) if pair[0] != name]
            self.query = urlencode([*pairs, (name, value)] if value else pairs)
        return await self._run()

    async def _run(
        self, pressed: dict[str, tuple[str, Any]] | None = None, *, moved: bool = False
    ) -> Run:
        """Ask for a run of the whole page, and wait until it has finished."""
        self._finished = asyncio.get_running_loop().create_future()
        self._forget()
        self._bytes, began = 0, perf_counter()
        await self._ask(self._states | (pressed or {}), moved=moved)
        await asyncio.wait(
            (self._finished, self._reading),
            timeout=LONGEST,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not self._finished.done():
            raise Broken(f"/{self.path}?{self.query}: not finished")
        run = Run(perf_counter() - began, self._bytes)
        self._finished = None
        if self.drawn.wrong:
            raise Broken(f"/{self.path}?{self.query}: {self.drawn.wrong[0]}")
        return run

    def _forget(self) -> None:
        """What the server may name in its answer is what it is told of now."""
        self._number += 1
        old = self._number - CACHED_FOR
        self._kept = {key: one for key, one in self._kept.items() if one[0] >= old}

    async def _ask(
        self, states: dict[str, tuple[str, Any]], fragment: str = "", *, moved: bool = False
    ) -> None:
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string = self.query
        if known := self._pages.get(self.path):  # else what was bound on the page before is lost
            asked.page_script_hash = known
        else:
            asked.page_name = self.path
        asked.fragment_id, asked.is_auto_rerun = fragment, bool(fragment)
        asked.is_history_navigation = moved
        asked.cached_message_hashes.extend(self._kept)
        asked.context_info.timezone = self.zone
        asked.context_info.url = f"{self.site}/{self.path}"
        for id_, (kind, value) in states.items():
            state = asked.widget_states.widgets.add(id=id_)
            if isinstance(value, list):
                getattr(state, kind).data.extend(value)
            else:
                setattr(state, kind, value)
        await self._line.send(message.SerializeToString())

    async def _read(self) -> None:
        async for data in self._line:
            assert isinstance(data, bytes)
            self._bytes += len(data)
            message = ForwardMsg.FromString(data)
            what = message.WhichOneof("type")
            if what == "ref_hash":
                message = self._kept[message.ref_hash][1]
                what = message.WhichOneof("type")
            elif message.metadata.cacheable and message.hash:
                self._kept[message.hash] = (self._number, message)
            self._take(message, what, list(message.metadata.run.fragment_ids))

    def _take(self, message: ForwardMsg, what: str | None, fragments: list[str]) -> None:
        if what == "delta":
            self._draw(message.delta)
        elif what == "new_session" and not fragments:
            self._begin()
        elif what == "auto_rerun":
            again = message.auto_rerun
            self._timers.append(asyncio.create_task(self._each(again.interval, again.fragment_id)))
        elif what == "page_info_changed":
            self.query = message.page_info_changed.query_string.lstrip("?")
        elif what == "navigation":
            pages = message.navigation.app_pages
            self._pages = {page.url_pathname.strip("/"): page.page_script_hash for page in pages}
        elif what == "page_not_found":
            self.drawn.wrong.append("page not found")
        elif what == "script_finished":
            self._end(message.script_finished, fragments)

    def _begin(self) -> None:
        self.drawn = Drawn()
        self._stop_timers()

    def _draw(self, delta: Any) -> None:
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind == "html":
            self.drawn.html.append(element.html.body)
        elif kind == "exception":
            self.drawn.wrong.append(f"{element.exception.type}: {element.exception.message}")
        elif kind == "alert" and element.alert.format == element.alert.ERROR:
            self.drawn.wrong.append(element.alert.body)
        elif kind in _WIDGETS:
            widget = getattr(element, kind)
            self.drawn.widgets[kind, getattr(widget, "label", "")] = widget

    def _end(self, how: int, fragments: list[str]) -> None:
        now = perf_counter()
        for one in fragments:
            if asked := self._asked.pop(one, None):
                self._parts.append(Run(now - asked, 0))
        whole = how in (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR)
        if whole and self._finished and not self._finished.done():
            self._finished.set_result(None)

    async def _each(self, interval: float, fragment: str) -> None:
        while True:
            await asyncio.sleep(interval)
            self._asked.setdefault(fragment, perf_counter())
            await self._ask(self._states, fragment)

    def _stop_timers(self) -> None:
        for one in self._timers:
            one.cancel()
        self._timers, self._asked = [], {}


def _in_address(widget: Any) -> str:
    """The name by which the address has what the person chose here; empty where it has it not."""
    return str(getattr(widget, "query_param_key", ""))
