"""The tables. Every column of the engine is here from the first migration on.

`message` is the hot table: narrow, and with no index beside those whose reader is named here.
What a message says stands in `content`, what happened in `attempt` and `message_event`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from core.states import Delivery, Status

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING

BigInt = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB, "postgresql")
NEVER_REUSED: dict[str, Any] = {"sqlite_autoincrement": True}

PRIORITY_URGENT, PRIORITY_NORMAL, PRIORITY_CAMPAIGN = 0, 1, 2


def _one_of(column: str, values: Any) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _key() -> Any:
    return Field(default=None, sa_column=Column(BigInt, primary_key=True))


def _instant(*, null: bool = True) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=null))


def _text(*, null: bool = True, unique: bool = False, default: str | None = None) -> Any:
    server = text(f"'{default}'") if default is not None else None
    column = Column(Text, nullable=null, unique=unique, server_default=server)
    return Field(default=default, sa_column=column)


def _small(default: int = 0) -> Any:
    column = Column(SmallInteger, nullable=False, server_default=text(str(default)))
    return Field(default=default, sa_column=column)


def _big(target: str | None = None, *, null: bool = True, index: bool = False) -> Any:
    links = [ForeignKey(target)] if target else []
    return Field(default=None, sa_column=Column(BigInt, *links, nullable=null, index=index))


def _json(*, null: bool = True) -> Any:
    return Field(default=None, sa_column=Column(Json, nullable=null))


class Installation(SQLModel, table=True):
    """One row: who this database is, and what stops everything."""

    id: str = Field(sa_column=Column(Text, primary_key=True))
    created_at: datetime = _instant(null=False)
    guard_since: datetime | None = _instant()
    guard_reason: str | None = _text()
    stopped_since: datetime | None = _instant()
    stopped_by: str | None = _text()
    stop_reason: str | None = _text()
    lived_until: datetime | None = _instant()  # when the last of the send loops that are gone did


class Setting(SQLModel, table=True):
    key: str = Field(sa_column=Column(Text, primary_key=True))
    value: Any = _json(null=False)
    updated_at: datetime = _instant(null=False)
    updated_by: str = _text(null=False)


class Business(SQLModel, table=True):
    """A WhatsApp Business Account (WABA) with the token that its numbers share."""

    id: int = _key()
    waba_id: str | None = _text(unique=True)
    portfolio_id: str | None = _text()
    name: str = _text(null=False)
    token: str = _text(null=False)  # encrypted: core/vault.py
    token_since: datetime = _instant(null=False)
    app_secret: str | None = _text()  # encrypted
    created_at: datetime = _instant(null=False)
    synced_at: datetime | None = _instant()  # its templates were read
    sync_tried_at: datetime | None = _instant()
    sync_error: str | None = _text()


class Account(SQLModel, table=True):
    """A business number that sends."""

    __table_args__ = (
        _one_of("state", ("active", "paused", "retired")),
        _one_of("late_policy", ("send", "skip", "hold")),
        CheckConstraint("rate IS NULL OR rate > 0", name="rate"),
    )
    id: int = _key()
    business_id: int = _big("business.id", null=False, index=True)
    name: str = _text(null=False, unique=True)
    phone_number_id: str = _text(null=False, unique=True)
    display_phone: str | None = _text()
    country: str | None = _text()  # ISO alpha-2: reads national numbers
    zone: str = _text(null=False, default="UTC")
    rate: float | None = None  # messages a second; null: no pacing
    state: str = _text(null=False, default="active")
    state_reason: str | None = _text()
    state_by: str | None = _text()
    state_since: datetime | None = _instant()
    state_code: int | None = None
    auto_resumes: int = _small()  # how often it resumed by itself since a person last did
    quiet_from: str | None = _text()  # HH:MM in `zone`
    quiet_to: str | None = _text()
    late_policy: str = _text(null=False, default="send")
    late_after: int | None = None  # seconds
    quality: str | None = _text()
    throughput: str | None = _text()
    messaging_limit: str | None = _text()
    test_number: str | None = _text()
    checked_at: datetime | None = _instant()
    created_at: datetime = _instant(null=False)


class Pace(SQLModel, table=True):
    """The rate of one account; narrow, rewritten by every tick, locked before any message."""

    account_id: int = Field(sa_column=Column(BigInt, ForeignKey("account.id"), primary_key=True))
    next_slot_at: datetime = _instant(null=False)
    rate_now: float | None = None
    slowed_at: datetime | None = _instant()
    resume_at: datetime | None = _instant()
    ready_since: datetime | None = _instant()


class Batch(SQLModel, table=True):
    """Messages that came in together, released together."""

    __table_args__ = (
        _one_of("state", ("loading", "held", "released", "paused", "cancelled", "finished")),
    )
    id: int = _key()
    account_id: int | None = _big("account.id", index=True)
    name: str = _text(null=False)
    state: str = _text(null=False, default="loading")
    source_sha256: str | None = _text()
    file_id: int | None = _big()
    total: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    arguments: Any = _json()  # how its file was read
    after_id: int | None = _big()  # its messages lie between these ids; the last is None
    until_id: int | None = _big()  # while it is being filled
    created_at: datetime = _instant(null=False)
    created_by: str = _text(null=False)
    trial_since: datetime | None = _instant()  # the first few may leave, the rest is held
    released_at: datetime | None = _instant()
    paused_at: datetime | None = _instant()
    finished_at: datetime | None = _instant()


class Template(SQLModel, table=True):
    """A message template as Meta last described it; `hold` stops its messages."""

    __table_args__ = (UniqueConstraint("business_id", "name", "language"),)
    id: int = _key()
    business_id: int = _big("business.id", null=False)
    meta_id: str | None = _text()
    name: str = _text(null=False)
    language: str = _text(null=False)
    category: str | None = _text()
    status: str = _text(null=False)
    quality: str | None = _text()
    parameter_format: str | None = _text()
    components: Any = _json()
    sha256: str = _text(null=False)
    rejected_reason: str | None = _text()
    hold: str | None = _text()
    hold_since: datetime | None = _instant()
    hold_by: str | None = _text()
    status_since: datetime | None = _instant()  # as far as we saw it
    changed_at: datetime | None = _instant()  # its sha256, last
    previous: Any = _json()  # what it was before that
    synced_at: datetime = _instant(null=False)  # when Meta was asked what stands here


class Message(SQLModel, table=True):
    """One message to one recipient; what the engine reads and rewrites, nothing else."""

    __table_args__ = (
        _one_of("status", Status),
        _one_of("kind", ("text", "template")),
        _one_of("delivery", Delivery),
        _one_of("late_policy", ("send", "skip", "hold")),
        CheckConstraint("priority BETWEEN 0 AND 2", name="priority"),
        CheckConstraint("max_retries BETWEEN 0 AND 5", name="max_retries"),
        CheckConstraint(
            "deleted_at IS NULL OR status NOT IN ('pending', 'processing')", name="deleted"
        ),
        CheckConstraint("worker_id IS NULL OR status = 'processing'", name="worker"),
        CheckConstraint(
            "status <> 'processing' OR worker_id IS NOT NULL OR unconfirmed_since IS NOT NULL",
            name="unconfirmed",
        ),
        Index(
            "ix_message_claim",  # the claim, one probe for each account and priority
            "account_id",
            "priority",
            "due_at",
            "id",
            sqlite_where=text("status = 'pending' AND hold IS NULL"),
            postgresql_where=text("status = 'pending' AND hold IS NULL"),
        ),
        Index(
            "uq_message_in_flight",  # at most one in flight for each recipient
            "account_id",
            "recipient",
            unique=True,
            sqlite_where=text("status = 'processing' AND worker_id IS NOT NULL"),
            postgresql_where=text("status = 'processing' AND worker_id IS NOT NULL"),
        ),
        Index(
            "uq_message_reference",  # the caller's own id, once
            "account_id",
            "reference",
            unique=True,
            sqlite_where=text(
                "reference IS NOT NULL AND status <> 'cancelled' AND deleted_at IS NULL"
            ),
            postgresql_where=text(
                "reference IS NOT NULL AND status <> 'cancelled' AND deleted_at IS NULL"
            ),
        ),
        Index("ix_message_list", "status", "due_at", "id"),  # every list
        Index(
            "ix_message_held",  # the depth of the queue: how many each hold keeps
            "account_id",
            "hold",
            sqlite_where=text("status = 'pending' AND hold IS NOT NULL"),
            postgresql_where=text("status = 'pending' AND hold IS NOT NULL"),
        ),
        Index(
            "ix_message_refused",  # the depth of the queue: how many wait to be tried again
            "account_id",
            "due_at",
            sqlite_where=text("status = 'pending' AND hold IS NULL AND error_class IS NOT NULL"),
            postgresql_where=text(
                "status = 'pending' AND hold IS NULL AND error_class IS NOT NULL"
            ),
        ),
        Index(
            "ix_message_class",  # the lists of one class of failure, and how many are unconfirmed
            "status",
            "error_class",
            "due_at",
            "id",
            sqlite_where=text("error_class IS NOT NULL"),
            postgresql_where=text("error_class IS NOT NULL"),
        ),
        NEVER_REUSED,
    )
    id: int = _key()
    account_id: int = _big("account.id", null=False)
    recipient: str = _text(null=False)  # E.164 with +
    kind: str = _text(null=False, default="text")
    status: str = _text(null=False, default="pending")
    priority: int = _small(PRIORITY_NORMAL)
    scheduled_at: datetime = _instant(null=False)
    zone: str = _text(null=False, default="UTC")
    due_at: datetime = _instant(null=False)
    not_after: datetime | None = _instant()
    late_policy: str | None = _text()
    hold: str | None = _text()
    retry_count: int = _small()
    max_retries: int = _small(3)
    attempt_count: int = Field(
        default=0, sa_column=Column(Integer, nullable=False, server_default=text("0"))
    )
    error_class: str | None = _text()
    error_code: int | None = None
    error_text: str | None = _text()
    sent_at: datetime | None = _instant()
    meta_message_id: str | None = _text()
    delivery: str | None = _text()
    delivery_at: datetime | None = _instant()
    batch_id: int | None = _big("batch.id")
    template_id: int | None = _big("template.id")
    reference: str | None = _text()
    version: int = Field(
        default=1, sa_column=Column(Integer, nullable=False, server_default=text("1"))
    )
    worker_id: int | None = _big()
    unconfirmed_since: datetime | None = _instant()
    confirmed_by: str | None = _text()  # who accepted the risk of sending an unconfirmed one again
    created_at: datetime = _instant(null=False)
    deleted_at: datetime | None = _instant()
    deleted_by: str | None = _text()


class Content(SQLModel, table=True):
    """What a message says; written when it is scheduled or edited, never by the engine."""

    __table_args__ = (
        Index("ix_content_recipient", "recipient", "message_id"),  # everything to one person
        Index(
            "ix_content_label",  # the lists of one label, where it has few
            "label",
            "message_id",
            sqlite_where=text("label IS NOT NULL"),
            postgresql_where=text("label IS NOT NULL"),
        ),
        Index(
            "ix_content_template",  # the lists of one template, where it has few
            "template",
            "message_id",
            sqlite_where=text("template IS NOT NULL"),
            postgresql_where=text("template IS NOT NULL"),
        ),
        # The lists of what one person scheduled, where it is little.
        Index("ix_content_created_by", "created_by", "message_id"),
    )
    message_id: int = Field(sa_column=Column(BigInt, ForeignKey("message.id"), primary_key=True))
    recipient: str = _text(null=False, default="")  # as the message has it
    text: str | None = _text()
    template: str | None = _text()
    language: str | None = _text()
    parameters: Any = _json()
    template_sha256: str | None = _text()
    label: str | None = _text()
    created_by: str = _text(null=False)
    idempotency_key: str | None = _text(unique=True)
    search: str = _text(null=False, default="")  # recipient and words; indexed by trigrams


class Attempt(SQLModel, table=True):
    """One POST: committed before it starts, never made twice; the evidence of claim and settle."""

    __table_args__ = (
        Index("ix_attempt_message_id", "message_id", "id"),
        Index("ix_attempt_meta_message_id", "meta_message_id"),
        Index(
            "ix_attempt_open",  # what a dead worker left
            "worker_id",
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
        Index(
            "ix_attempt_refused",  # the codes of a day, of which some may be new
            "id",
            "error_code",
            sqlite_where=text("error_code IS NOT NULL"),
            postgresql_where=text("error_code IS NOT NULL"),
        ),
        NEVER_REUSED,
    )
    id: int = _key()
    message_id: int = _big("message.id", null=False)
    account_id: int = _big(null=False)
    worker_id: int = _big(null=False)
    slot_at: datetime = _instant(null=False)
    claimed_at: datetime = _instant(null=False)
    posted_at: datetime | None = _instant()
    answered_at: datetime | None = _instant()
    http_status: int | None = None
    outcome: str | None = _text()  # null while open
    error_code: int | None = None
    error_subcode: int | None = None
    error_text: str | None = _text()
    answer: str | None = _text()
    meta_message_id: str | None = _text()
    delivery: str | None = _text()  # proof that came for this very attempt
    proved_at: datetime | None = _instant()
    payload: str = _text(null=False)
    payload_sha256: str = _text(null=False)
    confirmed_by: str | None = _text()


class MessageEvent(SQLModel, table=True):
    """Every change that is not an attempt; a trigger keeps it append-only."""

    __tablename__ = "message_event"
    __table_args__ = (
        Index("ix_message_event_message_id", "message_id", "id"),
        Index(
            "ix_message_event_operation_id",  # the undo of a bulk action
            "operation_id",
            sqlite_where=text("operation_id IS NOT NULL"),
            postgresql_where=text("operation_id IS NOT NULL"),
        ),
        NEVER_REUSED,
    )
    id: int = _key()
    message_id: int = _big("message.id", null=False)
    at: datetime = _instant(null=False)
    actor: str = _text(null=False)
    kind: str = _text(null=False)
    before: Any = _json()
    after: Any = _json()
    operation_id: int | None = _big()


class Recipient(SQLModel, table=True):
    """What one account knows of one number: its pair bucket and when it last wrote."""

    account_id: int = Field(sa_column=Column(BigInt, ForeignKey("account.id"), primary_key=True))
    number: str = Field(sa_column=Column(Text, primary_key=True))
    pair_tat: datetime | None = _instant()
    pair_step: int = _small()
    last_inbound_at: datetime | None = _instant()


class OptOut(SQLModel, table=True):
    """Somebody asked not to be contacted; `account_id` null: by any of our numbers."""

    __tablename__ = "opt_out"
    __table_args__ = (
        _one_of("scope", ("everything", "marketing")),
        Index("ix_opt_out_number", "number"),
    )
    id: int = _key()
    number: str = _text(null=False)
    scope: str = _text(null=False, default="everything")
    account_id: int | None = _big("account.id")
    source: str = _text(null=False)
    reason: str | None = _text()
    created_at: datetime = _instant(null=False)
    created_by: str = _text(null=False)
    lifted_at: datetime | None = _instant()
    lifted_by: str | None = _text()


class Operation(SQLModel, table=True):
    """One background operation in small chunks: bulk action, import, export."""

    __table_args__ = (
        _one_of("state", ("queued", "running", "finished", "cancelled", "failed", "undone")),
        NEVER_REUSED,
    )
    id: int = _key()
    kind: str = _text(null=False)
    state: str = _text(null=False, default="queued")
    filter: Any = _json()
    arguments: Any = _json()
    cursor: Any = _json()
    result: Any = _json()  # what it found or made, beside its counts
    counted: int | None = None
    done: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    skipped: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    error: str | None = _text()
    batch_id: int | None = _big("batch.id")
    created_at: datetime = _instant(null=False)
    created_by: str = _text(null=False)
    started_at: datetime | None = _instant()
    finished_at: datetime | None = _instant()
    turn: int = Field(  # of how many that took it: the newest has the lease
        default=0, sa_column=Column(Integer, nullable=False, server_default=text("0"))
    )
    lease_until: datetime | None = _instant()


class File(SQLModel, table=True):
    """An upload or a finished export; its bytes are in `file_chunk`, readable from any machine."""

    id: int = _key()
    kind: str = _text(null=False)
    name: str = _text(null=False)
    media_type: str = _text(null=False)
    size: int = _big(null=False)
    sha256: str = _text(null=False)
    operation_id: int | None = _big("operation.id")
    created_at: datetime = _instant(null=False)
    created_by: str = _text(null=False)
    expires_at: datetime | None = _instant()


class FileChunk(SQLModel, table=True):
    __tablename__ = "file_chunk"
    file_id: int = Field(sa_column=Column(BigInt, ForeignKey("file.id"), primary_key=True))
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Worker(SQLModel, table=True):
    """A living loop or gateway; the row goes when it ends well, the lease ends when it dies."""

    __table_args__ = (_one_of("kind", ("loop", "gateway")), NEVER_REUSED)
    id: int = _key()
    kind: str = _text(null=False)
    host: str = _text(null=False)
    machine_id: str | None = _text()
    boot_id: str | None = _text()
    pid: int = Field(sa_column=Column(Integer, nullable=False))
    version: str = _text(null=False)
    started_at: datetime = _instant(null=False)
    lease_until: datetime = _instant(null=False)
    last_scan_at: datetime | None = _instant()
    unreached_since: datetime | None = _instant()  # its breaker is open


class User(SQLModel, table=True):
    __table_args__ = (_one_of("role", ("viewer", "operator", "admin")),)
    id: int = _key()
    name: str = _text(null=False, unique=True)
    role: str = _text(null=False)
    password_hash: str = _text(null=False)
    created_at: datetime = _instant(null=False)
    created_by: str = _text(null=False)
    disabled_at: datetime | None = _instant()
    failed_sign_ins: int = _small()
    next_sign_in_at: datetime | None = _instant()
    last_seen_at: datetime | None = _instant()
    here_at: datetime | None = _instant()  # used a page; one that only stays open does not count
    left_at: datetime | None = _instant()  # ended the visit before this one


class UserSession(SQLModel, table=True):
    """A signed-in browser; only the token's hash is kept."""

    __tablename__ = "session"
    token_sha256: str = Field(sa_column=Column(Text, primary_key=True))
    user_id: int = _big("user.id", null=False, index=True)
    created_at: datetime = _instant(null=False)
    expires_at: datetime = _instant(null=False)
    last_seen_at: datetime | None = _instant()
    address: str | None = _text()
    user_agent: str | None = _text()


