"""What an administrator does with who may sign in: add, role, password by a link, sessions."""

from collections.abc import Callable
from html import escape

import streamlit as st

from core import password_links, sessions, users
from core.access import Actor, Role
from core.errors import Invalid
from core.users import Person
from ui import asking, look
from ui.words.house import ROLES


def handed_over() -> None:
    """The link that was just made; it is shown once, for its administrator to hand over."""
    if made := st.session_state.pop("password-link", None):
        name, address = made
        look.note(
            f"Give this link to {name}: it lets them choose a password, once, within 24 hours."
            " It is shown only now."
        )
        st.code(address, language=None)


def make_link(name: str, by: Actor) -> None:
    st.session_state["password-link"] = (name, password_links.make(name, by=by))


def role_chosen(key: str) -> Role:
    chosen = st.radio("May", list(Role), format_func=lambda one: ROLES[one], key=key)
    return Role(chosen or Role.VIEWER)


@st.dialog("Add somebody", on_dismiss=asking.over)
def add(by: Actor) -> None:
    asking.begin()
    name = st.text_input("Name", key="user-name", placeholder="As colleagues will see it") or ""
    wrong = st.container()
    role = role_chosen("user-role")
    st.caption("They choose a password by a link that you give them.")
    if st.button("Add", type="primary", key="yes-add-user"):
        try:
            users.invite(name, role=role, by=by)
            make_link(name, by)
        except Invalid as refused:
            with wrong:
                for problem in refused.problems:
                    look.wrong(problem.message)
            return
        asking.over()
        st.rerun()


def done(verb: Callable[[], object], said: str) -> None:
    asking.carry_out(verb, did=said)


@st.dialog("What may they do?", on_dismiss=asking.over)
def change(one: Person, by: Actor) -> None:
    asking.begin()
    name = one.name
    st.session_state.setdefault(f"role-{name}", one.role)
    st.html(f"<h3>{escape(name)}</h3>")
    role = role_chosen(f"role-{name}")
    if role is not one.role and st.button("Change the role", type="primary", key="yes-role"):
        done(lambda: users.set_role(name, role, by=by), f"{name} is {role.title} now.")
    if st.button("Make a link for another password", key="yes-link"):
        done(lambda: make_link(name, by), "")
    if one.signed_in and st.button("Sign them out everywhere", key="yes-sign-out"):
        done(lambda: sessions.revoke_all(name, by=by), f"{name} is signed out.")
    if st.button("Let them sign in no more", key="yes-disable"):
        done(lambda: users.disable(name, by=by), f"{name} may sign in no more.")
