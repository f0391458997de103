"""Who may do what: each changing function of core, tried by everybody who may not call it."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import core
from core import access, db
from core.access import CHANGING, Actor, Role
from core.errors import Forbidden

for found in pkgutil.walk_packages(core.__path__, "core."):
    importlib.import_module(found.name)

ROOT = Path(__file__).resolve().parents[2]
TOO_LOW: list[tuple[str, Actor | None]] = [
    (name, actor)
    for name, role in sorted(CHANGING.items())
    for actor in [None, *(Actor(low.word, low) for low in Role if low < role)]
]
# The first gives back values to be stored by a function that is marked; the second stores bytes in
# the name of whoever such a function was called by; the third reads what is somebody's own.
NO_CHANGE = {"core.drafts.content_values", "core.files.store", "core.first_row.own_number"}


def function(name: str) -> Callable[..., Any]:
    module, _, last = name.rpartition(".")
    marked: Callable[..., Any] = getattr(importlib.import_module(module), last)
    return marked


def call(name: str, by: Actor | None) -> Any:
    """Call it with a thing for each argument that no body could do anything with."""
    taken = inspect.signature(function(name)).parameters.values()
    rest = [one for one in taken if one.name != "by"]
    plain = [object() for one in rest if one.kind is not one.KEYWORD_ONLY]
    named = {one.name: object() for one in rest if one.kind is one.KEYWORD_ONLY}
    return function(name)(*plain, **named, by=by)


def test_the_functions_that_change_something_are_known() -> None:
    assert {"core.composing.schedule", "core.messages.cancel", "core.accounts.add"} <= set(CHANGING)
    assert len(CHANGING) >= 13
    assert CHANGING["core.accounts.add"] is CHANGING["core.users.add"] is Role.ADMIN
    assert CHANGING["core.messages.retry"] is CHANGING["core.load_orders.order"] is Role.OPERATOR
    for_all = {name for name, role in CHANGING.items() if role is Role.VIEWER}
    assert for_all == {  # of one's own
        "core.operations.cancel",
        "core.evidence.of",
        "core.exporting.as_csv",
        "core.exporting.begin",
        "core.exporting.discard",
        "core.exporting.missed_as_csv",
        "core.exporting.note",
        "core.exporting.optouts_as_csv",
        "core.presence.come",
    }


@pytest.mark.parametrize(
    ("name", "actor"), TOO_LOW, ids=[f"{n}-{a.name if a else 'nobody'}" for n, a in TOO_LOW]
)
def test_who_may_not_is_refused_before_anything_is_touched(
    name: str, actor: Actor | None, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("OUTBOX_DATABASE_URL", f"sqlite:///{tmp_path / 'untouched.db'}")
    wanted = CHANGING[name].title
    with pytest.raises(Forbidden, match=f"needs the role {wanted}; you are signed in as "):
        call(name, actor)
    assert db.engine.cache_info().currsize == 0
    assert not (tmp_path / "untouched.db").exists()


@pytest.mark.parametrize("name", sorted(CHANGING))
def test_who_may_comes_as_far_as_the_body(
    name: str, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("OUTBOX_DATABASE_URL", f"sqlite:///{tmp_path}")  # a folder: cannot be opened
    with pytest.raises(Exception) as raised:
        call(name, Actor("enough", CHANGING[name]))
    assert not isinstance(raised.value, Forbidden)


@pytest.mark.parametrize("needed", Role)
@pytest.mark.parametrize("has", Role)
def test_a_role_may_what_is_asked_of_it_and_of_those_below(needed: Role, has: Role) -> None:
    if has < needed:
        with pytest.raises(Forbidden):
            access.require(needed, Actor("ana", has))
    else:
        access.require(needed, Actor("ana", has))


def test_an_actor_is_an_actor_and_nothing_that_looks_like_one() -> None:
    for other in (None, "admin", 3, Role.ADMIN, object()):
        with pytest.raises(Forbidden):
            access.require(Role.VIEWER, other)


def public_functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    for found in pkgutil.walk_packages(core.__path__, "core."):
        module = importlib.import_module(found.name)
        for name, one in vars(module).items():
            if inspect.isfunction(one) and one.__module__ == found.name and name[0] != "_":
                yield f"{found.name}.{name}", one


def test_every_public_function_on_somebodys_behalf_is_marked() -> None:
    """Those that take a session act inside a function that is."""
    behalf = {
        name
        for name, one in public_functions()
        if "by" in inspect.signature(one).parameters
        and "session" not in inspect.signature(one).parameters
    }
    assert behalf - NO_CHANGE == set(CHANGING)
    for name in CHANGING:
        by = inspect.signature(function(name)).parameters["by"]
        assert by.kind is by.KEYWORD_ONLY and by.annotation in (Actor, "Actor")


def unmarked_writers() -> set[str]:
    """Public functions of core that open a writing transaction without asking who calls."""
    writers = set()
    for name, one in public_functions():
        if name not in CHANGING and "writing()" in inspect.getsource(one):
            writers.add(".".join(name.split(".")[-2:]))
    return writers


def called(path: Path) -> set[str]:
    """What a file calls as `module.function`."""
    return {
        f"{node.func.value.id}.{node.func.attr}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    }


def test_pages_and_command_line_change_things_through_marked_functions_only() -> None:
    files = [ROOT / "manage.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "ui").glob("*.py")]
    assert len(files) > 15
    writers = unmarked_writers()
    assert {"scan.scan", "users.setup_code"} <= writers
    assert {f"{path.name}: {name}" for path in files for name in called(path) & writers} == set()
