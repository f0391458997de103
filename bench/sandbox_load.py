"""How many sends a second the sandbox takes, measured from a process of its own.

`python -m sandbox` in one terminal, then `python bench/sandbox_load.py --seconds 20` in another.
Numbers are spread so that 1,000 a second stays below Meta's 80 for each of 20 numbers; every
recipient is new, so that the pair limit is checked but does not refuse.
"""

import argparse
import asyncio
import itertools
import statistics
import time
from collections import Counter

import aiohttp
import uvloop

_RECIPIENTS = itertools.count(628_000_000_000)


async def run(options: argparse.Namespace) -> None:
    results: Counter[int] = Counter()
    taken: list[float] = []
    until = time.perf_counter() + options.seconds
    slots = itertools.count()
    began = time.perf_counter()
    connector = aiohttp.TCPConnector(limit=options.connections)
    async with aiohttp.ClientSession(
        options.url, connector=connector, headers={"Authorization": "Bearer bench"}
    ) as session:

        async def send_on() -> None:
            while time.perf_counter() < until:
                slot = next(slots)
                if options.rate:
                    await asyncio.sleep(began + slot / options.rate - time.perf_counter())
                started = time.perf_counter()
                results[await _post(session, slot % options.numbers)] += 1
                taken.append(time.perf_counter() - started)

        await asyncio.gather(*(send_on() for _ in range(options.connections)))
    _report(results, taken, time.perf_counter() - began)


async def _post(session: aiohttp.ClientSession, number: int) -> int:
    """Posts one text; the error code of a refusal, 0 when it was accepted."""
    body = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": f"+{next(_RECIPIENTS)}",
        "type": "text",
        "text": {"body": "Your table is booked for Saturday at 19:30. Reply to change it."},
        "biz_opaque_callback_data": "bench",
    }
    async with session.post(f"/v25.0/{500_000 + number}/messages", json=body) as answer:
        reply = await answer.json()
    return 0 if "messages" in reply else int(reply["error"]["code"])


def _report(results: Counter[int], taken: list[float], seconds: float) -> None:
    cuts = statistics.quantiles(taken, n=100)
    refused = {code: count for code, count in results.items() if code} or "none"
    print(
        f"{len(taken) / seconds:,.0f} requests/s over {seconds:.1f} s, {results[0]:,} accepted; "
        f"p50 {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms; refused by code: {refused}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8600")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--numbers", type=int, default=20)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--rate", type=float, default=0, help="requests a second; 0: all it takes")
    uvloop.run(run(parser.parse_args()))
