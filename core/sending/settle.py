"""Settling: what the answers to finished posts change. Runs inside the tick's transaction.

A decision (retry, fail, wait, release) needs the open attempt and the current claim; proof is kept
whoever holds the message.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from core import accounts, db, messages, optouts, pacing, retry, templates
from core.meta.codes import STOPPED_MARKETING, ErrorClass
from core.outcomes import Proof, catch_up, prove
from core.retry import Decision
from core.sending.accept import accept
from core.sending.attempts import Claim
from core.sending.results import ACCEPTED, RELEASED, Effects, Result, effects_of
from core.states import Cause, Delivery, Status

RELEASE = Decision(Status.PENDING, Cause.RELEASE)


def settle(
    session: Session, results: Sequence[Result], *, now: datetime, delays: tuple[int, ...]
) -> Effects:
    """Settle results; returns what they mean for whole accounts."""
    if not results:
        return Effects()
    db.lock(session, "message", {one.claim.message_id for one in results})
    _hear(session, results)
    _reset_pair_steps(session, results)
    done = accept(session, [_told(one) for one in results if one.outcome == ACCEPTED])
    left = [one for one in results if one.claim.attempt_id not in done]
    if not left:
        return Effects()
    mine = _close(session, left)
    prove(session, [_proof(one) for one in left if one.outcome == ACCEPTED])
    held = [one for one in left if one.claim.attempt_id in mine]
    if held:
        catch_up(session, [one.claim.message_id for one in held])
    _leave_unknown(session, [one for one in held if one.outcome == ErrorClass.UNKNOWN], now)
    decided = [
        (one, _decide(one, now, delays)) for one in held if one.outcome != ErrorClass.UNKNOWN
    ]
    _apply(session, decided)
    _effects(session, [one for one, _ in decided], now)
    return effects_of(session, decided)


def _proof(one: Result) -> Proof:
    assert one.answer and one.answer.wamid
    return Proof(one.claim.attempt_id, one.answer.wamid, Delivery.ACCEPTED, one.answered_at)


def _told(one: Result) -> dict[str, Any]:
    """What was learnt of the exchange itself, with who made it."""
    return {
        "attempt_id": one.claim.attempt_id,
        "message_id": one.claim.message_id,
        "worker_id": one.claim.worker_id,
        "wamid": one.answer and one.answer.wamid,
        "posted_at": one.posted_at,
        "answered_at": one.answered_at,
        "http_status": one.answer and one.answer.http_status,
        "answer": one.answer and one.answer.excerpt,
    }


def _decide(one: Result, now: datetime, delays: tuple[int, ...]) -> Decision:
    if one.answer is None:
        return RELEASE
    return retry.decide(
        one.answer,
        now=now,
        retry_count=one.claim.retry_count,
        max_retries=one.claim.max_retries,
        pair_step=one.claim.pair_step,
        delays=delays,
    )


_CLOSE = {
    "attempt_id": "bigint",
    "outcome": "text",
    "posted_at": "timestamptz",
    "answered_at": "timestamptz",
    "http_status": "bigint",
    "code": "bigint",
    "subcode": "bigint",
    "text": "text",
    "answer": "text",
}


def _close(session: Session, results: Sequence[Result]) -> set[int]:
    """Write the answers onto their attempts; returns those that were still open.

    An accepted one is left open here: proof closes it, whatever its state. What was learnt of the
    exchange itself (times, status, answer) is kept even when others closed the attempt meanwhile.
    """
    rows = [
        {
            "outcome": one.outcome if one.outcome != ACCEPTED else None,
            "code": one.answer and one.answer.code,
            "subcode": one.answer and one.answer.subcode,
            "text": one.answer and one.answer.text,
        }
        | _told(one)
        for one in sorted(results, key=lambda one: one.claim.attempt_id)
    ]
    source = db.rows_sql(session, **_CLOSE)
    values = {"rows": db.rows(rows)}
    session.execute(
        db.sql(
            "UPDATE attempt AS a SET posted_at = v.posted_at, answered_at = v.answered_at,"
            f" http_status = v.http_status, answer = v.answer FROM {source}"
            " WHERE a.id = v.attempt_id"
        ),
        values,
    )
    closed = session.execute(
        db.sql(
            "UPDATE attempt AS a SET outcome = v.outcome, error_code = v.code,"
            f" error_subcode = v.subcode, error_text = v.text FROM {source}"
            " WHERE a.id = v.attempt_id AND a.outcome IS NULL AND v.outcome IS NOT NULL"
            " RETURNING id"
        ),
        values,
    )
    return set(closed.scalars())


_HELD = "m.worker_id = v.worker_id"


def _leave_unknown(session: Session, unknown: list[Result], now: datetime) -> None:
    """The message stays in `processing` without a worker, until proof or its window ends."""
    rows = [
        {
            "message_id": one.claim.message_id,
            "worker_id": one.claim.worker_id,
            "since": now,
            "text": one.answer and one.answer.text,
        }
        for one in unknown
    ]
    if rows:
        held = f"m.status = 'processing' AND {_HELD}"
        shape = db.rows_sql(
            session, message_id="bigint", worker_id="bigint", since="timestamptz", text="text"
        )
        session.execute(
            db.sql(
                "UPDATE message AS m SET worker_id = NULL, unconfirmed_since = v.since,"
                f" error_class = 'unknown', error_code = NULL, error_text = v.text FROM {shape}"
                f" WHERE m.id = v.message_id AND {db.judged(held)}"
            ),
            {"rows": db.rows(rows)},
        )


def _apply(session: Session, decided: Sequence[tuple[Result, Decision]]) -> None:
    for to, cause in {(decision.to, decision.cause) for _, decision in decided}:
        rows = [
            _row(one, decision)
            for one, decision in decided
            if (decision.to, decision.cause) == (to, cause)
        ]
        messages.move(
            session,
            rows,
            to,
            cause,
            also=(
                "worker_id = NULL, due_at = coalesce(v.due_at, m.due_at), hold = v.hold,"
                " retry_count = m.retry_count + v.spent,"
                # A release says nothing new of the message: what it waited for before stands.
                f" error_class = {_class_in(to)},"
                " error_code = CASE WHEN v.class IS NULL THEN m.error_code ELSE v.code END,"
                " error_text = CASE WHEN v.class IS NULL THEN m.error_text ELSE v.text END"
            ),
            where=_HELD,
            **_DECIDED,
        )


def _class_in(to: Status) -> str:
    known = "coalesce(v.class, m.error_class)"
    return messages.failed_as(known) if to is Status.FAILED else known


_DECIDED = {
    "worker_id": "bigint",
    "due_at": "timestamptz",
    "hold": "text",
    "spent": "bigint",
    "class": "text",
    "code": "bigint",
    "text": "text",
}


def _row(one: Result, decision: Decision) -> dict[str, Any]:
    return {
        "message_id": one.claim.message_id,
        "worker_id": one.claim.worker_id,
        "due_at": decision.due_at,
        "hold": decision.hold,
        "spent": decision.spent,
        "class": one.outcome if one.answer else None,
        "code": one.answer and one.answer.code,
        "text": one.answer and one.answer.text,
    }


def _effects(session: Session, refused: list[Result], now: datetime) -> None:
    """What a refusal means beyond its own message."""
    for one in refused:
        assert one.answer or one.outcome == RELEASED
        if one.answer and one.outcome == ErrorClass.ACCOUNT:
            accounts.pause_for_meta(session, one.claim.account_id, one.answer)
        elif one.answer and one.outcome == ErrorClass.TEMPLATE:
            templates.refused(session, [one.claim.message_id], one.answer)
        elif one.outcome == ErrorClass.PAIR:
            tat = pacing.pair_blocked(now, one.claim.pair_step)[1]
            _set_pair(session, one.claim, step="pair_step + 1", tat=tat)


def _hear(session: Session, results: Sequence[Result]) -> None:
    """Keep who stopped marketing messages, whoever holds the claim: the word is the person's.

    Before any recipient's row is touched, as who applies webhooks does it.
    """
    for one in results:
        if one.answer and one.answer.code == STOPPED_MARKETING:
            who = [(one.claim.recipient, one.claim.account_id)]
            optouts.heard(session, who, reason=one.answer.text)


def _reset_pair_steps(session: Session, results: Sequence[Result]) -> None:
    for one in results:
        if one.outcome == ACCEPTED and one.claim.pair_step:
            _set_pair(session, one.claim, step="0")


def _set_pair(session: Session, claim: Claim, *, step: str, tat: datetime | None = None) -> None:
    session.execute(
        db.sql(
            f"UPDATE recipient SET pair_step = {step}, pair_tat = coalesce(:tat, pair_tat)"
            " WHERE account_id = :account AND number = :number",
            "tat",
        ),
        {"tat": tat, "account": claim.account_id, "number": claim.recipient},
    )
