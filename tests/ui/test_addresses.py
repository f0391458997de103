"""The link of each number on the page Accounts finds as many messages as it tells."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from core import clock, installation, listing
from core.access import Actor, Role
from core.filtering import Filter
from core.settings import ROOT
from tests.core import stored
from tests.given import ANA
from tests.ui.seen import html
from ui import live

pytestmark = pytest.mark.usefixtures("sqlite")

HOUR = timedelta(hours=1)
Seen = Callable[[], str]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    live._pulse.clear()
    monkeypatch.setattr("core.sessions.actor", lambda token: Actor("vera", Role.VIEWER))
    page = str(ROOT / "pages" / "accounts.py")
    return lambda: html(AppTest.from_file(page, default_timeout=20).run())


def followed(body: str) -> dict[str, tuple[int, int, int]]:
    """What each link says; the number before it, and how many it finds by either way."""
    told = {}
    for address, number, words in re.findall(r'href="/messages\?([^"]+)">(\d+) ([^<]+)</a>', body):
        wanted = Filter.read(parse_qs(unescape(address)))
        now = clock.wall()
        found = listing.count(wanted, now=now), listing.seen(wanted, now=now).matching
        told[words] = int(number), *found
    return told


def test_what_waits_for_a_reason_leads_to_its_messages(seen: Seen) -> None:
    now = clock.wall()
    refused = {"error_class": "pair", "due_at": now + HOUR}
    tried = {"error_class": "transient", "retry_count": 1}
    kinds: list[tuple[dict[str, Any], int]] = [
        ({"hold": "person"}, 2),
        ({"hold": "template"}, 1),
        ({"hold": "batch"}, 5),
        (refused, 3),
        (tried | {"due_at": now + HOUR}, 1),
        (tried | {"due_at": now - HOUR}, 1),
        ({"due_at": now - HOUR}, 1),
        ({"due_at": now + 3 * HOUR}, 1),
        ({"status": "processing", "worker_id": 4}, 1),
    ]
    rows = [row for row, number in kinds for _ in range(number)]
    stored.messages(
        stored.account("A & B"), [row | {"recipient": f"+62{n}"} for n, row in enumerate(rows)]
    )
    stored.messages(stored.account("Shop", state="paused"), [{}, {}])
    stored.account("Idle")
    body = seen()
    assert followed(body) == {
        "held": (3, 3, 3),
        "held by their batch": (5, 5, 5),
        "to be tried again": (4, 4, 4),
        "for later": (1, 1, 1),
        "without a worker": (2, 2, 2),
    }
    assert 'hold=due"><strong>2</strong><small>due now' in body
    assert 'hold=paused"><strong>2</strong><small>kept back' in body
    assert "<strong>0</strong><small>due now" in body, "without a link"
    installation.stop_all("A look", by=ANA)
    live._pulse.clear()
    assert followed(seen()) == {"stopped with all sending": (15, 15, 15)}


def test_in_quiet_hours_what_is_for_later_leads_beyond_them(seen: Seen) -> None:
    now = clock.wall()
    quiet = {"zone": "UTC", "quiet_from": f"{now - HOUR:%H:%M}", "quiet_to": f"{now + HOUR:%H:%M}"}
    rows = [{"due_at": now + hours * HOUR} for hours in (-1, 0.5, 3, 4)]
    stored.messages(stored.account(**quiet), rows)
    assert followed(seen()) == {"in quiet hours": (2, 2, 2), "for later": (2, 2, 2)}
