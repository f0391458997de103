"""What the minute's scan does that no send loop and no gateway has done."""

import json

from core import db, webhooks
from core.meta.signatures import sign
from core.models import WebhookEvent
from core.scan import scan
from core.settings import settings
from tests import given
from tests.core.sending.ticking import Ticks


def test_a_stored_webhook_is_applied_where_no_gateway_lives(database: str) -> None:
    account = given.account(rate=None)
    message = given.message(account)
    ticks = Ticks()
    [claim] = ticks.run(account).claims
    told = {"id": "wamid.A", "status": "delivered"}
    told["biz_opaque_callback_data"] = f"{ticks.installation}:{claim.attempt_id}"
    body = json.dumps({"entry": [{"changes": [{"value": {"statuses": [told]}}]}]}).encode()
    assert webhooks.receive(body, sign(body, settings().app_secret))
    scan()
    row = given.row(message)
    assert (row.status, row.delivery) == ("sent", "delivered")
    with db.reading() as session:
        assert session.get_one(WebhookEvent, 1).applied_at is not None
