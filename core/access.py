"""Who may do what: viewers look, operators send, administrators arrange.

Every function of core that changes something on a person's behalf takes `by: Actor` and is marked
with `needs`; the mark is checked on each call and listed in `CHANGING`, so one test covers all.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ParamSpec, TypeVar

from core.errors import Forbidden

P = ParamSpec("P")
R = TypeVar("R")


class Role(IntEnum):
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The role as it is stored and typed: viewer, operator, admin."""
        return self.name.lower()

    @property
    def title(self) -> str:
        """The role as people read it."""
        return "Administrator" if self is Role.ADMIN else self.name.capitalize()


@dataclass(frozen=True)
class Actor:
    """A person, or a part of Outbox acting by itself; `name` is what events record, with the
    address that they signed in from."""

    name: str
    role: Role
    address: str | None = field(default=None, compare=False)


CHANGING: dict[str, Role] = {}


def needs(role: Role) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Allow a function to actors of this role or above. Raises Forbidden before it starts."""

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        CHANGING[f"{function.__module__}.{function.__qualname__}"] = role

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            require(role, kwargs["by"])
            return function(*args, **kwargs)

        return checked

    return mark


def require(role: Role, actor: object) -> None:
    """Raise Forbidden unless the actor has the role or a higher one."""
    if not isinstance(actor, Actor) or actor.role < role:
        named = actor.role.title if isinstance(actor, Actor) else "nobody"
        raise Forbidden(f"This needs the role {role.title}; you are signed in as {named}.")
