"""A file read in a process of its own: what comes back of it, and what stops it."""

import pytest

from core.errors import Invalid
from core.sheets import glimpse, reading

ROWS = "".join(f"+62812{n:08},Dewi,0{n % 9 + 1}/04/2027,03/05/2027 9:00\n" for n in range(3_000))
FILE = f"phone,name,born,date\n{ROWS}short\n".encode()


def test_a_page_gets_the_first_rows_of_a_file_and_what_was_read_of_the_rest() -> None:
    found = glimpse.of(FILE, "people.csv")
    whole = reading.read(FILE, "people.csv")
    assert found.table.headings == whole.headings
    assert found.table.rows == whole.rows[: glimpse.SHOWN]
    assert (found.total, found.flawed, found.table.separator) == (len(whole.rows), 1, ",")
    assert list(found.times) == [("date", "")]
    assert found.times["date", ""].formats == ("dmy", "mdy")
    other = glimpse.of(FILE, "people.csv", when=("born", "")).times["born", ""]
    assert (other.formats, other.without_clock) == (("dmy", "mdy"), 3_000)


def test_what_cannot_be_read_is_refused_in_its_words() -> None:
    with pytest.raises(Invalid, match="This is a PDF") as refused:
        glimpse.of(b"%PDF-1.7", "list.csv")
    assert [one.code for one in refused.value.problems] == ["pdf"]
    david = "דוד"
    hebrew = f"phone,name\n+62812345678,{david}\n".encode("cp1255")
    assert (
        glimpse.of(hebrew, "a.csv", encoding="cp1255").table.rows[0].cells[1]
        == "\u05d3\u05d5\u05d3"
    )


def test_what_takes_too_long_or_too_much_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glimpse, "MOST_SECONDS", 0.001)
    with pytest.raises(Invalid, match="more memory or time"):
        glimpse.of(FILE, "people.csv")

    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(reading, "read", full)
    assert [one.code for one in glimpse._read(FILE, "people.csv", "", None)] == ["too_hard"]


def test_a_small_file_does_not_wait_for_somebody_elses_large_one() -> None:
    with glimpse._one:
        assert glimpse.of(b"phone,name\n+6281234567890,Dewi\n", "a.csv").total == 1


def test_a_reading_that_nobody_waits_for_any_more_ends_and_lets_the_next_one_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class TakenBack(BaseException):
        pass

    def gone() -> None:
        raise TakenBack

    monkeypatch.setattr(glimpse, "LOOK", 0.001)
    monkeypatch.setattr(glimpse, "SMALL", 0)
    with pytest.raises(TakenBack):
        glimpse.of(FILE, "people.csv", wanted=gone)
    assert glimpse.of(FILE, "people.csv").total == 3_001
