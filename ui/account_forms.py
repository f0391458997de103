"""The forms of an account: adding one, how it sends, another token. What was typed stays."""

from collections.abc import Mapping

import streamlit as st

from core import account_settings, account_typed, accounts, businesses, checking, numbering
from core.access import Actor
from core.account_reports import Card
from core.checking import Checked
from core.errors import Invalid, OutboxError, Problem
from core.models import Account
from ui import accounts as drawn
from ui import asking, fields, live, look
from ui.fields import Problems
from ui.guard import zone
from ui.words.accounts import OF_ACCOUNTS
from ui.words.states import LATE

NO_COUNTRY = ""


def adding(*, by: Actor) -> int | None:
    """The form of a new number; its id once it is added. Meta is asked before anything is kept."""
    kept = st.session_state
    wrong: tuple[Problem, ...] = kept.get("add-problems", ())
    names = ("name", "phone_number_id", "waba_id", "token", "rate", "country", "zone")
    places = {name: st.container(key=f"add-field-{name}", gap="small") for name in names}
    typed = {
        "name": _text(places["name"], "Name", "add-name", "How colleagues call it, e.g. Orders"),
        "phone_number_id": _text(
            places["phone_number_id"], "Phone-number id", "add-number", "WhatsApp > API set-up"
        ),
        "waba_id": _text(
            places["waba_id"], "WABA id", "add-waba", "Its business account: templates, limits"
        ),
        "token": _text(places["token"], "Access token", "add-token", "", secret=True),
        "rate": _text(places["rate"], OF_ACCOUNTS["rate"], "add-rate", "1, 0.5 or none", "1"),
        "country": _country(places["country"], "add-country"),
        "zone": _zone(places["zone"], "add-zone", zone()),
    }
    fields.say(Problems(wrong, pressed=True), places)
    doubts: Checked | None = kept.get("add-doubts")
    if doubts and kept.get("add-of") != _told(typed):  # said of something else
        doubts = None
    if doubts:
        st.html(drawn.found(doubts))
    label = "Add it all the same" if doubts else "Check and add"
    if st.button(label, type="primary", key="add"):
        kept["add-problems"] = ()
        try:
            return _add(typed, by, sure=doubts is not None)
        except Invalid as refused:
            kept["add-problems"] = refused.problems
        except OutboxError as refused:
            kept["add-problems"] = (Problem("", "refused", str(refused)),)
        st.rerun()
    return None


def _add(typed: Mapping[str, str], by: Actor, *, sure: bool) -> int | None:
    rate, problems = None, list[Problem]()
    try:
        rate = account_typed.rate(typed["rate"])
    except Invalid as refused:
        problems = [*refused.problems]
    told = {name: typed[name] for name in ("name", "phone_number_id", "token", "zone")}
    problems += accounts.wrong(**told, rate=rate)
    if problems:
        raise Invalid(*problems)
    number = {name: typed[name] for name in ("phone_number_id", "token", "waba_id")}
    if not sure:
        with st.spinner("Asking Meta…"):
            found = checking.ask(**number)
        if found.refused:
            raise Invalid(*found.refused)
        if found.doubts:
            st.session_state.update({"add-doubts": found, "add-of": _told(typed)})
            st.rerun()
    made = accounts.add(
        name=typed["name"],
        phone_number_id=typed["phone_number_id"],
        token=typed["token"],
        waba_id=typed["waba_id"].strip() or None,
        rate=rate,
        country=typed["country"] or None,
        zone=typed["zone"],
        by=by,
    )
    checking.check(typed["name"], by=by)
    return made


