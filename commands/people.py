"""People who may sign in: `manage.py user …`."""

from typing import Annotated

import typer

from commands.common import die, me, typed_secret
from core import password_links, users
from core.access import Role

ROLES = "viewer, operator or admin"
app = typer.Typer(no_args_is_help=True, help="People who may sign in.")


@app.command("add")
def user_add(name: str, role: Annotated[str, typer.Option(help=ROLES)]) -> None:
    """Add a person; the password is asked for, or read from standard input."""
    meant = _role(role)
    users.add(name, role=meant, password=typed_secret("Password", twice=True), by=me())
    typer.echo(f"{name} may sign in as {role.lower()}.")


@app.command("list")
def user_list() -> None:
    """Everybody who may, or once might, sign in."""
    for one in users.all_users():
        state = "disabled" if one.disabled_at else one.role.word
        seen = f"{one.last_seen_at:%Y-%m-%d %H:%M} UTC" if one.last_seen_at else "never"
        typer.echo(f"{one.name:<24} {state:<10} last seen {seen}")


@app.command("password")
def user_password(name: str) -> None:
    """Give a person another password; they are signed out everywhere."""
    users.set_password(name, typed_secret("Password", twice=True), by=me())
    typer.echo(f"{name} has a new password.")


@app.command("link")
def user_link(name: str) -> None:
    """Print an address where a person chooses another password, once, within 24 hours."""
    typer.echo(password_links.make(name, by=me()))


@app.command("role")
def user_role(name: str, role: Annotated[str, typer.Argument(help=ROLES)]) -> None:
    """Let a person do more or less, from their next click on."""
    users.set_role(name, _role(role), by=me())
    typer.echo(f"{name} is {role.lower()} now.")


def _role(typed: str) -> Role:
    if typed.upper() not in Role.__members__:
        die(f"«{typed}» is not a role: {ROLES}.", 2)
    return Role[typed.upper()]


@app.command("disable")
def user_disable(name: str) -> None:
    """Let a person sign in no more."""
    users.disable(name, by=me())
    typer.echo(f"{name} may no longer sign in.")


@app.command("enable")
def user_enable(name: str) -> None:
    """Let a person sign in again, with the password they had."""
    users.enable(name, by=me())
    typer.echo(f"{name} may sign in again.")
