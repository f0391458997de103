"""The frame around every page: who is looking, where they can go, what needs somebody."""

from html import escape
from pathlib import Path
from time import monotonic

import streamlit as st

from core import guarding, presence
from core.access import Actor, Role
from core.guarding import Halt
from core.settings import settings
from ui import asking, guarded, look, needs, shortcuts, stale, stopping
from ui.guard import signed_in
from ui.words.house import THEMES

# Pages that the bar shows under another: of one thing, behind its list, and of many.
BEHIND = {
    "message": "messages",
    "template": "templates",
    "many": "schedule",
    "not_reached": "messages",
}
NEEDS = {"schedule": Role.OPERATOR}  # pages that viewers cannot use
ARRANGING = {
    "settings": "Settings",
    "audit": "Audit trail",
}  # in the menu of the person, for administrators
PAGES = Path(__file__).resolve().parent.parent / "pages"


def main() -> None:
    st.set_page_config(page_title="Outbox", page_icon="📤", layout="wide")
    stale.forget()
    look.dress()
    person = signed_in()
    presence.come(by=person)
    asking.over()  # a run of the whole page closes every dialog
    halt = guarding.halt()
    shown = _pages()
    page = st.navigation(
        [*shown, *(_page(name, _title(name)) for name in (*BEHIND, *ARRANGING))],
        position="hidden",
    )
    with st.container(key="bar", horizontal=True, vertical_alignment="center"):
        _bar(shown, page.url_path, person)
        stopping.button(halt.stop, by=person)
        _person(person)
    shortcuts.listed()
    asking.say()
    stopping.banner(halt.stop, by=person)
    guarded.banner(halt.guard, by=person)
    # The overview tells by itself what needs somebody.
    _watch(halt, monotonic(), person, troubles=bool(page.url_path))
    page.run()


@st.fragment(run_every="5s", key="watch")
def _watch(halt: Halt, read_at: float, person: Actor, *, troubles: bool) -> None:
    """What is told above each page, live: the page is drawn anew when somebody stopped or released
    everything, but for a dialog, which is left alone."""
    in_own_run = monotonic() - read_at < 2
    if not in_own_run and guarding.halt() != halt and not asking.under_way():
        st.rerun()
    if troubles:
        needs.line(person)


def _pages() -> list[st.Page]:
    """Those that the bar shows. All are there for everybody: each one's own guard says no."""
    first = _page("overview", "Overview", default=True)
    names = ("messages", "schedule", "batches", "templates", "people", "accounts")
    return [first, *(_page(name, name.capitalize()) for name in names)]


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _page(name: str, title: str, **options: bool) -> st.Page:
    return st.Page(PAGES / f"{name}.py", title=title, url_path=name, **options)


def _bar(pages: list[st.Page], here: str, person: Actor) -> None:
    within = BEHIND.get(here, here)
    links = "".join(
        f'<a class="go" href="/{page.url_path}"'
        f"{' aria-current=page' if page.url_path == within else ''}>{page.title}</a>"
        for page in pages
        if page.url_path not in NEEDS or person.role >= NEEDS[page.url_path]
    )
    training = '<span class="training">Training: nothing leaves this machine</span>'
    st.html(
        '<div class="bar"><a class="go brand" href="/">Outbox</a>'
        f'<nav aria-label="Pages">{links}</nav>'
        f"{training if settings().training else ''}</div>"
    )


def _person(person: Actor) -> None:
    arranges = ARRANGING if person.role >= Role.ADMIN else {}
    links = "".join(f'<a class="go" href="/{name}">{word}</a>' for name, word in arranges.items())
    themes = "".join(
        f'<button data-theme="{name}">{word}</button>' for name, word in THEMES.items()
    )
    st.html(
        f'<details class="person"><summary>{escape(person.name)}</summary>'
        f"<div><p>{escape(person.name)}<br><small>{person.role.title}</small></p>{links}"
        f'<fieldset aria-label="Light or dark">{themes}</fieldset>'
        '<button class="shortcuts-open">Keyboard shortcuts</button>'
        '<form method="post" action="/sign-out"><button>Sign out</button></form></div></details>',
        width="content",
    )


main()
