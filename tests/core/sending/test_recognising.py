"""What a tick may trust: connections that were compared with the twin, and ids that are new."""

import pytest

from core import db
from core.sending.attempts import Strange
from core.sending.recognising import recognise
from tests import given
from tests.core.sending.ticking import Ticks


def test_a_connection_is_used_only_after_the_database_behind_it_was_recognised(
    database: str,
) -> None:
    ticks = Ticks()
    account = given.account(rate=None)
    made = given.message(account)
    known = recognise()
    ticks.run(known=known)
    db.engine().dispose()
    with pytest.raises(Strange):
        ticks.run(account, known=known)
    assert given.row(made).status == "pending"
    assert ticks.run(account, known=recognise(known)).claims


def test_no_attempt_gets_an_id_that_one_had_before(database: str) -> None:
    ticks = Ticks()
    account = given.account(rate=None)
    made = given.message(account)
    known = recognise()
    for _twice in range(2):  # the first must not use up the ids that show it
        with pytest.raises(Strange):
            ticks.run(account, known=known, highest=1)
    assert given.row(made).status == "pending"
    [claimed] = ticks.run(account, known=known, highest=0).claims
    given.message(account, to=given.recipient(1))
    assert ticks.run(account, known=known, highest=claimed.attempt_id).claims
