"""The numbers that send: adding, pausing, resuming; by people and, when Meta says so, by itself."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, text, update
from sqlmodel import Session, col

from core import account_checks, audit, db, lateness, vault
from core.access import Actor, Role, needs
from core.errors import Invalid, Problem, Refused
from core.meta.answers import Answer
from core.meta.codes import TABLE
from core.models import Account, Business, Pace
from core.wake import wake

RESUMES_AFTER = timedelta(hours=4)  # 131048 and 131064, twice; then a person decides
MOST_AUTO_RESUMES = 2
BY_ITSELF = ("Meta", "engine")  # who pauses accounts without being a person


@needs(Role.ADMIN)
def add(
    *,
    name: str,
    phone_number_id: str,
    token: str,
    by: Actor,
    waba_id: str | None = None,
    rate: float | None = 1.0,
    country: str | None = None,
    zone: str = "UTC",
    replace_token: bool = False,
) -> int:
    """Add a number and return its id. `rate` is messages a second; None: no pacing.

    A number without a WABA gets a business of its own. Raises Invalid with every problem at once;
    another token for a known WABA is refused unless `replace_token`.
    """
    name, phone_number_id, token = name.strip(), phone_number_id.strip(), token.strip()
    country = country.strip().upper() if country else None
    with db.writing() as session:
        _alone(session)
        problems = _problems(session, name, phone_number_id, token, rate, country, zone)
        if problems:
            raise Invalid(*problems)
        now = db.now(session)
        business_id = _business(session, name, waba_id, token, now, replace_token)
        account_id = _insert(
            session,
            Account,
            business_id=business_id,
            name=name,
            phone_number_id=phone_number_id,
            country=country,
            zone=zone,
            rate=rate,
            created_at=now,
        )
        session.execute(insert(Pace).values(account_id=account_id, next_slot_at=now))
        after = {"name": name, "phone_number_id": phone_number_id, "rate": rate}
        audit.record(session, by, "account added", target=name, after=after)
    return account_id


def wrong(
    *, name: str, phone_number_id: str, token: str, rate: float | None, zone: str
) -> list[Problem]:
    """What `add` would refuse, before Meta is asked; takes what `add` takes."""
    with db.reading() as session:
        return _problems(
            session, name.strip(), phone_number_id.strip(), token.strip(), rate, None, zone
        )


def _alone(session: Session) -> None:
    """Let nobody else add a number until this transaction ends."""
    if db.on_postgres(session):  # on SQLite every writer is alone
        session.execute(text("LOCK TABLE account IN SHARE ROW EXCLUSIVE MODE"))


def _insert(session: Session, model: Any, **values: Any) -> int:
    made = session.execute(insert(model).values(**values).returning(model.id))
    return int(made.scalar_one())


def _business(
    session: Session, name: str, waba_id: str | None, token: str, now: datetime, replace: bool
) -> int:
    known = (
        session.execute(
            select(Business).where(col(Business.waba_id) == waba_id)
        ).scalar_one_or_none()
        if waba_id
        else None
    )
    if known is None:
        return _insert(
            session,
            Business,
            name=name,
            waba_id=waba_id,
            token=vault.encrypt(token),
            token_since=now,
            created_at=now,
        )
    if vault.decrypt(known.token) != token:
        if not replace:
            sentence = (
                f"The WABA {waba_id} is known with another token; its numbers share one. "
                "Use --replace-token to replace it for all of them."
            )
            raise Invalid(Problem("token", "other_token", sentence))
        known.token, known.token_since = vault.encrypt(token), now
        session.add(known)
        session.flush()
    return int(known.id)


def _problems(
    session: Session,
    name: str,
    phone_number_id: str,
    token: str,
    rate: float | None,
    country: str | None,
    zone: str,
) -> list[Problem]:
    taken = select(col(Account.name)).where(func.lower(col(Account.name)) == name.lower())
    used = select(col(Account.name)).where(col(Account.phone_number_id) == phone_number_id)
    other = session.execute(used).scalar()
    checks = (
        (not name, "name", "Give the account a name."),
        (bool(session.execute(taken).scalar()), "name", f"An account named «{name}» exists."),
        (other is not None, "phone_number_id", f"The account «{other}» has this number already."),
    )
    found = [Problem(field, "invalid", sentence) for wrong, field, sentence in checks if wrong]
    given = {"phone_number_id": phone_number_id, "token": token, "rate": rate}
    return found + account_checks.problems(given | {"country": country, "zone": zone})


@needs(Role.OPERATOR)
def pause(name: str, *, reason: str = "", by: Actor) -> None:
    """Stop sending on an account; what is due waits.

    Meta's pause becomes a person's. Raises Refused for an unknown name, and where a person has
    paused it already: their reason stands.
    """
    with db.writing() as session:
        account = named(session, name)
        hold_pace(session, account.id)
        if account.state == "paused" and account.state_by not in BY_ITSELF:
            already = f"«{account.name}» is paused already, by {account.state_by}"
            raise Refused(f"{already}: {account.state_reason}.")
        _set_state(session, account.id, "paused", reason or "paused by hand", by.name)
        _resume_at(session, account.id, None)
        told = {"reason": reason}
        audit.record(session, by, "account paused", target=account.name, after=told)


@needs(Role.OPERATOR)
def resume(name: str, *, by: Actor, decision: dict[str, Any] | None = None) -> None:
    """Send again on a paused account, what is overdue by the late policies.

    `decision`: a person has decided what becomes of the overdue, in words to record; no policy
    touches what is left of it. Raises Refused if not paused.
    """
    with db.writing() as session:
        account = named(session, name)
        if account.state != "paused":
            raise Refused(f"The account «{account.name}» is {account.state}, not paused.")
        now = resume_in(session, account.id, by.name)
        session.execute(update(Account).where(col(Account.id) == account.id).values(auto_resumes=0))
        if decision is not None:
            lateness.forget(session, account.id)
        audit.record(session, by, "account resumed", target=account.name, after=decision)
    wake(now)


def hold_pace(session: Session, account_id: int) -> None:
    """Lock an account's pace before the account itself, as a tick does."""
    db.lock(session, "pace", [account_id], key="account_id")


