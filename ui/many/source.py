"""Step 1: the file or the pasted rows, and what was read of it."""

from dataclasses import dataclass
from html import escape

import streamlit as st

from core import files
from core.access import Actor
from core.errors import Invalid, OutboxError
from core.models import File
from core.sheets import decoding
from core.sheets import glimpse as glimpses
from core.sheets.glimpse import Glimpse
from core.sheets.table import Table
from ui import look
from ui.words.numbers import plural

UPLOAD, PASTE = "A file", "Pasted rows"
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "«|»"}


@dataclass(frozen=True)
class Source:
    """A file that is stored, as it was read."""

    file: File
    encoding: str  # a person's word for it; empty: as it was found
    found: Glimpse

    @property
    def table(self) -> Table:
        """Its headings and first rows."""
        return self.found.table

    @property
    def key(self) -> str:
        """Of widgets that are about this file."""
        return f"many-{self.file.id}"


def choose(*, by: Actor) -> int | None:
    """Take a new file; returns its id once it is read and stored."""
    way = st.segmented_control(
        "The rows are",
        [UPLOAD, PASTE],
        default=UPLOAD,
        required=True,
        key="many-way",
        label_visibility="collapsed",
    )
    data, name = _uploaded() if way == UPLOAD else _pasted()
    if data is None:
        return None
    try:
        found = _read(data, name)
        file_id = files.upload(data, name=name, by=by)
    except Invalid as refused:
        for problem in refused.problems:
            look.wrong(problem.message)
        return None
    glimpse(file_id, "", _found=found)
    return file_id


def _read(data: bytes, name: str) -> Glimpse:
    files.check_size(len(data))
    with st.spinner("Reading the rows …"):
        # Drawing is where Streamlit ends a run that has been overtaken: another file, another page.
        return glimpses.of(data, name, wanted=st.empty().empty)


def _uploaded() -> tuple[bytes | None, str]:
    given = st.file_uploader(
        "CSV or XLSX, up to 50 MB and 100,000 rows",
        key=f"many-upload-{st.session_state.get('many-turn', 0)}",
    )
    if given is None:
        return None, ""
    return given.getvalue(), given.name


def _pasted() -> tuple[bytes | None, str]:
    typed = st.text_area(
        "Rows with their heading, as a spreadsheet copies them",
        height=170,
        placeholder="phone\tname\ttime\n+62 812-3456-789\tDewi\t2026-11-26 09:00",
        key="many-pasted",
        persist_state="session",
    )
    if not st.button("Use these rows", key="many-use-pasted"):
        return None, ""
    return (typed or "").encode(), "pasted rows.csv"


@st.cache_resource(max_entries=50, ttl="1h", show_spinner="Reading the file …")
def glimpse(
    file_id: int,
    encoding: str,
    when: tuple[str, str] | None = None,
    *,
    _found: Glimpse | None = None,
) -> Glimpse:
    """What a page shows of a stored file; kept, so that a step does not read it anew."""
    if _found is not None:
        return _found
    data, name = b"".join(files.read(file_id)), files.find(file_id).name
    return glimpses.of(data, name, encoding=encoding, when=when)


def stored(file_id: int, encoding: str) -> Source | None:
    """A file that was chosen before; None, with the reason said, where it is not there any more."""
    try:
        return Source(files.find(file_id), encoding, glimpse(file_id, encoding))
    except OutboxError as refused:
        look.wrong(str(refused))
        return None


def told(source: Source) -> None:
    """What was read, and what a person should know of it."""
    found = source.table
    rows = plural(source.found.total, "row", cap=source.found.total)
    facts = [rows, plural(len(found.headings), "column")]
    if found.sheet:
        facts.append(f"sheet «{found.sheet}»")
    if found.encoding:
        facts.append(decoding.NAMES[found.encoding])
    if found.separator:
        facts.append(f"separated by {_SEPARATORS[found.separator]}")
    st.html(f'<p class="file"><b>{escape(source.file.name)}</b> {escape(" · ".join(facts))}</p>')
    for note in found.notes:
        look.note(note, "grey")
    if flawed := source.found.flawed:
        wrong = plural(flawed, "row", cap=flawed)
        look.note(f"{wrong} could not be read as they stand: see the check.")


def encoding(file_id: int, found: Table | None) -> str:
    """Ask which characters are meant where that was a guess."""
    key = f"many-{file_id}-encoding"
    kept = st.session_state.get(key, "")
    if not kept and (found is None or found.encoding in (None, "utf-8", "utf-16")):
        return ""
    guess = found.encoding if found and found.encoding else ""
    return (
        st.selectbox(
            "Are the names spelled right below? If not, choose another alphabet.",
            ["", *decoding.NAMES],
            format_func=lambda one: decoding.NAMES.get(
                one, f"As found: {decoding.NAMES.get(guess, guess)}"
            ),
            key=key,
            persist_state="session",
        )
        or ""
    )
