"""The settings of an account: what people type, and how it is shown to be typed over."""

from typing import Any

import pytest

from core import account_settings, account_typed, accounts
from core.errors import Invalid
from tests import given


def test_what_is_shown_is_read_back_as_it_was(sqlite: str) -> None:
    given.account("Orders", rate=None)
    typed = {
        "rate": "0.5",
        "quiet_from": "9:00",
        "quiet_to": "17:30",
        "late_policy": "hold",
        "late_after": "90m",
        "zone": "Asia/Jakarta",
        "country": "ID",
        "test_number": "0812-0000-0001",
    }
    account_settings.change("Orders", account_typed.read(typed), by=given.ANA)
    [account] = accounts.everything()
    assert account_typed.written(account) == typed | {
        "quiet_from": "09:00",
        "test_number": "+6281200000001",
    }
    nothing = dict.fromkeys(("quiet_from", "quiet_to", "late_after", "test_number"), "")
    account_settings.change(
        "Orders", account_typed.read(nothing | {"rate": " None "}), by=given.ANA
    )
    [account] = accounts.everything()
    assert account_typed.written(account) == typed | nothing | {"rate": "none"}


@pytest.mark.parametrize(
    ("typed", "fields"),
    [
        ({"rate": "fast", "late_after": "soon", "quiet_from": "25:00"}, 3),
        ({"rate": ""}, 1),
        ({"rate": "0", "zone": "Mars/Base"}, 2),
        ({"quiet_from": "21:00", "quiet_to": ""}, 1),
    ],
)
def test_everything_that_is_wrong_is_told_at_once(typed: dict[str, Any], fields: int) -> None:
    with pytest.raises(Invalid) as refused:
        account_typed.read(typed)
    assert len({one.field for one in refused.value.problems}) >= fields
