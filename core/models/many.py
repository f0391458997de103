"""What comes in together: batches, the files and templates that they are made of, operations."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.models.columns import NEVER_REUSED, BigInt, big, instant, json_of, key, one_of, text_of


class Batch(SQLModel, table=True):
    """Messages that came in together, released together."""

    __table_args__ = (
        one_of("state", ("loading", "held", "released", "paused", "cancelled", "finished")),
    )
    id: int = key()
    account_id: int | None = big("account.id", index=True)
    name: str = text_of(null=False)
    state: str = text_of(null=False, default="loading")
    source_sha256: str | None = text_of()
    file_id: int | None = big()
    total: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    arguments: Any = json_of()  # how its file was read
    after_id: int | None = big()  # its messages lie between these ids; the last is None
    until_id: int | None = big()  # while it is being filled
    created_at: datetime = instant(null=False)
    created_by: str = text_of(null=False)
    trial_since: datetime | None = instant()  # the first few may leave, the rest is held
    released_at: datetime | None = instant()
    paused_at: datetime | None = instant()
    finished_at: datetime | None = instant()


class Template(SQLModel, table=True):
    """A message template as Meta last described it; `hold` stops its messages."""

    __table_args__ = (UniqueConstraint("business_id", "name", "language"),)
    id: int = key()
    business_id: int = big("business.id", null=False)
    meta_id: str | None = text_of()
    name: str = text_of(null=False)
    language: str = text_of(null=False)
    category: str | None = text_of()
    status: str = text_of(null=False)
    quality: str | None = text_of()
    parameter_format: str | None = text_of()
    components: Any = json_of()
    sha256: str = text_of(null=False)
    rejected_reason: str | None = text_of()
    hold: str | None = text_of()
    hold_since: datetime | None = instant()
    hold_by: str | None = text_of()
    status_since: datetime | None = instant()  # as far as we saw it
    changed_at: datetime | None = instant()  # its sha256, last
    previous: Any = json_of()  # what it was before that
    synced_at: datetime = instant(null=False)  # when Meta was asked what stands here


class Operation(SQLModel, table=True):
    """One background operation in small chunks: bulk action, import, export."""

    __table_args__ = (
        one_of("state", ("queued", "running", "finished", "cancelled", "failed", "undone")),
        Index("ix_operation_state", "state", "id"),  # what is open
        NEVER_REUSED,
    )
    id: int = key()
    kind: str = text_of(null=False)
    state: str = text_of(null=False, default="queued")
    filter: Any = json_of()
    arguments: Any = json_of()
    cursor: Any = json_of()
    result: Any = json_of()  # what it found or made, beside its counts
    counted: int | None = None
    done: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    skipped: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    error: str | None = text_of()
    batch_id: int | None = big("batch.id")
    created_at: datetime = instant(null=False)
    created_by: str = text_of(null=False)
    started_at: datetime | None = instant()
    finished_at: datetime | None = instant()
    turn: int = Field(  # of how many that took it: the newest has the lease
        default=0, sa_column=Column(Integer, nullable=False, server_default=text("0"))
    )
    lease_until: datetime | None = instant()


class File(SQLModel, table=True):
    """An upload or a finished export; its bytes are in `file_chunk`, readable from any machine."""

    id: int = key()
    kind: str = text_of(null=False)
    name: str = text_of(null=False)
    media_type: str = text_of(null=False)
    size: int = big(null=False)
    sha256: str = text_of(null=False)
    operation_id: int | None = big("operation.id")
    created_at: datetime = instant(null=False)
    created_by: str = text_of(null=False)
    expires_at: datetime | None = instant()


class FileChunk(SQLModel, table=True):
    __tablename__ = "file_chunk"
    file_id: int = Field(sa_column=Column(BigInt, ForeignKey("file.id"), primary_key=True))
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
