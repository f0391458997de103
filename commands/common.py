"""What every command needs: who types it, and how to end with a sentence."""

import getpass
import sys
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


def typed_secret(what: str, *, twice: bool = False) -> str:
    """What is asked for without showing it, or read from standard input in a script."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt(what, hide_input=True, confirmation_prompt=twice))


def account_id(name: str) -> int:
    """The account of that name. Raises Refused, naming those that there are."""
    with db.reading() as session:
        return accounts.named(session, name).id


def pair(typed: str) -> tuple[str, str]:
    """A parameter as it is typed, KEY=VALUE; ends the command where it is none."""
    key, equals, value = typed.partition("=")
    if not equals or not key.strip():
        die(f"«{typed}» is no parameter: KEY=VALUE.", 2)
    return key.strip(), value
