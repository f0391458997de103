"""The table in `docs/sandbox.md` is what the sandbox does."""

import re
from pathlib import Path

from sandbox.faults import FAULTS

DOCS = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"


def test_every_magic_recipient_is_documented_with_its_digits_and_no_other():
    rows = re.findall(r"^\| …(\d{3}) \| `(\w+)` \|", DOCS.read_text(encoding="utf-8"), re.M)
    assert rows == [(digits, name) for name, (digits, _) in FAULTS.items()]


def test_every_setting_is_documented(api):
    text = DOCS.read_text(encoding="utf-8")
    settings = api.get("/_sandbox/settings").json()
    names = [*settings, *settings["webhooks"]]
    assert [n for n in names if f'"{n}"' not in text] == ["pending", "dropped"]
