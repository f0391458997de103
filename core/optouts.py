"""Who asked not to be contacted: who is put on the list, and taken off it.

A row is never taken away: lifted, it stays with who lifted it and when. What is pending for
somebody who is added is cancelled in transactions of its own; until it is, the claim refuses it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from core import account_checks, audit, covering, db, inbound, numbering, phone, sparing
from core.access import Actor, Role, needs
from core.drafts import Draft
from core.errors import Invalid, Problem, Refused
from core.meta.preferences import Stop
from core.models import Account, OptOut, Template
from core.optout_file import BY_META, BY_PERSON, EVERYTHING, LONGEST, MARKETING, SCOPES, Wish
from core.quoting import quoted


@dataclass(frozen=True)
class Added:
    """What became of one number: on the list already, or added, with what was cancelled of it."""

    number: str
    already: bool
    cancelled: int = 0


@needs(Role.OPERATOR)
def add(
    typed: Sequence[str],
    *,
    by: Actor,
    scope: str = EVERYTHING,
    account_id: int | None = None,
    home: str | None = None,
    source: str = BY_PERSON,
    reason: str | None = None,
) -> list[Added]:
    """Put numbers on the list and cancel at once what is pending for them; the order is kept.

    They are read with `home`, an ISO alpha-2 country, else that of the account. What the list has
    already is not doubled; a wider scope replaces a narrower one. Raises Invalid with every problem
    (fields number, scope, account, country, reason), and then nothing was added.
    """
    with db.reading() as session:
        account = session.get(Account, account_id) if account_id is not None else None
    wrong = _wrong(scope, reason, account_id is not None and account is None)
    if home is not None and (told := account_checks.problems({"country": home})):
        raise Invalid(*told, *wrong)
    numbers, unread = _read(typed, home or (account.country if account else None))
    if wrong or unread:
        raise Invalid(*unread, *wrong)
    said = (reason or "").replace("\0", "").strip() or None
    wishes = [Wish(one, scope, account_id, source, said) for one in numbers]
    with db.writing() as session:
        new = set()
        for wish in put(session, wishes, by.name):
            new.add(wish.number)
            audit.record(session, by, "opt-out added", target=wish.number, after=facts(wish))
    return [Added(one, one not in new, sparing.cancel_pending(one, by=by)) for one in numbers]


def _wrong(scope: str, reason: str | None, unknown_account: bool) -> list[Problem]:
    """What is wrong beside the number."""
    found = []
    if scope not in SCOPES:
        found.append(Problem("scope", "unknown", f"{quoted(scope)} is no scope: {_OR}."))
    if unknown_account:
        found.append(Problem("account", "missing", "There is no such account."))
    most = LONGEST["reason"]
    if reason and len(reason.strip()) > most:
        found.append(Problem("reason", "too_long", f"A reason has at most {most} characters."))
    return found


_OR = " or ".join(SCOPES)


def _read(typed: Sequence[str], home: str | None) -> tuple[list[str], list[Problem]]:
    """The numbers, each once, and what could not be read."""
    found: dict[str, None] = {}
    problems = []
    for one in typed:
        try:
            found[phone.read(one, home=home).e164] = None
        except Invalid as invalid:
            problems += [Problem("number", p.code, p.message) for p in invalid.problems]
    if not typed:
        problems.append(Problem("number", "empty", "Type the number of the person."))
    return list(found), problems


def facts(wish: Wish) -> dict[str, Any]:
    """What the audit trail keeps of it."""
    return {
        "scope": wish.scope,
        "account_id": wish.account_id,
        "source": wish.source,
        "reason": wish.reason,
    }


def put(session: Session, wishes: Sequence[Wish], actor: str) -> list[Wish]:
    """Write what the list does not have yet, at most 1,000 wishes; returns those.

    Nobody else writes to the list meanwhile: who waits for it must hold no lock that a writer of
    it takes afterwards, so a transaction that comes here touches no message after.
    """
    _write_alone(session)
    at = db.now(session)
    known: dict[str, list[OptOut | Wish]] = _in_force(session, {one.number for one in wishes})
    new: list[Wish] = []
    for wish in wishes:
        there = known.setdefault(wish.number, [])
        if any(_includes(row, wish) for row in there):
            continue
        for row in [row for row in there if row.account_id == wish.account_id]:
            if isinstance(row, OptOut):  # narrower, and replaced
                row.lifted_at, row.lifted_by = at, actor
            else:
                new.remove(row)
            there.remove(row)
        there.append(wish)
        new.append(wish)
    session.flush()
    stamp = {"created_at": at, "created_by": actor}
    rows = [{"number": one.number} | facts(one) | stamp for one in new]
    db.insert_rows(session, "opt_out", rows, **_COLUMNS)
    return new


_COLUMNS = {
    "number": "text",
    "scope": "text",
    "account_id": "bigint",
    "source": "text",
    "reason": "text",
    "created_at": "timestamptz",
    "created_by": "text",
}


def _write_alone(session: Session) -> None:
    if db.on_postgres(session):
        session.execute(db.sql("LOCK TABLE opt_out IN SHARE ROW EXCLUSIVE MODE"))


def _in_force(session: Session, numbers: set[str]) -> dict[str, list[OptOut | Wish]]:
    few = select(OptOut).where(col(OptOut.number).in_(numbers), col(OptOut.lifted_at).is_(None))
    found: dict[str, list[OptOut | Wish]] = {}
    for one in session.execute(few).scalars():
        found.setdefault(one.number, []).append(one)
    return found


def _includes(row: OptOut | Wish, wish: Wish) -> bool:
    return row.account_id in (None, wish.account_id) and row.scope in (EVERYTHING, wish.scope)


def heard(session: Session, told: Iterable[tuple[str, int]], reason: str | None) -> None:
    """Keep what Meta answered: (number, account) who stopped that number's marketing messages.

    What is pending for them is refused by the claim.
    """
    wishes = [
        Wish(number, MARKETING, account_id, BY_META, reason)
        for number, account_id in sorted(set(told))
        if number
    ]
    if wishes:
        for wish in put(session, wishes, "Meta"):
            audit.record_engine(session, "opt-out added", target=wish.number, after=facts(wish))


def stopped(session: Session, told: Sequence[Stop]) -> None:
    """Keep who stopped marketing in WhatsApp itself, but for what was lifted since they did: Meta
    repeats itself for days. A number that is none of ours is left out."""
    if not told:
        return
    shape = {"phone_number_id": "text", "sender": "text", "otherwise": "text"}
    shape |= {"at": "timestamptz", "said": "text"}
    rows = [asdict(one) | {"otherwise": numbering.otherwise(one.sender)} for one in told]
    new = session.execute(
        db.sql(
            "SELECT account_id, number, said FROM (SELECT a.id AS account_id, v.at, v.said,"
            f" coalesce({inbound.WRITTEN_TO}, v.sender) AS number"
            f" FROM {db.rows_sql(session, **shape)}"
            " JOIN account a ON a.phone_number_id = v.phone_number_id) AS t"
            " WHERE NOT EXISTS (SELECT 1 FROM opt_out o WHERE o.number = t.number"
            " AND (o.account_id = t.account_id OR o.account_id IS NULL) AND o.lifted_at >= t.at)"
        ),
        {"rows": db.rows(rows)},
    )
    for row in new.all():
        heard(session, [(row.number, row.account_id)], row.said)


def problems(
    session: Session, draft: Draft, account: Account | None, template: Template | None
) -> list[Problem]:
    """The problem of a draft whose recipient asked not to be sent what it is; else none."""
    try:
        if account is None:
            return []
        number = phone.read(draft.recipient, home=account.country).e164
    except Invalid:  # told by whoever checks the rest
        return []
    marketing = template is not None and template.category == covering.MARKETING_CATEGORY
    asked = covering.covering(session, account.id, number, marketing=marketing)
    if asked is None:
        return []
    told = covering.refusal(session, asked, zone=draft.when.zone)
    return [Problem("recipient", "opted_out", told, {"opt_out": asked.id})]


@needs(Role.OPERATOR)
def lift(opt_out_id: int, *, by: Actor) -> OptOut:
    """Take one opt-out out of force; returns it. Raises Refused when it is none, or lifted."""
    with db.writing() as session:
        _write_alone(session)
        row = session.get(OptOut, opt_out_id)
        if row is None:
            raise Refused(f"There is no opt-out {opt_out_id}.")
        if row.lifted_at is not None:
            raise Refused(f"Opt-out {opt_out_id} was lifted already, by {row.lifted_by}.")
        _lift(session, row, by)
    return row


@needs(Role.OPERATOR)
def lift_number(typed: str, *, by: Actor, home: str | None = None) -> list[OptOut]:
    """Take all that is in force for one number out of force; returns it.

    Raises Invalid where the number cannot be read, Refused where nothing is in force for it.
    """
    number = phone.read(typed, home=home)
    with db.writing() as session:
        _write_alone(session)
        theirs = select(OptOut).where(
            col(OptOut.number) == number.e164, col(OptOut.lifted_at).is_(None)
        )
        found = list(session.execute(theirs.order_by(col(OptOut.id))).scalars())
        if not found:
            raise Refused(f"{number.readable} is not on the list.")
        for row in found:
            _lift(session, row, by)
    return found


def _lift(session: Session, row: OptOut, by: Actor) -> None:
    row.lifted_at, row.lifted_by = db.now(session), by.name
    before = {"id": row.id, "scope": row.scope, "account_id": row.account_id}
    audit.record(session, by, "opt-out lifted", target=row.number, before=before)
