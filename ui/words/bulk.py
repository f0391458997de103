"""What can be done with the list: read, select many at once, type in cells."""

from typing import NamedTuple

from core import event_words
from core.kinds import Kind

READ, SELECT, EDIT = "Read", "Select", "Edit"  # what the list is for just now


class Bulk(NamedTuple):
    """What is done to many messages at once: `verb` on its buttons, `undone` whether it can be."""

    kind: Kind
    verb: str
    doing: str
    done: str
    undone: str
    button: str = ""  # where the verb alone does not say what


_NOT_BACK = "This cannot be undone."

_BACK = "It can be undone for what has neither left nor been changed by then."

_NEW_TIME = ("Rescheduling", "given a new time", _BACK)

_CHANGE = (Kind.ADJUST, "Change", "Changing", "changed", _BACK)

BULK: dict[str, Bulk] = {
    "now": Bulk(Kind.RESCHEDULE, "Send now", *_NEW_TIME),
    "cancel": Bulk(Kind.CANCEL, "Cancel", "Cancelling", "cancelled", _BACK),
    "reschedule": Bulk(Kind.RESCHEDULE, "Reschedule", *_NEW_TIME),
    "priority": Bulk(*_CHANGE, "Priority"),
    "max_retries": Bulk(*_CHANGE, "Retries"),
    "correct": Bulk(Kind.CORRECT, "Correct", "Correcting", "corrected", _BACK),
    "move": Bulk(Kind.MOVE, "Move", "Moving", "moved", _BACK, "Move to number"),
    "retry": Bulk(
        Kind.RETRY,
        *("Send again", "Sending again", "to be sent again"),
        f"They leave as soon as their turn comes. {_NOT_BACK}",
    ),
    "hold": Bulk(
        Kind.HOLD,
        *("Hold", "Holding", "held"),
        "Also when their batch is released. «Undo» or «Release» lets them go, however late.",
    ),
    "release": Bulk(
        Kind.RELEASE,
        *("Release", "Releasing", "released"),
        "They leave however late it is. One whose batch is not released yet leaves with the batch."
        f" {_NOT_BACK}",
    ),
    "delete": Bulk(
        Kind.DELETE,
        *("Delete", "Deleting", "deleted"),
        f"They leave every list, and what waits is not sent. {_NOT_BACK}",
    ),
}

# What stands above their dialogs, which may be forms.
ASKED_AS: dict[str, str] = {
    "now": "Send now",
    "cancel": "Cancel messages",
    "reschedule": "Give other times",
    "priority": "Change the priority",
    "max_retries": "Change the number of retries",
    "correct": "Correct what they say",
    "move": "Move to another number",
    "retry": "Send again",
    "hold": "Hold messages",
    "release": "Release messages",
    "delete": "Delete messages",
}
_LET_GO = Bulk(Kind.UNHOLD, "Undo", "Letting go", "no longer held by a person", _NOT_BACK)

_BROUGHT_BACK = Bulk(Kind.UNDO, "Undo", "Bringing back", "brought back", _NOT_BACK)


def bulk_of(kind: str) -> Bulk:
    """The words for an operation that has begun."""
    return next((one for one in (*BULK.values(), _LET_GO) if one.kind == kind), _BROUGHT_BACK)


PRIORITIES = event_words.PRIORITIES | {2: "Campaign, behind the others"}

# What waits can be given many at once, by its column: what is asked, and the answers.
ADJUSTED: dict[str, tuple[str, dict[int, str]]] = {
    "priority": ("Which goes first where many are due", PRIORITIES),
    "max_retries": ("Retries if WhatsApp is busy", {number: str(number) for number in range(6)}),
}

# The columns of Edit mode, by the field that a problem of a message is at.
EDITED: dict[str, str] = {
    "recipient": "Recipient",
    "text": "Message",
    "account_id": "Account",
    "due_at": "Leaves",
    "max_retries": "Retries",
    "account": "Account",
    "reference": "Account",  # by which it is unique
    "template": "Account",  # whose business has the templates
    "when": "Leaves",
    "zone": "Leaves",
    "not_after": "Leaves",
}

CORRECTIONS: dict[str, str] = {
    "text": "The whole text",
    "replace": "Words in the text",
    "parameter": "One parameter",
    "template": "The template",
}
