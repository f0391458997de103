"""Who is looking; every page asks this first, and needs nothing from the frame for it."""

from html import escape
from urllib.parse import urlencode, urlsplit

import streamlit as st

from core import sessions
from core.access import Actor, Role


def signed_in(role: Role = Role.VIEWER) -> Actor:
    """The person of this session, looked up anew on each run; ends the run without one.

    The gate in front of the dashboard lets nobody in who is signed out. This is for a session
    that ended while its page stayed open, and for a page file that runs without the frame.
    """
    person = sessions.actor(st.context.cookies.get(sessions.cookie_name()))
    if person is None:
        st.html(
            '<section class="empty"><h2>You are signed out</h2><p>Your session has ended.</p>'
            f'<p><a href="{_sign_in_again()}" target="_self">Sign in</a></p></section>'
        )
        st.stop()
    if person.role < role:
        st.html(
            f'<section class="empty"><h2>Not for {person.role.title.lower()}s</h2>'
            f"<p>This needs the role {role.title}; you are signed in as {person.role.title}.</p>"
            "</section>"
        )
        st.stop()
    return person


def _sign_in_again() -> str:
    """The way back to this very page."""
    here = urlsplit(st.context.url or "/")
    path = f"{here.path or '/'}{'?' + here.query if here.query else ''}"
    return escape(f"/sign-in?{urlencode({'next': path})}")


def zone() -> str:
    """The time zone of the person's browser; UTC where it tells none."""
    return st.context.timezone or "UTC"
