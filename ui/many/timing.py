"""Step 4: when they leave, each time read back before it counts."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from html import escape

import streamlit as st

from core.errors import Invalid
from core.models import Account
from core.schedule import span, told
from core.sheets import dates, matching, times
from core.sheets.drafting import plain
from core.sheets.plan import Timing
from core.sheets.table import Cell
from core.sheets.times import Column
from ui import fields, look, moments
from ui.many import source as sources
from ui.many.source import Source
from ui.words.numbers import plural

WAYS = {
    "now": "All at once, now",
    "at": "All at one time",
    "spread": "Spread over a window",
    "column": "From a column",
    "local": "At an hour where each person lives",
}
READ_BACK = 3  # times


def choose(
    source: Source,
    account: Account | None,
    columns: Mapping[str, str],
    began: Timing | None,
    *,
    zone: str,
    now: datetime,
) -> Timing | None:
    """The timing; None while something is open, which is said."""
    key = f"{source.key}-when"
    # Also where it is not said yet in which column: that has to be decided, not passed over.
    has_times = "when" in {**columns, **matching.match(source.table.headings).open}
    st.session_state.setdefault(key, began.kind if began else "column" if has_times else "at")
    way = st.segmented_control(
        "They leave",
        list(WAYS),
        format_func=WAYS.__getitem__,
        required=True,
        key=key,
        persist_state="session",
    )
    if way == "now":
        return Timing("now", zone=zone)
    if way == "column":
        return _column(key, source, columns, began, zone, now)
    where = "" if way == "local" else _zone(key, began, zone)
    first = moments.next_hour(now, where or (account.zone if account else zone))
    if way == "spread":
        begins, ends = _window(key, first, began)
        if not begins or not ends:
            return None
        if ends <= begins:
            look.wrong("The end is not after the beginning.")
            return None
        _pace(source, begins, ends)
        return Timing("spread", begins=_iso(begins), ends=_iso(ends), zone=where)
    wall = _wall(f"{key}-{way}", "Date and time", began.wall if began else "", first)
    if wall is None:
        return None
    if way == "at":
        return _readable(wall, where, now)
    _explain_local(columns, account)
    return Timing("local", wall=_iso(wall), zone=account.zone if account else zone)


def _iso(wall: datetime) -> str:
    return wall.isoformat(timespec="minutes")


def _zone(key: str, began: Timing | None, zone: str) -> str:
    st.session_state.setdefault(f"{key}-zone", began.zone if began else zone)
    return (
        st.selectbox("Time zone", fields.zones(), key=f"{key}-zone", persist_state="session")
        or zone
    )


def _wall(key: str, label: str, began: str, first: datetime) -> datetime | None:
    st.session_state.setdefault(key, datetime.fromisoformat(began) if began else first)
    return st.datetime_input(label, step=60, key=key, format="DD/MM/YYYY", persist_state="session")


def _window(
    key: str, first: datetime, began: Timing | None
) -> tuple[datetime | None, datetime | None]:
    left, right = st.columns(2)
    later = first.replace(hour=min(first.hour + 2, 23), minute=59 if first.hour > 21 else 0)
    with left:
        begins = _wall(f"{key}-begins", "From", began.begins if began else "", first)
    with right:
        ends = _wall(f"{key}-ends", "Until", began.ends if began else "", later)
    return begins, ends


def _pace(source: Source, begins: datetime, ends: datetime) -> None:
    count = source.found.total
    each = (ends - begins) / count
    second = timedelta(seconds=1)
    told_each = f"one each {span(each)}" if each >= second else f"{second / each:,.0f} a second"
    st.html(f'<p class="read">{count:,} rows in their order, {told_each}.</p>')


def _readable(wall: datetime, zone: str, now: datetime) -> Timing | None:
    try:
        at = times.instant(wall, "cell@00:00", zone)
    except Invalid as refused:
        look.wrong(refused.problems[0].message)
        return None
    st.html(f'<p class="read">Leaves <b>{escape(told(at, zone, now=now))}</b>.</p>')
    return Timing("at", wall=_iso(wall), zone=zone)


def _explain_local(columns: Mapping[str, str], account: Account | None) -> None:
    of_column = f"of the column «{columns['zone']}»" if "zone" in columns else ""
    of_account = f"that of the number that sends ({account.zone})" if account else "the account's"
    first = f"The zone {of_column}, else" if of_column else "No column has a zone, so it is"
    st.html(
        f'<p class="read">{escape(first)} that of the country of the number where it has only one'
        f" (the check tells how many), else {escape(of_account)}.</p>"
    )


def _column(
    key: str,
    source: Source,
    columns: Mapping[str, str],
    began: Timing | None,
    zone: str,
    now: datetime,
) -> Timing | None:
    if "when" not in columns:
        look.wrong("Choose in step 2 the column with the times.")
        return None
    rows = _rows(source, columns)
    found = _decided(source, columns["when"], columns.get("clock", ""))
    if not found.formats:
        look.wrong(f"Nothing in «{columns['when']}» can be read as a date and time.")
        return None
    form = _form(key, found, [cell for cell, _ in rows], began)
    clock = _clock(key, began, found.without_clock, source.found.total)
    where = _zone(key, began, zone) if found.formats != ("offset",) else zone
    if not form or clock is None:
        return None
    form = f"{form}@{clock}" if clock else form
    _read_back([(cell, own or where) for cell, own in rows], form, now)
    if flawed := len(found.flaws):
        look.note(
            f"{plural(flawed, 'row has', 'rows have', cap=flawed)} another format, or no time:"
            f" {found.flaws[0][2]} The check lists them."
        )
    return Timing("column", form=form, zone=where)


def _decided(source: Source, when: str, clock: str) -> Column:
    """How the whole column can be read; anew where it is not the one that its name tells."""
    if (when, clock) in source.found.times:
        return source.found.times[when, clock]
    return sources.glimpse(source.file.id, source.encoding, (when, clock)).times[when, clock]


def _rows(source: Source, columns: Mapping[str, str]) -> list[tuple[Cell, str]]:
    """The first times, as the file has them, each with its row's own zone or none."""
    at = {what: source.table.headings.index(heading) for what, heading in columns.items()}
    found = []
    for row in source.table.rows:
        cells = {what: row.cells[number] for what, number in at.items()}
        zone = plain(cells.get("zone", "")).strip()
        found.append((times.joined(cells["when"], cells.get("clock", "")), zone))
    return [(cell, zone) for cell, zone in found if not isinstance(cell, str) or cell.strip()]


