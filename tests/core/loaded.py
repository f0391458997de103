"""Files checked and loaded in this process, as the command line does it."""

from typing import Any

from core import files, leasing, load_orders, operating, operations, preflight
from core.loading import Then
from core.models import Operation
from core.sheets import plan as plans
from core.sheets import reading
from core.sheets.plan import Plan
from tests import given
from tests.given import ANA

HEAD = "recipient,content,scheduled_at,reference\n"


def rows(count: int, *, reference: bool = False, at: str = "", text: str = "Hello") -> str:
    """A file of so many messages to as many people."""
    lines = (
        f"{given.recipient(number)},{text} {number},{at},{f'R-{number}' if reference else ''}\n"
        for number in range(count)
    )
    return HEAD + "".join(lines)


def later(**delay: float) -> str:
    """A time from now as a file has it."""
    wall = given.in_(**delay).wall
    assert wall
    return wall.isoformat(timespec="seconds")


def checked(text: str, account_id: int = 1, *, name: str = "people.csv", **more: Any) -> Operation:
    """What became of a check of a CSV with our own headings; `more` is of its plan."""
    plan = Plan(account_id, **more)
    if "columns" not in more:
        plan = plans.standard(reading.read(text.encode(), name).headings, plan)
    return checked_as(text, plan, name=name)


def checked_as(text: str, plan: Plan, *, name: str = "people.csv") -> Operation:
    file_id = files.upload(text.encode(), name=name, by=ANA)
    made = preflight.order(file_id, plan, by=ANA, here=True)
    operating.run(leasing.held(made))
    return operations.state(made)


def ordered(check: Operation, *, then: Then = Then.RELEASE, **more: Any) -> int:
    """A load of what was checked, to be run in this process."""
    return load_orders.order(check.id, name="people.csv", by=ANA, here=True, then=then, **more)


def load(text: str, account_id: int = 1, *, plan: Any = None, **more: Any) -> Operation:
    """What became of a load."""
    made = ordered(checked(text, account_id, **(plan or {})), **more)
    operating.run(leasing.held(made))
    return operations.state(made)


def found(check: Operation, *keys: str) -> tuple[Any, ...]:
    """Of a check's result."""
    assert check.state == "finished", check.error
    return tuple(check.result[key] for key in keys)
