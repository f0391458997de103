"""What reaches a log of ours: where an error came from, never what it quotes."""

import subprocess
import sys

from tests.processes import ROOT

SECRET = "Dear Ana, your test was positive"
PROGRAM = f"""
import logging, sys
from core.logs import configure
configure()
logging.getLogger("huey").addHandler(logging.StreamHandler())

def chunk():
    try:
        int("{SECRET}")
    except ValueError as error:
        raise KeyError("{SECRET}") from error

try:
    chunk()
except KeyError:
    logging.getLogger("huey").exception("Unhandled exception in task")
chunk()
"""


def test_no_traceback_of_a_process_quotes_what_its_error_says() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert ended.stderr.count("in chunk\n") >= 3, "logged, by Huey's own handler, and uncaught"
    assert "KeyError" in ended.stderr and "ValueError" in ended.stderr
    assert SECRET not in ended.stderr + ended.stdout
