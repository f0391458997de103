"""A message as the recipient's phone shows it."""

from html import escape

from core.rendering import bubble


def phone(sender: str, text: str, *, at: str = "", number: str = "") -> str:
    """HTML of the chat: who sends, the bubble, the time in it."""
    said = bubble(text) if text.strip() else "Your message appears here"
    none = "" if text.strip() else " none"
    time = f"<time>{escape(at)}</time>" if at else ""
    initial = escape(sender[:1].upper() or "?")
    return (
        f'<figure class="phone" aria-label="As the phone shows it" style="margin:0"><header>'
        f'<i aria-hidden="true">{initial}</i><span>{escape(sender)}<small>{escape(number)}</small>'
        f'</span></header><div class="chat"><div class="bubble{none}">{said}{time}</div></div>'
        "</figure>"
    )
