"""Who sends: the installation, its numbers and what they may, its workers."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, Text
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


class Installation(SQLModel, table=True):
    """One row: who this database is, and what stops everything."""

    id: str = Field(sa_column=Column(Text, primary_key=True))
    created_at: datetime = instant(null=False)
    guard_since: datetime | None = instant()
    guard_reason: str | None = text_of()
    stopped_since: datetime | None = instant()
    stopped_by: str | None = text_of()
    stop_reason: str | None = text_of()
    lived_until: datetime | None = instant()  # when the last of the send loops that are gone did


class Setting(SQLModel, table=True):
    key: str = Field(sa_column=Column(Text, primary_key=True))
    value: Any = json_of(null=False)
    updated_at: datetime = instant(null=False)
    updated_by: str = text_of(null=False)


class Business(SQLModel, table=True):
    """A WhatsApp Business Account (WABA) with the token that its numbers share."""

    id: int = key()
    waba_id: str | None = text_of(unique=True)
    portfolio_id: str | None = text_of()
    name: str = text_of(null=False)
    token: str = text_of(null=False)  # encrypted: core/vault.py
    token_since: datetime = instant(null=False)
    app_secret: str | None = text_of()  # encrypted
    created_at: datetime = instant(null=False)
    synced_at: datetime | None = instant()  # its templates were read
    sync_tried_at: datetime | None = instant()
    sync_error: str | None = text_of()


class Account(SQLModel, table=True):
    """A business number that sends."""

    __table_args__ = (
        one_of("state", ("active", "paused", "retired")),
        one_of("late_policy", ("send", "skip", "hold")),
        CheckConstraint("rate IS NULL OR rate > 0", name="rate"),
    )
    id: int = key()
    business_id: int = big("business.id", null=False, index=True)
    name: str = text_of(null=False, unique=True)
    phone_number_id: str = text_of(null=False, unique=True)
    display_phone: str | None = text_of()
    country: str | None = text_of()  # ISO alpha-2: reads national numbers
    zone: str = text_of(null=False, default="UTC")
    rate: float | None = None  # messages a second; null: no pacing
    state: str = text_of(null=False, default="active")
    state_reason: str | None = text_of()
    state_by: str | None = text_of()
    state_since: datetime | None = instant()
    state_code: int | None = None
    auto_resumes: int = small()  # how often it resumed by itself since a person last did
    quiet_from: str | None = text_of()  # HH:MM in `zone`
    quiet_to: str | None = text_of()
    late_policy: str = text_of(null=False, default="send")
    late_after: int | None = None  # seconds
    quality: str | None = text_of()
    throughput: str | None = text_of()
    messaging_limit: str | None = text_of()
    test_number: str | None = text_of()
    checked_at: datetime | None = instant()
    created_at: datetime = instant(null=False)


class Pace(SQLModel, table=True):
    """The rate of one account; narrow, rewritten by every tick, locked before any message."""

    account_id: int = Field(sa_column=Column(BigInt, ForeignKey("account.id"), primary_key=True))
    next_slot_at: datetime = instant(null=False)
    rate_now: float | None = None
    slowed_at: datetime | None = instant()
    resume_at: datetime | None = instant()
    ready_since: datetime | None = instant()


class Worker(SQLModel, table=True):
    """A living loop or gateway; the row goes when it ends well, the lease ends when it dies."""

    __table_args__ = (one_of("kind", ("loop", "gateway")), NEVER_REUSED)
    id: int = key()
    kind: str = text_of(null=False)
    host: str = text_of(null=False)
    machine_id: str | None = text_of()
    boot_id: str | None = text_of()
    pid: int = Field(sa_column=Column(Integer, nullable=False))
    version: str = text_of(null=False)
    started_at: datetime = instant(null=False)
    lease_until: datetime = instant(null=False)
    last_scan_at: datetime | None = instant()
    unreached_since: datetime | None = instant()  # its breaker is open
