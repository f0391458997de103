"""What proves that a message left, and what becomes of it then.

Proof (a message id in an answer, a status webhook) is always kept, on the attempt that it belongs
to, and only moves forward. It closes a message whose outcome was open, whoever held it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlmodel import Session

from core import accounts, db, messages, optouts, templates
from core.meta.answers import Answer
from core.meta.codes import STOPPED_MARKETING, ErrorClass, classify
from core.meta.statuses import StatusUpdate
from core.models import Message
from core.states import RANK, Cause, Delivery, Status

_WHENS = " ".join(f"WHEN '{delivery}' THEN {rank}" for delivery, rank in RANK.items())


def _rank(column: str) -> str:
    return f"(CASE {column} {_WHENS} ELSE 0 END)"


@dataclass(frozen=True)
class Proof:
    """That Meta took one attempt: by its answer (`accepted`) or a webhook (further on)."""

    attempt_id: int
    wamid: str
    delivery: Delivery
    at: datetime


@dataclass(frozen=True)
class FailedAfterAll:
    """Meta accepted an attempt and later told that it failed."""

    attempt_id: int
    wamid: str
    at: datetime
    answer: Answer


def prove(session: Session, proofs: Sequence[Proof]) -> None:
    """Keep the proofs, and move to `sent` what was still open.

    An attempt counts once: the status follows only the proof that made it known as accepted, so
    that a late repetition cannot touch a message that a person has sent again since.
    """
    best: dict[int, Proof] = {}
    for proof in proofs:
        known = best.get(proof.attempt_id)
        if known is None or RANK[proof.delivery] > RANK[known.delivery]:
            best[proof.attempt_id] = proof
    rows = [asdict(best[attempt_id]) for attempt_id in sorted(best)]
    if not rows:
        return
    _lock_messages_of(session, best)
    newly = _accept(session, rows)
    _move_to_sent(session, newly)
    _move_delivery(session, rows)


def catch_up(session: Session, message_ids: Sequence[int]) -> None:
    """Apply the proof of older attempts that was left aside while a newer one was open.

    The newer one ended otherwise, so that they are what is known: sending once more would send
    twice for certain.
    """
    found = session.execute(
        db.sql(
            "SELECT a.message_id, a.id AS attempt_id, a.meta_message_id AS wamid, a.delivery,"
            f" a.proved_at AS at FROM {db.rows_sql(session, message_id='bigint')}"
            " JOIN attempt a ON a.message_id = v.message_id"
            " WHERE a.outcome = 'accepted' AND a.error_text IS NULL ORDER BY a.id"
        ).columns(at=db.UtcDateTime()),
        {"rows": db.rows([{"message_id": one} for one in message_ids])},
    )
    if rows := [dict(row) for row in found.mappings()]:
        _move_to_sent(session, rows)
        _move_delivery(session, rows)


def _lock_messages_of(session: Session, attempt_ids: Iterable[int]) -> None:
    """Messages before attempts, ascending: the order in which every writer locks."""
    found = session.execute(
        db.sql(
            f"SELECT message_id FROM attempt WHERE id IN (SELECT v.attempt_id"
            f" FROM {db.rows_sql(session, attempt_id='bigint')})"
        ),
        {"rows": db.rows([{"attempt_id": one} for one in attempt_ids])},
    )
    db.lock(session, "message", set(found.scalars()))


def _accept(session: Session, rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Mark attempts as accepted; returns those that were not known to be, with their message."""
    shape = {"attempt_id": "bigint", "wamid": "text", "delivery": "text", "at": "timestamptz"}
    source = db.rows_sql(session, **shape)
    newly = session.execute(
        db.sql(
            "UPDATE attempt AS a SET outcome = 'accepted', meta_message_id = v.wamid,"
            " proved_at = v.at, error_code = NULL, error_subcode = NULL, error_text = NULL"
            f" FROM {source} WHERE a.id = v.attempt_id"
            f" AND (a.outcome IS NULL OR a.outcome <> 'accepted') RETURNING id, message_id"
        ),
        {"rows": db.rows(rows)},
    )
    message_of = {row.id: row.message_id for row in newly}
    session.execute(
        db.sql(
            f"UPDATE attempt AS a SET delivery = v.delivery, proved_at = v.at FROM {source}"
            f" WHERE a.id = v.attempt_id AND {_rank('v.delivery')} > {_rank('a.delivery')}"
        ),
        {"rows": db.rows(rows)},
    )
    return [
        row | {"message_id": message_of[row["attempt_id"]]}
        for row in rows
        if row["attempt_id"] in message_of
    ]


