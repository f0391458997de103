"""A bare responder in WhatsApp's place: answers every POST with 200 and a fresh id, and notes when.

`python -m bench.responder --port 8700 --latency 0.05-0.15`. It checks nothing: the sandbox does.
GET /_bench/count and /_bench/arrivals tell what came, DELETE /_bench/arrivals forgets it.
"""

import argparse
import asyncio
import itertools
import json
import random
import re
import signal
from array import array
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from time import time
from typing import cast
from uuid import uuid4

import uvloop

from bench.webhooks import Webhooks

_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: *(\d+)")
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_RUN = uuid4().hex[:8].encode()
_ANSWER = b'{"messaging_product":"whatsapp","messages":[{"id":"wamid.%b%012d"}]}'
_ACCEPTED = _HEAD % len(_ANSWER % (_RUN, 0)) + _ANSWER
_NOTHING = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Ledger:
    """What arrived: for each phone-number id the epoch seconds, in order."""

    def __init__(self, latency: tuple[float, float], webhooks: Webhooks | None) -> None:
        self.latency, self.webhooks = latency, webhooks
        self.ids = itertools.count(1)
        self.arrivals: defaultdict[bytes, array[float]] = defaultdict(lambda: array("d"))

    def told(self, path: bytes) -> bytes:
        if path.endswith(b"/count"):
            found: object = sum(map(len, self.arrivals.values()))
        else:
            found = {number.decode(): list(times) for number, times in self.arrivals.items()}
        body = json.dumps(found).encode()
        return _HEAD % len(body) + body


class Responder(asyncio.Protocol):
    """One connection, kept alive."""

    def __init__(self, ledger: Ledger, later: Callable[..., object]) -> None:
        self.ledger, self.later, self.buffer = ledger, later, b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (head := self.buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self.buffer, 0, head)
            end = head + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < end:
                return
            request, self.buffer = self.buffer[:end], self.buffer[end:]
            self._answer(request, head + 4)

    def _answer(self, request: bytes, body: int) -> None:
        method, path, _ = request.split(b" ", 2)
        if method == b"POST":
            self._accept(path.split(b"/", 3)[2], request, body)
        elif method == b"GET":
            self.transport.write(self.ledger.told(path))
        else:
            if method == b"DELETE":
                self.ledger.arrivals.clear()
            self.transport.write(_NOTHING)

    def _accept(self, number: bytes, request: bytes, body: int) -> None:
        ledger = self.ledger
        ledger.arrivals[number].append(time())
        key = next(ledger.ids)
        shortest, longest = ledger.latency
        if longest:
            answer = partial(self._write, _ACCEPTED % (_RUN, key))
            self.later(random.uniform(shortest, longest), answer)
        else:
            self.transport.write(_ACCEPTED % (_RUN, key))
        if ledger.webhooks:
            ledger.webhooks.accepted(f"wamid.{_RUN.decode()}{key:012d}", request[body:])

    def _write(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


def seconds(text: str) -> tuple[float, float]:
    """`0.2` or a range such as `0.05-0.15`."""
    shortest, _, longest = text.partition("-")
    return float(shortest), float(longest or shortest)


async def serve(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    webhooks = Webhooks(options.webhooks, options.secret) if options.webhooks else None
    ledger = Ledger(options.latency, webhooks)
    connection = partial(Responder, ledger, loop.call_later)
    server = await loop.create_server(connection, "127.0.0.1", options.port, backlog=4096)
    emitting = asyncio.create_task(webhooks.run()) if webhooks else None
    await stop.wait()
    server.close()
    if emitting:
        emitting.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8700)
    parser.add_argument("--latency", type=seconds, default=(0.0, 0.0), help="seconds, or a range")
    parser.add_argument("--webhooks", help="where to post status webhooks; none: nowhere")
    parser.add_argument("--secret", default="sandbox", help="signs the webhooks")
    uvloop.run(serve(parser.parse_args()))
