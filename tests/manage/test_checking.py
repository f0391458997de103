"""Verify by command: what a person reads, what a script gets."""

import json

from core import db
from tests import given
from tests.manage.command import here, said


def test_verify_tells_each_violation_and_ends_with_1_and_with_0_when_there_is_none(
    sqlite: str,
) -> None:
    message = given.message(given.account())
    assert said("verify") == "No violations.\n"
    with db.writing() as session:
        session.execute(db.sql("UPDATE message SET retry_count = 4"))
    told = here("verify")
    what = f"Message {message} was tried again more often than it may be."
    assert (told.code, told.out) == (1, f"{what}\n1 violation.\n")
    told = here("verify", "--json")
    facts = {"kind": "too many retries", "what": what, "messages": [message], "attempts": []}
    assert (told.code, json.loads(told.out)) == (1, facts)
