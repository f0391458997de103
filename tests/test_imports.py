"""Imports point one way: between the programs, and inside core from services to records to pure."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOT_OURS = ("tests", "data")

# Which parts of the tree each part may import, beside itself.
MAY_IMPORT: dict[str, set[str]] = {
    "pages": {"ui", "core"},
    "ui": {"core"},
    "core": set(),
    "gateway": {"core"},
    "tasks": {"core"},
    "commands": {"core"},
    "manage": {"commands", "core", "tasks"},
    "dashboard": {"core", "gateway", "tasks"},
    "migrations": {"core"},
    "sandbox": set(),
    "bench": {"core"},
}

# Who alone may import a library; a name stands for itself and for all below it.
ONLY: dict[str, set[str]] = {
    "streamlit": {"dashboard", "ui", "pages", "bench.visitor"},  # the bench: its wire format
    "huey": {"tasks", "bench.naive"},
    "starlette": {"gateway", "dashboard"},
    "typer": {"manage", "commands"},
}
SPEAKS_HTTP = {"core.meta", "sandbox", "bench"}
for client in ("aiohttp", "requests", "httpx", "urllib3", "urllib.request", "http.client"):
    ONLY[client] = SPEAKS_HTTP

# The layer of each module of core. Who adds a file decides here where it belongs.
LAYERS: dict[str, str] = {
    "pure": """access account_checks acts causes characters clock corrections errors
        event_words formulas
        guesses house_typed kinds logs
        meta.answers meta.codes meta.envelope meta.inbound meta.payloads meta.preferences
        meta.signatures meta.statuses numbering
        optout_file pacing passwords phone plenty quiet quoting reasons rendering renewing retry
        schedule shapes sqlite_locks sending.breaker sending.permits sending.sieve sheets.dates
        sheets.decoding sheets.delimited sheets.matching sheets.placeholders
        sheets.reading sheets.table sheets.times sheets.workbook sheets.worksheet states
        templating usable wake""",
    "records": """db idle models models.columns models.counted models.many models.messages
        models.people models.sending models.told schema settings vault""",
    "reads": """account_reports account_typed audit_trail
        batch_bars batch_forecast batch_reports blocking choosing columns coming covering
        depth dump explain export export_csv export_xlsx filtering
        forecast happened history house_rules invariants.attempts
        invariants.events invariants.inbound invariants.messages invariants.optouts invariants.posts
        invariants.rates invariants.violation line listing optout_list readiness
        by_hand not_reached page_clock remembered replies reports sending.barring shut standing
        telling there totals trends untouched verify volumes waits""",
    "services": """account_settings accounts adjusting apart audit batches bulk businesses
        catalogue composing correcting day_counts departure drafts editing enlisting evidence
        exporting files filling finishing first_row checking following_up password_links retiring
        guarding holding inbound installation judging lateness leasing load_orders loading messages
        meta.client meta.graph meta_clock operating operations optout_import optouts outcomes
        overruling
        outlook people posted preflight preparing presence previewing rescheduling
        resuming revising ruling sampling scan second_try changing moving
        sending.accept sending.agenda sending.attempts sending.claim sending.engine_time
        sending.lanes sending.loop sending.marks sending.posting sending.process
        sending.reap sending.recognising sending.results sending.settle sending.tick sending.twin
        sessions sheets.drafting sheets.glimpse sheets.leftovers sheets.plan sparing steering
        stop_words storing syncing template_holds
        templates tiers unsettled users webhooks wording workers""",
}
BELOW: dict[str, set[str]] = {
    "pure": {"pure"},
    "records": {"records", "pure"},
    "reads": {"reads", "records", "pure"},
    "services": {"services", "reads", "records", "pure"},
}
LAYER_OF = {f"core.{name}": layer for layer, names in LAYERS.items() for name in names.split()}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES: dict[str, Path] = {
    name_of(path): path
    for path in sorted(ROOT.rglob("*.py"))
    if not path.relative_to(ROOT).parts[0].startswith((".", *NOT_OURS))
}


def imported(path: Path) -> Iterator[str]:
    """Everything that a file imports, wherever in it: `from core import db` is `core.db`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            for one in node.names:
                below = f"{node.module}.{one.name}"
                yield below if below in MODULES else str(node.module)


