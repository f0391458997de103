"""Characters that no message may hold, and those that not even a database or a file can."""

import re
import unicodedata

LOST = "\ufffd"  # stands where a program could not tell what a character was
_NAMES = {
    "\0": "NUL",
    "\a": "bell",
    "\b": "backspace",
    "\v": "vertical tab",
    "\f": "form feed",
    "\x1b": "escape",
    "\x7f": "delete",
    "\x85": "next line",
    LOST: "the mark of a lost character",
}
_SUSPECT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")


def unsendable(text: str) -> str | None:
    """Which characters of a text cannot be sent and where, in words; None where all can."""
    if not _SUSPECT.search(text):
        return None
    first = {text[n]: n for n in reversed(range(len(text))) if _SUSPECT.match(text[n])}
    named = [f"{_named(each)} at position {n + 1:,}" for each, n in sorted(first.items())]
    more = f" and {len(named) - 3} others" if len(named) > 3 else ""
    return ", ".join(named[:3]) + more


def storable(text: str) -> str:
    """The text with a mark in place of each character that UTF-8 or PostgreSQL cannot hold."""
    return _UNSTORABLE.sub(LOST, text)


def joined(text: str) -> str:
    """The text with each two halves of a character that stand side by side as that character."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _named(character: str) -> str:
    is_half = unicodedata.category(character) == "Cs"
    name = "half of an emoji" if is_half else _NAMES.get(character, "control character")
    return f"{name} (U+{ord(character):04X})"
