"""A fleet of workers on each database, work for it, and chance that can be repeated."""

import os
import random
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet

from tests.chaos.fleet import Fleet
from tests.chaos.load import Load
from tests.conftest import forget_settings
from tests.processes import Programs

SEED = os.environ.get("SEED") or str(random.randrange(10**6))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.chaos)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Chance that SEED repeats; it is printed first."""
    print(f"\n{request.node.name}: SEED={SEED}", flush=True)
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fleet(
    kind: str, request: pytest.FixtureRequest, environment: pytest.MonkeyPatch, programs: Programs
) -> Fleet:
    """Workers over one database; with PostgreSQL and Redis each on a machine of its own."""
    environment.setenv("OUTBOX_SECRET_KEY", Fernet.generate_key().decode())
    request.getfixturevalue(kind)
    if kind == "postgresql":
        request.getfixturevalue("redis")
    forget_settings()
    tell_sandbox(programs)
    return Fleet(programs, shared=kind == "postgresql")


def tell_sandbox(programs: Programs, **more: Any) -> None:
    """No limit of Meta's, no webhooks, and answers that take a while."""
    body = {
        "numbers": {"*": {"throughput": None}},
        "webhooks": {"on": False},
        "latency_ms": 50,
    } | more
    requests.post(f"{programs.api}/_sandbox/settings", json=body, timeout=10).raise_for_status()


@pytest.fixture
def load(fleet: Fleet) -> Load:
    return Load(fleet.programs.folder / "data" / "sandbox.jsonl")
