"""Reading templates from Meta: against the sandbox as a process, on both databases."""

from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
import requests
from sqlalchemy import select
from sqlmodel import col

from core import audit, db, meta_clock, operating, operations, syncing, templates
from core.drafts import When
from core.errors import Refused, Unanswered
from core.kinds import Kind
from core.meta import graph
from core.meta.answers import Answer
from core.meta.codes import classify
from core.models import Account, AuditEvent, Business, Operation
from core.sending.loop import SendLoop
from tests import given
from tests.core import templated
from tests.core.templated import at_meta, read_again
from tests.processes import Programs
from tests.waiting import until

NEW_TEXT = [{"type": "BODY", "text": "Dear {{1}}, use {{2}} by Sunday."}]
SALE = {"template": "autumn_sale", "parameters": {"1": "Ana", "2": "FALL25"}}


def sale(account_id: int, **more: Any) -> int:
    return templated.message(account_id, "autumn_sale", parameters=SALE["parameters"], **more)


def holds(*ids: int) -> list[str | None]:
    return [given.row(one).hold for one in ids]


def run_operations() -> None:
    operating.run_waiting(Event())


def audited() -> list[str]:
    with db.reading() as session:
        found = select(col(AuditEvent.action)).order_by(col(AuditEvent.id))
        return [one for one in session.execute(found).scalars() if "template" in one]


def business() -> Business:
    with db.reading() as session:
        return session.execute(select(Business)).scalar_one()


def test_all_templates_come_with_what_a_page_and_a_claim_need(
    database: str, programs: Programs
) -> None:
    account = templated.account()
    done = read_again(account)
    assert (done.business, done.read, done.changes) == ("Orders", 10, [])
    sale = templated.row("autumn_sale")
    assert (sale.category, sale.status, sale.quality) == ("MARKETING", "APPROVED", "UNKNOWN")
    assert templated.row("free_iphone").rejected_reason == "SCAM"
    assert templated.row("order_shipped", "id").components[0]["text"] == "Pesanan {{1}}"
    with db.reading() as session:
        number = session.get_one(Account, account)
    assert (number.quality, number.throughput) == ("GREEN", "STANDARD")
    assert number.messaging_limit == "TIER_UNLIMITED" and number.checked_at
    assert business().synced_at and not business().sync_error
    assert audited() == ["templates read"]


def test_the_hourly_reading_learns_a_number_s_quality_and_daily_limit(
    database: str, programs: Programs
) -> None:
    account = templated.account()
    said = {"numbers": {"*": {"quality": "RED", "messaging_limit": "TIER_2K"}}}
    requests.post(f"{programs.api}/_sandbox/settings", json=said, timeout=5).raise_for_status()
    read_again(account)
    with db.reading() as session:
        number = session.get_one(Account, account)
    assert (number.quality, number.messaging_limit) == ("RED", "TIER_2K")