IMPORTS: dict[str, set[str]] = {name: set(imported(path)) for name, path in MODULES.items()}


def test_every_part_of_the_tree_has_its_place() -> None:
    assert {name.partition(".")[0] for name in MODULES} <= set(MAY_IMPORT)
    assert len(MODULES) > 80


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_part_imports_only_what_lies_below_it(part: str) -> None:
    found = {
        f"{name} imports {target}"
        for name, targets in IMPORTS.items()
        for target in targets
        if name.partition(".")[0] == part
        and target.partition(".")[0] in set(MAY_IMPORT) - {part} - MAY_IMPORT[part]
    }
    assert found == set()


@pytest.mark.parametrize("library", ONLY)
def test_a_library_is_imported_only_where_it_belongs(library: str) -> None:
    users = {
        name
        for name, targets in IMPORTS.items()
        if any(is_within(target, library) for target in targets)
    }
    assert {n for n in users if not any(is_within(n, part) for part in ONLY[library])} == set()


def is_within(name: str, whole: str) -> bool:
    return name == whole or name.startswith(f"{whole}.")


def test_every_module_of_core_has_its_layer() -> None:
    # A package has the layer of what it brings together, where it brings something together.
    empty = {n for n, path in MODULES.items() if path.name == "__init__.py" and not IMPORTS[n]}
    assert {n for n in MODULES if is_within(n, "core")} - empty == set(LAYER_OF)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_of_core_imports_only_what_lies_below_it(layer: str) -> None:
    found = {
        f"{name} imports {target} ({LAYER_OF[target]})"
        for name, targets in IMPORTS.items()
        for target in targets
        if LAYER_OF.get(name) == layer and LAYER_OF.get(target, "pure") not in BELOW[layer]
    }
    assert found == set()


def test_core_has_no_circle_of_imports() -> None:
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " → ".join((*path, name))
        if name not in done:
            for target in IMPORTS.get(name, set()) & set(LAYER_OF):
                walk(target, (*path, name))
            done.add(name)

    for name in LAYER_OF:
        walk(name, ())


@cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))))


@cache
def bound(module: str) -> set[str]:
    """The names that a module gives to something, wherever in it."""
    found = set[str]()
    for node in nodes(module):
        if isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
    return found


@cache
def brought(module: str) -> dict[str, tuple[str, str]]:
    """The names that it imports, each with the module and what is taken from it, if not all."""
    found = {}
    for node in nodes(module):
        if isinstance(node, ast.Import):
            found |= {one.asname or one.name: (one.name, "") for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {one.asname or one.name: (str(node.module), one.name) for one in node.names}
    return found


def taken(module: str) -> Iterator[tuple[str, str]]:
    """Each name that it takes from a module, with the module."""
    names = brought(module)
    yield from (pair for pair in names.values() if pair[1])
    whole = {name: ".".join(filter(None, pair)) for name, pair in names.items()}
    for node in nodes(module):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = node.value.id
            if whole.get(name) in MODULES and name not in bound(module):
                yield whole[name], node.attr


def test_what_is_taken_from_a_module_of_ours_is_there() -> None:
    asked = {(name, *pair) for name in MODULES for pair in taken(name) if pair[0] in MODULES}
    missing = [
        f"{name} takes {what} from {module}"
        for name, module, what in asked
        if what not in bound(module) | set(brought(module))
        and f"{module}.{what}" not in MODULES
        and not what.startswith("__")
    ]
    assert len(asked) > 2_000 and sorted(missing) == []
