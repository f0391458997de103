"""What each of Meta's error codes means for a message: the one table, and the reading of it.

Source: Meta's page support/error-codes of the Cloud API. Meta says to build on the code, never on
the HTTP status or the text. A code that is not here is permanent unless Graph calls it transient.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class ErrorClass(StrEnum):
    UNREACHED = "unreached"
    TRANSIENT = "transient"
    THROTTLED = "throttled"
    PAIR = "pair"
    ACCOUNT = "account"
    TEMPLATE = "template"
    RECIPIENT = "recipient"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    OPTED_OUT = "opted_out"  # of a cancelled message; nothing that Meta answers


class Scope(StrEnum):
    """Whose limit a throttling code tells of."""

    NUMBER = "number"
    WABA = "waba"
    APP = "app"


@dataclass(frozen=True)
class Verdict:
    """The class of a code; `wait` where Meta names one; `listed` false for a code new to us."""

    error_class: ErrorClass
    scope: Scope = Scope.NUMBER
    wait: timedelta | None = None
    resumes_by_itself: bool = False
    listed: bool = True


_CODES: dict[ErrorClass, tuple[int, ...]] = {
    ErrorClass.TRANSIENT: (1, 2, 131000, 131016, 133004, 134101),
    ErrorClass.THROTTLED: (130429,),
    ErrorClass.PAIR: (131056,),
    ErrorClass.ACCOUNT: (
        *(0, 3, 10, 33, 104, 190, *range(200, 300), 368, 803),
        *(131005, 131031, 131037, 131042, 131045, 133010, 134011),
    ),
    ErrorClass.TEMPLATE: (*(131063, 132001, 132007, 132015, 132016, 132068, 132069, 134102),),
    ErrorClass.RECIPIENT: (
        *(130403, 130472, 130497, 131026, 131030, 131047, 131049, 131050, 137000),
    ),
    ErrorClass.PERMANENT: (
        *(100, 130501, 131008, 131009, 131021, 131051, 131053, 131055, 131062),
        *(132000, 132005, 132008, 132012, 132018, 134100, 135000),
        *(133000, 133005, 133006, 133008, 133009, 133015, 133016),  # registration only
        *(131052, 131059),  # inbound media, template listing: no answer to a send of ours
    ),
}

# Template creation and migration; in an answer to a send they can only mean a wrong request.
_MANAGEMENT = (range(2388000, 2389000), range(2494000, 2495000))

TABLE: dict[int, Verdict] = {
    **{code: Verdict(kind) for kind, codes in _CODES.items() for code in codes},
    80007: Verdict(ErrorClass.THROTTLED, Scope.WABA),
    **{code: Verdict(ErrorClass.THROTTLED, Scope.APP) for code in (4, 17, 613)},
    131057: Verdict(ErrorClass.THROTTLED, wait=timedelta(seconds=60)),
    131048: Verdict(ErrorClass.ACCOUNT, resumes_by_itself=True),
    131064: Verdict(ErrorClass.ACCOUNT, resumes_by_itself=True),
}

STOPPED_MARKETING = 131050  # the person stopped marketing messages of the number that sends
OBJECT_NOT_FOUND = (100, 33)  # code and subcode: the number is gone or out of the token's reach


def classify(code: int, *, subcode: int | None = None, is_transient: bool = False) -> Verdict:
    """What a Graph error with this code means.

    `is_transient` is Graph's own flag; it decides only where the code is not listed.
    """
    if (code, subcode) == OBJECT_NOT_FOUND:
        return Verdict(ErrorClass.ACCOUNT)
    if code in TABLE:
        return TABLE[code]
    if any(code in codes for codes in _MANAGEMENT):
        return Verdict(ErrorClass.PERMANENT)
    kind = ErrorClass.TRANSIENT if is_transient else ErrorClass.PERMANENT
    return Verdict(kind, listed=False)
