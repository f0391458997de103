"""What a status webhook tells of one message, freed from Meta's envelope."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Told = Literal["sent", "delivered", "read", "failed"]


@dataclass(frozen=True)
class StatusUpdate:
    """One status of one message; `code`, `title` and `details` only where it failed.

    `installation` and `attempt_id` come from our callback reference `<installation>:<attempt>`,
    which Meta echoes in `biz_opaque_callback_data`: null where it is absent or not of that form.
    """

    attempt_id: int | None
    installation: str | None
    wamid: str
    status: Told
    at: datetime
    code: int | None
    title: str | None
    details: str | None
