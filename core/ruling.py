"""Changing what holds in the whole house: checked, on record, obeyed everywhere within seconds."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col

from core import audit, db, house_rules, house_typed
from core.access import Actor, Role, needs
from core.errors import Conflict, Invalid, Problem
from core.house_rules import InForce
from core.models import Setting


@needs(Role.ADMIN)
def settle(
    typed: Mapping[str, str], *, seen: Mapping[str, str] | None = None, by: Actor
) -> list[str]:
    """Settle rules by what was typed, all of them or none; returns the names of what changed.

    `seen` is what stood there, as written, when it was typed: raises Conflict, with what stands
    there now, where somebody has changed one of these since. Raises Invalid with every problem.
    """
    values = _values(typed)
    with db.writing() as session:
        db.alone(session, "house rules")
        now = {one.name: one for one in house_rules.all_rules(session)}
        _refuse_unseen(now, typed, seen or {})
        changed = [name for name in values if values[name] != _kept(now[name])]
        for name in changed:
            _keep(session, now[name], values[name], by)
    house_rules.forget()
    return changed


@needs(Role.ADMIN)
def reset(name: str, *, by: Actor) -> bool:
    """Let the environment's value hold again; whether another one held. Raises Invalid."""
    _known(name)
    with db.writing() as session:
        db.alone(session, "house rules")
        [rule] = [one for one in house_rules.all_rules(session) if one.name == name]
        if rule.settled:
            session.execute(delete(Setting).where(col(Setting.key) == house_rules.key(name)))
            before, after = {name: rule.written}, {name: rule.default_written}
            audit.record(
                session, by, "setting back to its default", target=name, before=before, after=after
            )
    house_rules.forget()
    return rule.settled


def _values(typed: Mapping[str, str]) -> dict[str, Any]:
    values, wrong = dict[str, Any](), list[Problem]()
    for name, text in typed.items():
        _known(name)
        try:
            values[name] = house_typed.read(name, text)
        except Invalid as refused:
            wrong += refused.problems
    if wrong:
        raise Invalid(*wrong)
    return values


def _known(name: str) -> None:
    if name not in house_typed.RULES:
        every = ", ".join(house_typed.RULES)
        told = f"There is no setting «{name}» that can be changed here: {every}."
        raise Invalid(Problem("name", "unknown", told))


def _refuse_unseen(
    now: Mapping[str, InForce], typed: Mapping[str, str], seen: Mapping[str, str]
) -> None:
    moved = {
        name: now[name].written
        for name in typed
        if seen.get(name, now[name].written) != now[name].written
    }
    if moved:
        raise Conflict("Somebody changed it meanwhile.", current=moved)


def _kept(rule: InForce) -> Any:
    """Its value as JSON has it."""
    return list(rule.value) if isinstance(rule.value, tuple) else rule.value


def _keep(session: Session, rule: InForce, value: Any, by: Actor) -> None:
    now = db.now(session)
    row = Setting(key=house_rules.key(rule.name), value=value, updated_at=now, updated_by=by.name)
    session.merge(row)
    written = house_typed.RULES[rule.name].written(value)
    before, after = {rule.name: rule.written}, {rule.name: written}
    audit.record(session, by, "setting changed", target=rule.name, before=before, after=after)
