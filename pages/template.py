"""One template: how it looks, whether it sends, what changed, what waits; hold and release."""

from html import escape

import streamlit as st

from core import catalogue, reports, templates, templating, usable
from core.access import Role
from core.catalogue import Entry
from ui import addresses, asking, look, moments, preview, timeline
from ui.guard import signed_in, zone
from ui.words.accounts import QUALITIES, template_word
from ui.words.numbers import plural

person = signed_in()
now = reports.now()


def page() -> None:
    st.html('<p class="crumb"><a class="go" href="/templates">← Templates</a></p>')
    asking.over()  # a run of the whole page closes every dialog
    template_id = addresses.asked()
    entry = catalogue.one(template_id) if template_id is not None else None
    if entry is None:
        look.empty(
            "No such template",
            "The address names a template that does not exist.",
            link=("All templates", "/templates"),
        )
        return
    look.title(entry.template.name, entry.template.language)
    left, right = st.columns([2, 3], gap="large")
    with left:
        shown = templating.shown(entry.shape, templating.samples(entry.shape))
        st.html(preview.phone(entry.numbers[0] if entry.numbers else "Business", "", shown=shown))
    with right:
        state(entry)
        if person.role >= Role.OPERATOR:
            offered(entry)
        st.html(timeline.facts(facts(entry)))
    if usable.differences(entry.template):
        differences(entry)


def state(entry: Entry) -> None:
    chip = look.chip(*template_word(entry))
    advice = "".join(f'<p class="advice">{escape(one)}</p>' for one in advices(entry))
    st.html(
        f'<section class="state" aria-live="polite">{chip}<p>{escape(sentence(entry))}</p>'
        f"{advice}</section>"
    )


def sentence(entry: Entry) -> str:
    if entry.stop:
        at = f" Since {moments.clock(entry.stop.since, zone(), now)}." if entry.stop.since else ""
        return f"{usable.capital(entry.stop.reason)}.{at}"
    if entry.refusal:
        return entry.refusal
    if entry.earlier:
        at = entry.template.changed_at
        when = f" {moments.clock(at, zone(), now)}" if at else ""
        return f"{usable.capital(usable.changed(entry.template))}, seen{when}."
    return "It sends."


def advices(entry: Entry) -> list[str]:
    """What can be done about it, and by whom."""
    said = []
    if entry.earlier:
        said.append(
            f"{plural(entry.earlier, 'message')} scheduled before that "
            f"{_wait(entry.earlier)}. Release lets them leave with the words "
            "as they are now, where their parameters still fit; the others are edited or cancelled."
        )
    if entry.template.status != usable.APPROVED:
        said.append("What waits with it goes on by itself when Meta approves it again.")
    elif entry.template.hold_by == usable.META:
        said.append("It goes on by itself when Meta approves it; release it to try at once.")
    elif entry.template.hold:
        said.append("Nothing leaves with it until somebody releases it.")
    return said


def _wait(number: int) -> str:
    return "waits" if number == 1 else "wait"


def offered(entry: Entry) -> None:
    """The buttons that it allows now; the most likely one is coloured."""
    one = entry.template
    with st.container(horizontal=True, key="actions"):
        frees = one.status == usable.APPROVED and (one.hold or entry.held)
        if frees and st.button("Release", type="primary"):
            ask_release(entry)
        if not one.hold and one.status != "DELETED" and st.button("Hold"):
            ask_hold(entry)


@st.dialog("Hold this template?", on_dismiss=asking.over)
def ask_hold(entry: Entry) -> None:
    asking.begin()
    waits = f"{plural(entry.waiting, 'message')} scheduled with it {_wait(entry.waiting)}."
    told = waits if entry.waiting else "Nothing waits to leave with it now."
    st.write(f"Nothing leaves with it any more until somebody releases it. {told}")
    reason = st.text_input("Why? Everybody sees it.", key="reason")
    if st.button("Hold it", type="primary"):
        asking.carry_out(
            lambda: templates.hold(entry.template.id, reason=reason, by=person), did="Held."
        )


@st.dialog("Release this template?", on_dismiss=asking.over)
def ask_release(entry: Entry) -> None:
    asking.begin()
    st.write(
        f"{plural(entry.held, 'message')} held by it {_wait(entry.held)}. What it holds leaves "
        "when its turn comes, with the template's words as they are now."
    )
    if st.button("Release it", type="primary"):
        asking.carry_out(lambda: templates.release(entry.template.id, by=person), did="Released.")


def facts(entry: Entry) -> list[tuple[str, str]]:
    one = entry.template
    waits = plural(entry.waiting, "message") if entry.waiting else "nothing"
    held = f", {entry.held:,} of them held" if entry.held else ""
    asks = ", ".join(asked.key for asked in entry.shape.asks) or "nothing"
    lines = [
        ("In the queue", f'<a class="go" href="{addresses.of_template(one.id)}">{waits}</a>{held}'),
        ("Category", escape((one.category or "none").lower())),
        ("Quality", QUALITIES.get(one.quality or "UNKNOWN", QUALITIES["UNKNOWN"])[0]),
        ("Asks for", escape(asks)),
        ("Numbers", escape(", ".join(entry.numbers) or "none")),
        ("Read from Meta", moments.shown(one.synced_at, zone(), now)),
    ]
    if one.meta_id:
        lines.append(("Meta id", f"<code>{escape(one.meta_id)}</code>"))
    return lines


def differences(entry: Entry) -> None:
    at = entry.template.changed_at
    when = f", seen {moments.clock(at, zone(), now)}" if at else ""
    st.html(f'<h2 class="part-title">What Meta changed last{escape(when)}</h2>')
    rows = [
        (escape(one.what.capitalize()), f"<del>{escape(one.before)}</del> → {escape(one.after)}")
        for one in usable.differences(entry.template)
    ]
    st.html(timeline.facts(rows))


page()
