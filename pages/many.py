"""Schedule many messages from a file: six steps on one page, each kept while another changes."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from core import operations, reports
from core.access import Actor, Role
from core.errors import Invalid, Refused
from core.kinds import Kind
from core.models import Account
from core.sheets import plan as plans
from core.sheets.plan import Plan, Timing
from ui import addresses, fields, look, ways
from ui.accounts import none_yet
from ui.guard import signed_in, zone
from ui.many import check, columns, kept, loading, message, rest, source, timing
from ui.many.source import Source

person = signed_in(Role.OPERATOR)
asked = st.query_params


def page(by: Actor) -> None:
    look.title("Schedule many messages")
    ways.switch("many")
    accounts = reports.accounts()
    if not accounts:
        none_yet(by=by)
        return
    ways.step(1, "The file")
    found = _source(by)
    if found is None:
        return
    st.session_state["many-left"] = None if _number("load") else (found.file.name, asked.to_dict())
    if load_id := _number("load"):
        try:
            loading.under_way(load_id)
        except Refused as refused:
            look.wrong(str(refused))
        _anew("Load another file")
        return
    kept.restore(found, by=by)
    began = _began(found)
    account = _account(found, accounts, began)
    ways.step(2, "Columns")
    chosen = columns.choose(found, began.columns if began else {})
    ways.step(3, "Message")
    says = message.choose(found, account, chosen, began)
    ways.step(4, "When")
    leaves = timing.choose(
        found, account, chosen, began and began.timing, zone=zone(), now=reports.now()
    )
    more = rest.choose(found, began)
    ways.step(5, "Check")
    before = _number("check") if began else None
    plan = _plan(found, account, chosen, says, leaves, before, more)
    kept.keep(found, by=by)
    if check_id := check.run(found, plan, by=by, check_id=before):
        asked["check"] = str(check_id)
        st.rerun()
    if before:
        _load(found, plan, account, by, before)


def _number(name: str) -> int | None:
    return addresses.asked(name)


def _source(by: Actor) -> Source | None:
    file_id = _number("file")
    if file_id is None:
        loading.open_ones(by)
        loading.left(st.session_state.get("many-left"))
        if (made := source.choose(by=by)) is not None:
            asked["file"] = str(made)
            st.rerun()
        return None
    found = source.stored(file_id, st.session_state.get(f"many-{file_id}-encoding") or "")
    if found:
        source.told(found)
        source.encoding(file_id, found.table)
    if not _number("load"):
        _anew("Choose another file")
    return found


def _anew(label: str) -> None:
    if st.button(label, key="many-anew"):
        asked.clear()
        st.session_state["many-left"] = None
        st.session_state["many-turn"] = st.session_state.get("many-turn", 0) + 1
        st.rerun()


def _began(found: Source) -> Plan | None:
    """What was chosen when this file was checked: the page was closed meanwhile."""
    try:
        row = operations.state(_number("check") or 0)
    except Refused:
        return None
    is_of_it = row.kind == Kind.CHECK and row.arguments["file_id"] == found.file.id
    return Plan.read(row.arguments["plan"]) if is_of_it else None


def _account(found: Source, accounts: list[Account], began: Plan | None) -> Account | None:
    """As it was checked, or as it was chosen for the message before."""
    key = f"{found.key}-account"
    start = began.account_id if began else st.session_state.get("account-of-form")
    if start in [one.id for one in accounts]:
        st.session_state.setdefault(key, start)
    return fields.account(accounts, key)


def _plan(
    found: Source,
    account: Account | None,
    chosen: dict[str, str],
    says: message.Message,
    leaves: Timing | None,
    check_id: int | None,
    more: Mapping[str, Any],
) -> Plan | None:
    """All of it together; None, with what is missing said, while it cannot be checked."""
    if leaves is None:
        look.quiet("First say in step 4 when they leave.")
        return None
    if says.missing:
        look.quiet(says.missing)
        return None
    made = Plan(
        account_id=account.id if account else None,
        columns=chosen,
        text=says.text,
        template=says.template,
        language=says.language,
        parameters=says.parameters,
        timing=leaves,
        encoding=found.encoding,
        overwrites=check.overwrites(found, check_id),
        **more,
    )
    try:
        plans.check(made, found.table.headings)
    except Invalid as refused:
        for problem in refused.problems:
            if problem.code != "placeholder":  # said at the text
                say = look.quiet if problem.code == "missing" else look.wrong
                say(problem.message)
        return None
    return made


def _load(
    found: Source, plan: Plan | None, account: Account | None, by: Actor, check_id: int
) -> None:
    row = check.results(check_id, zone=zone(), now=reports.now())
    if row is None or plan is None or not check.is_of(check_id, plan):
        return
    ways.step(6, "Schedule")
    here = reports.now().astimezone(ZoneInfo(zone()))
    made = loading.order(found, plan, row, account, by=by, now=here)
    if made is not None:
        asked["load"] = str(made)
        st.rerun()


page(person)
