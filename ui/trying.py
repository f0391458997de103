"""Those who were not reached, tried once more: the dialog that prepares a batch for them."""

import streamlit as st

from core import reports, second_try, templating
from core.access import Actor
from core.not_reached import Missed
from core.reasons import REASONS
from core.second_try import MOST, Outlook, Try
from ui import addresses, asking, look, preview
from ui.correcting import choose_template
from ui.words.numbers import plural
from ui.words.states import RISK


@st.dialog("Try another template", width="large", on_dismiss=asking.over)
def ask(wanted: Missed, *, by: Actor) -> None:
    """Nothing leaves before the batch is released."""
    asking.begin()
    st.write(
        "To those on the list, by the number that wrote to them: a batch of its own, which waits"
        " for your release. What they have for a parameter of the same name is taken over."
    )
    forms = second_try.forms(wanted)
    if not forms:
        look.note("No template can be sent by these numbers.", "grey")
        return
    form, parameters = choose_template(forms, "try")
    if form is None:
        return
    shown = templating.shown(form.shape, parameters)
    st.html(preview.phone(wanted.account or "One of your numbers", "", shown=shown))
    what = Try(form.id, parameters, bool(st.session_state.get("try-risk")))
    found = _preview(wanted, what)
    _draw(found)
    label = f"Prepare {found.prepared:,}"
    if st.button(label, type="primary", key="yes-try", disabled=not found.prepared):
        asking.carry_out(lambda: second_try.prepare(wanted, what, by=by), told=_told)


def _preview(wanted: Missed, what: Try) -> Outlook:
    named = tuple(sorted(what.parameters.items()))
    return _previewed(wanted, what.template_id, named, what.confirmed)


@st.cache_data(ttl=5, show_spinner=False)
def _previewed(
    wanted: Missed, template_id: int | None, parameters: tuple[tuple[str, str], ...], risk: bool
) -> Outlook:
    what = Try(template_id, dict(parameters), risk)
    return second_try.preview(wanted, what, now=reports.now())


def _draw(found: Outlook) -> None:
    """Who is left out and why, and what is risked."""
    out = [f"{n:,} {REASONS[why]}" for why, n in found.why.items()]
    if out:
        st.caption(f"Left out: {', '.join(out)}.")
    if found.why.get("unconfirmed") or st.session_state.get("try-risk"):
        look.note(f"What is unconfirmed may have arrived. {RISK.split('. ')[1]}", "orange")
        st.checkbox("Try those too: they may get both", key="try-risk")
    if found.taken:
        taken = plural(found.taken, "message")
        look.note(f"{taken} may still arrive when the phone is on: they would get both.", "grey")
    if found.looked_at == MOST:
        look.note(f"Of the latest {MOST:,} of the list. Then come back for the next.", "grey")


def _told(batch_id: int) -> str:
    st.session_state["try-batch"] = batch_id
    return "A batch is being prepared. It waits for your release."


def way_on() -> None:
    """The way to the batch that this person prepared last here."""
    if batch_id := st.session_state.get("try-batch"):
        link = f'<a class="go" href="{addresses.batch(batch_id)}">to the batch</a>'
        st.html(f'<p class="note grey">Prepared, and waiting for your release: {link}</p>')