def resume_in(session: Session, account_id: int, by: str) -> datetime:
    """Make the account active; `ready_since` remembers when, for what came due meanwhile."""
    now = db.now(session)
    hold_pace(session, account_id)
    since = session.execute(select(col(Account.state_since)).where(col(Account.id) == account_id))
    lateness.ready_again(session, now, [account_id], since=since.scalar())
    _set_state(session, account_id, "active", None, by)
    _resume_at(session, account_id, None)
    return now


def pause_for_meta(session: Session, account_id: int, answer: Answer) -> None:
    """Pause an account because of what Meta answered; its messages wait, visibly held.

    Limits that Meta lifts by itself resume after four hours, twice; then a person is asked.
    """
    account = session.get_one(Account, account_id, populate_existing=True, with_for_update=True)
    if account.state != "active":  # a person's pause, say, which stays theirs
        return
    _set_state(session, account_id, "paused", answer.text or "refused by Meta", "Meta", answer.code)
    by_itself = answer.verdict is not None and answer.verdict.resumes_by_itself
    again = by_itself and account.auto_resumes < MOST_AUTO_RESUMES
    _resume_at(session, account_id, db.now(session) + RESUMES_AFTER if again else None)
    after = {"reason": answer.text, "code": answer.code}
    audit.record_engine(session, "account paused by Meta", target=account.name, after=after)


def _resume_at(session: Session, account_id: int, at: datetime | None) -> None:
    """When a paused account resumes by itself; what it waited for while active is forgotten."""
    session.execute(update(Pace).where(col(Pace.account_id) == account_id).values(resume_at=at))


def pause_by_itself(session: Session, account_id: int, reason: str) -> None:
    """Pause an account that cannot send as it is set up; a person mends it and resumes."""
    _set_state(session, account_id, "paused", reason, "engine")
    _resume_at(session, account_id, None)
    told = {"account": account_id, "reason": reason}
    audit.record_engine(session, "account paused", after=told)


def resume_what_is_over(session: Session) -> None:
    """Resume the accounts whose pause by Meta ends by itself.

    `resume_at` alone does not say so: an account that was throttled has one too.
    """
    by_itself = [code for code, verdict in TABLE.items() if verdict.resumes_by_itself]
    over = (
        select(Account)
        .join(Pace, col(Pace.account_id) == col(Account.id))
        .where(
            col(Account.state) == "paused",
            col(Account.state_code).in_(by_itself),
            col(Account.auto_resumes) < MOST_AUTO_RESUMES,
            col(Pace.resume_at) <= db.now(session),
        )
    )
    for account in session.execute(over).scalars().all():
        resume_in(session, account.id, "engine")
        session.execute(
            update(Account)
            .where(col(Account.id) == account.id)
            .values(auto_resumes=col(Account.auto_resumes) + 1)
        )
        audit.record_engine(session, "account resumed by itself", target=account.name)


def named(session: Session, name: str) -> Account:
    """The account of that name, in any case. Raises Refused naming those that exist."""
    found = select(Account).where(func.lower(col(Account.name)) == name.strip().lower())
    account: Account | None = session.execute(found).scalar_one_or_none()
    if account is None:
        known = (
            session.execute(select(col(Account.name)).order_by(col(Account.name))).scalars().all()
        )
        listed = ", ".join(f"«{one}»" for one in known) or "none yet"
        raise Refused(f"There is no account «{name}». Accounts: {listed}.")
    return account


def business_of(account_id: int) -> int:
    """The id of the business whose token, templates and limits the number shares."""
    with db.reading() as session:
        return int(session.get_one(Account, account_id).business_id)


def everything() -> list[Account]:
    with db.reading() as session:
        return list(session.execute(select(Account).order_by(col(Account.name))).scalars())


def _set_state(
    session: Session,
    account_id: int,
    state: str,
    reason: str | None,
    by: str,
    code: int | None = None,
) -> None:
    session.execute(
        update(Account)
        .where(col(Account.id) == account_id)
        .values(
            state=state,
            state_reason=reason,
            state_by=by,
            state_since=db.now(session),
            state_code=code,
        )
    )
