"""What becomes of batches at their end: a cancelled one is over, whatever people try with it."""

import pytest
from sqlalchemy import update
from sqlmodel import col

from core import db, editing, finishing, messages, operations, steering
from core.choosing import Choice
from core.drafts import Draft, When
from core.errors import Refused
from core.kinds import Kind
from core.models import Batch
from tests import given
from tests.core.batched import batch, row, work

FAILED = {"status": "failed", "error_class": "transient"}


def ended(operation_id: int) -> tuple[int, dict[str, int]]:
    work()
    done = operations.state(operation_id)
    return done.done, done.cursor["why"]


def test_nothing_of_a_cancelled_batch_comes_back_to_wait_for_ever(database: str) -> None:
    account = given.account()
    batch_id, ids = batch(account, [FAILED, FAILED, {}, {}], state="released")
    called_off = operations.create(Kind.CANCEL, Choice(ids=(ids[2],)), by=given.ANA)
    work()
    steering.cancel(batch_id, by=given.ANA)
    work()
    finishing.catch_up()
    assert row(batch_id).finished_at
    draft = Draft(account, given.recipient(), "Hello", When("now"))
    for refused in (
        lambda: messages.retry(ids[0], by=given.ANA),
        lambda: editing.edit(ids[1], draft, version=given.row(ids[1]).version, by=given.ANA),
    ):
        with pytest.raises(Refused, match="Its batch «May» is cancelled: nothing of it leaves"):
            refused()
    again = operations.create(Kind.RETRY, Choice(batch_id=batch_id), by=given.ANA)
    assert ended(again) == (0, {"by_batch": 2})
    assert ended(operations.undo(called_off, by=given.ANA)) == (0, {"by_batch": 1})
    assert [given.row(one).status for one in ids] == ["failed", "failed", *["cancelled"] * 2]


def test_what_is_tried_again_in_the_moment_of_the_cancel_is_cancelled_with_the_others(
    database: str,
) -> None:
    """Only the check is overtaken: the batch's row says so to whoever writes last."""
    batch_id, ids = batch(given.account(), [FAILED], state="released")
    with db.writing() as session:
        over = update(Batch).where(col(Batch.id) == batch_id)
        session.execute(over.values(state="cancelled", finished_at=db.now(session)))
        messages._reopen_batches(session, ids)
        session.execute(db.sql("UPDATE message SET status = 'pending' WHERE status = 'failed'"))
    finishing.catch_up()
    assert given.row(ids[0]).status == "cancelled" and row(batch_id).finished_at
    assert given.events(ids[0]) == ["batch cancelled"]
