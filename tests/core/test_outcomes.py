"""Webhooks come late, twice, out of order, and before the POST's own answer."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from core import db, messages, outcomes, verify, webhooks, workers
from core.errors import Refused
from core.meta.answers import Answer, unknown
from core.meta.codes import classify
from core.meta.signatures import sign
from core.meta.statuses import StatusUpdate, Told
from core.sending import reap, tick
from core.sending.attempts import Claim
from core.sending.results import Result
from core.settings import settings
from tests import given


@pytest.fixture
def claimed(database: str) -> Claim:
    """One message, claimed by a worker that lives."""
    account = given.account(rate=None)
    given.message(account)
    return _claim(account, workers.start("loop"))


def _installation() -> str:
    with db.reading() as session:
        return str(session.execute(db.sql("SELECT id FROM installation")).scalar_one())


def _claim(account: int, worker: int) -> Claim:
    order = tick.Order(worker, due={account}, room=10)
    [claim] = tick.run(order, installation=_installation(), sampled=lambda _: None).claims
    return claim


def _answered(claim: Claim, answer: Answer | None) -> None:
    order = tick.Order(claim.worker_id, results=[Result(claim, answer, None, claim.slot_at)])
    tick.run(order, installation=_installation(), sampled=lambda _: None)


def _accepted(claim: Claim) -> Answer:
    return Answer(None, wamid=f"wamid.{claim.attempt_id}", http_status=200)


def _told(
    claim: Claim, *statuses: Told, code: int | None = None, referenced: bool = True
) -> list[StatusUpdate]:
    updates = [
        StatusUpdate(
            attempt_id=claim.attempt_id if referenced else None,
            installation=_installation() if referenced else None,
            wamid=f"wamid.{claim.attempt_id}",
            status=status,
            at=claim.slot_at + timedelta(seconds=1),
            code=code if status == "failed" else None,
            title="Message undeliverable" if status == "failed" else None,
            details=None,
        )
        for status in statuses
    ]
    with db.writing() as session:
        return outcomes.apply(session, updates)


def _state(claim: Claim) -> tuple[str, str | None]:
    row = given.row(claim.message_id)
    return row.status, row.delivery


def test_delivery_only_moves_forward_however_the_webhooks_come(claimed: Claim) -> None:
    _answered(claimed, _accepted(claimed))
    assert _state(claimed) == ("sent", "accepted")
    _told(claimed, "read")
    _told(claimed, "delivered")
    _told(claimed, "sent", "sent")
    assert _state(claimed) == ("sent", "read")
    assert given.attempts(claimed.message_id)[0].delivery == "read"


def test_a_webhook_before_the_answer_closes_the_message_and_the_answer_changes_nothing(
    claimed: Claim,
) -> None:
    _told(claimed, "delivered")
    assert _state(claimed) == ("sent", "delivered")
    _answered(claimed, _accepted(claimed))
    assert _state(claimed) == ("sent", "delivered")
    assert given.attempts(claimed.message_id)[0].http_status == 200


def test_a_webhook_settles_an_unknown_outcome(claimed: Claim) -> None:
    _answered(claimed, unknown("no answer"))
    assert given.row(claimed.message_id).unconfirmed_since is not None
    _told(claimed, "sent")
    row = given.row(claimed.message_id)
    assert (row.status, row.unconfirmed_since, row.error_class) == ("sent", None, None)


def test_the_delivery_of_an_accepted_one_is_found_by_metas_id_when_the_reference_is_missing(
    claimed: Claim,
) -> None:
    _answered(claimed, _accepted(claimed))
    assert _told(claimed, "delivered", referenced=False) == []
    assert _state(claimed) == ("sent", "delivered")


def test_a_status_without_our_reference_that_comes_before_the_answer_counts_once_it_is_known(
    claimed: Claim,
) -> None:
    told = {"id": f"wamid.{claimed.attempt_id}", "status": "delivered"}
    body = json.dumps({"entry": [{"changes": [{"value": {"statuses": [told]}}]}]}).encode()
    assert webhooks.receive(body, sign(body, settings().app_secret))
    assert webhooks.apply_stored() == 0 and _state(claimed) == ("processing", None)
    _answered(claimed, _accepted(claimed))
    assert webhooks.apply_stored() == 1
    assert _state(claimed) == ("sent", "delivered")


@pytest.mark.parametrize(("status", "ends"), [("delivered", "sent"), ("failed", "failed")])
def test_proof_that_comes_after_a_retry_was_scheduled_stops_the_retry(
    claimed: Claim, move_clock: Callable[[timedelta], None], status: Told, ends: str
) -> None:
    """Meta's 131016 may come for what it took all the same: once more would arrive twice."""
    _answered(claimed, Answer(classify(131016), code=131016, text="busy"))
    row = given.row(claimed.message_id)
    assert (row.status, row.retry_count) == ("pending", 1)
    _told(claimed, status, code=131026)
    assert _state(claimed)[0] == ends
    move_clock(timedelta(minutes=2))
    workers.renew(claimed.worker_id)
    order = tick.Order(claimed.worker_id, due={claimed.account_id}, room=10)
    assert not tick.run(order, installation="x", sampled=lambda _: None).claims
    assert len(given.attempts(claimed.message_id)) == 1


