"""The command line as a person or a script has it: exit codes, words, real processes."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError
from typer.testing import CliRunner

from core.errors import OutboxError
from manage import app, in_words
from tests.conftest import forget_settings
from tests.processes import ROOT

TOKEN = "EAAGm0PX4ZCpsBAsecret"
ACCOUNT = ("account", "add", "--name", "Orders", "--phone-number-id", "1055", "--token", TOKEN)
SCHEDULE = ("schedule", "--account", "Orders", "--to", "+62 812-3456-789", "--text", "Hello 😀")


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def manage(*line: str, typed: str = "") -> Ended:
    """Run a command as a process of its own."""
    ended = subprocess.run(
        [sys.executable, "manage.py", *line],
        cwd=ROOT,
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return _clean(Ended(ended.returncode, ended.stdout, ended.stderr))


def here(*line: str, typed: str = "") -> Ended:
    """The same command in this process, which costs no start: for what it says."""
    forget_settings()
    ended = CliRunner().invoke(app, line, input=typed)
    if isinstance(ended.exception, OutboxError | SQLAlchemyError):
        told = in_words(ended.exception)
        assert told is not None, ended.exception
        return _clean(Ended(1, ended.stdout, f"{ended.stderr}{told}\n"))
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return _clean(Ended(ended.exit_code, ended.stdout, ended.stderr))


def _clean(ended: Ended) -> Ended:
    """Whatever happens, nobody is shown a traceback or a token."""
    assert "Traceback" not in ended.err, ended.err
    assert TOKEN not in ended.out + ended.err
    return ended


def said(*line: str, typed: str = "", by: Callable[..., Ended] = here) -> str:
    """What a command that succeeds prints."""
    ended = by(*line, typed=typed)
    assert (ended.code, ended.err) == (0, ""), ended.err
    return ended.out


def refused(*line: str, typed: str = "", code: int = 1, by: Callable[..., Ended] = here) -> str:
    """What a command that fails tells, on standard error only."""
    ended = by(*line, typed=typed)
    assert (ended.code, ended.out) == (code, ""), (ended.out, ended.err)
    return ended.err


def listed(*line: str) -> list[dict[str, Any]]:
    return [json.loads(one) for one in said("messages", "--json", *line).splitlines()]
