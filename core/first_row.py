"""The first row of a file to a number of our own, before anything of it is loaded."""

from dataclasses import replace

from sqlalchemy import select
from sqlmodel import Session

from core import composing, db, files, house_rules, messages
from core.access import Actor, Role, needs
from core.drafts import Draft, When
from core.errors import Invalid, Problem
from core.models import Account, Setting
from core.sheets import glimpse
from core.sheets import plan as plans
from core.sheets.drafting import Drafter
from core.sheets.plan import Plan
from core.wake import wake


@needs(Role.OPERATOR)
def send(file_id: int, plan: Plan, number: str, *, by: Actor) -> int:
    """Send what the first row would say to a number of our own, now; returns the message.

    It is labelled «test», and the number is this person's from now on. Raises Invalid as a schedule
    by hand does.
    """
    draft, line = _draft(file_id, plan)
    test = replace(
        draft, recipient=number, when=When("now"), reference=None, not_after=None, label="test"
    )
    with db.writing() as session:
        composed = composing.check_in(session, test)
        made = composing.store(session, composed, key=None, by=by)
        told = {"file": file_id, "line": line}
        messages.record(session, "test", by.name, {made: (None, told)}, at=db.now(session))
        _keep(session, composed.phone.e164, by)
    wake(composed.due_at)
    return made


def own_number(account: Account | None, *, by: Actor) -> str:
    """Where this person had a first row sent the last time, else the test number of the
    account, else that of the house."""
    with db.reading() as session:
        kept = session.get(Setting, _key(by))
    own = (account and account.test_number) or house_rules.test_number()
    return str(kept.value) if kept else own


def _keep(session: Session, number: str, by: Actor) -> None:
    now = db.now(session)
    session.merge(Setting(key=_key(by), value=number, updated_at=now, updated_by=by.name))


def _key(by: Actor) -> str:
    return f"test number of {by.name}"


def _draft(file_id: int, plan: Plan) -> tuple[Draft, int]:
    file = files.find(file_id)
    found = glimpse.of(b"".join(files.read(file_id)), file.name, encoding=plan.encoding)
    table = found.table
    plans.check(plan, table.headings)
    with db.reading() as session:
        accounts = {one.name.lower(): one for one in session.execute(select(Account)).scalars()}
    drafter = Drafter(plan, table.headings, accounts, total=found.total)
    drafted = drafter.draft(table.rows[0], 0)
    if drafted.flaws:
        raise Invalid(*(Problem(f.column, f.code, f.reason) for f in drafted.flaws))
    return drafted.draft, drafted.line
