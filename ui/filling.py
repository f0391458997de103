"""What a message says, typed as a text or filled into a template: for the form and the drawer."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import catalogue, composing, templating
from core.catalogue import Offer
from core.errors import Problem
from core.models import Account, Template
from core.shapes import Asked, Shape
from core.templating import Shown
from ui import fields

TEXT, TEMPLATE = "Text", "Template"
_NONE = Problem("template", "missing", "Choose a template.")


@dataclass(frozen=True)
class Words:
    """What was typed. `places` are where the problems of its own fields are said."""

    text: str = ""
    chosen: Template | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, DeltaGenerator] = field(default_factory=dict)
    from_template: bool = False

    def drafted(self) -> dict[str, Any]:
        """By the names of `Draft`."""
        if self.chosen is None:
            return {"text": self.text}
        one = self.chosen
        named = {"template": one.name, "language": one.language}
        return {"text": "", "parameters": dict(self.parameters), **named}

    def problems(self, found: tuple[Problem, ...]) -> tuple[Problem, ...]:
        """As they concern what was typed: without a template nobody misses its text."""
        if not self.from_template or self.chosen:
            return tuple(map(_at_its_field, found))
        return (*(one for one in found if one.field != "text"), _NONE)

    def shown(self) -> Shown | None:
        """The template as the phone shows it with what was typed; None of a text."""
        if self.chosen is None:
            return None
        given = templating.cleaned(self.parameters)
        return templating.shown(composing.shape_of(self.chosen), given)


def _at_its_field(one: Problem) -> Problem:
    """Here the field itself says which parameter is meant."""
    empty = one.field.startswith("param.") and one.code == "empty"
    return replace(one, message="Fill this in.") if empty else one


def words(key: str, account: Account | None) -> Words:
    """Text or template: one choice, and the fields of what was chosen."""
    st.session_state.setdefault(f"{key}-kind", TEXT)
    kind = st.segmented_control(
        "What it says",
        [TEXT, TEMPLATE],
        required=True,
        key=f"{key}-kind",
        help="A template that Meta approved may open a conversation; a text reaches only people "
        "who wrote in the last 24 hours.",
        persist_state="session",
    )
    if kind != TEMPLATE:
        return Words(fields.text(f"{key}-text"))
    place = st.container(key=f"field-template-{key}", gap="small")
    with place:
        chosen = _template(key, account)
    if chosen is None:
        return Words(from_template=True, places={"template": place})
    shape = composing.shape_of(chosen)
    places, parameters = {"template": place}, {}
    for asked in shape.asks:
        slot = st.container(key=f"field-param-{key}-{asked.key.replace('.', '-')}", gap="small")
        places[f"param.{asked.key}"] = slot
        with slot:
            parameters[asked.key] = _parameter(key, chosen, shape, asked)
    return Words("", chosen, parameters, places, from_template=True)


def key_of(key: str, template_id: int, parameter: str) -> str:
    """The widget of one parameter: what was typed for one template stays with it."""
    return f"{key}-param-{template_id}-{parameter}"


def choice_key(key: str, business_id: int) -> str:
    return f"{key}-template-{business_id}"


@st.cache_data(ttl=5, show_spinner=False)
def _offers(account_id: int) -> list[Offer]:
    return catalogue.offers(account_id)


def _template(key: str, account: Account | None) -> Template | None:
    """The template, looked for by any part of its name, language or category."""
    if account is None:
        st.caption("Choose the number first: its templates follow.")
        return None
    offers = {one.id: one for one in _offers(account.id)}
    if not offers:
        st.html(
            '<p class="read">This number has no templates yet. They are read from Meta each hour,'
            ' and when somebody asks: <a class="go" href="/templates">Templates</a></p>'
        )
        return None
    picked = st.selectbox(
        "Template",
        list(offers),
        index=None,
        format_func=lambda id_: _named(offers.get(id_)),
        placeholder="Look for a template",
        key=choice_key(key, account.business_id),
        persist_state="session",
    )
    return catalogue.template(picked) if picked is not None else None


def _named(offer: Offer | None) -> str:
    if offer is None:
        return "?"
    told = f"{offer.name} · {offer.language} · {offer.category}"
    return f"{told} · not now: {offer.refusal}" if offer.refusal else told


def _parameter(key: str, chosen: Template, shape: Shape, asked: Asked) -> str:
    example = asked.example or ("https://…" if asked.kind == "link" else "")
    typed = st.text_input(
        label(asked, shape),
        placeholder=example,
        key=key_of(key, chosen.id, asked.key),
        live="400ms",
        autocomplete="off",
        persist_state="session",
    )
    return typed or ""


_MEDIA = {"image": "picture", "video": "film", "document": "document"}


def label(asked: Asked, shape: Shape) -> str:
    """What a parameter is, in words: where it stands, or the name that Meta has for it."""
    if asked.key == "header.text":
        return "In the header"
    if asked.kind == "link":
        return f"Link to the {_MEDIA.get(shape.medium or '', 'file')} in the header"
    if asked.kind == "ending":
        button = shape.buttons[int(asked.key.removeprefix("button.")) - 1]
        return f"End of the address behind «{button.text}»"
    if asked.key.isdigit():
        return f"{{{{{asked.key}}}}}"
    return asked.key.replace("_", " ").capitalize()
