"""The audit trail: searched a window at a time, paged by key, exported as it is shown."""

import csv
import io

import pytest

from core import audit, audit_trail, db, exporting
from core.access import Actor, Role
from core.audit_trail import Trail

ADA = Actor("ada", Role.ADMIN, "10.0.0.7")


def did(*actions: str) -> None:
    with db.writing() as session:
        for action in actions:
            audit.record(session, ADA, action, target="Orders", before={"rate": 1}, after="=1+1")


def said(found: Trail) -> list[str]:
    return [one.action for one in found.rows]


def test_the_trail_is_read_latest_first_and_back_again(database: str) -> None:
    did(*"abcdefg")
    first = audit_trail.page(size=3)
    assert said(first) == ["g", "f", "e"] and first.before is None and first.after
    second = audit_trail.page(size=3, after=first.after)
    last = audit_trail.page(size=3, after=second.after)
    assert (said(second), said(last), last.after) == (["d", "c", "b"], ["a"], None)
    back = audit_trail.page(size=3, before=last.before)
    assert said(back) == said(second) and back.before and back.after
    assert said(audit_trail.page(size=3, before=back.before)) == said(first)
    assert said(audit_trail.page(size=3, after=1)) == [] == said(audit_trail.page(before=10**15))


def test_a_search_finds_every_word_and_goes_on_where_its_window_ended(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_trail, "WINDOW", 4)
    did("account paused", *["signed in"] * 8, "100% Orders_")
    assert said(audit_trail.page("ORDERS 100%")) == ["100% Orders_"]
    assert said(audit_trail.page("10.0.0.7 ada", size=2)) == ["100% Orders_", "signed in"]
    found, pages = audit_trail.page("paused orders"), 1
    assert found.searched_to and said(found) == []
    while found.after:
        found, pages = audit_trail.page("paused orders", after=found.after), pages + 1
    assert (said(found), pages, found.searched_to) == (["account paused"], 3, None)


def test_of_a_search_of_many_words_the_first_count(database: str) -> None:
    did("account paused")
    words = [f"word{n}" for n in range(1_000)]
    assert said(audit_trail.page(" ".join(words))) == []
    found = " ".join([*["paused"] * audit_trail.MOST_WORDS, *words])
    assert said(audit_trail.page(found)) == ["account paused"]


def test_what_is_exported_is_what_is_found_and_is_itself_on_record(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_trail, "CHUNK", 2)
    did("account paused", "signed in", "account paused", "account paused")
    text = "".join(exporting.audit_as_csv("paused", by=ADA))
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["action"] for row in rows] == ["account paused"] * 3
    assert {(row["before"], row["after"], row["address"]) for row in rows} == {
        ('{"rate": 1}', '"=1+1"', "10.0.0.7")
    }
    ended, begun, *_ = audit_trail.page().rows
    assert (begun.action, begun.target, ended.action) == ("export begun", "audit", "export ended")
    assert ended.after == {"format": "csv", "search": "paused", "rows": 3}


def test_a_search_looks_in_before_and_after_and_for_the_words_of_an_act(database: str) -> None:
    did("bulk adjust")
    with db.writing() as session:
        facts = {"reason": 'café "closed"'}
        audit.record(session, ADA, "account paused", before={"rate": 5.5}, after=facts)
    for typed in ("café", "5.5", '"closed'):
        assert said(audit_trail.page(typed)) == ["account paused"]
    assert said(audit_trail.page("priority changed")) == ["bulk adjust"]
    assert said(audit_trail.page("priority closed")) == []
