"""What the settings of an account may be; each refusal says what would be right."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import available_timezones

import phonenumbers

from core.errors import Problem

SLOWEST, FASTEST = 1e-6, 1e6  # messages a second; beyond lies what no clock can space
SHORTEST_LATE, LONGEST_LATE = 60, 366 * 86_400  # seconds; a restart takes less than a minute
LATE_POLICIES = ("send", "skip", "hold")

Check = tuple[Callable[[Any], bool], str]

_HOUR: Check = (
    lambda value: value is None or re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value) is not None,
    "«{}» is not a time of the day, such as 21:00.",
)
_CHECKS: dict[str, tuple[Check, ...]] = {
    "phone_number_id": (
        (
            lambda value: re.fullmatch("[0-9]+", value) is not None,
            "The phone-number id is digits only; it is not the telephone number itself. Meta shows"
            " it under WhatsApp > API set-up.",
        ),
    ),
    "token": (
        (bool, "The access token is empty."),
        (
            lambda value: re.fullmatch(r"[!-~]*", value) is not None,
            "The access token has a space or a character that no token has: copy it again.",
        ),
    ),
    "rate": (
        (
            lambda value: value is None or SLOWEST <= value <= FASTEST,
            "The rate is a number of messages a second from 0.000001 to 1000000, or «none».",
        ),
    ),
    "country": (
        (
            lambda value: value is None or value in phonenumbers.SUPPORTED_REGIONS,
            "«{}» is not a country of two letters, such as ID or DE.",
        ),
    ),
    "zone": (
        (
            lambda value: value in available_timezones(),
            "«{}» is not a time zone, such as Asia/Jakarta.",
        ),
    ),
    "quiet_from": (_HOUR,),
    "quiet_to": (_HOUR,),
    "late_policy": (
        (
            lambda value: value in LATE_POLICIES,
            "What is late is one of send, skip, hold; not «{}».",
        ),
    ),
    "late_after": (
        (
            lambda value: value is None or SHORTEST_LATE <= value <= LONGEST_LATE,
            "A message may be called late after one minute at the earliest, a year at the latest.",
        ),
    ),
}


def problems(given: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with these settings, by their column's name; unknown names are not looked at.

    A token is never quoted.
    """
    wrong = [
        Problem(field, "invalid", sentence.format(value))
        for field, value in given.items()
        for right, sentence in _CHECKS.get(field, ())
        if not right(value)
    ]
    quiet = given.get("quiet_from"), given.get("quiet_to")
    if (quiet[0] is None) != (quiet[1] is None):
        wrong.append(Problem("quiet_to", "half", "Quiet hours have a beginning and an end."))
    elif quiet[0] is not None and quiet[0] == quiet[1]:
        sentence = (
            "Quiet hours that begin when they end are none: say «none», or pause the account."
        )
        wrong.append(Problem("quiet_to", "empty", sentence))
    return wrong
