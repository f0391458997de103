"""Meta's own OpenAPI description (v23.0), read once, for the tests that hold both sides to it."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from openapi_schema_validator import OAS31Validator

from tests.conftest import missing

_DESCRIPTION = (
    Path(__file__).resolve().parents[2]
    / "shared"
    / "meta-openapi"
    / "business-messaging-api_v23.0.yaml"
)


@cache
def description() -> dict[str, Any]:
    """The whole description; skips where it is absent."""
    if not _DESCRIPTION.exists():
        missing("Meta's OpenAPI description is not beside the project")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    read: dict[str, Any] = yaml.load(_DESCRIPTION.read_text(encoding="utf-8"), Loader=loader)
    return read


def problems(
    value: Any, schema: str | dict[str, Any], within: dict[str, Any] | None = None
) -> list[str]:
    """What is wrong with a value by a schema, given by name or as an object of the description."""
    if isinstance(schema, str):
        schema = {"$ref": f"#/components/schemas/{schema}"}
    components = (within or description())["components"]
    validator = OAS31Validator({**schema, "components": components})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def request_schema(path: str, method: str = "post") -> dict[str, Any]:
    """The schema of what is sent to a path of the description."""
    body = description()["paths"][path][method]["requestBody"]
    schema: dict[str, Any] = body["content"]["application/json"]["schema"]
    return schema
