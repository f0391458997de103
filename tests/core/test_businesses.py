"""Numbers that were added before their WABA was known."""

import pytest
from sqlalchemy import select
from sqlmodel import col

from core import accounts, businesses, db
from core.errors import Invalid, Refused
from core.models import Business
from tests import given


def wabas() -> list[str | None]:
    with db.reading() as session:
        found = select(col(Business.waba_id)).order_by(col(Business.id))
        return list(session.execute(found).scalars())


def test_a_number_is_given_its_waba_and_others_join_it(database: str) -> None:
    first, second = given.account("Orders"), given.account("Support")
    assert businesses.name_waba("Orders", " 123 ", by=given.ANA) == accounts.business_of(first)
    assert businesses.name_waba("Support", "123", by=given.ANA) == accounts.business_of(first)
    assert accounts.business_of(second) == accounts.business_of(first)
    assert wabas() == ["123"]
    assert businesses.name_waba("Support", "123", by=given.ANA)


def test_what_would_mix_two_businesses_is_refused(sqlite: str) -> None:
    given.account("Orders", waba_id="123")
    given.account("Support", token="another")
    with pytest.raises(Refused, match="use another token"):
        businesses.name_waba("Support", "123", by=given.ANA)
    with pytest.raises(Refused, match="belongs to the WABA 123"):
        businesses.name_waba("Orders", "456", by=given.ANA)
    with pytest.raises(Invalid, match="digits only"):
        businesses.name_waba("Support", "+62 1", by=given.ANA)
    assert wabas() == ["123", None]
