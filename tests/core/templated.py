"""Templates as Meta described them, and messages that use them; Meta itself where a test asks."""

from typing import Any

import requests
from sqlalchemy import select
from sqlmodel import col

from core import db, shapes, syncing
from core.drafts import Draft, When
from core.models import Account, Template
from tests import given
from tests.processes import Programs

WABA = "100200300400500"
BODY = [{"type": "BODY", "text": "Hello {{1}}", "example": {"body_text": [["Pablo"]]}}]
SHIPPED = {"header.text": "A-1", "1": "Pablo", "2": "Monday", "3": "Friday", "button.1": "A-1"}


def account(name: str = "Orders", **more: Any) -> int:
    """A number of the sandbox's business."""
    return given.account(name, waba_id=WABA, **more)


def business_of(account_id: int) -> int:
    with db.reading() as session:
        return int(session.get_one(Account, account_id).business_id)


def template(account_id: int, name: str = "visit", **columns: Any) -> int:
    """A template of the account's business, approved unless told otherwise."""
    business_id = business_of(account_id)
    values = {
        "language": "en_US",
        "category": "UTILITY",
        "status": "APPROVED",
        "parameter_format": "POSITIONAL",
        "components": BODY,
    } | columns
    values["sha256"] = shapes.digest(
        values["category"], values["parameter_format"], values["components"]
    )
    with db.writing() as session:
        made = Template(business_id=business_id, name=name, synced_at=db.now(session), **values)
        session.add(made)
        session.flush()
        return made.id


def message(account_id: int, name: str = "visit", **more: Any) -> int:
    """One that is scheduled with a template, an hour ahead."""
    drafted = {"language": "en_US", "parameters": {"1": "Ana"}, "when": given.in_(hours=1)}
    return given.message(account_id, text="", template=name, **(drafted | more))


def row(name: str = "visit", language: str = "en_US") -> Template:
    """The template as it stands in the database now."""
    with db.reading() as session:
        named = select(Template).where(col(Template.name) == name)
        return session.execute(named.where(col(Template.language) == language)).scalar_one()


def at_meta(programs: Programs, **templates: Any) -> None:
    """Have templates other at Meta: a status, or what is edited."""
    told = {"templates": templates}
    answered = requests.post(f"{programs.api}/_sandbox/settings", json=told, timeout=5)
    answered.raise_for_status()


def read_again(account_id: int) -> syncing.Synced:
    return syncing.sync(business_of(account_id), by=given.ANA)


def draft(account_id: int, name: str = "visit") -> Draft:
    words = {"template": name, "language": "en_US", "parameters": {"1": "Ana"}}
    return Draft(account_id, given.recipient(), "", When("now"), **words)  # type: ignore[arg-type]
