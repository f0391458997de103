"""The drawer in which a message is edited, by one person or by two at the same time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html import escape

import streamlit as st

from core import catalogue, composing, editing, happened, history, reports
from core.access import Actor
from core.drafts import Draft, When
from core.errors import Conflict, Invalid, OutboxError, Problem
from core.event_words import FIELDS
from core.listing import MessageRow
from core.revising import Revision
from core.standing import Standing, standing
from ui import asking, fields, filling, look, moments, timeline
from ui.fields import AT, KEEP, Problems
from ui.guard import zone
from ui.words.states import RISK

_FIELDS = ("account", "recipient", "text", "when", "max_retries")


def begin(row: MessageRow, typed: Revision | None = None) -> None:
    """Fill the drawer with the message as it is, and remember which version that was.

    `typed`: what was typed of it elsewhere, and goes before. What was typed here stays while the
    message is the same: a click beside the drawer closes it.
    """
    key = f"edit-{row.id}"
    asking.begin()
    values: dict[str, object] = {
        f"{key}-account": row.account_id,
        f"{key}-to": row.recipient,
        f"{key}-says-text": row.text or "",
        f"{key}-when": KEEP,
        f"{key}-more-retries": row.max_retries,
    }
    values |= _template(row, key) | (_typed(typed, key) if typed else {})
    left = typed is None and _left(row, values)
    whole = {"version": row.version, "problems": (), "theirs": None, "risk": False, "left": left}
    st.session_state.update({f"{key}-{name}": value for name, value in whole.items()})
    if not left:
        st.session_state.update(values)


def _left(row: MessageRow, values: Mapping[str, object]) -> bool:
    """Whether the drawer was closed over something typed, of the message as it still is."""
    kept = st.session_state
    if kept.get(f"edit-{row.id}-version") != row.version:
        return False
    return any(name in kept and kept[name] != value for name, value in values.items())


def _anew(row: MessageRow) -> None:
    st.session_state.pop(f"edit-{row.id}-version")
    begin(row)


def _typed(one: Revision, key: str) -> dict[str, object]:
    """The fields that say something else than the message; what the drawer cannot show is left."""
    fields_ = {"account_id": "account", "recipient": "to", "text": "says-text"}
    said = one.typed
    found: dict[str, object] = {
        f"{key}-{field}": said[name] or "" for name, field in fields_.items() if said.get(name)
    }
    if said.get("max_retries") in range(6):
        found[f"{key}-more-retries"] = said["max_retries"]
    if said.get("due_at"):
        found |= {f"{key}-when": AT, f"{key}-when-wall": said["due_at"]}
        found[f"{key}-when-zone"] = one.zone
    return found


def _template(row: MessageRow, key: str) -> dict[str, object]:
    """The fields of a template message; its text is what they make."""
    if row.kind != "template" or row.template_id is None:
        return {f"{key}-says-kind": filling.TEXT}
    says, chosen = f"{key}-says", catalogue.template(row.template_id)
    business_id = chosen.business_id if chosen else 0
    return {
        f"{says}-kind": filling.TEMPLATE,
        f"{says}-text": "",
        filling.choice_key(says, business_id): row.template_id,
        **{
            filling.key_of(says, row.template_id, name): value
            for name, value in (row.parameters or {}).items()
        },
    }


@st.dialog("Edit message", position="right", width="medium", on_dismiss=asking.over)
def drawer(row: MessageRow, *, by: Actor, saved: Callable[[], None] = lambda: None) -> None:
    """The fields of the message. What was typed stays when somebody else was faster.

    `saved` is called when it was.
    """
    key = f"edit-{row.id}"
    kept = st.session_state
    top = st.container()
    if kept[f"{key}-left"]:
        look.note("What you typed before is still here, and not saved.", "orange")
        st.button("Show it as it is stored", key=f"{key}-anew", on_click=_anew, args=(row,))
    places = {name: st.container(key=f"edit-field-{name}", gap="small") for name in _FIELDS}
    with places["account"]:
        accounts = reports.accounts()
        sender = fields.account(accounts, f"{key}-account")
    with places["recipient"]:
        to = fields.recipient(f"{key}-to", home=sender.country if sender else None)
    with places["text"]:
        words = filling.words(f"{key}-says", sender)
    with places["when"]:
        leaves = fields.when(f"{key}-when", zone=zone(), now=reports.now(), keep=True)
    with places["max_retries"]:
        rest = fields.more(f"{key}-more", new=False)
    draft = fields.draft(
        account_id=sender.id if sender else None,
        to=to,
        says=words.drafted(),
        leaves=leaves,
        rest=rest,
    )
    if kept[f"{key}-theirs"]:
        with top:
            _difference(kept[f"{key}-theirs"], draft)
    found = words.problems(tuple(_problems(draft))) or kept[f"{key}-problems"]
    fields.say(Problems(found, pressed=True), places | dict(words.places))
    sure = _risk_accepted(row, key)
    if st.button("Save", type="primary", key=f"{key}-save"):
        if _save(row.id, draft, by, sure):
            saved()
            st.rerun(scope="app")
        st.rerun(scope="fragment")


def _problems(draft: Draft) -> Sequence[Problem]:
    """What can be told before saving; a time that is kept is checked with the row, then."""
    later = When(kind="now") if draft.when.kind == "keep" else draft.when
    try:
        composing.check(replace(draft, when=later))
    except Invalid as refused:
        return refused.problems
    return ()


def _risk_accepted(row: MessageRow, key: str) -> bool:
    if standing(row, reports.now()) is not Standing.UNCONFIRMED:
        return False
    look.note(RISK, "orange")
    return st.checkbox("I accept that it may arrive twice", key=f"{key}-risk")


def _save(message_id: int, draft: Draft, by: Actor, sure: bool) -> bool:
    key, kept = f"edit-{message_id}", st.session_state
    kept[f"{key}-problems"] = ()
    try:
        version = kept[f"{key}-version"]
        editing.edit(message_id, draft, version=version, by=by, confirmed=sure)
        kept.pop(f"{key}-version")
        kept["did"] = "Saved."
        asking.over()
        return True
    except Invalid as refused:
        kept[f"{key}-problems"] = refused.problems
    except Conflict:
        _take_note_of_theirs(message_id)
    except OutboxError as refused:
        kept[f"{key}-problems"] = (Problem("", "refused", str(refused)),)
    return False


def _take_note_of_theirs(message_id: int) -> None:
    """Read what it holds now together with its version, so that nothing unseen is overwritten."""
    found = history.read(message_id)
    if found:
        st.session_state[f"edit-{message_id}-theirs"] = found.row
        st.session_state[f"edit-{message_id}-version"] = found.row.version


def _difference(theirs: MessageRow, draft: Draft) -> None:
    """What the other person made of it, where it is not what is typed here."""
    says = {"text": draft.text}
    if draft.template:
        says = {"template": draft.template, "parameters": dict(draft.parameters)}
    mine = {
        "account_id": draft.account_id,
        "recipient": draft.recipient,
        **says,
        "max_retries": draft.max_retries,
    }
    now = reports.now()
    other = [name for name, value in mine.items() if getattr(theirs, name) != value]
    told = [(FIELDS[name], escape(_told(theirs, name))) for name in other]
    told.append((FIELDS["due_at"], moments.shown(theirs.due_at, zone(), now)))
    look.note("Somebody changed this message while you were editing. It now says:", "orange")
    st.html(timeline.facts(told))
    st.caption("Nothing that you typed is lost. Save again to put yours in place of theirs.")


def _told(row: MessageRow, name: str) -> str:
    stored = row.account if name == "account_id" else getattr(row, name)
    return happened.value(stored, name, reports.now(), zone())
