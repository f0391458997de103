"""The tables, all of them known once this is imported. Every column of the engine is here from
the first migration on."""

from core.models.columns import Json
from core.models.counted import DayVolume, QueueSample
from core.models.many import Batch, File, FileChunk, Operation, Template
from core.models.messages import (
    PRIORITY_CAMPAIGN,
    PRIORITY_NORMAL,
    PRIORITY_URGENT,
    Attempt,
    Content,
    Message,
    MessageEvent,
)
from core.models.people import AuditEvent, OptOut, Recipient, User, UserSession
from core.models.sending import Account, Business, Installation, Pace, Setting, Worker
from core.models.told import Inbound, WebhookEvent, WebhookMention

__all__ = [
    "PRIORITY_CAMPAIGN",
    "PRIORITY_NORMAL",
    "PRIORITY_URGENT",
    "Account",
    "Attempt",
    "AuditEvent",
    "Batch",
    "Business",
    "Content",
    "DayVolume",
    "File",
    "FileChunk",
    "Inbound",
    "Installation",
    "Json",
    "Message",
    "MessageEvent",
    "Operation",
    "OptOut",
    "Pace",
    "QueueSample",
    "Recipient",
    "Setting",
    "Template",
    "User",
    "UserSession",
    "WebhookEvent",
    "WebhookMention",
    "Worker",
]
