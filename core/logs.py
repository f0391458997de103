"""Readable log lines on standard error; never with a token, a password or a message's text."""

import logging
import sys
import traceback
from types import TracebackType
from typing import Any

FORMAT = "%(asctime)s %(levelname).1s %(name)s  %(message)s"


def configure(level: int = logging.INFO) -> None:
    """Set up logging once for a process of ours."""
    logging.basicConfig(level=level, format=FORMAT, datefmt="%H:%M:%S")
    for noisy in ("alembic", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    keep_words_out()
    for handler in logging.getLogger().handlers:
        handler.addFilter(_unless_huey_chats)


def keep_words_out() -> None:
    """Have every traceback of this process told without what its errors say, whoever logs it.

    They quote: PostgreSQL the text of the row that it refuses, Python the value that did not fit.
    """
    made = logging.getLogRecordFactory()

    def record(*given: Any, **more: Any) -> logging.LogRecord:
        one = made(*given, **more)
        if one.exc_info and one.exc_info[1]:
            one.exc_text = where(one.exc_info[1])  # what formatters take in place of their own
        return one

    logging.setLogRecordFactory(record)
    sys.excepthook = _uncaught


def where(error: BaseException) -> str:
    """Where an error was raised and what kind it is, each with what led to it first."""
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = f"{where(earlier)}\nthen\n" if earlier else ""
    return f"{before}{''.join(traceback.format_tb(error.__traceback__))}{type(error).__name__}"


def _uncaught(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger(__name__).critical("ended by %s\n%s", kind.__name__, where(error))


def _unless_huey_chats(record: logging.LogRecord) -> bool:
    """Huey sets its own level and tells of every task; its warnings are what we want to see."""
    return record.levelno >= logging.WARNING or not record.name.startswith("huey")
