"""What Meta tells us, as it came and as it was read."""

from datetime import datetime

from sqlalchemy import Column, Index, text
from sqlmodel import Field, SQLModel

from core.models.columns import NEVER_REUSED, BigInt, big, instant, key, text_of


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
    id: int = key()
    received_at: datetime = instant(null=False)
    body: str = text_of(null=False)
    applied_at: datetime | None = instant()
    error: str | None = text_of()


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
    id: int = key()
    wamid: str = text_of(null=False, unique=True)
    account_id: int = big("account.id", null=False)
    number: str = text_of(null=False)  # E.164 with +, as we write to them
    kind: str = text_of(null=False)  # as Meta names it: text, button, image, …
    text: str | None = text_of()
    answers: str | None = text_of()  # Meta's id of the message that it answers
    at: datetime = instant(null=False)  # by Meta's clock, not after it was received
    webhook_event_id: int = big(null=False)