def test_a_webhook_of_an_unknown_message_is_given_back(claimed: Claim) -> None:
    [left] = _told(claimed, "delivered", referenced=False)
    assert left.wamid == f"wamid.{claimed.attempt_id}"


def test_a_reference_of_another_installation_touches_nothing(claimed: Claim) -> None:
    foreign = StatusUpdate(
        claimed.attempt_id, "elsewhere", "wamid.x", "read", claimed.slot_at, None, None, None
    )
    with db.writing() as session:
        assert outcomes.apply(session, [foreign]) == [foreign]
    assert _state(claimed) == ("processing", None)


def test_a_failed_webhook_is_acceptance_then_failure_and_never_a_retry(claimed: Claim) -> None:
    _answered(claimed, _accepted(claimed))
    _told(claimed, "failed", code=131026)
    row = given.row(claimed.message_id)
    assert (row.status, row.error_class, row.error_code) == ("failed", "recipient", 131026)
    assert "failed by webhook" in given.events(row.id)
    _told(claimed, "delivered")
    assert _state(claimed) == ("failed", "delivered")


def test_a_failed_webhook_before_the_answer_stands_when_the_answer_comes(claimed: Claim) -> None:
    _told(claimed, "failed", code=131049)
    _answered(claimed, _accepted(claimed))
    assert _state(claimed) == ("failed", "accepted")


def test_a_failed_webhook_of_the_account_class_pauses_the_account(claimed: Claim) -> None:
    _answered(claimed, _accepted(claimed))
    _told(claimed, "failed", code=131031)
    with db.reading() as session:
        paused = db.sql("SELECT state FROM account WHERE id = :id")
        state = session.execute(paused, {"id": claimed.account_id}).scalar_one()
    assert state == "paused"


def test_late_proof_of_an_unknown_one_cancels_the_confirmed_resend_that_waits(
    claimed: Claim,
) -> None:
    _answered(claimed, unknown("no answer"))
    _window_ends()
    messages.retry(claimed.message_id, by=given.ANA, confirmed=True)
    assert _state(claimed)[0] == "pending"
    _told(claimed, "delivered")
    assert _state(claimed) == ("sent", "delivered")


def test_proof_of_an_older_attempt_leaves_the_claim_of_a_newer_one_alone(claimed: Claim) -> None:
    _answered(claimed, unknown("no answer"))
    _window_ends()
    messages.retry(claimed.message_id, by=given.ANA, confirmed=True)
    newer = _claim(claimed.account_id, claimed.worker_id)
    _told(claimed, "delivered")
    assert given.row(claimed.message_id).worker_id == claimed.worker_id
    assert _state(claimed)[0] == "processing"
    _answered(newer, _accepted(newer))
    assert _state(claimed) == ("sent", "accepted")
    assert [a.outcome for a in given.attempts(claimed.message_id)] == ["accepted", "accepted"]


REFUSED = Answer(classify(131026), http_status=400, code=131026, text="undeliverable")


def _resent(claim: Claim) -> Claim:
    """The unknown outcome of a claim, confirmed by a person and claimed again."""
    _answered(claim, unknown("no answer"))
    _window_ends()
    messages.retry(claim.message_id, by=given.ANA, confirmed=True)
    return _claim(claim.account_id, claim.worker_id)


def _needs_confirmation(claim: Claim) -> None:
    row = given.row(claim.message_id)
    assert (row.status, row.error_class) == ("failed", "unknown")
    with pytest.raises(Refused, match="confirmation"):
        messages.retry(claim.message_id, by=given.ANA)