def _form(key: str, found: Column, cells: list[Cell], began: Timing | None) -> str | None:
    """The format; asked for where the whole column leaves it open."""
    if len(found.formats) == 1:
        return found.formats[0]
    kept = began.form.partition("@")[0] if began else None
    if kept in found.formats:
        st.session_state.setdefault(f"{key}-form", kept)
    example = next((cell for cell in cells if _is_twofold(cell)), "")

    def as_read(form: str) -> str:
        said = dates.readings(example).get(form)
        return f"{said.day.day} {said.day:%B %Y}" if said else times.FORMATS[form]

    return st.radio(
        f"«{example}» can be read in two ways. Which is meant?"
        if example
        else "The times are written in two ways. Which is right? The check lists the others.",
        found.formats,
        format_func=as_read,
        index=None,
        key=f"{key}-form",
    )


def _is_twofold(cell: Cell) -> bool:
    return len({one.day for one in dates.readings(cell).values()}) > 1


def _clock(key: str, began: Timing | None, days: int, rows: int) -> str | None:
    """The time of day for rows that have only a day; None while all of them need one."""
    if not days:
        return ""
    kept = began.form.partition("@")[2] if began else ""
    st.session_state.setdefault(f"{key}-clock", time.fromisoformat(kept) if kept else None)
    chosen = st.time_input(
        f"At what time, for {plural(days, 'row that has', 'rows that have', cap=days)} only a day?",
        help="Left open, the check lists them as wrong." if days < rows else None,
        step=60,
        key=f"{key}-clock",
        persist_state="session",
    )
    return f"{chosen:%H:%M}" if chosen else "" if days < rows else None


def _read_back(rows: Sequence[tuple[Cell, str]], form: str, now: datetime) -> None:
    lines = []
    for cell, zone in dict.fromkeys(rows):
        try:
            at = told(times.instant(cell, form, zone), zone, now=now)
        except Invalid:
            continue
        shown = cell if isinstance(cell, str) else f"{cell:%Y-%m-%d %H:%M}"
        lines.append(f"«{escape(shown)}» is <b>{escape(at)}</b>")
        if len(lines) == READ_BACK:
            break
    st.html(f'<p class="read">{"<br>".join(lines)}</p>')
