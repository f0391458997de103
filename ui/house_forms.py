"""The form of what holds for everybody: what was typed stays, each mistake at its field."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape

import streamlit as st

from core import house_rules, ruling
from core.access import Actor
from core.errors import Conflict, Invalid
from core.house_rules import InForce
from ui import asking, look, moments
from ui.fields import Problems
from ui.guard import zone
from ui.words.house import HOUSE

PAIRS = (
    ("retry_delays", "min_lead_seconds"),
    ("undelivered_hours", "session_hours"),
    ("stop_words", "test_number"),
)
_BASE, _WRONG, _THEIRS = "rules-base", "rules-wrong", "rules-theirs"


def drawn(*, now: datetime, by: Actor) -> None:
    """Every rule in its field, with where it comes from, and one button that saves them."""
    rules = {one.name: one for one in house_rules.all_rules()}
    _fill(rules.values())
    problems = Problems(st.session_state.get(_WRONG, ()), pressed=True)
    for pair in PAIRS:
        for name, column in zip(pair, st.columns(len(pair), gap="medium"), strict=True):
            with column:
                _field(rules[name], problems, now, by)
    problems.rest()
    if theirs := st.session_state.get(_THEIRS):
        look.note(f"Somebody changed this meanwhile: {theirs}. Save again to put yours there.")
    if st.button("Save", type="primary", key="save-rules"):
        _save(by)
        st.rerun()


def _key(name: str) -> str:
    return f"rule-{name}"


def _fill(rules: Iterable[InForce]) -> None:
    """Where nothing was typed stands what holds now, also when somebody else changed it."""
    kept = st.session_state
    base = kept.setdefault(_BASE, {})
    for one in rules:
        if kept.get(_key(one.name)) in (None, base.get(one.name)):
            kept[_key(one.name)] = base[one.name] = one.written


def _field(rule: InForce, problems: Problems, now: datetime, by: Actor) -> None:
    label, meaning = HOUSE[rule.name]
    with st.container(gap="small"):
        st.text_input(label, key=_key(rule.name), autocomplete="off")
        problems.at(rule.name)
        st.html(f'<p class="read">{escape(meaning)}<br>{_whence(rule, now)}</p>')
        if rule.settled and st.button("Back to the default", key=f"reset-{rule.name}"):
            _reset(rule, by)


def _whence(rule: InForce, now: datetime) -> str:
    """HTML: whose value it is."""
    if rule.at is None or rule.by is None:
        return f"Default, from <code>OUTBOX_{rule.name.upper()}</code>"
    at = moments.shown(rule.at, zone(), now)
    default = escape(rule.default_written) or "none"
    return f"Changed {at} by <b>{escape(rule.by)}</b> · default: {default}"


def _reset(rule: InForce, by: Actor) -> None:
    del st.session_state[_BASE][rule.name]
    del st.session_state[_key(rule.name)]
    label = HOUSE[rule.name][0]
    asking.carry_out(lambda: ruling.reset(rule.name, by=by), did=f"{label}: the default again.")


def _save(by: Actor) -> None:
    kept, base = st.session_state, st.session_state[_BASE]
    typed = {name: str(kept[_key(name)] or "") for name in base}
    changed = {name: text for name, text in typed.items() if text.strip() != base[name]}
    kept[_WRONG], kept[_THEIRS] = (), ""
    try:
        ruling.settle(changed, seen=base, by=by)
    except Invalid as refused:
        kept[_WRONG] = refused.problems
    except Conflict as refused:
        base.update(refused.current)
        kept[_THEIRS] = _told(refused.current)
    else:
        for name in changed:  # written as it was understood
            del kept[_key(name)]
        kept["did"] = (
            "Saved: it counts everywhere within seconds." if changed else "Nothing changed."
        )


def _told(current: Mapping[str, str]) -> str:
    return ", ".join(f"{HOUSE[name][0]} is {now or 'empty'} now" for name, now in current.items())