def test_a_confirmed_one_that_expires_before_it_leaves_may_still_have_arrived(
    claimed: Claim,
) -> None:
    _answered(claimed, unknown("no answer"))
    _window_ends()
    messages.retry(claimed.message_id, by=given.ANA, confirmed=True)
    with db.writing() as session:
        session.execute(db.sql("UPDATE message SET not_after = created_at"))
    order = tick.Order(claimed.worker_id, due={claimed.account_id}, room=10)
    assert not tick.run(order, installation="x", sampled=lambda _: None).claims
    _needs_confirmation(claimed)


def test_a_refusal_of_the_resent_one_does_not_hide_that_the_first_may_have_arrived(
    claimed: Claim,
) -> None:
    _answered(_resent(claimed), REFUSED)
    _needs_confirmation(claimed)
    assert given.row(claimed.message_id).error_code == 131026
    _told(claimed, "delivered")
    assert _state(claimed) == ("sent", "delivered")


def test_a_failed_webhook_of_the_resent_one_does_not_hide_it_either(claimed: Claim) -> None:
    newer = _resent(claimed)
    _answered(newer, _accepted(newer))
    _told(newer, "failed", code=131026)
    _needs_confirmation(claimed)


@pytest.mark.parametrize("newest_fails", [True, False])
def test_one_that_arrived_twice_and_failed_once_after_all_stays_sent(
    newest_fails: bool, claimed: Claim
) -> None:
    """It counted as failed, and whoever sent it again sent it to somebody who had it."""
    newer = _resent(claimed)
    _told(claimed, "read")
    _answered(newer, _accepted(newer))
    _told(newer, "delivered")
    _told(newer if newest_fails else claimed, "failed", code=131031)
    assert _state(claimed) == ("sent", "read" if newest_fails else "delivered")
    assert list(verify.violations()) == []


def test_a_confirmation_stays_with_the_message_when_its_attempt_goes_back_unposted(
    claimed: Claim,
) -> None:
    _answered(_resent(claimed), None)
    newest = _claim(claimed.account_id, claimed.worker_id)
    _answered(newest, _accepted(newest))
    by = [one.confirmed_by for one in given.attempts(claimed.message_id)]
    assert by == [None, "ana", "ana"]
    assert list(verify.violations()) == []


@pytest.mark.parametrize("answer", [None, REFUSED, unknown("no answer")])
def test_proof_that_came_while_a_newer_attempt_was_open_counts_when_that_one_ends(
    claimed: Claim, answer: Answer | None
) -> None:
    """Else it would be sent once more, or fail, though it is known to have arrived."""
    newer = _resent(claimed)
    _told(claimed, "delivered")
    _answered(newer, answer)
    assert _state(claimed) == ("sent", "delivered")
    assert given.row(claimed.message_id).meta_message_id == f"wamid.{claimed.attempt_id}"
    assert list(verify.violations()) == []


def test_a_repeated_webhook_does_not_touch_what_a_person_sent_again_since(claimed: Claim) -> None:
    _answered(claimed, _accepted(claimed))
    _told(claimed, "failed", code=131026)
    messages.retry(claimed.message_id, by=given.ANA)
    _told(claimed, "sent")
    _told(claimed, "failed", code=131026)
    assert _state(claimed) == ("pending", None)


def test_proof_on_a_deleted_message_is_kept_though_its_status_stays(claimed: Claim) -> None:
    _answered(claimed, unknown("no answer"))
    _window_ends()
    messages.delete(claimed.message_id, by=given.ANA)
    _told(claimed, "delivered")
    assert _state(claimed) == ("failed", "delivered")
    assert given.attempts(claimed.message_id)[0].outcome == "accepted"


def test_what_a_dead_worker_learns_late_is_kept_only_as_proof(claimed: Claim) -> None:
    _worker_dies()
    refusal = Answer(unknown("x").verdict, text="too late to decide")
    _answered(claimed, refusal)
    assert given.row(claimed.message_id).unconfirmed_since is not None
    _answered(claimed, _accepted(claimed))
    assert _state(claimed) == ("sent", "accepted")


def _window_ends() -> None:
    with db.writing() as session:
        session.execute(
            db.sql(
                "UPDATE message SET unconfirmed_since = :past WHERE unconfirmed_since IS NOT NULL",
                "past",
            ),
            {"past": db.now(session) - timedelta(hours=1)},
        )
    assert reap.close_windows() == 1


def _worker_dies() -> None:
    with db.writing() as session:
        past = db.now(session) - timedelta(hours=1)
        session.execute(db.sql("UPDATE worker SET lease_until = :past", "past"), {"past": past})
    assert reap.reap() == 1
    assert reap.reap() == 0
