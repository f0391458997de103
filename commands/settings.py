"""What holds in the whole house: `manage.py settings …`."""

import typer

from commands.common import me
from core import house_rules, ruling
from core.house_rules import InForce

app = typer.Typer()


@app.callback(invoke_without_command=True)
def settings(context: typer.Context) -> None:
    """What holds in the whole house, as on the page Settings; alone, it lists them."""
    if context.invoked_subcommand is None:
        listed()


@app.command("list")
def listed() -> None:
    """Every setting that can be changed here, and whose value it has."""
    for one in house_rules.all_rules():
        typer.echo(f"{one.name:<18} {one.written or 'none':<40} {_whence(one)}")


def _whence(one: InForce) -> str:
    return f"since {one.at:%Y-%m-%d %H:%M} UTC by {one.by}" if one.at else "default"


@app.command("set")
def settle(name: str, value: str) -> None:
    """Change a setting; it counts everywhere within seconds."""
    ruling.settle({name: value}, by=me())
    [one] = [each for each in house_rules.all_rules() if each.name == name]
    typer.echo(f"{name} is {one.written or 'none'}.")


@app.command()
def reset(name: str) -> None:
    """Let the environment's value hold again."""
    ruling.reset(name, by=me())
    [one] = [each for each in house_rules.all_rules() if each.name == name]
    typer.echo(f"{name} is {one.written or 'none'}, its default.")
