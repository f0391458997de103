"""Accounts: a card for each number that sends; one of them (`?id=`), and a new one (`?new=1`)."""

import streamlit as st

from core import account_reports, checking, reports, retiring
from core.access import Role
from core.account_reports import Card
from core.errors import OutboxError
from ui import account_forms, accounts, addresses, asking, live, look, pausing, timeline
from ui.accounts import none_yet
from ui.guard import signed_in, zone
from ui.words.accounts import ACCOUNTS
from ui.words.numbers import plural

person = signed_in()
now = reports.now()


def page() -> None:
    asking.over()  # a run of the whole page closes every dialog
    account_id = addresses.asked()
    if "new" in st.query_params:
        new()
    elif account_id is not None:
        one(account_reports.card(account_id))
    else:
        every()


def every() -> None:
    cards = account_reports.cards()
    look.title("Accounts", plural(len(cards), "number") if cards else "")
    if not cards:
        none_yet(by=person)
        return
    loads = accounts.loads(live.pulse().accounts)
    drawn = {card.account.id: accounts.card(card, loads.get(card.account.id)) for card in cards}
    watch(drawn)
    for card in cards:
        with st.container(
            key=f"card-{card.account.id}", horizontal=True, vertical_alignment="center"
        ):
            st.html(drawn[card.account.id])
            next_action(card)
    if person.role >= Role.ADMIN:
        st.html(
            f'<p><a class="go button plain" href="{addresses.NEW_ACCOUNT}">Add a number …</a></p>'
        )


@st.fragment(run_every="5s", key="accounts-watch")
def watch(shown: dict[int, str]) -> None:
    """Draw the cards anew where one says something else; a dialog is left alone."""
    signed_in()
    loads = accounts.loads(live.pulse().accounts)
    cards = account_reports.cards()
    said = {card.account.id: accounts.card(card, loads.get(card.account.id)) for card in cards}
    if said != shown and not asking.under_way():
        st.rerun()


def next_action(card: Card) -> bool:
    """What it needs now, as the one coloured button; whether there is such a thing."""
    account = card.account
    if account.state != "paused" or person.role < Role.OPERATOR:
        return False
    if checking.wants_token(account) and person.role >= Role.ADMIN:
        if st.button("Replace the token …", type="primary", key=f"token-{account.id}"):
            account_forms.replace_token(card, person)
    elif st.button("Resume …", type="primary", key=f"resume-{account.id}"):
        pausing.resume(account, person)
    return True


def one(card: Card | None) -> None:
    st.html('<p class="crumb"><a class="go" href="/accounts">← Accounts</a></p>')
    if card is None:
        look.empty(
            "No such account",
            "The address names an account that does not exist.",
            link=("All accounts", "/accounts"),
        )
        return
    account = card.account
    look.title(account.name, account.display_phone or account.phone_number_id)
    load = accounts.loads(live.pulse().accounts).get(account.id)
    chip, said = look.chip(*ACCOUNTS[account.state]), accounts.sentence(account, load)
    st.html(f'<section class="state" aria-live="polite">{chip}<p>{said}</p></section>')
    if person.role >= Role.OPERATOR:
        offered(card)
    if checked := st.session_state.get(f"checked-{account.id}"):
        st.html(accounts.found(checked))
    if person.role >= Role.ADMIN and account.state != "retired":
        left, right = st.columns([3, 2], gap="large")
        with left:
            st.html('<h2 class="part-title">How it sends</h2>')
            account_forms.settings(card, by=person)
        with right:
            st.html('<h2 class="part-title">What is known of it</h2>')
            st.html(timeline.facts(accounts.facts(card, now=now, zone=zone())))
    else:
        st.html(timeline.facts(accounts.facts(card, now=now, zone=zone())))


def offered(card: Card) -> None:
    """What can be done with it, the most likely first."""
    account, arranges = card.account, person.role >= Role.ADMIN
    with st.container(horizontal=True, key="actions"):
        next_action(card)
        by_token = checking.wants_token(account)
        if account.state == "active" and st.button("Pause …", key="pause"):
            pausing.pause(account, person)
        if arranges and by_token and st.button("Resume …", key="resume-all-the-same"):
            pausing.resume(account, person)
        if account.state != "retired" and st.button("Check with Meta", key="check"):
            check(card)
        in_use = arranges and account.state != "retired"
        if in_use and not by_token and st.button("Replace the token …", key="token"):
            account_forms.replace_token(card, person)
        if in_use and st.button("Retire …", key="retire"):
            ask_retire(card)
        if arranges and not in_use and st.button("Bring it back", key="reinstate"):
            asking.carry_out(
                lambda: retiring.reinstate(account.name, by=person),
                did=f"{account.name} is back, and paused.",
            )


def check(card: Card) -> None:
    """Ask Meta; what it found stays on the page until it is asked again."""
    try:
        with st.spinner("Asking Meta…"):
            found = checking.check(card.account.name, by=person)
    except OutboxError as refused:
        look.wrong(str(refused))
        return
    st.session_state[f"checked-{card.account.id}"] = found
    st.rerun()


@st.dialog("Retire this account?", on_dismiss=asking.over)
def ask_retire(card: Card) -> None:
    asking.begin()
    st.write(
        "It sends nothing more and is offered nowhere. What it sent stays. An administrator can"
        " bring it back."
    )
    if st.button("Retire it", type="primary", key="yes-retire"):
        name = card.account.name
        asking.carry_out(lambda: retire(name), did=f"{name} is retired.")


def retire(name: str) -> None:
    retiring.retire(name, by=person)
    live.forget()


def new() -> None:
    st.html('<p class="crumb"><a class="go" href="/accounts">← Accounts</a></p>')
    signed_in(Role.ADMIN)
    look.title("Add a number")
    left, right = st.columns([3, 2], gap="large")
    with left:
        made = account_forms.adding(by=person)
    with right:
        look.quiet(
            "Meta shows both ids under WhatsApp > API set-up of your app. The token is that of a"
            " system user with whatsapp_business_messaging and whatsapp_business_management."
            " Before anything is kept, Meta is asked whether all of it is right."
        )
    if made is not None:
        live.forget()
        st.session_state["did"] = account_forms.added()
        account_forms.forget_new()
        st.query_params.clear()
        st.query_params["id"] = str(made)
        st.rerun()


page()
