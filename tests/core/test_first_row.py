"""The first row of a file to a number of our own."""

import pytest

from core import account_settings, db, files, first_row
from core.errors import Invalid
from core.models import Account, Content
from core.sheets.plan import Plan
from tests import given
from tests.core.loaded import rows
from tests.given import ANA


def test_the_first_row_goes_to_a_number_of_ours_as_a_test(database: str) -> None:
    account = given.account(country="ID")
    account_settings.change("Orders", {"test_number": "0811-1111-1111"}, by=ANA)
    with db.reading() as session:
        row = session.get_one(Account, account)
    assert first_row.own_number(row, by=ANA) == "+6281111111111"
    file_id = files.upload(rows(2, reference=True).encode(), name="people.csv", by=ANA)
    plan = Plan(account, {"recipient": "recipient", "reference": "reference"}, "Dear {content}")
    made = first_row.send(file_id, plan, "+49 30 901820", by=ANA)
    sent = given.row(made)
    with db.reading() as session:
        content = session.get_one(Content, made)
    assert (sent.recipient, sent.reference, sent.batch_id) == ("+4930901820", None, None)
    assert (content.text, content.label) == ("Dear Hello 0", "test")
    assert given.events(made) == ["scheduled", "test"]
    assert first_row.own_number(None, by=ANA) == "+4930901820"
    with pytest.raises(Invalid):
        first_row.send(file_id, plan, "nobody", by=ANA)
