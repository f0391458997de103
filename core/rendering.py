"""How a text looks on the phone: WhatsApp's markup as safe HTML, its length, its summary."""

import re
import unicodedata
from collections.abc import Iterator
from html import escape, unescape
from itertools import groupby

from core import characters
from core.errors import Invalid, Problem

LIMIT = 4096  # Cloud API, text.body

_TAGS = {"*": "b", "_": "i", "~": "s"}
# A logical line: one line, or a ``` block that begins and ends at line ends.
_LINE = re.compile(r"^(?:```(?!\s*```)(?:(?!```).)++```|[^\n]*)$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(
    r"(?P<pre>```(?!\s*```)(?P<mono>(?:(?!```).)+)```\Z)"
    r"|(?P<blockquote>> (?=\S))|(?P<ul>[*-] (?=\S))|(?P<ol>(?P<number>[1-9]\d{0,2})\. (?=\S))",
    re.DOTALL,
)
_ATOM = re.compile(
    r"(?<![^\W_])```(?!\s*```)(?P<mono>(?:(?!```).)++)```(?![^\W_])"
    r"|(?<![^\W_])`(?!\s*`)(?P<code>[^`]++)`(?![^\W_])"
    r"|(?<![^\W_])(?P<link>(?:https?://|www\.)[^\s<>`]*[^\W_][/=&#%+-]*)"
    r"|(?P<marker>[*_~])",
    re.IGNORECASE,
)
_BREAKING = re.compile(r"<(?:br|/?(?:pre|blockquote|ul|ol|li))\b[^>]*>")
_TAG = re.compile(r"<[^>]*>")


def bubble(text: str) -> str:
    """The text as WhatsApp shows it: HTML of b i s code pre br span blockquote ul ol li, no more.

    Each line has `dir="auto"`; links are `<span class="link">` without a target. The container
    needs `white-space: pre-wrap`, since WhatsApp keeps runs of spaces. Rules:
    https://faq.whatsapp.com/539178204879377 (markers hug a word, on one line; they nest).
    """
    lines = _LINE.findall(re.sub(r"\r\n?", "\n", text))
    groups = [(kind, list(group)) for kind, group in groupby(lines, key=_kind)]
    last = len(groups) - 1
    return "".join(_group(kind, group, n == last) for n, (kind, group) in enumerate(groups))


def length(text: str) -> int:
    """How many of the 4,096 characters a text takes, in UTF-16 units: an emoji counts as two.

    Meta does not say what it counts. UTF-16 units are what phones and browsers count, and never
    fewer than the code points, so a text that fits here is refused by neither reading.
    """
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def check_text(text: str) -> None:
    """Refuse a text that cannot be sent.

    Raises `Invalid` at `text` with each of `empty`, `too_long` and `control` that applies.
    """
    problems = [*_emptiness(text), *_excess(text), *_unsendable(text)]
    if problems:
        raise Invalid(*problems)


def summary(text: str, width: int = 60) -> str:
    """The beginning of a text on one line for a table's cell, without markup, at most `width`."""
    plain = unescape(_TAG.sub("", _BREAKING.sub(" ", bubble(text))))
    line = " ".join(plain.split())
    if len(line) <= width:
        return line
    cut = max(width - 1, 0)
    while cut and _joined(line, cut):
        cut -= 1
    return line[:cut].rstrip() + "…"


def _kind(line: str) -> str:
    block = _BLOCK.match(line)
    return (block.lastgroup or "") if block else ""


def _group(kind: str, lines: list[str], is_last: bool) -> str:
    if kind == "":
        # A line break directly before a block shows nothing; an empty line there needs a second.
        return _lines(lines) + ("<br>" if not lines[-1] and not is_last else "")
    blocks = [block for line in lines if (block := _BLOCK.match(line))]
    if kind == "pre":
        return "".join(f'<pre dir="auto">{escape(block["mono"])}</pre>' for block in blocks)
    if kind == "blockquote":
        quote = _lines([block.string[block.end() :] for block in blocks])
        return f"<blockquote>{quote}</blockquote>"
    return f"<{kind}>{''.join(map(_item, blocks))}</{kind}>"


def _lines(lines: list[str]) -> str:
    return "<br>".join(line and f'<span dir="auto">{_inline(line)}</span>' for line in lines)


def _item(block: re.Match[str]) -> str:
    number = f' value="{block["number"]}"' if block["number"] else ""
    return f'<li{number} dir="auto">{_inline(block.string[block.end() :])}</li>'


def _inline(line: str) -> str:
    out: list[str] = []
    opened: dict[str, int] = {}  # marker -> its place in `out`
    done = 0
    for atom in _ATOM.finditer(line):
        out += [escape(line[done : atom.start()]), _atom(atom)]
        done = atom.end()
        marker, at = atom["marker"], atom.start()
        if marker in opened and _closes(line, at):
            place = opened[marker]
            out[place], out[-1] = f"<{_TAGS[marker]}>", f"</{_TAGS[marker]}>"
            # What was opened inside and not closed stays text: tags never cross.
            opened = {each: where for each, where in opened.items() if where < place}
        elif marker and marker not in opened and _opens(line, at):
            opened[marker] = len(out) - 1
    return "".join([*out, escape(line[done:])])


def _atom(atom: re.Match[str]) -> str:
    if atom["link"]:
        return f'<span class="link">{escape(atom["link"])}</span>'
    if atom["marker"]:
        return atom["marker"]
    return f"<code>{escape(atom['mono'] or atom['code'])}</code>"


def _opens(line: str, at: int) -> bool:
    following = line[at + 1 : at + 2]
    hugs = following not in ("", line[at]) and not following.isspace()
    return hugs and not _ends_word(line, at)


def _closes(line: str, at: int) -> bool:
    return not line[at - 1].isspace() and not line[at + 1 : at + 2].isalnum()


def _ends_word(line: str, at: int) -> bool:
    # An accent or vowel sign belongs to the letter before it, as does an emoji's variation mark.
    while at and unicodedata.category(line[at - 1]).startswith("M"):
        at -= 1
    return line[max(at - 1, 0) : at].isalnum()


def _joined(line: str, cut: int) -> bool:
    """Whether cutting there would tear an emoji or a letter from its marks."""
    following = line[cut]
    return (
        line[cut - 1] == "\u200d"
        or following == "\u200d"
        or "\U0001f3fb" <= following <= "\U0001f3ff"  # skin tones
        or unicodedata.category(following).startswith("M")
    )


def _emptiness(text: str) -> Iterator[Problem]:
    if all(character.isspace() or unicodedata.category(character) == "Cf" for character in text):
        yield Problem("text", "empty", "Type the text of the message.")


def _excess(text: str) -> Iterator[Problem]:
    size = length(text)
    if size > LIMIT:
        over = "1 character" if size == LIMIT + 1 else f"{size - LIMIT:,} characters"
        note = " An emoji counts as two." if size > len(text) else ""
        message = f"The text is {over} too long: {size:,} of at most {LIMIT:,}.{note}"
        yield Problem("text", "too_long", message)


def _unsendable(text: str) -> Iterator[Problem]:
    if told := characters.unsendable(text):
        yield Problem("text", "control", f"The text holds what cannot be sent: {told}.")
