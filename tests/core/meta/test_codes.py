"""The one table of Meta's error codes, held to the design's classes and to Meta's page as read."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from core.meta.codes import TABLE, ErrorClass, classify
from tests.conftest import missing

PAGE = Path(__file__).resolve().parents[4] / "shared" / "cloud-api.md"
NOT_FOR_SENDS = ("inbound only", "template listing only", "management only")

CLASSES = {
    "transient": (1, 2, 131000, 131016, 133004, 134101),
    "throttled": (4, 17, 613, 80007, 130429, 131057),
    "pair": (131056,),
    "account": (0, 3, 10, 190, 200, 230, 299, 368, 131031, 131042, 131048, 131064, 133010),
    "template": (131063, 132001, 132007, 132015, 132016),
    "recipient": (130403, 131026, 131047, 131049, 131050),
    "permanent": (100, 131008, 131009, 132000, 132012, 2388000, 2388999, 2494055),
}


@pytest.mark.parametrize(
    ("code", "wanted"), [(code, kind) for kind, codes in CLASSES.items() for code in codes]
)
def test_a_code_has_its_class(code: int, wanted: str) -> None:
    assert classify(code).error_class == wanted
    assert classify(code).listed


@pytest.mark.parametrize("code", sorted(TABLE))
def test_graphs_own_flag_does_not_change_a_listed_code(code: int) -> None:
    assert classify(code, is_transient=True) == classify(code)


@pytest.mark.parametrize("code", [-1, 5, 199, 300, 131027, 2387999, 2389000, 2495000, 2**31 - 1])
def test_an_unlisted_code_is_permanent_unless_graph_calls_it_transient(code: int) -> None:
    assert (classify(code).error_class, classify(code).listed) == ("permanent", False)
    flagged = classify(code, is_transient=True)
    assert (flagged.error_class, flagged.listed) == ("transient", False)


def test_an_object_that_is_not_found_is_the_accounts_trouble() -> None:
    assert classify(100, subcode=33).error_class is ErrorClass.ACCOUNT
    assert classify(100, subcode=2494055).error_class is ErrorClass.PERMANENT
    assert classify(131009, subcode=33).error_class is ErrorClass.PERMANENT


def test_two_pauses_end_by_themselves_and_one_code_names_its_wait() -> None:
    assert {code for code, verdict in TABLE.items() if verdict.resumes_by_itself} == {
        131048,
        131064,
    }
    waits = {code: verdict.wait for code, verdict in TABLE.items() if verdict.wait}
    assert waits == {131057: timedelta(seconds=60)}


def test_every_code_of_the_page_has_its_row_and_class() -> None:
    wanted = page_classes()
    found = {code: str(classify(code).error_class) for code in wanted if classify(code).listed}
    assert {code: kind for code, kind in wanted.items() if found.get(code) != kind} == {}


def test_every_row_has_its_code_on_the_page() -> None:
    assert set(TABLE) - set(page_classes()) == set()


def page_classes() -> dict[int, str]:
    """Every code of the page's table of errors with the class that the page gives it."""
    if not PAGE.exists():
        missing("the page about the Cloud API is not beside the project")
    section = PAGE.read_text(encoding="utf-8").split("\n## 2.")[1].split("\n## 3.")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("|")][2:]
    parted = [(codes_of(row[0]), row[3].strip()) for row in rows]
    assert len([codes for codes, _ in parted if not codes]) == 3, "the rows without a code"
    classes = {code: kind for codes, cell in parted for code, kind in with_class(codes, cell)}
    assert len(classes) > 2150  # two blocks of a thousand, one of a hundred, and the rest
    return classes


def codes_of(cell: str) -> list[range]:
    """The codes of a cell such as `17, 613`, `200–299`, `2388xxx` or `104 / 200 "no token"`."""
    found = []
    for part in re.split(r"[,/]", re.sub(r'"[^"]*"', "", cell)):
        if match := re.fullmatch(r"(\d+)(?:–(\d+)|(xxx))?", part.strip()):
            first, last = int(match[1]), int(match[2] or match[1])
            found.append(
                range(first * 1000, (first + 1) * 1000) if match[3] else range(first, last + 1)
            )
    return found


def with_class(codes: list[range], cell: str) -> list[tuple[int, str]]:
    """Each code with its class; a cell of as many classes as codes gives each its own."""
    if not codes:
        return []
    kinds = [class_of(part) for part in cell.split(" / ")]
    if len(kinds) < len(codes):
        kinds = kinds[:1] * len(codes)
    return [(code, kind) for some, kind in zip(codes, kinds, strict=False) for code in some]


def class_of(cell: str) -> str:
    if cell.startswith(NOT_FOR_SENDS):
        return "permanent"
    word = re.match(r"\w+", cell)
    assert word and word[0] in CLASSES, f"«{cell}» is no class"
    return word[0]


def test_the_pages_ways_to_write_codes_are_read() -> None:
    assert codes_of(" 17, 613 ") == [range(17, 18), range(613, 614)]
    assert codes_of(' 104 / 200 "no token" ') == [range(104, 105), range(200, 201)]
    assert codes_of(" 200–299 ") == [range(200, 300)]
    assert codes_of(" 2388xxx, 2494xxx ") == [range(2388000, 2389000), range(2494000, 2495000)]
    assert codes_of(" HTTP 5xx without a Graph error, garbage, 200 without an id ") == []
    three = with_class(codes_of("134100 / 134101 / 134102"), "permanent / transient / template")
    assert three == [(134100, "permanent"), (134101, "transient"), (134102, "template")]
