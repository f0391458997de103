"""Whether a number can send and is heard of: token, number and webhook, asked of Meta now.

Several requests, one after the other: never inside a transaction.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import Session, col

from core import account_checks, accounts, db, vault
from core.access import Actor, Role, needs
from core.errors import Invalid, Problem, Unanswered
from core.meta import graph
from core.meta.graph import Connection, Number
from core.models import Account, Business
from core.settings import settings

# What says that the token itself is at fault; Meta's page support/error-codes, «Authorization».
TOKEN_REFUSED = frozenset({0, 3, 10, 104, 190, *range(200, 300)})
_UNKNOWN_NUMBER = frozenset({33, 100, 803})

_NEW_TOKEN = (
    "Generate another one for a system user that has the app and the WABA, with"
    " whatsapp_business_messaging and whatsapp_business_management."
)
_STATUS_CURES = {
    "PENDING": "Finish its registration in WhatsApp Manager > Phone numbers.",
    "BANNED": "Meta has banned it: ask Meta's business support.",
    "RESTRICTED": "Meta restricts it: see WhatsApp Manager > Account quality.",
}


def wants_token(account: Account) -> bool:
    """Whether it is paused because Meta refuses its token, or nobody can read that any more."""
    refused = account.state_by == "engine" or account.state_code in TOKEN_REFUSED
    return account.state == "paused" and refused


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, by the field of the form: token, phone_number_id, waba_id,
    webhook. `well` is None where nobody could tell; `cure` says what to do then or where not well.
    """

    field: str
    well: bool | None
    told: str
    cure: str = ""

    @property
    def problem(self) -> Problem:
        return Problem(self.field, "refused", f"{self.told} {self.cure}".rstrip())


@dataclass(frozen=True)
class Checked:
    """What was found, in the order of the form; `number` where Meta told of it."""

    findings: tuple[Finding, ...]
    number: Number | None = None

    @property
    def well(self) -> bool:
        return all(one.well for one in self.findings)

    @property
    def refused(self) -> tuple[Problem, ...]:
        """What must be put right before the number can send."""
        wrong = (one for one in self.findings if one.well is False and one.field != "webhook")
        return tuple(one.problem for one in wrong)

    @property
    def doubts(self) -> tuple[Finding, ...]:
        """What keeps nothing from being sent: a webhook that is not ours, no answer."""
        return tuple(
            one for one in self.findings if not one.well and one.problem not in self.refused
        )


def ask(phone_number_id: str, token: str, waba_id: str | None = None) -> Checked:
    """What Meta says of a number with this token; nothing is kept.

    Raises Invalid for what is no number's id or no token.
    """
    phone_number_id, token, waba_id = (
        phone_number_id.strip(),
        token.strip(),
        (waba_id or "").strip(),
    )
    wrong = account_checks.problems({"phone_number_id": phone_number_id, "token": token})
    if waba_id and not (waba_id.isascii() and waba_id.isdigit()):
        wrong.append(Problem("waba_id", "invalid", "The WABA's id is digits only."))
    if wrong:
        raise Invalid(*wrong)
    try:
        found = graph.connection(phone_number_id, token)
    except Unanswered as refused:
        return Checked((_refused(refused, phone_number_id),))
    of_business = tuple(_of_business(waba_id, phone_number_id, token)) if waba_id else ()
    token_is_well = Finding("token", True, "Meta accepts the access token.")
    findings = (token_is_well, _of_number(found), *of_business, _of_webhook(found.webhook))
    return Checked(findings, found.number)


@needs(Role.OPERATOR)
def check(name: str, *, by: Actor) -> Checked:
    """Ask about an account; what Meta says of its number is kept. Raises Refused for an unknown
    name."""
    with db.reading() as session:
        account = accounts.named(session, name)
        business = session.get_one(Business, account.business_id)
    found = ask(account.phone_number_id, vault.decrypt(business.token), business.waba_id)
    if found.number:
        with db.writing() as session:
            note(session, account.id, found.number)
    return found


def note(session: Session, account_id: int, number: Number) -> None:
    """Keep what Meta said of a number; what it did not say stays as it was."""
    told = {name: value for name, value in number._asdict().items() if value is not None}
    values = told | {"checked_at": db.now(session)}
    session.execute(update(Account).where(col(Account.id) == account_id).values(**values))


def _refused(refused: Unanswered, phone_number_id: str) -> Finding:
    """Whose fault it is that nothing was told of the number."""
    if refused.code in TOKEN_REFUSED:
        return Finding(
            "token", False, f"Meta does not accept the access token ({refused.code}).", _NEW_TOKEN
        )
    if refused.code in _UNKNOWN_NUMBER:
        told = f"Meta knows no number with the id {phone_number_id}, or this token may not see it."
        cure = "Compare it with WhatsApp > API set-up, and assign the WABA to the token's user."
        return Finding("phone_number_id", False, told, cure)
    return Finding("phone_number_id", None, str(refused))


def _of_number(found: Connection) -> Finding:
    shown = found.number.display_phone or "The number"
    if found.status in (None, "CONNECTED"):
        return Finding("phone_number_id", True, f"{shown} is connected.")
    said = str(found.status).lower().replace("_", " ")
    cure = _STATUS_CURES.get(str(found.status), "Connect it in WhatsApp Manager > Phone numbers.")
    return Finding("phone_number_id", False, f"{shown} cannot send: Meta calls it {said}.", cure)


def _of_business(waba_id: str, phone_number_id: str, token: str) -> Iterator[Finding]:
    compare = "Compare both ids with WhatsApp > API set-up."
    try:
        if not graph.belongs(waba_id, phone_number_id, token):
            told = f"The number does not belong to the WABA {waba_id}."
            yield Finding("waba_id", False, told, compare)
        elif graph.subscribed(waba_id, token):
            yield Finding("waba_id", True, f"It belongs to the WABA {waba_id}.")
        else:
            chosen = settings()
            address = f"{chosen.api_url}/{chosen.api_version}/{waba_id}/subscribed_apps"
            told = f"No app is subscribed to the WABA {waba_id}, so nothing is reported to Outbox."
            cure = f"Once: curl -X POST {address} -H 'Authorization: Bearer TOKEN'"
            yield Finding("webhook", False, told, cure)
    except Unanswered as refused:
        unknown = refused.code in _UNKNOWN_NUMBER
        told = f"Meta knows no WABA {waba_id}, or this token may not see it."
        yield (
            Finding("waba_id", False, told, compare)
            if unknown
            else Finding("waba_id", None, str(refused))
        )


def _of_webhook(found: str | None) -> Finding:
    """Where Meta reports what became of a message, against where Outbox listens."""
    chosen = settings()
    ours = f"{chosen.public_url}/webhooks/whatsapp"
    set_up = (
        f"In the app, under WhatsApp > Configuration: callback URL {ours}, the verify token of"
        " OUTBOX_WEBHOOK_VERIFY_TOKEN, and the field «messages»."
    )
    if not chosen.app_secret:
        told = "Outbox refuses every webhook: it does not know the app secret."
        return Finding("webhook", False, told, "Set OUTBOX_APP_SECRET and start it anew.")
    if found is None:
        told = "Meta has no address to report deliveries to."
        return Finding("webhook", False, told, set_up)
    if found.rstrip("/") != ours:
        told = f"Meta reports deliveries to {found}, not to {ours}."
        return Finding("webhook", False, told, f"Unless that leads here too: {set_up}")
    return Finding("webhook", True, f"Deliveries are reported to {ours}.")
