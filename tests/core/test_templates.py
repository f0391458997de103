"""Templates held and released by people, and what becomes of the messages that wait."""

from threading import Event

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from core import choosing, composing, db, editing, operating, operations, shapes, templates
from core.choosing import Choice
from core.drafts import Draft
from core.errors import Conflict, Refused
from core.kinds import Kind
from core.models import Content, MessageEvent, Template
from tests import given
from tests.core import templated

OTHER = [{"type": "BODY", "text": "Dear {{1}}"}]
MORE = [{"type": "BODY", "text": "Dear {{1}}, see you {{2}}"}]


def changed(template_id: int, **values: object) -> None:
    with db.writing() as session:
        template = session.get_one(Template, template_id)
        for name, value in values.items():
            setattr(template, name, value)
        template.sha256 = shapes.digest(
            template.category, template.parameter_format, template.components
        )


def content(message_id: int) -> Content:
    with db.reading() as session:
        return session.get_one(Content, message_id)


def hold_of(*ids: int) -> list[str | None]:
    operating.run_waiting(Event())
    return [given.row(one).hold for one in ids]


def test_a_held_template_holds_what_waits_and_released_lets_it_go(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "CHUNK", 2)
    account = given.account()
    held, free = templated.template(account), templated.template(account, "other")
    ids = [templated.message(account) for _ in range(3)]
    other = templated.message(account, "other")
    templates.hold(held, reason="wrong price", by=given.ANA)
    assert hold_of(*ids, other) == ["template"] * 3 + [None]
    with pytest.raises(Refused, match="held already"):
        templates.hold(held, by=given.ANA)
    templates.release(held, by=given.ANA)
    assert hold_of(*ids, other) == [None] * 4
    assert given.events(ids[0]) == ["scheduled", "hold", "release"]
    with pytest.raises(Refused, match="no such template"):
        templates.release(free + 100, by=given.ANA)


def test_a_persons_own_hold_on_a_message_is_not_lifted_with_the_template(database: str) -> None:
    account = given.account()
    template = templated.template(account)
    ids = [templated.message(account), templated.message(account)]
    with db.writing() as session:
        session.execute(db.sql(f"UPDATE message SET hold = 'person' WHERE id = {ids[0]}"))
    templates.hold(template, by=given.ANA)
    assert hold_of(*ids) == ["person", "template"]
    templates.release(template, by=given.ANA)
    assert hold_of(*ids) == ["person", None]


def test_whoever_releases_a_changed_template_accepts_its_words_for_what_waits(
    database: str,
) -> None:
    account = given.account()
    template = templated.template(account)
    waiting = templated.message(account)
    changed(template, components=OTHER)
    operations.create(Kind.TEMPLATE, Choice(template_id=template), by=given.ANA)
    assert hold_of(waiting) == ["template"]
    seen, scheduled_with = given.row(waiting).version, content(waiting).template_sha256
    templates.release(template, by=given.ANA)
    assert hold_of(waiting) == [None]
    now = content(waiting)
    assert now.text == "Dear Ana" and now.search.endswith("Dear Ana")
    assert now.template_sha256 == templated.row().sha256
    words = {"template": "visit", "language": "en_US", "parameters": {"1": "Bo"}}
    typed = Draft(account, given.recipient(), "", given.in_(hours=1), **words)  # type: ignore[arg-type]
    with pytest.raises(Conflict) as told:
        editing.edit(waiting, typed, version=seen, by=given.ANA)
    assert told.value.current["text"] == "Dear Ana"
    assert given.events(waiting) == ["scheduled", "hold", "template accepted", "release"]
    with db.reading() as session:
        accepted = select(MessageEvent).where(col(MessageEvent.kind) == "template accepted")
        event = session.execute(accepted).scalar_one()
    assert event.actor == "ana" and event.operation_id
    assert event.before == {"text": "Hello Ana", "template_sha256": scheduled_with}
    assert event.after == {"text": "Dear Ana", "template_sha256": now.template_sha256}


def test_what_does_not_fit_the_changed_template_stays_held_until_it_is_edited(
    database: str,
) -> None:
    account = given.account()
    template = templated.template(account)
    waiting = templated.message(account)
    changed(template, components=MORE)
    templates.release(template, by=given.ANA)
    assert hold_of(waiting) == ["template"]
    [done] = operations.latest(1)
    assert (done.done, done.cursor["why"]) == (1, {"unfit": 1}) or done.cursor["why"] == {}
    assert content(waiting).text == "Hello Ana"


def test_what_meta_does_not_let_send_cannot_be_released(database: str) -> None:
    account = given.account()
    template = templated.template(account, status="PAUSED")
    with pytest.raises(Refused, match=r"Meta paused it\. Only Meta can let it send again"):
        templates.release(template, by=given.ANA)
    changed(template, status="APPROVED")
    with pytest.raises(Refused, match="Nothing of «visit"):
        templates.release(template, by=given.ANA)


def test_an_operation_that_comes_late_judges_by_the_template_as_it_is(database: str) -> None:
    account = given.account()
    template = templated.template(account)
    waiting = templated.message(account)
    templates.hold(template, by=given.ANA)
    with db.writing() as session:
        free = update(Template).where(col(Template.id) == template).values(hold=None)
        session.execute(free)
    assert hold_of(waiting) == [None]


def test_who_schedules_with_a_held_template_is_told_that_it_will_wait(sqlite: str) -> None:
    account = given.account()
    template = templated.template(account)
    templates.hold(template, reason="wrong price", by=given.ANA)
    drafted = templated.draft(account)
    assert composing.check(drafted).warning == (
        "It will wait until «visit» is released: held by ana: wrong price."
    )
    changed(template, status="PAUSED")
    with pytest.raises(composing.Invalid, match="Meta paused it: only approved ones"):
        composing.check(drafted)
