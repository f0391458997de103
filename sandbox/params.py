"""Reading one parameter of a JSON body, with Graph's refusals."""

from typing import Any

from sandbox.errors import GraphError

_NAMES: dict[type, str] = {
    dict: "a JSON object",
    str: "a string",
    list: "an array",
    bool: "a boolean",
}


def required(body: dict[str, Any], name: str, kind: type, *, within: str = "") -> Any:
    """The value of a required parameter. Raises 131008 when missing, 100 when of another type."""
    if body.get(name) is None:
        raise GraphError(131008, f"The parameter {_shown(name, within)} is required.")
    return optional(body, name, kind, within=within)


def optional(body: dict[str, Any], name: str, kind: type, *, within: str = "") -> Any:
    """The value of a parameter, or None. Raises 100 when it is of another type."""
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        raise GraphError(100, f"Param {_shown(name, within)} must be {_NAMES[kind]}.")
    return value


def _shown(name: str, within: str) -> str:
    return f"{within}['{name}']" if within else name
