"""Who gets messages and who may not, who signs in, and what they did."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Text
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


class Recipient(SQLModel, table=True):
    """What one account knows of one number: its pair bucket and when it last wrote."""

    account_id: int = Field(sa_column=Column(BigInt, ForeignKey("account.id"), primary_key=True))
    number: str = Field(sa_column=Column(Text, primary_key=True))
    pair_tat: datetime | None = instant()
    pair_step: int = small()
    last_inbound_at: datetime | None = instant()


class OptOut(SQLModel, table=True):
    """Somebody asked not to be contacted; `account_id` null: by any of our numbers."""

    __tablename__ = "opt_out"
    __table_args__ = (
        one_of("scope", ("everything", "marketing")),
        Index("ix_opt_out_number", "number"),
    )
    id: int = key()
    number: str = text_of(null=False)
    scope: str = text_of(null=False, default="everything")
    account_id: int | None = big("account.id")
    source: str = text_of(null=False)
    reason: str | None = text_of()
    created_at: datetime = instant(null=False)
    created_by: str = text_of(null=False)
    lifted_at: datetime | None = instant()
    lifted_by: str | None = text_of()


class User(SQLModel, table=True):
    __table_args__ = (one_of("role", ("viewer", "operator", "admin")),)
    id: int = key()
    name: str = text_of(null=False, unique=True)
    role: str = text_of(null=False)
    password_hash: str = text_of(null=False)
    created_at: datetime = instant(null=False)
    created_by: str = text_of(null=False)
    disabled_at: datetime | None = instant()
    failed_sign_ins: int = small()
    next_sign_in_at: datetime | None = instant()
    last_seen_at: datetime | None = instant()
    here_at: datetime | None = instant()  # used a page; one that only stays open does not count
    left_at: datetime | None = instant()  # ended the visit before this one


class UserSession(SQLModel, table=True):
    """A signed-in browser; only the token's hash is kept."""

    __tablename__ = "session"
    token_sha256: str = Field(sa_column=Column(Text, primary_key=True))
    user_id: int = big("user.id", null=False, index=True)
    created_at: datetime = instant(null=False)
    expires_at: datetime = instant(null=False)
    last_seen_at: datetime | None = instant()
    address: str | None = text_of()
    user_agent: str | None = text_of()


class AuditEvent(SQLModel, table=True):
    """Who did what to anything but a message; a trigger keeps it append-only."""

    __tablename__ = "audit_event"
    __table_args__ = (Index("ix_audit_event_at", "at", "id"), NEVER_REUSED)
    id: int = key()
    at: datetime = instant(null=False)
    actor: str = text_of(null=False)
    action: str = text_of(null=False)
    target: str | None = text_of()
    before: Any = json_of()
    after: Any = json_of()
    address: str | None = text_of()
