"""The menu of exports, and the files that wait, without a browser."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from core import exporting, leasing, operating, operations
from core.access import Actor, Role
from core.columns import What
from core.export import Order
from core.kinds import Kind
from tests.core import stored
from tests.ui.seen import html

VERA = Actor("vera", Role.VIEWER)

pytestmark = pytest.mark.usefixtures("sqlite")


@pytest.fixture(autouse=True)
def vera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.sessions.actor", lambda token: VERA)


def _menu() -> None:
    from core.access import Actor, Role
    from core.filtering import Filter
    from core.standing import Standing
    from ui import exports

    wanted = Filter(frozenset({Standing.FAILED}), "Orders & more", 'a"b')
    exports._choices(wanted, Actor("vera", Role.VIEWER))


def _files() -> None:
    from core.access import Actor, Role
    from ui import exports

    exports.shown(Actor("vera", Role.VIEWER))


def run(page: object) -> AppTest:
    return AppTest.from_function(page, default_timeout=20).run()  # type: ignore[arg-type]


def address(at: AppTest) -> tuple[str, dict[str, list[str]]]:
    """Of the CSV: its path and what it asks for."""
    found = re.search(r'href="([^"]*)"', html(at))
    assert found
    parts = urlsplit(unescape(found[1]))
    return parts.path, parse_qs(parts.query)


@pytest.fixture
def failed() -> Iterator[int]:
    yield stored.messages(stored.account("Orders & more"), [{"status": "failed", "text": 'a"b'}])[0]


def test_the_csv_is_that_of_the_list_with_its_usual_columns() -> None:
    assert address(run(_menu)) == (
        "/export/messages.csv",
        {"state": ["failed"], "account": ["Orders & more"], "q": ['a"b'], "zone": ["UTC"]},
    )


def test_attempts_columns_and_zone_are_chosen_and_an_empty_choice_is_told() -> None:
    at = run(_menu)
    at.segmented_control(key="export-what").set_value(What.ATTEMPTS).run()
    at.segmented_control(key="export-set").set_value("some").run()
    at.multiselect(key="export-attempts").set_value(["payload", "outcome"]).run()
    at.selectbox(key="export-zone").set_value("Asia/Tokyo").run()
    path, asked = address(at)
    assert path == "/export/attempts.csv"
    assert asked["columns"] == ["payload,outcome"] and asked["zone"] == ["Asia/Tokyo"]
    at.multiselect(key="export-attempts").set_value([]).run()
    assert "Choose at least one column." in html(at) and not at.button


def test_a_viewer_has_a_workbook_made_downloads_and_removes_it(failed: int) -> None:
    run(_menu).button(key="export-xlsx").click().run()
    assert "Exporting 1 message as XLSX" in html(run(_files))
    mine = leasing.take({Kind.EXPORT})
    assert mine and mine.by == "vera"
    operating.run(mine)
    at = run(_files)
    told = html(at)
    assert "1 row · " in told and "kept until tomorrow" in told
    assert f'href="/files/{operations.state(mine.id).result["file_id"]}"' in told
    at.button[0].click().run()
    assert exporting.recent(VERA) == [] and html(run(_files)) == ""


def test_what_cannot_be_made_is_said_in_the_menu() -> None:
    at = run(_menu).button(key="export-xlsx").click().run()
    assert "Nothing matches, so there is nothing to export." in html(at)


def test_what_was_called_off_is_told_once_to_who_saw_it_and_not_to_who_comes_later(
    failed: int,
) -> None:
    begun = exporting.begin(Order(), by=VERA)
    at = run(_files)
    operations.cancel(begun, by=VERA)
    assert "cancelled after 0 rows" in html(at.run())
    assert html(run(_files)) == ""
