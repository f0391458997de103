"""Step 3: what they say: one text with columns in it, a template, or the text of each row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

import streamlit as st

from core import catalogue, composing, remembered, rendering, templating
from core.models import Account, Template
from core.sheets import matching, placeholders
from core.sheets.drafting import Drafter, plain
from core.sheets.plan import Fill, Plan
from core.sheets.table import Table
from core.templating import Shown
from ui import filling, look, preview
from ui.many.source import Source

TEXT, TEMPLATE, EACH = "A text", "A template", "As the file says"
SAME = "The same for all"


@dataclass(frozen=True)
class Message:
    """What goes into the plan."""

    text: str = ""
    template: str = ""
    language: str = ""
    parameters: Mapping[str, Fill] = field(default_factory=dict)
    chosen: Template | None = None

    @property
    def missing(self) -> str:
        """What a check would tell of every row; empty where nothing is missing."""
        if self.chosen is None:
            return ""
        asks = composing.shape_of(self.chosen).asks
        if refusal := composing.unusable(self.chosen, composing.shape_of(self.chosen)):
            return refusal
        filled = {k for k, one in self.parameters.items() if one.column or one.fixed.strip()}
        if {one.key for one in asks} <= filled:
            return ""
        return "First say in step 3 where each part of the template comes from."


def choose(
    source: Source, account: Account | None, columns: Mapping[str, str], began: Plan | None
) -> Message:
    key = f"{source.key}-message"
    offered = [TEXT, TEMPLATE, *([EACH] if {"content", "template"} & set(columns) else [])]
    before = remembered.template(source.table.headings)
    if began:
        first = TEMPLATE if began.template else TEXT if began.text else offered[-1]
    else:
        first = TEMPLATE if before else EACH if EACH in offered else TEXT
    st.session_state.setdefault(f"{key}-way", first)
    left, right = st.columns([3, 2], gap="large")
    with left:
        way = st.segmented_control(
            "The message is", offered, required=True, key=f"{key}-way", persist_state="session"
        )
        if way == TEXT:
            made = _text(key, source.table, began)
        elif way == TEMPLATE:
            named = (began.template, began.language) if began and began.template else before
            made = _template(key, source.table, account, began, named)
        else:
            made = _each(source.table, columns)
    with right:
        _preview(source.table, account, columns, made)
    return made


def _text(key: str, table: Table, began: Plan | None) -> Message:
    st.session_state.setdefault(f"{key}-text", began.text if began else "")
    typed = (
        st.text_area(
            "Text",
            height=150,
            key=f"{key}-text",
            persist_state="session",
            placeholder="Dear {name}, we expect you at {time}.",
        )
        or ""
    )
    used = rendering.length(typed)
    st.html(f'<p class="count">{used:,} / {rendering.LIMIT:,}</p>')
    for problem in placeholders.check(typed, table.headings):
        look.wrong(problem.message)
    names = " ".join(f"<code>{{{escape(h)}}}</code>" for h in table.headings[:20])
    st.html(f'<p class="read names">Columns to put in: {names}</p>')
    return Message(text=typed)


def _template(
    key: str,
    table: Table,
    account: Account | None,
    began: Plan | None,
    named: tuple[str, str] | None,
) -> Message:
    """`named`: the template to begin with."""
    if account is None:
        look.wrong("Choose first the number that sends: each business has its own templates.")
        return Message()
    offers = {one.id: one for one in catalogue.offers(account.id)}
    if named:
        mine = [one.id for one in offers.values() if (one.name, one.language) == named]
        st.session_state.setdefault(f"{key}-template", mine[0] if mine else None)
    chosen = st.selectbox(
        "Template",
        list(offers),
        index=None,
        format_func=lambda one: (
            f"{offers[one].name} · {offers[one].language}" if one in offers else "?"
        ),
        placeholder="Choose a template" if offers else "There is none of this business yet",
        key=f"{key}-template",
        persist_state="session",
    )
    template = catalogue.template(chosen) if chosen in offers else None
    if template is None:
        return Message()
    if refusal := offers[template.id].refusal:
        look.wrong(refusal)
    return Message(
        template=template.name,
        language=template.language,
        parameters=_parameters(f"{key}-{template.id}", table, template, began),
        chosen=template,
    )


def _parameters(key: str, table: Table, template: Template, began: Plan | None) -> dict[str, Fill]:
    shape = composing.shape_of(template)
    asks = shape.asks
    named = matching.match(table.headings, asks=[one.key for one in asks]).parameters
    before = remembered.parameters(table.headings, template.name)
    start = {k: Fill(h) for k, h in named.items()} | {k: Fill(*one) for k, one in before.items()}
    start |= began.parameters if began and began.template == template.name else {}
    fills = dict[str, Fill]()
    for ask in asks:
        fill = start.get(ask.key, Fill())
        left, right = st.columns(2, vertical_alignment="bottom")
        where, fixed = f"{key}-{ask.key}", f"{key}-{ask.key}-fixed"
        st.session_state.setdefault(where, fill.column or (SAME if fill.fixed else None))
        with left:
            column = st.selectbox(
                filling.label(ask, shape),
                [*table.headings, SAME],
                index=None,
                placeholder=f"A column, or the same for all · e.g. {ask.example}",
                key=where,
                persist_state="session",
            )
        if column == SAME:
            st.session_state.setdefault(fixed, fill.fixed)
            with right:
                typed = st.text_input("For all", key=fixed, persist_state="session")
            fills[ask.key] = Fill(None, typed or "")
        elif column:
            fills[ask.key] = Fill(column)
        else:
            look.quiet(f"Choose where «{ask.key}» comes from.")
    return fills


def _each(table: Table, columns: Mapping[str, str]) -> Message:
    """Each row's own words; its template is filled as `import` does it."""
    found = matching.match(table.headings).parameters if "template" in columns else {}
    told = "Each row brings its own text or template."
    if found:
        of = (f"<code>{escape(k)}</code> from «{escape(h)}»" for k, h in found.items())
        told += f" A template's parameters: {', '.join(of)}."
    elif "template" in columns and "parameters" not in columns:
        told += " What a template asks for is taken from columns named like"
        told += " <code>param.name</code> or <code>param.1</code>; this file has none."
    st.html(f'<p class="read names">{told}</p>')
    return Message(parameters={key: Fill(heading) for key, heading in found.items()})


