"""Everything that can go wrong with a send, by name: magic recipients and admin requests use it.

Magic recipients are +44 7700 900xxx, the range that Ofcom keeps free for drama, so that no ordinary
test number meets one by chance.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.errors import GraphError, expired_token, not_found

MAGIC_PREFIX = "447700900"
HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer that is not the API's own."""

    status: int
    body: bytes = b""
    content_type: str = "text/html"
    location: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one send.

    `code` refuses it with a Graph error; otherwise `accepts` says whether it was taken. `answer` is
    what the sender gets instead of the usual one, after `delay` seconds. `statuses` are those that
    ever come; `fails` is the code of a `failed` one. `tries` limits it to the first sends.
    """

    code: int | None = None
    status: int | None = None
    subcode: int | None = None
    is_transient: bool | None = None
    accepts: bool = True
    answer: Raw | Literal["hang", "drop"] | None = None
    delay: float = 0
    statuses: tuple[str, ...] = ("sent", "delivered", "read")
    fails: int | None = None
    held: bool = False
    tries: int | None = None

    def error(self, node: str) -> GraphError:
        """The Graph error of a refusing fault; `node` is the number that was posted to."""
        if (self.code, self.subcode) == (190, 463):
            return expired_token()
        if (self.code, self.subcode) == (100, 33):
            return not_found("POST", node)
        return GraphError(
            self.code or 1, status=self.status, subcode=self.subcode, is_transient=self.is_transient
        )


def _later(code: int) -> Fault:
    return Fault(fails=code, statuses=("failed",))


# name: last three digits of its magic recipient, what it does
FAULTS: dict[str, tuple[str, Fault]] = {
    "unknown_error": ("101", Fault(code=1, status=500)),
    "service_down": ("102", Fault(code=2, status=500, is_transient=True)),
    "something_wrong": ("103", Fault(code=131000, is_transient=True)),
    "unavailable": ("104", Fault(code=131016)),
    "server_unavailable": ("105", Fault(code=133004)),
    "fails_twice": ("106", Fault(code=131000, is_transient=True, tries=2)),
    "throughput": ("111", Fault(code=130429)),
    "pair_limit": ("112", Fault(code=131056)),
    "maintenance": ("113", Fault(code=131057)),
    "app_limit": ("114", Fault(code=4)),
    "waba_limit": ("115", Fault(code=80007)),
    "expired_token": ("121", Fault(code=190, subcode=463)),
    "account_locked": ("122", Fault(code=131031)),
    "not_registered": ("123", Fault(code=133010)),
    "payment": ("124", Fault(code=131042)),
    "spam_limit": ("125", Fault(code=131048)),
    "number_gone": ("126", Fault(code=100, subcode=33)),
    "template_paused": ("131", Fault(code=132015)),
    "template_missing": ("132", Fault(code=132001)),
    "template_disabled": ("133", Fault(code=132016)),
    "undeliverable": ("141", Fault(code=131026)),
    "window_closed": ("142", Fault(code=131047)),
    "not_allowed": ("143", Fault(code=131030)),
    "opted_out": ("144", Fault(code=131050)),
    "invalid_parameter": ("151", Fault(code=100)),
    "unlisted": ("152", Fault(code=199999)),
    "unlisted_transient": ("153", Fault(code=199998, status=500, is_transient=True)),
    "undeliverable_later": ("201", _later(131026)),
    "window_closed_later": ("202", _later(131047)),
    "marketing_withheld_later": ("203", _later(131049)),
    "opted_out_later": ("204", _later(131050)),
    "experiment_later": ("205", _later(130472)),
    "held_then_paused": ("206", Fault(fails=132015, statuses=("failed",), held=True)),
    "never_delivered": ("211", Fault(statuses=("sent",))),
    "no_webhooks": ("212", Fault(statuses=())),
    "read_without_delivered": ("213", Fault(statuses=("sent", "read"))),
    "bad_gateway": ("301", Fault(accepts=False, answer=Raw(502, HTML))),
    "bad_gateway_after": ("302", Fault(answer=Raw(502, HTML))),
    "hang_before": ("303", Fault(accepts=False, answer="hang")),
    "hang_after": ("304", Fault(answer="hang")),
    "hang_after_no_webhooks": ("305", Fault(answer="hang", statuses=())),
    "drop_before": ("306", Fault(accepts=False, answer="drop")),
    "drop_after": ("307", Fault(answer="drop")),
    "slow": ("308", Fault(delay=3)),
    "garbage": ("309", Fault(answer=Raw(200, b"\x00\xff{not json", "application/json"))),
    "no_message_id": (
        "310",
        Fault(answer=Raw(200, b'{"messaging_product":"whatsapp"}', "application/json")),
    ),
    "redirect": (
        "311",
        Fault(
            accepts=False, answer=Raw(302, location="https://www.facebook.com/unsupportedbrowser")
        ),
    ),
    "empty_500": ("312", Fault(accepts=False, answer=Raw(500, b"", "text/plain"))),
}
_CUSTOM = ("code", "status", "subcode", "is_transient")
_MAGIC = {MAGIC_PREFIX + digits: name for name, (digits, _) in FAULTS.items()}


@dataclass(slots=True)
class Order:
    """A fault asked for by an admin request; `left` sends still meet it, None until cleared."""

    name: str
    fault: Fault
    left: int | None
    phone_number_id: str = ""
    to: str = ""

    def row(self) -> dict[str, Any]:
        return {
            "fault": self.name,
            "left": self.left,
            "phone_number_id": self.phone_number_id or None,
            "to": f"+{self.to}" if self.to else None,
        }

    def meets(self, number: str, wa_id: str) -> bool:
        return self.left != 0 and self.phone_number_id in ("", number) and self.to in ("", wa_id)


@dataclass(slots=True)
class Faults:
    """The orders in force, and how often a magic recipient that gives in has refused."""

    orders: list[Order] = field(default_factory=list)
    _refused: Counter[tuple[str, str]] = field(default_factory=Counter)

    def meet(self, number: str, wa_id: str) -> Fault | None:
        """The fault that this send meets, counted down; orders come before magic recipients."""
        for order in self.orders:
            if order.meets(number, wa_id):
                if order.left is not None:
                    order.left -= 1
                return order.fault
        fault = FAULTS[_MAGIC[wa_id]][1] if wa_id in _MAGIC else None
        return self._give_in(fault, number, wa_id) if fault and fault.tries else fault

    def order(self, body: Mapping[str, Any]) -> Order:
        """Adds what `POST /_sandbox/faults` asks for. Raises ValueError with the reason."""
        name, fault = _named(body.get("fault"))
        count = body.get("count", 1)
        if count is not None and (type(count) is not int or count < 1):
            raise ValueError("count must be a whole number from 1 up, or null for until cleared")
        count = fault.tries or count
        number, to = str(body.get("phone_number_id") or ""), str(body.get("to") or "")
        added = Order(name, fault, count, number, to.lstrip("+"))
        self.orders = [order for order in self.orders if order.left != 0] + [added]
        return added

    def clear(self) -> None:
        self.orders.clear()
        self._refused.clear()

    def _give_in(self, fault: Fault, number: str, wa_id: str) -> Fault | None:
        self._refused[number, wa_id] += 1
        if self._refused[number, wa_id] <= (fault.tries or 0):
            return fault
        del self._refused[number, wa_id]
        return None


def _named(wanted: object) -> tuple[str, Fault]:
    if isinstance(wanted, str) and wanted in FAULTS:
        return wanted, FAULTS[wanted][1]
    if isinstance(wanted, dict) and type(wanted.get("code")) is int:
        keys: dict[str, Any] = {key: wanted.get(key) for key in _CUSTOM}
        return f"code {wanted['code']}", Fault(**keys)
    raise ValueError(f"fault must be an object with a code, or one of {', '.join(FAULTS)}")