def _move_to_sent(session: Session, newly: list[dict[str, object]]) -> None:
    """Close what is open, unless a newer attempt of it is under way; that claim is left alone."""
    messages.move(
        session,
        newly,
        Status.SENT,
        Cause.PROOF,
        also=messages.PROVED,
        where=(
            "(m.status <> 'failed' OR m.error_class = 'unknown') AND NOT EXISTS (SELECT 1"
            " FROM attempt newer WHERE newer.message_id = m.id AND newer.id > v.attempt_id"
            " AND newer.outcome IS NULL)"
        ),
        attempt_id="bigint",
        wamid="text",
        at="timestamptz",
    )
    # Cancelled or deleted meanwhile: it left after all, and the page says so.
    gone = "m.meta_message_id IS NULL AND (m.status = 'cancelled' OR m.deleted_at IS NOT NULL)"
    session.execute(
        db.sql(
            "UPDATE message AS m SET meta_message_id = v.wamid, delivery = 'accepted',"
            " delivery_at = v.at"
            f" FROM {db.rows_sql(session, message_id='bigint', wamid='text', at='timestamptz')}"
            f" WHERE m.id = v.message_id AND {db.judged(gone)}"
        ),
        {"rows": db.rows(newly)},
    )


def _move_delivery(session: Session, rows: list[dict[str, object]]) -> None:
    shape = {"attempt_id": "bigint", "wamid": "text", "delivery": "text", "at": "timestamptz"}
    session.execute(
        db.sql(
            "UPDATE message AS m SET delivery = v.delivery, delivery_at = v.at"
            f" FROM {db.rows_sql(session, **shape)}"
            " JOIN attempt AS a ON a.id = v.attempt_id"
            " WHERE m.id = a.message_id AND m.meta_message_id = v.wamid"
            f" AND {_rank('v.delivery')} > {_rank('m.delivery')}"
        ),
        {"rows": db.rows(rows)},
    )


def fail_after_all(session: Session, failures: Sequence[FailedAfterAll]) -> None:
    """Acceptance, then failure: `sent` becomes `failed` with Meta's reason; never a retry.

    Its class has its effect on the account all the same: it is paused where an answer would.
    """
    prove(
        session,
        [Proof(f.attempt_id, f.wamid, Delivery.ACCEPTED, f.at) for f in failures],
    )
    for failure in sorted(failures, key=lambda f: f.attempt_id):
        _fail_one(session, failure)


def _fail_one(session: Session, failure: FailedAfterAll) -> None:
    verdict = failure.answer.verdict
    assert verdict is not None
    found = session.execute(
        db.sql(
            "UPDATE attempt SET error_code = :code, error_text = :text WHERE id = :id"
            " RETURNING message_id, account_id"
        ),
        {"code": failure.answer.code, "text": failure.answer.text, "id": failure.attempt_id},
    ).one()
    stays = _tell_of_another(session, found.message_id, failure)
    moved = messages.move(
        session,
        [
            {
                "message_id": found.message_id,
                "wamid": failure.wamid,
                "class": verdict.error_class,
                "code": failure.answer.code,
                "text": failure.answer.text,
            }
        ],
        Status.FAILED,
        Cause.FAILED_WEBHOOK,
        also=f"error_class = {messages.failed_as('v.class')}, error_code = v.code,"
        " error_text = v.text",
        where="m.meta_message_id = v.wamid",
        **{"wamid": "text", "class": "text", "code": "bigint", "text": "text"},
    )
    if moved:
        change = {found.message_id: ({"status": "sent"}, {"status": "failed"})}
        # Our own time: Meta tells whole seconds, which would stand before its cause.
        messages.record(session, "failed by webhook", "Meta", change, at=db.now(session))
    if moved or stays:
        if verdict.error_class is ErrorClass.ACCOUNT:
            accounts.pause_for_meta(session, found.account_id, failure.answer)
        elif verdict.error_class is ErrorClass.TEMPLATE:
            templates.refused(session, [found.message_id], failure.answer)
        elif failure.answer.code == STOPPED_MARKETING:
            number = session.get_one(Message, found.message_id).recipient
            optouts.heard(session, [(number, found.account_id)], reason=failure.answer.text)


