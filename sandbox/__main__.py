"""Runs the sandbox until SIGTERM or SIGINT: `python -m sandbox`."""

import argparse
import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from sandbox.app import build
from sandbox.ledger import DamagedLedger
from sandbox.world import World

HOST = "127.0.0.1"
BACKLOG = 4096  # two workers may open a thousand connections each at one moment
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    options = _options()
    listener = _listen(options.port)
    try:
        uvloop.run(_serve(options, listener))
    except DamagedLedger as error:
        sys.exit(f"sandbox: {error}. Move the file away to start with an empty one.")


def _options() -> argparse.Namespace:
    env = os.environ
    public = env.get("OUTBOX_PUBLIC_URL") or (
        f"http://{HOST}:{env.get('OUTBOX_DASHBOARD_PORT') or 8501}"
    )
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description=sys.modules["sandbox"].__doc__
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=env.get("OUTBOX_SANDBOX_PORT") or "8600",
        help="OUTBOX_SANDBOX_PORT; 0 takes any free one (default: %(default)s)",
    )
    parser.add_argument(
        "--webhook-url",
        default=f"{public.rstrip('/')}/webhooks/whatsapp",
        help="where webhooks go; follows OUTBOX_PUBLIC_URL (default: %(default)s)",
    )
    parser.add_argument(
        "--app-secret",
        default=env.get("OUTBOX_APP_SECRET") or "sandbox",
        help="OUTBOX_APP_SECRET; signs the webhooks",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(env.get("OUTBOX_DATA_DIR") or ROOT / "data"),
        help="OUTBOX_DATA_DIR; holds sandbox.jsonl (default: %(default)s)",
    )
    return parser.parse_args()


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no port: --port or OUTBOX_SANDBOX_PORT needs a number from 0 to 65535"
        )
    return int(text)


def _listen(port: int) -> socket.socket:
    """Binds before anything else, so that two sandboxes never write one ledger by mistake."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError as error:
        sys.exit(
            f"sandbox: cannot listen on {HOST}:{port} ({error.strerror}). "
            "Set OUTBOX_SANDBOX_PORT or --port to a free port."
        )
    return listener


async def _serve(options: argparse.Namespace, listener: socket.socket) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    world = World(
        data_dir=options.data_dir, webhook_url=options.webhook_url, secret=options.app_secret
    )
    runner = web.AppRunner(
        build(world), access_log=None, handler_cancellation=True, shutdown_timeout=0.3
    )
    await runner.setup()
    await web.SockSite(runner, listener, backlog=BACKLOG).start()
    port = listener.getsockname()[1]
    print(
        f"sandbox: WhatsApp Cloud API on http://{HOST}:{port}, webhooks to {options.webhook_url}, "
        f"ledger {world.ledger.path}",
        flush=True,
    )
    await stop.wait()
    await runner.cleanup()
    world.ledger.close()


if __name__ == "__main__":
    main()