class AuditEvent(SQLModel, table=True):
    """Who did what to anything but a message; a trigger keeps it append-only."""

    __tablename__ = "audit_event"
    __table_args__ = (Index("ix_audit_event_at", "at", "id"), NEVER_REUSED)
    id: int = _key()
    at: datetime = _instant(null=False)
    actor: str = _text(null=False)
    action: str = _text(null=False)
    target: str | None = _text()
    before: Any = _json()
    after: Any = _json()
    address: str | None = _text()


class WebhookEvent(SQLModel, table=True):
    """One HTTP request from Meta, stored before it is answered; applied afterwards."""

    __tablename__ = "webhook_event"
    __table_args__ = (
        Index(
            "ix_webhook_event_unapplied",
            "id",
            sqlite_where=text("applied_at IS NULL"),
            postgresql_where=text("applied_at IS NULL"),
        ),
        NEVER_REUSED,
    )
    id: int = _key()
    received_at: datetime = _instant(null=False)
    body: str = _text(null=False)
    applied_at: datetime | None = _instant()
    error: str | None = _text()


class QueueSample(SQLModel, table=True):
    """What waited on an account at one moment of the `step` seconds before `at`, and what left."""

    __tablename__ = "queue_sample"
    step: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True))
    account_id: int = Field(sa_column=Column(BigInt, ForeignKey("account.id"), primary_key=True))
    reasons: Any = _json(null=False)  # how many wait for what
    standings: Any = _json(null=False)
    oldest: float | None = None  # seconds since the oldest that is due was
    sent: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    p50: float | None = None  # seconds from due to posted
    p95: float | None = None
    rate: float | None = None  # messages a second that it may send; null: no pacing


