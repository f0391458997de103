"""Rule 6: who asked not to be contacted, batches and templates, asked anew by each claim."""

import json
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from core import db, shapes
from core.models import Attempt, AuditEvent, Batch, OptOut, Template
from core.sending.loop import SendLoop
from tests import given
from tests.core.sending.ticking import Ticks, account, change
from tests.processes import Programs

BODY = [{"type": "BODY", "text": "Hello {{1}}"}]


def opt_out(number: str, **more: Any) -> None:
    with db.writing() as session:
        given_ = {"source": "test", "created_at": db.now(session), "created_by": "ana"}
        session.add(OptOut(number=number, **(given_ | more)))


def batch(state: str, **more: Any) -> int:
    with db.writing() as session:
        given_ = {"created_at": db.now(session), "created_by": "ana"}
        made = Batch(name="May", state=state, **(given_ | more))
        session.add(made)
        session.flush()
        return made.id


def template(account_id: int, *, category: str = "UTILITY", name: str = "visit") -> int:
    with db.writing() as session:
        business = session.execute(db.sql(f"SELECT business_id FROM account WHERE id={account_id}"))
        made = Template(
            business_id=business.scalar_one(),
            name=name,
            language="en_US",
            category=category,
            status="APPROVED",
            parameter_format="POSITIONAL",
            components=BODY,
            sha256=shapes.digest(category, "POSITIONAL", BODY),
            synced_at=db.now(session),
        )
        session.add(made)
        session.flush()
        return made.id


def changed(table: Any, row_id: int, **values: Any) -> None:
    with db.writing() as session:
        session.execute(update(table).where(col(table.id) == row_id).values(**values))


def from_template(
    account_id: int, name: str = "Ana", *, to: int = 0, template: str = "visit"
) -> int:
    return given.message(
        account_id,
        to=given.recipient(to),
        text="",
        template=template,
        language="en_US",
        parameters={"1": name},
    )


def standing(message_id: int) -> tuple[str, str | None, str | None]:
    row = given.row(message_id)
    return row.status, row.hold, row.error_class


SENT, PEACE = ("processing", None, None), ("cancelled", None, "opted_out")


def test_who_asked_not_to_be_contacted_is_left_in_peace_and_the_next_takes_the_place(
    database: str,
) -> None:
    ticks, orders, other = Ticks(), account("Orders"), account("Other")
    numbers = [given.recipient(n) for n in range(5)]
    by_all, by_this, by_other, lifted, free = (given.message(orders, to=to) for to in numbers)
    opt_out(numbers[0])
    opt_out(numbers[1], account_id=orders)
    opt_out(numbers[2], account_id=other)
    with db.reading() as session:
        now = db.now(session)
    opt_out(numbers[3], lifted_at=now)
    ticks.run(orders)
    assert [standing(one) for one in (by_all, by_this)] == [PEACE, PEACE]
    assert [standing(one) for one in (by_other, lifted, free)] == [SENT] * 3
    assert given.events(by_all) == ["scheduled", "opted out"]


def test_who_stopped_marketing_still_gets_the_rest(database: str) -> None:
    ticks, orders = Ticks(), account("Orders")
    template(orders)
    template(orders, category="MARKETING", name="sale")
    plain, sale, useful = (
        given.message(orders, to=given.recipient(1)),
        from_template(orders, to=1, template="sale"),
        from_template(orders, to=1),
    )
    opt_out(given.recipient(1), scope="marketing")
    ticks.run(orders)
    assert [standing(plain), standing(sale)] == [SENT, PEACE]
    change(plain, status="sent", worker_id=None)
    with db.reading() as session:
        change(useful, due_at=db.now(session))
    ticks.run(orders)
    assert standing(useful) == SENT


@pytest.mark.parametrize("state", ["loading", "held", "paused", "cancelled"])
def test_a_batch_that_is_not_released_keeps_what_its_rows_do_not_say_yet(
    database: str, state: str
) -> None:
    ticks, orders = Ticks(), account("Orders")
    kept, free = given.message(orders), given.message(orders, to=given.recipient(1))
    change(kept, batch_id=batch(state))
    assert ticks.claimed(orders) == [free]
    assert standing(kept) == ("pending", "batch", None)


def test_a_released_batch_leaves_and_so_do_the_first_few_of_one_on_trial(database: str) -> None:
    ticks, orders = Ticks(), account("Orders")
    with db.reading() as session:
        now = db.now(session)
    rows = [given.message(orders, to=given.recipient(n)) for n in range(3)]
    change(rows[0], batch_id=batch("released"))
    trial = batch("held", trial_since=now)
    change(rows[1], batch_id=trial)
    change(rows[2], batch_id=trial, hold="batch")
    assert ticks.claimed(orders) == rows[:2]


@pytest.mark.parametrize(
    "was",
    [
        {"status": "PAUSED"},
        {"hold": "refused"},
        {"category": "MARKETING", "sha256": "other"},
        {"sha256": "other"},
    ],
)
def test_a_template_that_changed_since_holds_its_messages(
    database: str, was: dict[str, str]
) -> None:
    ticks, orders = Ticks(), account("Orders")
    made = template(orders)
    kept, free = from_template(orders), given.message(orders, to=given.recipient(1))
    changed(Template, made, **was)
    assert ticks.claimed(orders) == [free]
    assert standing(kept) == ("pending", "template", None)


def test_a_template_message_is_posted_as_it_was_scheduled(database: str) -> None:
    ticks, orders = Ticks(), account("Orders")
    template(orders)
    one = from_template(orders, "Björn 😀")
    ticks.run(orders)
    with db.reading() as session:
        posted = session.execute(select(col(Attempt.payload))).scalar_one()
    assert json.loads(posted)["template"] == {
        "name": "visit",
        "language": {"code": "en_US"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "Björn 😀"}]}],
    }
    assert standing(one) == SENT


def test_what_meta_refuses_of_a_template_holds_all_that_is_scheduled_with_it(
    database: str, programs: Programs
) -> None:
    """The sandbox does not know «visit»: 132001."""
    orders = given.account(rate=None, phone_number_id="106540352242922")
    made = template(orders)
    rows = [from_template(orders, to=n) for n in range(3)]
    SendLoop(Event(), until_idle=True).run()
    assert [standing(one)[:2] for one in rows] == [("pending", "template")] * 3
    with db.reading() as session:
        held = session.get_one(Template, made)
        assert held.hold and "visit" in held.hold and held.hold_by == "Meta"
        told = select(col(AuditEvent.target)).where(
            col(AuditEvent.action) == "template held by Meta"
        )
        assert session.execute(told).scalars().all() == ["visit"]
