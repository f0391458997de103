"""What every command needs: who types it, and how to end with a sentence."""

import getpass
from typing import NoReturn

import typer

from core import accounts, db
from core.access import Actor, Role


def me() -> Actor:
    """The person at the terminal, by the system's name."""
    return Actor(f"cli:{getpass.getuser()}", Role.ADMIN)


def die(message: str, code: int = 1) -> NoReturn:
    """End with a sentence on standard error: 1 refused or failed, 2 typed wrongly."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


def account_id(name: str) -> int:
    """The account of that name. Raises Refused, naming those that there are."""
    with db.reading() as session:
        return accounts.named(session, name).id