def _preview(
    table: Table, account: Account | None, columns: Mapping[str, str], made: Message
) -> None:
    """The first row as the phone shows it."""
    row = {h: plain(cell) for h, cell in zip(table.headings, table.rows[0].cells, strict=True)}
    text = row.get(columns.get("content", ""), "")
    if made.text:
        text = placeholders.fill(made.text, row)
    shown = _filled(made.chosen, made, row) if made.chosen else None
    if "template" in columns and account and not (made.text or made.chosen):
        shown = _own(table, account, columns, made)
    name = account.name if account else "Your business"
    number = account.display_phone or "" if account else ""
    st.html(preview.phone(name, text, number=number, shown=shown))
    look.quiet(f"Line {table.rows[0].line} of the file")


def _own(table: Table, account: Account, columns: Mapping[str, str], made: Message) -> Shown | None:
    """The first row's own template; None where it names none that there is."""
    plan = Plan(account.id, columns, parameters=made.parameters)
    draft = Drafter(plan, table.headings, {}, total=1).draft(table.rows[0], 0).draft
    template = catalogue.meant(account.id, draft.template, draft.language)
    return template and templating.shown(composing.shape_of(template), draft.parameters)


def _filled(template: Template, made: Message, row: Mapping[str, str]) -> Shown:
    values = {k: row.get(f.column or "", "") or f.fixed for k, f in made.parameters.items()}
    return templating.shown(composing.shape_of(template), values)
