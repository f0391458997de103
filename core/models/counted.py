"""What was counted, so that drawings need not count it again."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Integer, Text
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from core.models.columns import BigInt, instant, json_of


class QueueSample(SQLModel, table=True):
    """What waited on an account at one moment of the `step` seconds before `at`, and what left."""

    __tablename__ = "queue_sample"
    step: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True))
    account_id: int = Field(sa_column=Column(BigInt, ForeignKey("account.id"), primary_key=True))
    reasons: Any = json_of(null=False)  # how many wait for what
    standings: Any = json_of(null=False)
    oldest: float | None = None  # seconds since the oldest that is due was
    sent: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    p50: float | None = None  # seconds from due to posted
    p95: float | None = None
    rate: float | None = None  # messages a second that it may send; null: no pacing


class DayVolume(SQLModel, table=True):
    """How many messages of an account fell due on a day of its zone; `label` is '' without one."""

    __tablename__ = "day_volume"
    account_id: int = Field(sa_column=Column(BigInt, ForeignKey("account.id"), primary_key=True))
    day: str = Field(sa_column=Column(Text, primary_key=True))  # 2026-11-26
    label: str = Field(sa_column=Column(Text, primary_key=True))
    messages: int = Field(sa_column=Column(Integer, nullable=False))
    first_at: datetime | None = instant()
    counted_at: datetime = instant(null=False)