def _tell_of_another(session: Session, message_id: int, failure: FailedAfterAll) -> bool:
    """Let a message that was sent more than once tell of the newest attempt that stands.

    To call it failed would have a person send it once more to somebody who has it.
    """
    told = db.sql(
        "UPDATE message AS m SET meta_message_id = a.meta_message_id, sent_at = a.proved_at,"
        " delivery = coalesce(a.delivery, 'accepted'), delivery_at = a.proved_at FROM attempt a"
        " WHERE m.id = :message AND m.status = 'sent' AND m.deleted_at IS NULL"
        " AND m.meta_message_id = :wamid AND a.id = (SELECT max(b.id) FROM attempt b"
        " WHERE b.message_id = m.id AND b.id <> :failed AND b.outcome = 'accepted'"
        " AND b.error_text IS NULL) RETURNING attempt_count"
    )
    known = {"message": message_id, "wamid": failure.wamid, "failed": failure.attempt_id}
    return session.execute(told, known).first() is not None


def apply(session: Session, updates: Sequence[StatusUpdate]) -> list[StatusUpdate]:
    """Apply status webhooks, in any order and however often; returns those of unknown messages.

    The attempt is found by our callback reference, else by Meta's message id.
    """
    attempt_of = _attempts(session, updates)
    known = [(attempt_of[one.wamid], one) for one in updates if one.wamid in attempt_of]
    prove(
        session,
        [
            Proof(attempt_id, one.wamid, Delivery(one.status), one.at)
            for attempt_id, one in known
            if one.status != "failed"
        ],
    )
    failed = [
        FailedAfterAll(attempt_id, one.wamid, one.at, _answer(one))
        for attempt_id, one in known
        if one.status == "failed"
    ]
    if failed:
        fail_after_all(session, failed)
    return [one for one in updates if one.wamid not in attempt_of]


def _attempts(session: Session, updates: Sequence[StatusUpdate]) -> dict[str, int]:
    """Meta's message id → our attempt."""
    ours = session.execute(db.sql("SELECT id FROM installation")).scalar_one()
    named = {
        one.attempt_id: one.wamid
        for one in updates
        if one.attempt_id is not None and one.installation == ours
    }
    rows = [{"attempt_id": key, "wamid": wamid} for key, wamid in named.items()]
    rows += [{"attempt_id": None, "wamid": one.wamid} for one in updates]
    source = db.rows_sql(session, attempt_id="bigint", wamid="text")
    found = session.execute(
        db.sql(
            f"SELECT a.id, v.wamid FROM {source} JOIN attempt a ON a.id = v.attempt_id"
            f" UNION SELECT a.id, v.wamid FROM {source} JOIN attempt a"
            " ON a.meta_message_id = v.wamid"
        ),
        {"rows": db.rows(rows)},
    )
    return {wamid: attempt_id for attempt_id, wamid in found}


def _answer(one: StatusUpdate) -> Answer:
    code = one.code if one.code is not None else 131000
    words = ": ".join(part for part in (one.title, one.details) if part) or f"(#{code})"
    verdict = classify(code)
    return Answer(verdict, wamid=one.wamid, code=one.code, text=words)
