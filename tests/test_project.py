"""What README, .env.example, Procfile and requirements promise is what the code does."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
import typer

import manage
from core import workers
from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = (ROOT / "requirements.txt").read_text(encoding="utf-8")
OURS = {
    "bench",
    "commands",
    "core",
    "dashboard",
    "gateway",
    "manage",
    "migrations",
    "pages",
    "sandbox",
}
OURS |= {"tasks", "tests", "ui"}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def section(title: str) -> str:
    """The part of the README under a heading, up to the next one of that rank."""
    _, _, rest = README.partition(f"\n## {title}\n")
    assert rest, f"the README has no section «{title}»"
    return rest.partition("\n## ")[0]


def table(title: str) -> Iterator[list[str]]:
    """The rows of the section's first table, its heading left out; cells without backticks."""
    rows = [line for line in section(title).splitlines() if line.startswith("|")]
    for row in rows[2:]:
        cells = re.split(r"(?<!\\)\|", row.strip().strip("|"))
        yield [cell.strip().strip("`").replace("\\|", "|") for cell in cells]


def defaults(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Each setting's default as a person writes it, paths seen from the project's folder."""
    for field in Settings.model_fields:
        monkeypatch.delenv(f"OUTBOX_{field.upper()}", raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    return {f"OUTBOX_{name.upper()}": written(value) for name, value in Settings()}


def written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(str(one) for one in value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).replace(f"{ROOT}/", "")


def test_the_readme_lists_every_setting_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {name: default for name, default, _ in table("Settings")}
    assert told == defaults(monkeypatch)
    meaning = {name: text for name, _, text in table("Settings")}
    assert all(meaning.values()) and meaning["OUTBOX_TEST_CLOCK"].startswith("for tests")


def test_the_example_of_an_env_file_shows_every_setting_with_its_default_and_sets_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    assert all(not line or line.startswith("#") for line in lines)
    shown = dict(re.findall(r"^#(OUTBOX_\w+)=(.*)$", "\n".join(lines), re.M))
    assert shown == defaults(monkeypatch)


def commands(group: typer.Typer, prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    """Each visible command with its options and arguments, as `--help` names them."""
    built = typer.main.get_group(group)
    yield from _below(built, prefix)


def _below(group: object, prefix: str) -> Iterator[tuple[str, set[str]]]:
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            yield from _below(command, f"{prefix}{name} ")
        elif not command.hidden:
            yield f"{prefix}{name}", {one for p in command.params for one in p.opts if "-" in one}


def test_the_readme_lists_every_command_with_its_options() -> None:
    told = {}
    for line, *_ in table("Command line"):
        name = re.split(r" (?=[A-Z\[-])", line)[0]
        told[name] = set(re.findall(r"--[a-z-]+", line))
    assert told == dict(commands(manage.app))


def test_the_readme_names_the_make_targets_and_files_that_there_are() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z]+)`", README)) <= targets


def test_the_worker_is_started_as_documented_and_with_the_options_it_needs() -> None:
    procfile = (ROOT / "Procfile").read_text(encoding="utf-8")
    started = dict(re.findall(r"^(\w+): exec setpriv --pdeathsig TERM (.+)$", procfile, re.M))
    assert set(started) == {"dashboard", "worker", "sandbox"}
    assert started["worker"] in README
    assert " tasks.huey -k thread -w 4 -g TERM -m 0.5" in started["worker"]
    assert " streamlit run dashboard.py " in started["dashboard"].replace(".venv/bin/", " ")


def pinned(listed: str = REQUIREMENTS) -> dict[str, str]:
    lines = [line.partition("#")[0].strip() for line in listed.splitlines()]
    found = [re.fullmatch(r"([\w.-]+)(\[\w+\])?==([\w.]+)", line) for line in lines if line]
    assert all(found), "every line of requirements.txt pins one version"
    return {one[1].lower().replace("_", "-"): one[3] for one in found if one}


def test_every_import_is_pinned_among_what_outbox_uses_itself_with_what_it_is_for() -> None:
    direct = REQUIREMENTS.partition("# Brought along")[0]
    assert all(re.search(r"==\S+ +# \w", line) for line in direct.splitlines() if "==" in line)
    packages, missing = packages_distributions(), set()
    for name in {name for path in tracked() if path.suffix == ".py" for name in imports(path)}:
        of = {one.lower().replace("_", "-") for one in packages.get(name, [])}
        if not of & set(pinned(direct)):
            missing.add(name)
    assert not missing


def imports(path: Path) -> set[str]:
    """The top names of what a file imports, neither ours nor Python's own."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    return found - OURS - set(sys.stdlib_module_names)


def test_what_is_pinned_is_what_runs_here() -> None:
    differ = {name: want for name, want in pinned().items() if version(name) != want}
    assert not differ


# Written in parts, so that this file does not find itself.
OF_A_MACHINE = [
    r"/home/" + r"\w+/",
    r"/Users/" + r"\w+/",
    r"(?<![\w.$}])/root" + r"/",
    r"/work" + r"/\w",
    r"/opt" + r"/pypi",
    r"(?<![\w.$}])/tmp" + r"/\w",
    r"file:/" + r"/\S*pypi",
    r"(--|[-_ ])index" + r"-url",
    r"find" + r"-links",
    r"https?://[^\s/]*(pypi|simple)" + r"[^\s/]*/simple",
]


def test_no_file_holds_a_path_of_somebodys_machine_or_the_address_of_a_package_registry() -> None:
    found = []
    for path in tracked():
        if path.suffix in {".png", ".ico"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if any(re.search(pattern, line) for pattern in OF_A_MACHINE):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert not found


def test_the_version_is_the_same_everywhere_and_has_its_entry_in_the_changelog() -> None:
    this = PROJECT["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[?([\d.]+)", changelog, re.M)[0] == this == workers.VERSION
    assert f"Version {this} " in README


@pytest.mark.parametrize(
    "page", [p for p in tracked() if p.suffix == ".md"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_links_between_our_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
    ours = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [one for one in ours if not (page.parent / one).exists()] == []


def test_pictures_of_the_readme_are_small() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert pictures
    assert all((ROOT / one).stat().st_size < 300_000 for one in pictures)
