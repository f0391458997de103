"""Changes of many messages beside others who change or retire in the same moment."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from sqlmodel import Session, col, update

from core import bulk, db, leasing, moving, operating, operations, retiring
from core.access import Actor, Role
from core.choosing import Choice
from core.errors import Refused
from core.kinds import Kind
from core.models import Message, Operation
from tests import given
from tests.core import stored

OLGA = Actor("olga", Role.OPERATOR)
A_MOMENT = 0.5  # seconds in which somebody whom nothing keeps would be done

pytestmark = pytest.mark.usefixtures("database")


def beside(first: Callable[[Session], Any], second: Callable[[], Any]) -> None:
    """What the second does while the first is not committed yet."""
    with db.writing() as session:
        first(session)
        other = Thread(target=second)
        other.start()
        other.join(A_MOMENT)
        assert other.is_alive()
    other.join(30)
    assert not other.is_alive()


def test_a_number_does_not_retire_while_something_comes_to_it() -> None:
    ids = stored.messages(stored.account(), [{}])
    there = moving.to(stored.account("New"))
    made = operations.create(Kind.MOVE, Choice(ids=(*ids,)), arguments=there, here=True, by=OLGA)
    refused = []

    def retire() -> None:
        try:
            retiring.retire("New", by=given.ANA)
        except Refused as error:
            refused.append(str(error))

    beside(lambda one: operating._surely(one, leasing.held(made), ids), retire)
    assert refused and "1 message waits for «New»" in refused[0]


def test_a_reference_that_comes_to_the_number_in_that_moment_is_told() -> None:
    ids = stored.messages(stored.account(), [{"reference": "R-1"}, {}])
    new = stored.account("New")
    [there] = stored.messages(new, [{}])
    row: list[Operation] = []

    def take(session: Session) -> None:
        one = update(Message).where(col(Message.id) == there)
        session.execute(one.values(reference="R-1"))

    def move() -> None:
        asked: dict[str, Any] = {"counted": 2, "arguments": moving.to(new)}
        row.append(bulk.begin(Kind.MOVE, Choice(ids=(*ids,)), by=OLGA, **asked))

    beside(take, move)
    assert (row[0].done, row[0].cursor["why"]) == (1, {"reference_there": 1})
