"""Schedule one message: what is wrong stands at its field, when it leaves under the button."""

from html import escape
from uuid import uuid4

import streamlit as st

from core import composing, departure, reports, telling
from core.access import Role
from core.departure import Forecast
from core.drafts import Composed, Draft
from core.errors import Invalid, OutboxError, Problem
from core.models import Account
from core.schedule import told
from core.standing import Standing
from ui import addresses, fields, filling, look, moments, preview, ways
from ui.accounts import none_yet
from ui.fields import Problems
from ui.guard import signed_in, zone
from ui.words.numbers import plural
from ui.words.states import WORDS

person = signed_in(Role.OPERATOR)
kept = st.session_state
kept.setdefault("form", uuid4().hex)  # the form's generation, and its idempotency key


def page() -> None:
    look.title("Schedule a message")
    ways.switch("schedule")
    accounts = reports.accounts()
    if not accounts:
        none_yet(by=person)
        return
    form(accounts)


@st.fragment
def form(accounts: list[Account]) -> None:
    signed_in(Role.OPERATOR)  # a fragment runs by itself
    key, pressed = kept["form"], kept.get("pressed") == kept["form"]
    typed, shown = st.columns([3, 2], gap="large")
    with typed:
        places = {name: st.container(key=f"field-{name}", gap="small") for name in _FIELDS}
        with places["account"]:
            sender = fields.account(accounts, "account-of-form")
        with places["recipient"]:
            to = fields.recipient(f"to-{key}", home=sender.country if sender else None)
        with places["text"]:
            words = filling.words(f"says-{key}", sender)
        with places["when"]:
            leaves = fields.when(f"when-{key}", zone=zone(), now=reports.now())
        with places["max_retries"]:
            rest = fields.more(f"more-{key}")
        draft = fields.draft(
            account_id=sender.id if sender else None,
            to=to,
            says=words.drafted(),
            leaves=leaves,
            rest=rest,
        )
        composed, found = _checked(draft)
        said = Problems(words.problems(found), pressed=pressed)
        fields.say(said, places | dict(words.places))
        button(draft, composed, key, pressed)
    with shown:
        name = sender.name if sender else "Your business"
        number = sender.display_phone or "" if sender else ""
        st.html(preview.phone(name, words.text, number=number, shown=words.shown()))


_FIELDS = ("account", "recipient", "text", "when", "max_retries")


def _checked(draft: Draft) -> tuple[Composed | None, tuple[Problem, ...]]:
    try:
        return composing.check(draft), ()
    except Invalid as refused:
        return None, refused.problems


def button(draft: Draft, composed: Composed | None, key: str, pressed: bool) -> None:
    if composed and composed.warning:
        look.note(composed.warning)
    label = "Send now" if draft.when.kind == "now" else "Schedule"
    if st.button(label, type="primary", key=f"schedule-{key}"):
        press(draft, composed, key)
        st.rerun()
    if composed:
        st.html(f'<p class="read" aria-live="polite">{_forecast(composed)}</p>')
    elif pressed:
        look.wrong("Not scheduled yet: see above.")
    elif done := kept.get("done"):
        st.html(done)


def _forecast(composed: Composed) -> str:
    forecast = departure.forecast(composed)
    free = "" if composed.template else f"<br>{escape(_free(forecast))}"
    if forecast.why:
        why = telling.sentence(forecast.why, reports.now(), zone())
        return f"<b>Waits.</b> {escape(why)}{free}"
    ahead = forecast.ahead
    others = f", {plural(ahead, 'message')} ahead of it on this number" if ahead else ""
    leaves = told(forecast.leaves_at, composed.zone, now=reports.now())
    return f"Leaves <b>{escape(leaves)}</b>{others}.{free}"


def _free(forecast: Forecast) -> str:
    """Whether WhatsApp takes a free text to them when it leaves."""
    if forecast.answers_until is None:
        return (
            "As far as is known they have not written to this number: WhatsApp refuses all but"
            " templates to them."
        )
    until = moments.clock(forecast.answers_until, zone(), reports.now())
    if forecast.outside:
        return f"WhatsApp takes free text to them until {until} only; then, a template."
    return f"They wrote: WhatsApp takes free text to them until {until}."


def press(draft: Draft, composed: Composed | None, key: str) -> None:
    """Schedule the draft; a second click of the same form finds the message of the first.

    No callback: its arguments would be those of the run before, without what was typed last.
    """
    if not (draft.recipient or draft.text or draft.template) and kept.get("done"):
        return
    kept["pressed"] = key
    if composed is None:
        return
    try:
        message_id = composing.schedule(draft, key=key, by=signed_in(Role.OPERATOR))
    except Invalid:
        return  # checked anew on the rerun, and told at its field
    except OutboxError as refused:
        kept["done"] = f'<p class="wrong" role="alert">{escape(str(refused))}</p>'
        return
    kept["done"] = _confirmation(composed, message_id)
    kept["form"] = uuid4().hex


def _confirmation(composed: Composed, message_id: int) -> str:
    leaves = told(composed.due_at, composed.zone, now=reports.now())
    if kept_by := departure.forecast(composed).why:
        leaves += f". It waits: {telling.sentence(kept_by, reports.now(), zone()).rstrip('.')}"
    return (
        f'<div class="note green" role="status"><b>{WORDS[Standing.SCHEDULED].word}</b> for '
        f"{escape(composed.phone.readable)}: {escape(leaves)}. "
        f'<a class="go" href="{addresses.message(message_id)}">Open it</a></div>'
    )


page()
