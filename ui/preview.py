"""A message as the recipient's phone shows it."""

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from core.rendering import bubble
from core.templating import Shown

_MEDIA = {"image": ("🖼", "Picture"), "video": ("🎞", "Film"), "document": ("📄", "Document")}


class Answer(NamedTuple):
    """What the person wrote back, and when; `quotes`: in answer to this very message."""

    text: str
    at: str
    quotes: bool


def phone(
    sender: str,
    text: str,
    *,
    at: str = "",
    number: str = "",
    shown: Shown | None = None,
    answers: Iterable[Answer] = (),
) -> str:
    """HTML of the chat: who sends, the bubble, the time in it; `shown` is a template's."""
    said = shown.body if shown else text
    body = bubble(said) if said.strip() else "Your message appears here"
    none = "" if said.strip() else " none"
    time = f"<time>{escape(at)}</time>" if at else ""
    head, foot, below = (_head(shown), _foot(shown), _below(shown)) if shown else ("", "", "")
    back = "".join(map(_mine, answers))
    initial = escape(sender[:1].upper() or "?")
    return (
        f'<figure class="phone" aria-label="As the phone shows it" style="margin:0"><header>'
        f'<i aria-hidden="true">{initial}</i><span>{escape(sender)}<small>{escape(number)}</small>'
        f'</span></header><div class="chat"><div class="bubble{none}">'
        f"{head}{body}{foot}{time}</div>{below}{back}</div></figure>"
    )


def _mine(one: Answer) -> str:
    quoted = '<small class="foot">↩ Answers this message</small>' if one.quotes else ""
    return f'<div class="bubble mine">{quoted}{bubble(one.text)}<time>{escape(one.at)}</time></div>'


def _head(shown: Shown) -> str:
    if shown.medium:
        kind, link = shown.medium
        icon, word = _MEDIA.get(kind, ("📎", kind))
        told = f"<small>{escape(link)}</small>" if link else ""
        mark = f'<b aria-hidden="true">{icon}</b>'
        return f'<span class="medium {escape(kind)}">{mark}{word}{told}</span>'
    return f'<strong class="top" dir="auto">{escape(shown.header)}</strong>' if shown.header else ""


def _foot(shown: Shown) -> str:
    return f'<small class="foot" dir="auto">{escape(shown.footer)}</small>' if shown.footer else ""


def _below(shown: Shown) -> str:
    if not shown.buttons:
        return ""
    inner = "".join(f"<li>{escape(text)}</li>" for text in shown.buttons)
    return f'<ul class="buttons">{inner}</ul>'
