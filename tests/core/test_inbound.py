"""What people write is kept once, and opens the window from when they wrote."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from core import clock, db, inbound, webhooks
from core.models import Inbound, Recipient, WebhookEvent
from tests import given
from tests.core import heard, stored
from tests.core.test_history import sent

pytestmark = pytest.mark.usefixtures("database")

BUDI = given.recipient(1)
HOUR = timedelta(hours=1)


def kept() -> list[Inbound]:
    with db.reading() as session:
        return list(session.exec(select(Inbound).order_by(col(Inbound.id))).all())


def last_wrote(account_id: int, number: str = BUDI) -> datetime | None:
    with db.reading() as session:
        row = session.get(Recipient, (account_id, number))
        return row.last_inbound_at if row else None


def events() -> list[WebhookEvent]:
    with db.reading() as session:
        return list(session.exec(select(WebhookEvent).order_by(col(WebhookEvent.id))).all())


def whole(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def test_a_text_is_kept_on_the_number_that_it_was_written_to() -> None:
    orders, _ = stored.account("Orders"), stored.account("Support")
    wamid = heard.write("Yes please", sender=BUDI, context={"id": "wamid.A"})
    (one,) = kept()
    assert (one.account_id, one.number, one.kind, one.text) == (orders, BUDI, "text", "Yes please")
    assert (one.wamid, one.answers, one.webhook_event_id) == (wamid, "wamid.A", events()[0].id)


def test_told_twice_in_one_body_and_again_later_it_is_kept_once() -> None:
    stored.account()
    same = heard.message(sender=BUDI)
    heard.receive(same, same)
    heard.receive(same)
    webhooks.apply_stored()
    heard.receive(same)
    assert webhooks.apply_stored() == 1 and len(kept()) == 1


def test_when_somebody_last_wrote_never_goes_back() -> None:
    orders, support = stored.account("Orders"), stored.account("Support")
    now = clock.wall()
    for ago in (3, 1, 2):
        heard.write(sender=BUDI, at=now - ago * HOUR)
    assert last_wrote(orders) == whole(now - HOUR) and last_wrote(support) is None
    heard.receive(*(heard.message(sender=BUDI, at=now - ago * HOUR / 4) for ago in (3, 2)))
    webhooks.apply_stored()
    assert last_wrote(orders) == whole(now - HOUR / 2)


def test_what_the_engine_keeps_of_a_person_stays() -> None:
    orders, now = stored.account(), clock.wall()
    with db.writing() as session:
        session.add(Recipient(account_id=orders, number=BUDI, pair_step=2, pair_tat=now))
    heard.write(sender=BUDI)
    with db.reading() as session:
        row = session.get_one(Recipient, (orders, BUDI))
    assert (row.pair_step, row.pair_tat) == (2, now) and row.last_inbound_at is not None


@pytest.mark.parametrize("kind", ["system", "request_welcome"])
def test_what_whatsapp_tells_by_itself_is_nobodys_writing(kind: str) -> None:
    orders = stored.account()
    heard.write(sender=BUDI, type=kind)
    assert len(kept()) == 1 and last_wrote(orders) is None


def test_what_was_written_to_a_number_that_is_not_ours_stays_a_webhook_with_a_word() -> None:
    orders = stored.account()
    heard.write(sender=BUDI, to="another")
    heard.write(sender=BUDI)
    assert [event.error for event in events()] == [webhooks.NO_NUMBER, None]
    assert all(event.applied_at for event in events())
    assert [one.account_id for one in kept()] == [orders]


def test_whoever_answers_is_known_by_the_number_that_we_write_to() -> None:
    """Meta writes some numbers of Brazil without the 9 that people dial."""
    orders = stored.account()
    dialled, as_meta_has_it = "+5511987654321", "+551187654321"
    row = {"recipient": dialled, "status": "sent", "meta_message_id": "wamid.A"}
    (one,) = stored.messages(orders, [row])
    sent(one, "wamid.A")
    heard.write(sender=as_meta_has_it, context={"id": "wamid.A"})
    assert kept()[0].number == dialled and last_wrote(orders, dialled) is not None


def test_one_that_cannot_be_kept_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    stored.account()
    keep: Callable[..., Any] = inbound.keep

    def poisoned(session: Any, told: Any) -> Any:
        if any(one.text == "poison" for _, one in told):
            raise LookupError("with a secret in it")
        return keep(session, told)

    monkeypatch.setattr(inbound, "keep", poisoned)
    for text in ("a", "poison", "b"):
        heard.receive(heard.message(text, sender=BUDI))
    assert webhooks.apply_stored() == 3
    assert [one.text for one in kept()] == ["a", "b"]
    assert [event.error for event in events()] == [None, "not applied: LookupError", None]


def test_statuses_and_messages_of_one_body_are_both_applied() -> None:
    orders = stored.account()
    (one,) = stored.messages(orders, [{"status": "sent", "meta_message_id": "wamid.A"}])
    sent(one, "wamid.A")
    status = {"id": "wamid.A", "status": "read", "timestamp": "1750030073"}
    raw = heard.body(heard.message(sender=BUDI), 7, statuses=[status]).encode()
    assert webhooks.receive(raw, heard.sign(raw, heard.settings().app_secret))
    assert webhooks.apply_stored() == 1
    assert given.row(one).delivery == "read" and len(kept()) == 1
    assert events()[0].error == "a message was not read: AttributeError"
