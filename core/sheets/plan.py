"""How a file becomes messages: which column is what, and what is the same for all.

A plan is stored as JSON with the operation that checks or loads the file, and with its batch.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from core import columns
from core.characters import unsendable
from core.errors import Invalid, Problem
from core.quoting import quoted
from core.schedule import check_zone, from_local
from core.sheets import placeholders
from core.sheets.table import UNREAD

# What a column can be; `parameters` are beside them.
FIELDS = (
    *("recipient", "content", "when", "clock", "account", "reference", "priority", "max_retries"),
    *("not_after", "late_policy", "label", "zone", "template", "language", "parameters"),
)


class Fill(NamedTuple):
    """Where a parameter comes from: a column of the file, or the same for all."""

    column: str | None = None
    fixed: str = ""


@dataclass(frozen=True)
class Timing:
    """When the messages of a file leave.

    `now`; `at`: one `wall` time of `zone` (ISO, naive) for all; `column`: each as the column «when»
    says, read as `form` (one of core/sheets/times.py; empty: each as it stands) in `zone`;
    `spread`: evenly from `begins` to `ends`, wall times of `zone`; `local`: at `wall` in each
    recipient's own zone, else the account's.
    """

    kind: Literal["now", "at", "column", "spread", "local"] = "now"
    wall: str = ""
    form: str = ""
    zone: str = "UTC"
    begins: str = ""
    ends: str = ""
    blank_is_now: bool = False  # a row without a time leaves at once


@dataclass(frozen=True)
class Plan:
    """`columns`: what each is → its heading. A text is `text` with {heading} in it, or a column."""

    account_id: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    template: str = ""
    language: str = ""
    parameters: Mapping[str, Fill] = field(default_factory=dict)
    timing: Timing = Timing()
    max_retries: int = 3
    priority: int = 1
    label: str = ""
    not_after: str = ""  # a wall time of the timing's zone, or an instant with its offset
    late_policy: str | None = None
    duplicates: Literal["skip", "load"] = "skip"
    encoding: str = ""  # a person's word for it, one of decoding.NAMES; empty: as it is found
    unfilled: bool = False  # {this} in a finished text is meant; it looks as if it were not filled
    overwrites: bool = False  # also what people changed here since it was loaded

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"parameters": {k: v._asdict() for k, v in self.parameters.items()}}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "Plan":
        """What `stored` gave."""
        fills = {key: Fill(**one) for key, one in stored["parameters"].items()}
        timing = Timing(**stored["timing"])
        return cls(**{**stored, "parameters": fills, "timing": timing})


def check(plan: Plan, headings: tuple[str, ...]) -> None:
    """Refuse a plan that no row of a file with these headings could follow.

    Raises Invalid with every problem, at the fields of the plan: account, recipient, text, when,
    `param.KEY`, or what a column was to be.
    """
    wrong = [
        *_missing(plan),
        *_unknown_columns(plan, headings),
        *_wrong_times(plan.timing),
        *placeholders.check(plan.text, headings),
        *_odd(plan),
    ]
    if wrong:
        raise Invalid(*wrong)


def _odd(plan: Plan) -> list[Problem]:
    """Characters that no row could be stored with."""
    fixed = {f"param.{key}": one.fixed for key, one in plan.parameters.items()}
    said = {"text": plan.text, "label": plan.label, **fixed}
    return [
        Problem(what, "control", f"{quoted(words)} holds what cannot be sent: {told}.")
        for what, words in said.items()
        if (told := unsendable(words))
    ]


def _missing(plan: Plan) -> list[Problem]:
    given, found = plan.columns, []
    if plan.account_id is None and "account" not in given:
        found.append(Problem("account", "missing", "Choose the account that they leave from."))
    if "recipient" not in given:
        found.append(Problem("recipient", "missing", "Choose the column with the phone numbers."))
    words = plan.text.strip() or plan.template or {"content", "template"} & set(given)
    if not words:
        told = "Type the text, choose its column, or choose a template."
        found.append(Problem("text", "missing", told))
    if plan.timing.kind == "column" and "when" not in given:
        found.append(Problem("when", "missing", "Choose the column with the times."))
    return found


def _wrong_times(timing: Timing) -> list[Problem]:
    """Times of the plan that no zone's clock shows, that none can read, or that are the wrong way
    round."""
    told = {"at": [timing.wall], "spread": [timing.begins, timing.ends], "local": []}
    try:
        if timing.kind == "column" and timing.zone:
            check_zone(timing.zone)
        if timing.kind == "local":
            wall_time(timing.wall)
        instants = [from_local(wall_time(one), timing.zone) for one in told.get(timing.kind, ())]
    except Invalid as invalid:
        return list(invalid.problems)
    if instants != sorted(instants):
        return [Problem("when", "backwards", "The window ends before it begins.")]
    return []


def wall_time(text: str) -> datetime:
    """A naive time of the plan. Raises Invalid at `when`."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        told = f"{quoted(text)} cannot be read as a date and time."
        raise Invalid(Problem("when", "unreadable", told)) from None


def _unknown_columns(plan: Plan, headings: tuple[str, ...]) -> list[Problem]:
    named = dict(plan.columns) | {
        f"param.{key}": one.column for key, one in plan.parameters.items() if one.column is not None
    }
    return [
        Problem(what, "no_column", f"The file has no column {quoted(heading)}.")
        for what, heading in named.items()
        if heading not in headings
    ]


# The headings of a file that needs no matching: those of `import` on the command line.
STANDARD = {
    "recipient": "recipient",
    "content": "content",
    "text": "content",  # as our own export calls it
    "scheduled_at": "when",
} | {name: name for name in FIELDS if name not in ("recipient", "content", "when")}
# What our own files have beside: of wrong rows, and of exported messages.
IGNORED = {"problem", UNREAD, *columns.COLUMNS[columns.What.MESSAGES]} - STANDARD.keys()


def standard(headings: tuple[str, ...], plan: Plan) -> Plan:
    """The plan for a file whose headings are Outbox's own; what `plan` says already stands.

    Raises Invalid at `file` for headings that are missing or that nobody knows.
    """
    known = {heading for heading in headings if heading in STANDARD}
    params = {heading for heading in headings if heading.startswith("param.")}
    unknown = sorted(set(headings) - known - params - IGNORED - {""})
    named = {STANDARD[heading]: heading for heading in sorted(known, reverse=True)}
    has_words = plan.template or plan.text or {"content", "template"} & set(named)
    missing = [name for name, there in (("recipient", "recipient" in named),) if not there]
    missing += [] if has_words else ["content"]
    if missing or unknown:
        told = [f"is without {', '.join(missing)}"] if missing else []
        told += [f"has unknown columns {', '.join(unknown)}"] if unknown else []
        raise Invalid(Problem("file", "heading", f"The heading {' and '.join(told)}."))
    fills = {one.removeprefix("param."): Fill(one) for one in sorted(params)}
    return _with(plan, columns=named, parameters={**fills, **plan.parameters})


def _with(plan: Plan, **changed: Any) -> Plan:
    timing = plan.timing
    if timing.kind == "now" and "when" in changed["columns"]:
        timing = Timing("column", zone=timing.zone, blank_is_now=True)
    return replace(plan, timing=timing, **changed)
