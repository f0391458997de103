"""People who may sign in: `manage.py user …`."""

from typing import Annotated

import typer

from commands.common import die, me, typed_secret
from core import users
from core.access import Role

app = typer.Typer(no_args_is_help=True, help="People who may sign in.")


@app.command("add")
def user_add(
    name: str, role: Annotated[str, typer.Option(help="viewer, operator or admin")]
) -> None:
    """Add a person; the password is asked for, or read from standard input."""
    if role.upper() not in Role.__members__:
        die(f"«{role}» is not a role: viewer, operator or admin.", 2)
    users.add(name, role=Role[role.upper()], password=typed_secret("Password", twice=True), by=me())
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


@app.command("disable")
def user_disable(name: str) -> None:
    """Let a person sign in no more."""
    users.disable(name, by=me())
    typer.echo(f"{name} may no longer sign in.")