class WebhookMention(SQLModel, table=True):
    """That a webhook tells of an attempt: the way from a message to all that Meta said of it."""

    __tablename__ = "webhook_mention"
    attempt_id: int = Field(sa_column=Column(BigInt, primary_key=True, autoincrement=False))
    webhook_event_id: int = Field(sa_column=Column(BigInt, primary_key=True, autoincrement=False))


class Inbound(SQLModel, table=True):
    """What a person wrote to one of our numbers, once however often Meta tells it."""

    __table_args__ = (
        Index("ix_inbound_person", "account_id", "number", "at"),  # what somebody wrote, and last
        Index(
            "ix_inbound_answers",  # the replies to one message
            "answers",
            sqlite_where=text("answers IS NOT NULL"),
            postgresql_where=text("answers IS NOT NULL"),
        ),
        NEVER_REUSED,
    )
    id: int = _key()
    wamid: str = _text(null=False, unique=True)
    account_id: int = _big("account.id", null=False)
    number: str = _text(null=False)  # E.164 with +, as we write to them
    kind: str = _text(null=False)  # as Meta names it: text, button, image, …
    text: str | None = _text()
    answers: str | None = _text()  # Meta's id of the message that it answers
    at: datetime = _instant(null=False)  # by Meta's clock, not after it was received
    webhook_event_id: int = _big(null=False)


class DayVolume(SQLModel, table=True):
    """How many messages of an account fell due on a day of its zone; `label` is '' without one."""

    __tablename__ = "day_volume"
    account_id: int = Field(sa_column=Column(BigInt, ForeignKey("account.id"), primary_key=True))
    day: str = Field(sa_column=Column(Text, primary_key=True))  # 2026-11-26
    label: str = Field(sa_column=Column(Text, primary_key=True))
    messages: int = Field(sa_column=Column(Integer, nullable=False))
    first_at: datetime | None = _instant()
    counted_at: datetime = _instant(null=False)
