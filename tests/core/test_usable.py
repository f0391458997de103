"""Why a template cannot be sent, in words."""

from datetime import UTC, datetime
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from core import db, usable
from core.models import Template
from core.sending import barring
from core.usable import Difference, Stop
from tests.core import templated

AT = datetime(2026, 11, 25, 9, tzinfo=UTC)
BODY = [{"type": "BODY", "text": "Hello {{1}}"}]
BUTTONS = {
    "type": "BUTTONS",
    "buttons": [{"type": "URL", "text": "Go", "url": "https://a.example"}],
}
BEFORE = {"sha256": "old", "category": "UTILITY", "parameter_format": None, "components": BODY}


def template(**more: Any) -> Any:
    plain = {
        "status": "APPROVED",
        "status_since": AT,
        "category": "UTILITY",
        "parameter_format": None,
        "components": BODY,
        "sha256": "new",
        "rejected_reason": None,
        "hold": None,
        "hold_by": None,
        "hold_since": None,
        "changed_at": AT,
        "previous": None,
    }
    return SimpleNamespace(**(plain | more))


@pytest.mark.parametrize(
    "more, said",
    [
        ({"status": "PAUSED"}, "Meta paused it"),
        (
            {"status": "REJECTED", "rejected_reason": "TAG_MISMATCH"},
            "Meta rejected it (tag mismatch)",
        ),
        ({"status": "SOMETHING_NEW"}, "Meta has it as something new"),
        ({"hold": "wrong price.", "hold_by": "ana"}, "held by ana: wrong price"),
        ({"hold": "(#132015)", "hold_by": "Meta"}, "Meta refused it: (#132015)"),
        ({"previous": BEFORE | {"category": "MARKETING"}}, "it became utility"),
        (
            {"previous": BEFORE, "components": [{"type": "BODY", "text": "Hi {{1}}"}]},
            "its text was changed at Meta",
        ),
        (
            {"previous": BEFORE, "components": [*BODY, BUTTONS], "category": "MARKETING"},
            "its buttons were changed at Meta and it became marketing",
        ),
        ({"previous": BEFORE, "parameter_format": "NAMED"}, "its parameters were changed at Meta"),
        ({}, "it was changed at Meta"),
    ],
)
def test_each_reason_is_told_in_words(more: dict[str, Any], said: str) -> None:
    found = usable.stop(template(**more), "old")
    assert found is not None and found.reason == said


def test_the_claim_and_the_words_agree_on_which_templates_send(database: str) -> None:
    account = templated.account()
    kinds = list(product([usable.APPROVED, *usable.SAID, "SOMETHING_NEW"], [None, "wrong price"]))
    made = [
        templated.template(account, f"t_{n}", status=status, hold=hold, hold_by=hold and "ana")
        for n, (status, hold) in enumerate(kinds)
    ]
    with db.reading() as session:
        asked = [session.get_one(Template, one) for one in made]
        rows = [SimpleNamespace(batch_id=None, template_id=one) for one in made]
        may = barring.read(session, rows)  # type: ignore[arg-type]
    sends = [usable.sends(one) for one in asked]
    assert [one in may.templates for one in made] == sends and sends == [True] + [False] * 21
    assert [usable.stop(one) is None for one in asked] == sends


def test_what_sends_stops_nothing_that_was_scheduled_with_it() -> None:
    assert usable.stop(template(), "new") is None and usable.stop(template()) is None
    assert usable.stop(template(status="PAUSED")) == Stop("Meta paused it", AT)


def test_the_difference_is_shown_part_by_part() -> None:
    other = template(previous=BEFORE, components=[*BODY, BUTTONS], category="MARKETING")
    assert usable.differences(other) == [
        Difference("category", "utility", "marketing"),
        Difference("buttons", "none", "Go → https://a.example"),
    ]


def test_what_no_longer_fits_is_told_only_where_that_is_what_keeps_it_back() -> None:
    misfit = "The parameter «2» is empty."
    told = usable.kept_back(template(), "visit (en_US)", "old", misfit=misfit)
    assert told and told.reason.endswith("it was changed at Meta. The parameter «2» is empty.")
    told = usable.kept_back(template(status="PAUSED"), "visit (en_US)", "old", misfit=misfit)
    assert told and told.reason == "Its template «visit (en_US)» keeps it back: Meta paused it."
