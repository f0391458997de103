"""What the sandbox accepted: kept in memory, and in a file before the sender gets its answer."""

import json
import os
import secrets
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any


class DamagedLedger(Exception):
    """A line of the file cannot be read, so what was accepted is not known."""


@dataclass(slots=True)
class Accepted:
    """One accepted message. `to` is E.164 as Meta resolved it, `input` is what was asked for.

    `plan` names the statuses still to come, with the seconds after acceptance; `fails` is the code
    of a `failed` one.
    """

    id: str
    phone_number_id: str
    to: str
    input: str
    content: dict[str, Any]
    biz_opaque_callback_data: str | None
    received_at: datetime
    plan: list[tuple[str, float]]
    fails: int | None = None
    pricing: str = "service"
    statuses: list[dict[str, str]] = field(default_factory=list)

    def happened(self, status: str, timestamp: str) -> None:
        """Notes a status once; it may be announced several times."""
        if all(known["status"] != status for known in self.statuses):
            self.statuses.append({"status": status, "timestamp": timestamp})

    def row(self) -> dict[str, Any]:
        """As `GET /_sandbox/messages` shows it: `text` is the body, `template` the object."""
        return {
            "id": self.id,
            "phone_number_id": self.phone_number_id,
            "to": self.to,
            "input": self.input,
            **self.content,
            "biz_opaque_callback_data": self.biz_opaque_callback_data,
            "received_at": self.received_at.isoformat(timespec="microseconds"),
            "statuses": self.statuses,
        }

    def line(self) -> dict[str, Any]:
        """As the file keeps it."""
        row = self.row() | {"plan": self.plan, "fails": self.fails, "pricing": self.pricing}
        del row["statuses"]
        return row


class Ledger:
    """Append-only; an accepted message is written before the answer and survives SIGKILL.

    Not synced to the disk: a power cut may lose the last seconds.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._messages: dict[str, Accepted] = {}
        self._load()

    def __len__(self) -> int:
        return len(self._messages)

    def accept(self, message: Accepted) -> None:
        self._write([message.line()])
        self._messages[message.id] = message

    def announced(self, done: Iterable[tuple[Accepted, dict[str, str]]]) -> None:
        """Writes down statuses that the webhook took, so that a restart does not repeat them."""
        self._write([{"of": message.id, **status} for message, status in done])

    def latest(self, count: int) -> list[Accepted]:
        """The newest messages, oldest of them first."""
        return list(islice(reversed(self._messages.values()), count))[::-1]

    def find(
        self, *, phone_number_id: str = "", to: str = "", after: str = ""
    ) -> Iterator[Accepted]:
        """In order of acceptance. An unknown `after` gives nothing to skip and returns all."""
        messages: Iterable[Accepted] = self._messages.values()
        if after in self._messages:
            messages = islice(messages, list(self._messages).index(after) + 1, None)
        for message in messages:
            if phone_number_id in ("", message.phone_number_id) and to in ("", message.to):
                yield message

    def clear(self) -> None:
        os.ftruncate(self._file, 0)
        self._messages.clear()

    def close(self) -> None:
        os.close(self._file)

    def _write(self, lines: list[dict[str, Any]]) -> None:
        os.write(self._file, "".join(json.dumps(line) + "\n" for line in lines).encode())

    def _load(self) -> None:
        raw = self.path.read_bytes()
        whole = raw.rfind(b"\n") + 1
        # A kill in the middle of a write leaves half a line; its sender never got an answer.
        os.ftruncate(self._file, whole)
        for number, line in enumerate(raw[:whole].splitlines(), start=1):
            try:
                self._read(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise DamagedLedger(f"{self.path}, line {number} cannot be read: {error}") from None

    def _read(self, line: dict[str, Any]) -> None:
        if "of" in line:
            self._messages[line["of"]].happened(line["status"], line["timestamp"])
            return
        content: dict[str, Any] = {
            key: line.pop(key) for key in ("text", "template") if key in line
        }
        line["received_at"] = datetime.fromisoformat(line["received_at"])
        line["plan"] = [(status, seconds) for status, seconds in line["plan"]]
        self._messages[line["id"]] = Accepted(content=content, **line)


def wamid(wa_id: str) -> str:
    """A message id shaped like Meta's: base64 over the number and 18 random hex digits."""
    unique = secrets.token_hex(9).upper().encode()
    head = bytes([0x1C, 0x18, len(wa_id)]) + wa_id.encode()
    return "wamid." + b64encode(head + b"\x15\x02\x00\x11\x18\x12" + unique + b"\x00").decode()
