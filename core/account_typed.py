"""The settings of an account as people type them, and back."""

import re
from collections.abc import Mapping
from typing import Any

from core.account_checks import problems
from core.errors import Invalid, Problem
from core.models import Account
from core.quoting import quoted
from core.schedule import from_span

FIELDS = (
    *("rate", "quiet_from", "quiet_to", "late_policy", "late_after", "zone", "country"),
    "test_number",
)
_SIZES = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def written(account: Account) -> dict[str, str]:
    """Every setting as it would be typed; empty where there is none."""
    rate = "none" if account.rate is None else f"{account.rate:g}"
    late = "" if account.late_after is None else _span(account.late_after)
    plain = {name: getattr(account, name) or "" for name in FIELDS}
    return plain | {"rate": rate, "late_after": late}


def _span(seconds: int) -> str:
    unit, size = next(one for one in _SIZES if seconds % one[1] == 0)
    return f"{seconds // size}{unit}"


def read(typed: Mapping[str, str]) -> dict[str, Any]:
    """The columns for what was typed; empty takes a setting away, a rate but says «none».

    Raises Invalid with every problem at once.
    """
    found: dict[str, Any] = {}
    wrong: list[Problem] = []
    for name, text in typed.items():
        try:
            found[name] = _READ.get(name, _plain)(text.strip())
        except Invalid as refused:
            wrong += [Problem(name, one.code, one.message) for one in refused.problems]
    wrong += problems(found)
    if wrong:
        raise Invalid(*wrong)
    return found


def rate(typed: str) -> float | None:
    """Messages a second; None for «none», which is no pacing. Raises Invalid."""
    if typed.strip().lower() == "none":
        return None
    try:
        return float(typed)
    except ValueError:
        told = f"{quoted(typed)} is not a rate: a number of messages a second, or none."
        raise Invalid(Problem("rate", "unreadable", told)) from None


def _plain(text: str) -> str | None:
    return text or None


def _hour(text: str) -> str | None:
    """«9:00» is meant as 09:00."""
    return (f"0{text}" if re.fullmatch(r"\d:\d\d", text) else text) or None


def _late_after(text: str) -> int | None:
    return int(from_span(text).total_seconds()) if text else None


_READ = {"rate": rate, "quiet_from": _hour, "quiet_to": _hour, "late_after": _late_after}
