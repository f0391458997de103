"""Taking a number out of use for good, and back into it."""

from sqlalchemy import func, select
from sqlmodel import Session

from core import accounts, audit, db
from core.access import Actor, Role, needs
from core.depth import depth_in
from core.errors import Refused
from core.listing import CAP
from core.models import Account
from core.standing import m
from core.states import Status

ENDS = "a number retires"  # nothing comes to wait for one in that moment: see core/operating.py


@needs(Role.ADMIN)
def retire(name: str, *, by: Actor) -> None:
    """Let a number send nothing more and be offered nowhere; what was sent by it stays.

    Raises Refused while messages wait for it, which would wait for ever, and where it is retired.
    """
    with db.writing() as session:
        account = _held(session, name)
        if account.state == "retired":
            raise Refused(f"The account «{account.name}» is retired already.")
        [waiting] = [one.waiting for one in depth_in(session, account.id).accounts]
        waiting += _under_way(session, account.id)
        if waiting:
            count = f"{CAP:,}+" if waiting > CAP else f"{waiting:,}"
            those = "1 message waits" if waiting == 1 else f"{count} messages wait"
            raise Refused(f"{those} for «{account.name}». Cancel or move them first.")
        _become(session, account, "retired", f"retired by {by.name}", by)
        audit.record(session, by, "account retired", target=account.name)


@needs(Role.ADMIN)
def reinstate(name: str, *, by: Actor) -> None:
    """Bring a retired number back, paused: a person resumes it. Raises Refused for any other."""
    with db.writing() as session:
        account = _held(session, name)
        if account.state != "retired":
            raise Refused(f"The account «{account.name}» is {account.state}, not retired.")
        _become(session, account, "paused", "back from retirement", by)
        audit.record(session, by, "account reinstated", target=account.name)


def _held(session: Session, name: str) -> Account:
    db.alone(session, ENDS)
    account = accounts.named(session, name)
    accounts.hold_pace(session, account.id)
    session.refresh(account)
    return account


def _under_way(session: Session, account_id: int) -> int:
    """What is being sent, or its outcome awaited: it may come back to wait."""
    going = (m.account_id == account_id, m.status == Status.PROCESSING.value)
    return int(session.execute(select(func.count()).where(*going)).scalar_one())


def _become(session: Session, account: Account, state: str, reason: str, by: Actor) -> None:
    account.state, account.state_reason, account.state_by = state, reason, by.name
    account.state_since, account.state_code = db.now(session), None
    session.add(account)
