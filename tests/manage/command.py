"""The command line as a person or a script has it: real processes, exit codes, words."""

import json
import subprocess
import sys
from typing import Any, NamedTuple

from typer.testing import CliRunner

from core.errors import OutboxError
from manage import app
from tests.processes import ROOT

TOKEN = "EAAGm0PX4ZCpsBAsecret"
ACCOUNT = ("account", "add", "--name", "Orders", "--phone-number-id", "1055", "--token", TOKEN)
SCHEDULE = ("schedule", "--account", "Orders", "--to", "+62 812-3456-789", "--text", "Hello 😀")


def manage(*line: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a command; whatever happens, nobody is shown a traceback or a token."""
    ended = subprocess.run(
        [sys.executable, "manage.py", *line],
        cwd=ROOT,
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    assert TOKEN not in ended.stdout + ended.stderr
    return ended


def said(*line: str, typed: str = "") -> str:
    """What a command that succeeds prints."""
    ended = manage(*line, typed=typed)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
    return ended.stdout


def refused(*line: str, typed: str = "", code: int = 1) -> str:
    """What a command that fails tells, on standard error only."""
    ended = manage(*line, typed=typed)
    assert (ended.returncode, ended.stdout) == (code, ""), (ended.stdout, ended.stderr)
    return ended.stderr


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def here(*line: str, typed: str = "") -> Ended:
    """The same command in this process, which costs no start: for what it says, not how it ends."""
    ended = CliRunner().invoke(app, line, input=typed)
    if isinstance(ended.exception, OutboxError):
        return Ended(1, ended.stdout, f"{ended.stderr}{ended.exception}\n")
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


def listed(*line: str) -> list[dict[str, Any]]:
    return [json.loads(one) for one in said("messages", "--json", *line).splitlines()]
