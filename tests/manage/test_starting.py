"""A database, a queue or a setting that is not there, or not ready."""

import subprocess
import sys

import pytest

from tests import given
from tests.manage.command import SCHEDULE, here, manage, refused, said
from tests.processes import ROOT


def test_before_migrate_each_command_says_what_to_run(environment: pytest.MonkeyPatch) -> None:
    for line, by in ((("account", "list"), here), (("process-scheduled",), manage)):
        told = refused(*line, by=by)
        assert told == "The database has not the newest schema. Run: python manage.py migrate\n"
    for _ in range(2):
        assert said("migrate") == "The database has the newest schema.\n"
    assert said("account", "list") == said("messages") == ""


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://localhost:1/none", "The database cannot be reached (OUTBOX_DATABASE_URL): "),
        ("sqlite:////no/such/folder/x.db", "The database cannot be reached (OUTBOX_DATABASE_URL)"),
        ("nonsense", "OUTBOX_DATABASE_URL is no address of a database"),
    ],
)
def test_a_database_that_cannot_be_used_is_told(
    environment: pytest.MonkeyPatch, url: str, told: str
) -> None:
    environment.setenv("OUTBOX_DATABASE_URL", url)
    assert refused("account", "list", by=manage).startswith(told)


def test_a_setting_that_cannot_work_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OUTBOX_SESSION_HOURS", "long")
    assert refused("migrate").startswith("OUTBOX_SESSION_HOURS: ")


def test_a_queue_that_is_away_does_not_lose_a_message(
    sqlite: str, environment: pytest.MonkeyPatch
) -> None:
    given.account()
    environment.setenv("OUTBOX_QUEUE_URL", "redis://127.0.0.1:1/0")
    ended = manage(*SCHEDULE, "--now")
    assert (ended.code, ended.out) == (0, "1\n")
    assert "could not be woken" in ended.err
    assert given.statuses() == ["pending"]


def test_a_worker_with_one_thread_is_refused(environment: pytest.MonkeyPatch) -> None:
    """Its only thread would be the send loop: nobody could scan, wake or stop it."""
    line = [sys.executable, "-m", "huey.bin.huey_consumer", "tasks.huey", "-k", "thread", "-w", "1"]
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert "The worker needs at least two threads: huey_consumer … -w 4" in ended.stderr


def test_an_unknown_command_or_option_is_a_usage_error(environment: pytest.MonkeyPatch) -> None:
    assert "No such command" in refused("sned", code=2)
    assert "--token" in refused("account", "add", "--name", "x", "--phone-number-id", "1", code=2)
    assert "Missing argument" in refused("user", "add", "--role", "viewer", code=2)
    shown = said("--help")
    for command in ("migrate", "user", "account", "schedule", "import", "messages", "process-sch"):
        assert command in shown
