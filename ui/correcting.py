"""How a batch, or what is selected, is corrected: what is wrong, three real messages, how many."""

import re
from difflib import SequenceMatcher
from html import escape

import streamlit as st

from core import correcting, following_up, operations, previewing
from core.access import Actor, Role
from core.batch_reports import Whole
from core.choosing import Choice
from core.corrections import Correction, Form, Way, told
from core.errors import Invalid
from core.following_up import Words
from core.kinds import OPEN, Kind
from core.models import Operation
from core.previewing import Of, Preview
from core.reasons import REASONS
from core.sheets import placeholders
from ui import asking, look, moments, picking
from ui.steering import do
from ui.words.bulk import CORRECTIONS
from ui.words.numbers import plural


@st.dialog("Correct what has not left", position="right", width="medium", on_dismiss=asking.over)
def drawer(whole: Whole, *, by: Actor) -> None:
    """Nothing is changed before the last button; what was typed stays when it is refused."""
    asking.begin()
    asked = typed(whole.batch.id)
    if asked is None or not (asked[1].touches or asked[1].left):
        return
    wanted, found = asked
    label = button(found) if found.touches else "Go on to a correction for them"
    if st.button(label, type="primary", key="yes-correct"):
        do("correct", lambda: correcting.correct(whole.batch.id, wanted, by=by))


def button(found: Preview) -> str:
    """«Correct 412 messages»."""
    least = "at least " if found.more else ""
    return f"Correct {least}{plural(found.touches, 'message', cap=found.touches)}"


def typed(of: Of) -> tuple[Correction, Preview] | None:
    """What is to be corrected, and what that would do, drawn; None: that is not said yet."""
    keys = previewing.keys(of)
    texts = [Way.REPLACE, Way.TEXT] if not keys or isinstance(of, Choice) else []
    ways = [*([Way.PARAMETER] if keys else []), *texts, Way.TEMPLATE]
    chosen = st.segmented_control(
        "What is wrong",
        ways,
        default=ways[0],
        required=True,
        format_func=lambda way: CORRECTIONS[way],
        key="correct-way",
    )
    wanted = _typed(Way(chosen), keys, of)
    try:
        found = previewing.preview(of, wanted)
    except Invalid as invalid:
        st.caption(invalid.problems[0].message)
        return None
    _draw(found)
    _unfilled(wanted)
    return wanted, found


def _typed(way: Way, keys: list[str], of: Of) -> Correction:
    if way is Way.TEXT:
        put = st.text_area("They are to say", key="correct-text", max_chars=4096)
        return Correction(way, put=put or "")
    if way is Way.REPLACE:
        find = st.text_input("These words are wrong", key="correct-find", live="400ms")
        put = st.text_input("They become", key="correct-put", live="400ms")
        return Correction(way, find=find or "", put=put or "")
    if way is Way.PARAMETER:
        return _parameter(keys)
    form, parameters = choose_template(previewing.forms(of), "correct")
    return Correction(way, template_id=form and form.id, parameters=parameters)


def _parameter(keys: list[str]) -> Correction:
    key = st.selectbox("Parameter", keys, key="correct-key")
    find = st.text_input(
        "Only where it has these words",
        key="correct-within",
        placeholder="Everywhere",
        live="400ms",
    )
    put = st.text_input("It becomes", key="correct-value", live="400ms")
    return Correction(Way.PARAMETER, key=key or "", find=find or "", put=put or "")


def choose_template(forms: list[Form], key: str) -> tuple[Form | None, dict[str, str]]:
    """A template, and values for its parameters where a message has none of that name."""
    form = st.selectbox(
        "Template",
        forms,
        index=None,
        format_func=lambda one: f"{one.name} ({one.language})",
        placeholder="Choose an approved one",
        key=f"{key}-template",
    )
    if form is None:
        return None, {}
    typed = {
        one.key: st.text_input(
            f"{one.key}, unless a message has its own", key=f"{key}-{one.key}", live="400ms"
        )
        for one in form.shape.asks
    }
    return form, {name: value for name, value in typed.items() if value}


def _draw(found: Preview) -> None:
    for one in found.samples:
        whose = escape(picking.readable(one.recipient))
        st.html(
            f'<div class="corrected"><small>{whose}</small>{_marked(one.before, one.after)}</div>'
        )
    if not found.touches:
        look.note("No message that has not left would be changed.", "grey")
    if found.left or found.sending:
        gone = found.left + found.sending
        had = plural(gone, "message", cap=gone)
        look.note(f"{had} left with the old text, and cannot be corrected.", "orange")
    for reason, count in found.skipped.items():
        why = f" {found.problems[reason]}" if reason in found.problems else ""
        st.caption(f"{count:,} {REASONS[reason]}.{why}")


