"""One message: `message` is the hot table, narrow, and with no index beside those whose reader is
named here. What it says stands in `content`, what happened in `attempt` and `message_event`."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, text
from sqlmodel import Field, SQLModel

from core.models.columns import (
    NEVER_REUSED,
    BigInt,
    big,
    instant,
    json_of,
    key,
    one_of,
    small,
    text_of,
)
from core.states import Delivery, Status

PRIORITY_URGENT, PRIORITY_NORMAL, PRIORITY_CAMPAIGN = 0, 1, 2


class Message(SQLModel, table=True):
    """One message to one recipient; what the engine reads and rewrites, nothing else."""

    __table_args__ = (
        one_of("status", Status),
        one_of("kind", ("text", "template")),
        one_of("delivery", Delivery),
        one_of("late_policy", ("send", "skip", "hold")),
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
    id: int = key()
    account_id: int = big("account.id", null=False)
    recipient: str = text_of(null=False)  # E.164 with +
    kind: str = text_of(null=False, default="text")
    status: str = text_of(null=False, default="pending")
    priority: int = small(PRIORITY_NORMAL)
    scheduled_at: datetime = instant(null=False)
    zone: str = text_of(null=False, default="UTC")
    due_at: datetime = instant(null=False)
    not_after: datetime | None = instant()
    late_policy: str | None = text_of()
    hold: str | None = text_of()
    retry_count: int = small()
    max_retries: int = small(3)
    attempt_count: int = Field(
        default=0, sa_column=Column(Integer, nullable=False, server_default=text("0"))
    )
    error_class: str | None = text_of()
    error_code: int | None = None
    error_text: str | None = text_of()
    sent_at: datetime | None = instant()
    meta_message_id: str | None = text_of()
    delivery: str | None = text_of()
    delivery_at: datetime | None = instant()
    batch_id: int | None = big("batch.id")
    template_id: int | None = big("template.id")
    reference: str | None = text_of()
    version: int = Field(
        default=1, sa_column=Column(Integer, nullable=False, server_default=text("1"))
    )
    worker_id: int | None = big()
    unconfirmed_since: datetime | None = instant()
    confirmed_by: str | None = text_of()  # who accepted the risk of a second time
    created_at: datetime = instant(null=False)
    deleted_at: datetime | None = instant()
    deleted_by: str | None = text_of()


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
    recipient: str = text_of(null=False, default="")  # as the message has it
    text: str | None = text_of()
    template: str | None = text_of()
    language: str | None = text_of()
    parameters: Any = json_of()
    template_sha256: str | None = text_of()
    label: str | None = text_of()
    created_by: str = text_of(null=False)
    idempotency_key: str | None = text_of(unique=True)
    search: str = text_of(null=False, default="")  # recipient and words; indexed by trigrams


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
    id: int = key()
    message_id: int = big("message.id", null=False)
    account_id: int = big(null=False)
    worker_id: int = big(null=False)
    slot_at: datetime = instant(null=False)
    claimed_at: datetime = instant(null=False)
    posted_at: datetime | None = instant()
    answered_at: datetime | None = instant()
    http_status: int | None = None
    outcome: str | None = text_of()  # null while open
    error_code: int | None = None
    error_subcode: int | None = None
    error_text: str | None = text_of()
    answer: str | None = text_of()
    meta_message_id: str | None = text_of()
    delivery: str | None = text_of()  # proof that came for this very attempt
    proved_at: datetime | None = instant()
    payload: str = text_of(null=False)
    payload_sha256: str = text_of(null=False)
    confirmed_by: str | None = text_of()


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
    id: int = key()
    message_id: int = big("message.id", null=False)
    at: datetime = instant(null=False)
    actor: str = text_of(null=False)
    kind: str = text_of(null=False)
    before: Any = json_of()
    after: Any = json_of()
    operation_id: int | None = big()
