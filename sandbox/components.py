"""A template send against its template: parameters counted, named, readable; and the text shown."""

import re
from typing import Any

from sandbox.errors import GraphError
from sandbox.params import optional, required
from sandbox.templates import Template, Templates

MAX_BODY = 1024
Parameters = list[dict[str, Any]]
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_UNPRINTABLE = re.compile(r"[\n\r\t]| {5,}")
_TEXTUAL = ("text", "currency", "date_time")
_MEDIA = ("image", "video", "document", "location")
_TYPES = ("header", "body", "button")


def check(sent: dict[str, Any], templates: Templates, *, version: float) -> Template:
    """The approved template that `sent` names, its parameters checked.

    Raises GraphError 132001, 132015, 132016, 132000, 132012, 132018 (132012 before v23), 132005.
    """
    name = required(sent, "name", str, within="template")
    language = required(sent, "language", dict, within="template")
    code = required(language, "code", str, within="template['language']")
    template = _usable(templates.find(name, code), name, code)
    given = _components(sent)
    for kind in ("header", "body"):
        _check_block(template, kind, _parameters(given, kind), version)
    _check_buttons(template, [c for c in given if c["type"] == "button"], version)
    if len(shown(template, sent)) > MAX_BODY:
        raise GraphError(132005, f"The body with its parameters is longer than {MAX_BODY}.")
    return template


def shown(template: Template, sent: dict[str, Any], kind: str = "body") -> str:
    """The body or header as the phone shows it, with its parameters put in; a medium has none."""
    parameters = _parameters(_components(sent), kind)
    values = {
        parameter.get("parameter_name") or str(position): _words(parameter)
        for position, parameter in enumerate(parameters, start=1)
        if parameter.get("type") in _TEXTUAL
    }
    text = template.component(kind.upper()).get("text", "")
    return _VARIABLE.sub(lambda name: values.get(name[1], ""), text)


def _usable(template: Template | None, name: str, language: str) -> Template:
    if template is None:
        raise GraphError(132001, f"template name ({name}) does not exist in {language}")
    if template.status == "PAUSED":
        raise GraphError(132015, f"template name ({name}) is paused")
    if template.status == "DISABLED":
        raise GraphError(132016, f"template name ({name}) is disabled")
    if template.status != "APPROVED":
        raise GraphError(132001, f"template name ({name}) is not approved in {language}")
    return template


def _components(sent: dict[str, Any]) -> list[dict[str, Any]]:
    components = optional(sent, "components", list, within="template") or []
    for component in components:
        if not isinstance(component, dict) or component.get("type") not in _TYPES:
            raise GraphError(100, f"A component's type must be one of {', '.join(_TYPES)}.")
    return components


def _parameters(components: list[dict[str, Any]], kind: str) -> Parameters:
    found: Parameters = []
    for component in components:
        if component["type"] == kind:
            found += optional(component, "parameters", list, within=kind) or []
    if not all(isinstance(parameter, dict) for parameter in found):
        raise GraphError(100, f"Each of {kind}['parameters'] must be a JSON object.")
    return found


def _check_block(template: Template, kind: str, given: Parameters, version: float) -> None:
    block = template.component(kind.upper())
    media = block.get("format", "TEXT").lower()
    if media != "text":
        _check_media(kind, media, given)
        return
    wanted = list(dict.fromkeys(_VARIABLE.findall(block.get("text", ""))))
    _count(kind, given, len(wanted))
    names = [parameter.get("parameter_name") for parameter in given]
    if template.parameter_format == "NAMED" and sorted(map(str, names)) != sorted(wanted):
        raise GraphError(132012, f"{kind}: parameter_name must be one of {', '.join(wanted)}")
    if template.parameter_format != "NAMED" and any(names):
        raise GraphError(132012, f"{kind}: parameter_name is for templates with named parameters")
    for parameter in given:
        _check_words(kind, parameter, version)


def _count(kind: str, given: Parameters, wanted: int) -> None:
    if len(given) != wanted:
        raise GraphError(
            132000,
            f"{kind}: number of localizable_params ({len(given)}) does not match the expected "
            f"number of params ({wanted})",
        )


def _check_media(kind: str, media: str, given: Parameters) -> None:
    _count(kind, given, 1)
    if given[0].get("type") != media:
        raise GraphError(132012, f"{kind}: the template expects a parameter of type {media}")
    value = required(given[0], media, dict, within=kind)
    if media != "location" and ("id" in value) == ("link" in value):
        raise GraphError(131008, f"{kind}: {media} needs exactly one of id and link")


def _check_words(kind: str, parameter: dict[str, Any], version: float) -> None:
    if required(parameter, "type", str, within=kind) not in _TEXTUAL:
        raise GraphError(132012, f"{kind}: a parameter must be one of {', '.join(_TEXTUAL)}")
    words = _words(parameter)
    if not words.strip():
        raise GraphError(131008, f"{kind}: a parameter has no text")
    if _UNPRINTABLE.search(words):
        raise GraphError(
            132018 if version >= 23 else 132012,
            f"{kind}: a parameter cannot have new-line or tab characters or more than 4 "
            "consecutive spaces",
        )


def _words(parameter: dict[str, Any]) -> str:
    kind = parameter.get("type", "text")
    if kind == "text":
        return str(required(parameter, "text", str, within="parameter"))
    value = required(parameter, kind, dict, within="parameter")
    return str(required(value, "fallback_value", str, within=kind))


def _check_buttons(template: Template, given: list[dict[str, Any]], version: float) -> None:
    buttons = template.component("BUTTONS").get("buttons", [])
    filled = {_check_button(buttons, button, version) for button in given}
    for index, button in enumerate(buttons):
        if _VARIABLE.search(button.get("url", "")) and index not in filled:
            raise GraphError(
                131008, f"buttons: Button at index {index} of type Url requires a parameter"
            )


def _check_button(buttons: list[dict[str, Any]], given: dict[str, Any], version: float) -> int:
    kind = required(given, "sub_type", str, within="button").lower()
    index = str(given.get("index", ""))
    if index not in map(str, range(len(buttons))):
        raise GraphError(132012, f"button: the template has no button at index {index or '-'}")
    if buttons[int(index)]["type"].lower() != kind:
        raise GraphError(132012, f"button: the button at index {index} is not of type {kind}")
    parameters = _parameters([given], "button")
    _count("button", parameters, 1)
    if kind == "url":
        _check_words("button", parameters[0], version)
    elif kind == "quick_reply":
        required(parameters[0], "payload", str, within="button")
    return int(index)