def _told(typed: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(typed[name] for name in ("phone_number_id", "token", "waba_id"))


def added() -> str:
    """What is said of a number that was added; without a WABA nothing of its templates is known."""
    if st.session_state["add-waba"].strip():
        return "Added. Its templates are read within a minute."
    return "Added. It sends texts only until its WABA id is filled in below."


def forget_new() -> None:
    """Let the form of a new number be empty again, the token above all."""
    for name in list(st.session_state):
        if str(name).startswith("add-"):
            del st.session_state[name]


def settings(one: Card, *, by: Actor) -> None:
    """How it sends; only what was changed here is saved, and what others changed is shown first."""
    account, kept = one.account, st.session_state
    key = f"account-{account.id}"
    current = account_typed.written(account)
    if f"{key}-rate" not in kept:  # filled anew
        kept[f"{key}-base"] = current
    base = kept[f"{key}-base"]
    places = _places(key)
    typed = _typed(places, key, base)
    if current != base and typed == base:  # nothing of it was typed here
        forget(account.id)
        st.rerun()
    if one.business.waba_id is None:
        typed["waba_id"] = _text(places["waba_id"], "WABA id", f"{key}-waba", "Named once")
    fields.say(Problems(kept.get(f"{key}-problems", ()), pressed=True), places)
    if theirs := kept.get(f"{key}-theirs"):
        look.note(f"Somebody changed this meanwhile: {theirs}. Save again to put yours there.")
    if st.button("Save", key=f"{key}-save"):
        _save(account, typed, base, by)
        st.rerun()


def _places(key: str) -> dict[str, st.container]:
    """The fields, two in a row."""
    pairs = (
        *(("rate", "test_number"), ("quiet_from", "quiet_to"), ("late_policy", "late_after")),
        *(("zone", "country"), ("waba_id",)),
    )
    places = {}
    for pair in pairs:
        for name, column in zip(pair, st.columns(2), strict=False):
            with column:
                places[name] = st.container(key=f"{key}-field-{name}", gap="small")
    return places


def _typed(places: Mapping[str, st.container], key: str, base: Mapping[str, str]) -> dict[str, str]:
    hints = {
        "rate": "1, 0.5 or none",
        "test_number": "One of your own",
        "quiet_from": "21:00; empty: none",
        "quiet_to": "07:00",
        "late_after": "10m",
    }
    typed = {
        name: _text(places[name], OF_ACCOUNTS[name], f"{key}-{name}", hint, base[name])
        for name, hint in hints.items()
    }
    with places["late_policy"]:
        st.session_state.setdefault(f"{key}-late_policy", base["late_policy"])
        typed["late_policy"] = st.selectbox(
            OF_ACCOUNTS["late_policy"],
            list(LATE),
            format_func=lambda policy: LATE[policy].capitalize(),
            key=f"{key}-late_policy",
        )
    typed["zone"] = _zone(places["zone"], f"{key}-zone", base["zone"])
    typed["country"] = _country(places["country"], f"{key}-country", base["country"])
    return typed


def _save(account: Account, typed: dict[str, str], base: Mapping[str, str], by: Actor) -> None:
    key, kept = f"account-{account.id}", st.session_state
    kept[f"{key}-problems"], kept[f"{key}-theirs"] = (), ""
    waba = typed.pop("waba_id", "").strip()
    changed = {name: text for name, text in typed.items() if text.strip() != base[name]}
    current = account_typed.written(account)
    moved = [name for name in changed if current[name] != base[name]]
    if moved:
        told = (f"{OF_ACCOUNTS[name]} is {current[name] or 'empty'} now" for name in moved)
        kept[f"{key}-theirs"], kept[f"{key}-base"] = ", ".join(told), current
        for name in typed.keys() - changed.keys():  # show theirs where nothing was typed here
            del kept[f"{key}-{name}"]
        return
    try:
        columns = account_typed.read(_with_partner(changed, typed))
        if waba:
            businesses.name_waba(account.name, waba, by=by)
        if columns:
            account_settings.change(account.name, columns, by=by)
    except Invalid as refused:
        kept[f"{key}-problems"] = refused.problems
        return
    except OutboxError as refused:
        kept[f"{key}-problems"] = (Problem("", "refused", str(refused)),)
        return
    live.forget()
    forget(account.id)
    kept["did"] = "Saved: it counts from now on."


def _with_partner(changed: Mapping[str, str], typed: Mapping[str, str]) -> dict[str, str]:
    """Both ends of the quiet hours, where one was changed."""
    ends = ("quiet_from", "quiet_to")
    both = {name: typed[name] for name in ends} if set(ends) & set(changed) else {}
    return dict(changed) | both


def forget(account_id: int) -> None:
    """Let the form be filled anew."""
    for name in list(st.session_state):
        if str(name).startswith(f"account-{account_id}-"):
            del st.session_state[name]


@st.dialog("Replace the access token", on_dismiss=asking.over)
def replace_token(one: Card, by: Actor) -> None:
    """Another token for the number and all that share it; Meta is asked first."""
    asking.begin()
    every = ", ".join(look.label(name) for name in (one.account.name, *one.shares))
    st.write(f"It serves {every} from the next message on. The old one cannot be brought back.")
    token = _text(st.container(), "Access token", "new-token", "", secret=True)
    if st.button("Check and replace", type="primary", key="yes-token"):
        asking.carry_out(lambda: _replace(one, token, by), told=str)


def _replace(one: Card, token: str, by: Actor) -> str:
    with st.spinner("Asking Meta…"):
        found = checking.ask(one.account.phone_number_id, token)
    if wrong := [problem for problem in found.refused if problem.field == "token"]:
        raise Invalid(*wrong)
    account_settings.replace_token(one.account.name, token, by=by)
    live.forget()
    sure = any(finding.field == "token" for finding in found.findings)
    return "Replaced." if sure else "Replaced, but Meta could not be asked whether it is right."


def _text(
    place: st.container, label: str, key: str, hint: str, first: str = "", *, secret: bool = False
) -> str:
    st.session_state.setdefault(key, first)
    with place:
        return str(
            st.text_input(
                label,
                key=key,
                placeholder=hint,
                type="password" if secret else "default",
                autocomplete="off",
                # Tab goes on to the eye within the field, where Streamlit would take nothing over.
                live="400ms" if secret else False,
            )
            or ""
        )


def _zone(place: st.container, key: str, first: str) -> str:
    zones = fields.zones()
    st.session_state.setdefault(key, first)
    with place:
        options = zones if first in zones else [first, *zones]
        return str(st.selectbox(OF_ACCOUNTS["zone"], options, key=key))


def _country(place: st.container, key: str, first: str = NO_COUNTRY) -> str:
    st.session_state.setdefault(key, first)
    with place:
        return str(
            st.selectbox(
                OF_ACCOUNTS["country"],
                [NO_COUNTRY, *numbering.regions()],
                format_func=lambda one: numbering.name(one) if one else "None",
                key=key,
                help="Numbers like 0812… are read as of this country.",
            )
        )
