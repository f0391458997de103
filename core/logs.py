"""Readable log lines on standard error; never with a token, a password or a message's text."""

import logging

FORMAT = "%(asctime)s %(levelname).1s %(name)s  %(message)s"


def configure(level: int = logging.INFO) -> None:
    """Set up logging once for a process of ours."""
    logging.basicConfig(level=level, format=FORMAT, datefmt="%H:%M:%S")
    for noisy in ("alembic", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_unless_huey_chats)


def _unless_huey_chats(record: logging.LogRecord) -> bool:
    """Huey sets its own level and tells of every task; its warnings are what we want to see."""
    return record.levelno >= logging.WARNING or not record.name.startswith("huey")
