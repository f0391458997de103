"""A correction of what many messages say, and what it makes of one of them. Pure.

The words of a template are Meta's: of a message with one, the template or a parameter changes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from core import rendering, templating
from core.errors import Invalid, Problem
from core.quoting import quoted
from core.shapes import Shape


class Way(StrEnum):
    TEXT = "text"  # `put` takes the place of the whole text
    REPLACE = "replace"  # `put` takes the place of `find` in the text
    TEMPLATE = "template"  # another template; its parameters are those of the same names
    PARAMETER = "parameter"  # `put` becomes the parameter `key`, or takes `find`'s place in it


class Skipped(StrEnum):
    """Why a correction leaves a message as it is."""

    UNAFFECTED = "unaffected"
    WORDS_OF_META = "words_of_meta"
    PLAIN_TEXT = "plain_text"
    NO_PARAMETER = "no_parameter"
    STOPPED = "stopped"
    DOES_NOT_FIT = "does_not_fit"


@dataclass(frozen=True)
class Correction:
    """What is to be changed; `parameters` are those of a new template that the old one lacks."""

    way: Way
    put: str = ""
    find: str = ""
    key: str = ""
    template_id: int | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        """As JSON, for `read`."""
        return asdict(self)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**{**stored, "way": Way(stored["way"])})

    def check(self) -> None:
        """Raises Invalid where it says nothing: fields `put`, `find`, `key`, `template`."""
        wrong = []
        if self.way is Way.TEXT and not self.put.strip():
            wrong.append(Problem("put", "empty", "Write what the messages are to say."))
        if self.way is Way.REPLACE and not self.find:
            wrong.append(Problem("find", "empty", "Write which words are wrong."))
        if self.way is Way.PARAMETER and not self.key:
            wrong.append(Problem("key", "missing", "Choose the parameter."))
        if self.way is Way.PARAMETER and not self.find and not self.put.strip():
            wrong.append(Problem("put", "empty", "Write what the parameter is to say."))
        if self.find and self.find == self.put:
            wrong.append(Problem("put", "same", "That is what they say already."))
        if self.way is Way.TEMPLATE and self.template_id is None:
            wrong.append(Problem("template", "missing", "Choose the template."))
        if wrong:
            raise Invalid(*wrong)


@dataclass(frozen=True)
class Form:
    """A template as a correction sees it; `stopped` says why it cannot be sent, None: it can.

    Only numbers of its business can send it.
    """

    id: int
    name: str
    language: str
    sha256: str
    shape: Shape
    stopped: str | None
    business_id: int | None = None


@dataclass(frozen=True)
class Said:
    """What a message says: plain text, or a template with what is put into it."""

    text: str
    form: Form | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """What an event records, enough to bring it back."""
        if self.form is None:
            return {"text": self.text}
        return {
            "text": self.text,
            "template": f"{self.form.name} ({self.form.language})",
            "parameters": dict(self.parameters),
        }


@dataclass(frozen=True)
class Left:
    """A message that stays as it is, and why; `sentence` of one that would not fit."""

    why: Skipped
    sentence: str = ""


def corrected(
    wanted: Correction, said: Said, forms: Mapping[int, Form], *, business_id: int
) -> Said | Left:
    """What a message of a number of this business says afterwards, checked as composing does."""
    made = _made(wanted, said, forms)
    if isinstance(made, Said) and made.form and made.form.business_id != business_id:
        return Left(Skipped.STOPPED, f"{quoted(made.form.name)} is of another business.")
    if isinstance(made, Left):
        return made
    if made == said:
        return Left(Skipped.UNAFFECTED)
    try:
        return _checked(made)
    except Invalid as invalid:
        return Left(Skipped.DOES_NOT_FIT, invalid.problems[0].message)


def _made(wanted: Correction, said: Said, forms: Mapping[int, Form]) -> Said | Left:
    if wanted.way is Way.TEMPLATE:
        assert wanted.template_id is not None
        return _other_template(wanted, said, forms[wanted.template_id])
    if wanted.way is Way.PARAMETER:
        return _parameter(wanted, said)
    if said.form is not None:
        return Left(Skipped.WORDS_OF_META)
    if wanted.way is Way.TEXT:
        return replace(said, text=wanted.put)
    return replace(said, text=_put(wanted, said.text))


def _put(wanted: Correction, value: str) -> str:
    """`put` in the place of `find`, but not in what says it already: `find` may be part of it."""
    if wanted.find not in wanted.put:
        return value.replace(wanted.find, wanted.put)
    right = value.split(wanted.put)
    return wanted.put.join(part.replace(wanted.find, wanted.put) for part in right)


def _other_template(wanted: Correction, said: Said, form: Form) -> Said | Left:
    if said.form is not None and (said.form.id, said.form.sha256) == (form.id, form.sha256):
        return Left(Skipped.UNAFFECTED)
    asked = {one.key for one in form.shape.asks}
    own = {key: each for key, each in said.parameters.items() if key in asked and each.strip()}
    return _shown(form, templating.cleaned(wanted.parameters) | own)


def _parameter(wanted: Correction, said: Said) -> Said | Left:
    if said.form is None:
        return Left(Skipped.PLAIN_TEXT)
    if wanted.key not in {one.key for one in said.form.shape.asks}:
        return Left(Skipped.NO_PARAMETER)
    old = said.parameters.get(wanted.key, "")
    new = _put(wanted, old) if wanted.find else wanted.put.strip()
    if new == old:
        return Left(Skipped.UNAFFECTED)
    return _shown(said.form, {**said.parameters, wanted.key: new})


def _shown(form: Form, parameters: Mapping[str, str]) -> Said | Left:
    if form.stopped is not None:
        return Left(Skipped.STOPPED, form.stopped)
    return Said(templating.shown(form.shape, parameters).body, form, parameters)


def _checked(made: Said) -> Said:
    if made.form is None:
        rendering.check_text(made.text)
    else:
        templating.check(made.form.shape, made.parameters)
    return made


def told(wanted: Correction, name: str = "") -> str:
    """What is done, for a title: «the parameter «date»», «the text»."""
    return {
        Way.TEXT: "the whole text",
        Way.REPLACE: f"{quoted(wanted.find)} in the text",
        Way.TEMPLATE: f"the template, by {quoted(name)}" if name else "the template",
        Way.PARAMETER: f"the parameter {quoted(wanted.key)}",
    }[wanted.way]