def _marked(before: str, after: str) -> str:
    """What becomes other, marked in its sentence; where little stays, both texts in full."""
    old, new = (re.split(r"(\s+)", text) for text in (before, after))
    alike = SequenceMatcher(None, old, new, autojunk=False)
    if alike.ratio() < _MOSTLY:
        return f"<p><del>{escape(before)}</del></p><p><ins>{escape(after)}</ins></p>"
    parts = []
    for what, i, j, k, n in alike.get_opcodes():
        was, becomes = escape("".join(old[i:j])), escape("".join(new[k:n]))
        kept = what == "equal"
        parts.append(was if kept else f"{_tag('del', was)} {_tag('ins', becomes)}".strip())
    return f"<p>{''.join(parts)}</p>"


_MOSTLY = 0.6  # of its words, and what stands between them


def _tag(name: str, words: str) -> str:
    return f"<{name}>{words}</{name}>" if words else ""


def _unfilled(wanted: Correction) -> None:
    """Braces are filled where a file is loaded, and nowhere else."""
    for typed in (wanted.put, *wanted.parameters.values()):
        if left := placeholders.unfilled(typed):
            told = f"«{left}» would leave as it stands: a correction knows no columns."
            look.note(f"{told} To keep a name, correct words in the text.", "orange")


def made(whole: Whole, *, zone: str, by: Actor) -> None:
    """The newest correction: what it did, its undo, and who got the old words."""
    kinds = (Kind.CORRECT,)
    newest = next((one for one in whole.operations if one.kind in kinds), None)
    if newest is None or newest.state in OPEN:
        return
    wanted = Correction.read(newest.arguments["correction"])
    left = _left(newest.id)
    at = moments.shown(newest.created_at, zone, whole.at)
    why = ", ".join(
        f"{count:,} {REASONS[one]}"
        for one, count in newest.cursor["why"].items()
        if one != "unaffected"
    )
    undone = " It was undone." if newest.state == "undone" else ""
    st.html(
        f'<p class="note grey">{escape(newest.created_by)} corrected {escape(told(wanted))} {at}:'
        f" {plural(newest.done, 'message', cap=newest.done)} changed{why and f', {escape(why)}'}."
        f"{undone}</p>"
    )
    if by.role < Role.OPERATOR or newest.state == "undone":
        return
    with st.container(horizontal=True, vertical_alignment="center", key="corrected"):
        waits = newest.done and whole.progress.waiting
        if waits and st.button("Undo the correction", key="uncorrect"):
            do("uncorrect", lambda: operations.undo(newest.id, by=by))
        if left:
            old = f'<span class="left-old"><b>{left:,}</b> left with the old text</span>'
            there = following_up.following(newest.id)
            if there:
                link = f'<a class="go" href="/batches?id={there.id}">{escape(there.name)}</a>'
                old += f" They are in the batch {link}."
            st.html(old, width="content")
            if not there and st.button("Send these a correction …", key="follow-up"):
                _follow_up(whole, newest, left, by)


@st.cache_data(ttl=5, show_spinner=False)
def _left(operation_id: int) -> int:
    return previewing.left(operations.state(operation_id))


@st.cache_data(ttl=5, show_spinner=False)
def _followed(
    operation_id: int, template_id: int | None, parameters: dict[str, str]
) -> dict[str, int]:
    return previewing.followed(operations.state(operation_id), template_id, parameters)


@st.dialog("Send a correction", width="large", on_dismiss=asking.over)
def _follow_up(whole: Whole, made: Operation, left: int, by: Actor) -> None:
    asking.begin()
    people = plural(left, "message", cap=left)
    st.write(
        f"To those who got {people} with the old text: a batch of its own, which waits for your"
        " release. Who asked not to be contacted is left out. Outside of 24 hours since they last"
        " wrote, only templates arrive."
    )
    kinds = ["text", "template"]
    forms = previewing.forms(whole.batch.id)
    kind = st.segmented_control(
        "As",
        kinds,
        default="template" if forms and whole_is_template(whole) else "text",
        required=True,
        format_func=str.capitalize,
        key="follow-kind",
    )
    if kind == "text":
        words = Words(text=st.text_area("Text", key="follow-text", max_chars=4096) or "")
    else:
        form, parameters = choose_template(forms, "follow")
        words = Words(template_id=form.id if form else None, parameters=parameters)
    counts = _followed(made.id, words.template_id, dict(words.parameters))
    out = [f"{n:,} {REASONS[why]}" for why, n in counts.items() if why != "prepared"]
    if out:
        st.caption(f"Left out: {', '.join(out)}.")
    prepared = counts.get("prepared", 0)
    label = f"Prepare {prepared:,}"
    if st.button(label, type="primary", key="yes-follow-up", disabled=not prepared):
        verb = following_up.send_correction
        do("follow-up", lambda: verb(whole.batch.id, made.id, words, by=by))


def whole_is_template(whole: Whole) -> bool:
    return bool(previewing.keys(whole.batch.id))