def test_the_clock_is_compared_with_metas_as_its_answers_tell_it(
    database: str, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, now = templated.account(), db.now
    assert meta_clock.ahead() is None
    read_again(account)
    right = meta_clock.ahead()
    assert right and abs(right.by) < timedelta(seconds=5)
    monkeypatch.setattr(db, "now", lambda session: now(session) + timedelta(hours=1))
    read_again(account)
    wrong = meta_clock.ahead()
    assert wrong and abs(wrong.by - timedelta(hours=1)) < timedelta(seconds=5)
    monkeypatch.setattr(db, "now", lambda session: now(session) + timedelta(hours=9))
    assert meta_clock.ahead() is None


def test_a_template_is_shared_by_the_numbers_of_its_business(
    sqlite: str, programs: Programs
) -> None:
    orders, support = templated.account(), templated.account("Support")
    read_again(orders)
    ids = [sale(orders), sale(support)]
    assert len({given.row(one).template_id for one in ids}) == 1
    with pytest.raises(Refused, match="added without its WABA"):
        read_again(given.account("Alone"))


@pytest.mark.parametrize(
    ("status", "told"), [("PAUSED", "Meta paused it"), ("DISABLED", "Meta disabled it")]
)
def test_what_meta_stops_holds_its_messages_until_meta_approves_it_again(
    database: str, programs: Programs, status: str, told: str
) -> None:
    account = templated.account()
    read_again(account)
    waiting, other = sale(account), templated.message(account, "hello_world", parameters={})
    at_meta(programs, autumn_sale=status)
    assert read_again(account).changes == [f"autumn_sale (en_US): {told}"]
    run_operations()
    assert holds(waiting, other) == ["template", None]
    at_meta(programs, autumn_sale="APPROVED")
    assert read_again(account).changes == ["autumn_sale (en_US): Meta approved it"]
    run_operations()
    assert holds(waiting, other) == [None, None]
    assert given.events(waiting) == ["scheduled", "hold", "release"]


def test_what_is_edited_holds_what_was_scheduled_before_and_not_what_comes_after(
    database: str, programs: Programs
) -> None:
    account = templated.account()
    read_again(account)
    before = sale(account)
    at_meta(programs, autumn_sale={"components": NEW_TEXT, "category": "UTILITY"})
    [change] = read_again(account).changes
    assert change == (
        "autumn_sale (en_US): its header, text, footer and buttons were changed at Meta"
        " and it became utility"
    )
    after = sale(account)
    run_operations()
    assert holds(before, after) == ["template", None]
    row = templated.row("autumn_sale")
    assert row.previous["category"] == "MARKETING" and row.changed_at == row.synced_at


def test_another_example_is_no_change(sqlite: str, programs: Programs) -> None:
    """Meta signs the links of examples anew each time it is asked."""
    account = templated.account()
    read_again(account)
    parts = [
        part | {"example": {"header_handle": ["https://example.com/signed-anew"]}}
        for part in templated.row("reservation_confirmation").components
    ]
    at_meta(programs, reservation_confirmation={"components": parts})
    assert read_again(account).changes == []
    assert templated.row("reservation_confirmation").components == parts


def test_what_meta_lists_no_more_is_deleted_and_holds_its_messages(
    database: str, programs: Programs
) -> None:
    account = templated.account()
    read_again(account)
    waiting = sale(account)
    at_meta(programs, autumn_sale="DELETED")
    assert read_again(account).changes == ["autumn_sale (en_US): it was deleted at Meta"]
    assert read_again(account).changes == []
    run_operations()
    assert holds(waiting) == ["template"]


def refuse(message_id: int) -> None:
    answer = Answer(classify(132015), code=132015, text="Template is paused")
    with db.writing() as session:
        templates.refused(session, [message_id], answer)


def test_a_refusal_of_metas_is_forgiven_when_meta_approves_a_persons_hold_is_not(
    database: str, programs: Programs
) -> None:
    account = templated.account()
    read_again(account)
    waiting = sale(account)
    refuse(waiting)
    run_operations()
    assert holds(waiting) == ["template"] and templated.row("autumn_sale").hold_by == "Meta"
    [latest] = operations.latest(1)
    assert (latest.kind, latest.counted, latest.done) == (Kind.TEMPLATE, 1, 1)
    assert read_again(account).changes == ["autumn_sale (en_US): Meta lets it send again"]
    run_operations()
    assert holds(waiting) == [None]
    templates.hold(templated.row("autumn_sale").id, reason="wrong price", by=given.ANA)
    assert read_again(account).changes == []
    assert templated.row("autumn_sale").hold == "wrong price"


def test_a_refusal_that_came_while_meta_was_asked_is_not_forgiven(
    sqlite: str, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = templated.account()
    read_again(account)
    waiting = sale(account)
    ask = graph.templates

    def asked(waba_id: str, token: str) -> list[dict[str, Any]]:
        found = ask(waba_id, token)
        refuse(waiting)
        return found

    monkeypatch.setattr(graph, "templates", asked)
    assert read_again(account).changes == []
    assert templated.row("autumn_sale").hold == "Template is paused"


def test_an_answer_that_is_older_than_what_is_known_changes_nothing(
    database: str, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = templated.account()
    read_again(account)
    ask = graph.templates

    def slow(waba_id: str, token: str) -> list[dict[str, Any]]:
        found = ask(waba_id, token)
        monkeypatch.setattr(graph, "templates", ask)
        at_meta(programs, autumn_sale="PAUSED")
        read_again(account)
        return found

    monkeypatch.setattr(graph, "templates", slow)
    assert read_again(account).changes == []
    assert templated.row("autumn_sale").status == "PAUSED"


def test_what_cannot_be_read_is_told_kept_and_forgotten_when_it_works(
    database: str, programs: Programs
) -> None:
    account = templated.account()
    listing = {"listing": [80007]}
    requests.post(f"{programs.api}/_sandbox/settings", json=listing, timeout=5)
    with pytest.raises(Unanswered, match="less often"):
        read_again(account)
    assert "less often" in (business().sync_error or "") and business().synced_at is None
    read_again(account)
    assert business().sync_error is None


def test_each_business_is_read_in_its_turn_and_one_that_fails_stops_no_other(
    database: str, programs: Programs, move_clock: Callable[[timedelta], None]
) -> None:
    given.account("Broken", waba_id="999000", token="another")
    templated.account()
    given.account("Alone")
    assert syncing.sync_due() == 1
    assert syncing.sync_due() == 0
    move_clock(timedelta(minutes=2))  # the one that was never read is tried again soon
    assert syncing.sync_due() == 0
    with db.reading() as session:
        tried = {one.name: one.sync_tried_at for one in session.execute(select(Business)).scalars()}
    assert tried["Alone"] is None
    assert (tried["Broken"] or given_now()) > (tried["Orders"] or given_now())
    move_clock(timedelta(minutes=61))
    assert syncing.sync_due() == 1
    assert audited() == []  # nothing new is no event


def given_now() -> Any:
    with db.reading() as session:
        return db.now(session)


def test_a_hold_that_a_refusal_orders_is_run_by_the_workers(
    sqlite: str, programs: Programs
) -> None:
    account = templated.account()
    read_again(account)
    refuse(sale(account))
    with db.reading() as session:
        [ordered] = session.execute(select(Operation)).scalars()
    assert (ordered.kind, ordered.created_by) == ("template", audit.ENGINE.name)
    run_operations()
    assert operations.state(ordered.id).done == 1


def test_a_worker_reads_the_templates_of_a_new_number_by_itself(
    sqlite: str, programs: Programs
) -> None:
    account = templated.account()
    programs.worker()
    until(lambda: business().synced_at, within=20)
    assert templated.row("autumn_sale").business_id == templated.business_of(account)


def test_what_meta_refuses_while_it_is_sent_waits_and_leaves_when_meta_approves_it_again(
    database: str, programs: Programs
) -> None:
    account = templated.account()
    read_again(account)
    at_meta(programs, autumn_sale="PAUSED")
    first = sale(account, when=When("now"))
    SendLoop(Event(), until_idle=True).run()
    later = sale(account, when=When("now"), to=given.recipient(2))
    SendLoop(Event(), until_idle=True).run()
    run_operations()
    assert holds(first, later) == ["template", "template"] and not programs.arrived()
    assert [len(given.attempts(one)) for one in (first, later)] == [1, 0]
    at_meta(programs, autumn_sale="APPROVED")
    assert read_again(account).changes == ["autumn_sale (en_US): Meta lets it send again"]
    run_operations()
    SendLoop(Event(), until_idle=True).run()
    assert {one["to"] for one in programs.arrived()} == {
        given.row(first).recipient,
        given.row(later).recipient,
    }
