"""The business phone numbers of the sandbox: any all-digit id is one, from its first use on."""

from dataclasses import dataclass, field
from typing import Any, TypedDict

from sandbox import errors
from sandbox.limits import Bucket, throughput_bucket

WABA = "100200300400500"
DEFAULT_COUNTRY = "62"
DEFAULT_THROUGHPUT = 80.0


class Changes(TypedDict, total=False):
    """What can be set for a number."""

    country: str
    waba_id: str
    throughput: float | None
    quality: str
    messaging_limit: str


@dataclass(slots=True)
class Number:
    """One business number; `country` is a calling code, `throughput` in messages a second."""

    id: str
    country: str = DEFAULT_COUNTRY
    waba_id: str = WABA
    throughput: float | None = DEFAULT_THROUGHPUT
    quality: str = "GREEN"
    messaging_limit: str = "TIER_UNLIMITED"
    bucket: Bucket | None = field(default_factory=lambda: throughput_bucket(DEFAULT_THROUGHPUT))

    @property
    def digits(self) -> str:
        return f"{self.country}21555{self.id[-6:]:0>6}"

    @property
    def display(self) -> str:
        return f"+{self.country} 21 555 {self.id[-6:]:0>6}"

    def change(self, changes: Changes) -> None:
        """Sets what `changes` names; a throughput of None takes the limit away."""
        for name, value in changes.items():
            setattr(self, name, value)
        if "throughput" in changes:
            self.bucket = throughput_bucket(self.throughput)

    def node(self) -> dict[str, Any]:
        """Every field that `GET /{phone_number_id}?fields=` can ask for, its webhook apart."""
        high = self.throughput is None or self.throughput > DEFAULT_THROUGHPUT
        return {
            "verified_name": f"Sandbox {self.id[-4:]}",
            "code_verification_status": "VERIFIED",
            "display_phone_number": self.display,
            "quality_rating": self.quality,
            "platform_type": "CLOUD_API",
            "throughput": {"level": "HIGH" if high else "STANDARD"},
            "webhook_configuration": {},
            "id": self.id,
            "status": "CONNECTED",
            "name_status": "APPROVED",
            "whatsapp_business_manager_messaging_limit": self.messaging_limit,
            "account_mode": "SANDBOX",
            "country_dial_code": self.country,
            "health_status": {"can_send_message": "AVAILABLE", "entities": []},
        }


DEFAULT_FIELDS = list(Number("0").node())[:8]


class Numbers:
    """All numbers used so far, and how one that is used for the first time starts."""

    def __init__(self) -> None:
        self._known: dict[str, Number] = {}
        self._first = Changes()

    def get(self, node: str, *, method: str) -> Number:
        """The number with this id. Raises GraphError 100/33 for ids that cannot be one."""
        known = self._known.get(node)
        if known is None:
            if not (node.isascii() and node.isdigit()) or node.startswith("999") or node == WABA:
                raise errors.not_found(method, node)
            known = self._known[node] = Number(node)
            known.change(self._first)
        return known

    def change(self, node: str, changes: Changes) -> None:
        """Changes one number, or with `*` all of them and those to come."""
        if node != "*":
            self.get(node, method="POST").change(changes)
            return
        self._first = self._first | changes
        for number in self._known.values():
            number.change(changes)

    def all(self) -> list[Number]:
        return list(self._known.values())

    def clear(self) -> None:
        self._known.clear()
        self._first = Changes()
