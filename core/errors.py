"""The one family of errors that Outbox raises on purpose.

They carry data (field, code, until) beside a sentence in an operator's words, and are caught at the
edges only: a page, the command line, a gateway route.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any


class OutboxError(Exception):
    """Anything that Outbox refuses or cannot do, with a sentence that an operator understands."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one input: `field` as the form names it, a stable `code`, the sentence.

    `details` carries values that a page needs to offer the cure, e.g. both instants of a fold.
    """

    field: str
    code: str
    message: str
    details: dict[str, Any] = dataclasses.field(default_factory=dict)


class Invalid(OutboxError):
    """Input that was refused; every problem at once, so that each can stand at its field."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(" ".join(p.message for p in problems))
        self.problems = problems


class Forbidden(OutboxError):
    """The person's role does not allow the action."""


class Refused(OutboxError):
    """The message is no longer in a state that allows the action; nothing was changed."""


class Conflict(OutboxError):
    """Somebody else changed the row first; `current` is what it holds now."""

    def __init__(self, message: str, *, current: dict[str, Any]) -> None:
        super().__init__(message)
        self.current = current


class Unanswered(OutboxError):
    """A question to Meta that got no answer, or a refusal; `code` where Graph named one."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class Misconfigured(OutboxError):
    """A setting that cannot work; names the variable."""
