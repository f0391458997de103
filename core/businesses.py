"""The business (WABA) that a number belongs to: it shares token, templates and limits."""

from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from core import accounts, audit, db, vault
from core.access import Actor, Role, needs
from core.errors import Invalid, Problem, Refused
from core.models import Account, Business


@needs(Role.ADMIN)
def name_waba(account: str, waba_id: str, *, by: Actor) -> int:
    """Name the WABA of a number that was added without one; returns its business.

    Where other numbers have it already, this one joins them. Raises Invalid for what is no WABA's
    id, Refused for a number that has another, and where its token is not theirs.
    """
    waba_id = waba_id.strip()
    if not (waba_id.isascii() and waba_id.isdigit()):
        told = "The WABA's id is digits only. Meta shows it under WhatsApp > API set-up."
        raise Invalid(Problem("waba_id", "invalid", told))
    with db.writing() as session:
        row = accounts.named(session, account)
        own = session.get_one(Business, row.business_id)
        if own.waba_id == waba_id:
            return own.id
        if own.waba_id is not None:
            raise Refused(f"The account «{row.name}» belongs to the WABA {own.waba_id}.")
        known = select(Business).where(col(Business.waba_id) == waba_id)
        theirs = session.execute(known).scalar_one_or_none()
        if theirs is None:
            own.waba_id = waba_id
        else:
            _join(session, row, own, theirs)
        audit.record(session, by, "WABA named", target=row.name, after={"waba_id": waba_id})
        return own.id if theirs is None else theirs.id


def _join(session: Session, row: Account, own: Business, theirs: Business) -> None:
    if vault.decrypt(own.token) != vault.decrypt(theirs.token):
        raise Refused(
            f"The numbers of the WABA {theirs.waba_id} use another token. Give this one theirs"
            f" first: python manage.py account token {row.name}"
        )
    mine = update(Account).where(col(Account.id) == row.id)
    session.execute(mine.values(business_id=theirs.id))
    session.execute(delete(Business).where(col(Business.id) == own.id))
