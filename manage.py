"""Outbox's command line: `python manage.py …`. Acts as `cli` with the system user's name."""

import getpass
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, NoReturn
from uuid import uuid4

import typer
from sqlalchemy.exc import SQLAlchemyError

from core import accounts, composing, db, dump, importing, logs, preparing, schema, users, wake
from core.access import Actor, Role
from core.composing import Draft, When
from core.errors import Invalid, OutboxError
from core.schedule import from_iso
from core.sending.loop import SendLoop
from core.sheet import WrongFile
from core.states import Status

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
user_app = typer.Typer(no_args_is_help=True, help="People who may sign in.")
account_app = typer.Typer(no_args_is_help=True, help="Business numbers that send.")
app.add_typer(user_app, name="user")
app.add_typer(account_app, name="account")


def _me() -> Actor:
    return Actor(f"cli:{getpass.getuser()}", Role.ADMIN)


def _die(message: str, code: int = 1) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    schema.migrate()
    typer.echo("The database has the newest schema.")


@app.command(hidden=True)
def prepare() -> None:
    """Check what `make run` needs; prints the programs to start."""
    preparing.check_ports()
    preparing.add_trial_account()
    typer.echo(" ".join(preparing.programs()))


@user_app.command("add")
def user_add(
    name: str, role: Annotated[str, typer.Option(help="viewer, operator or admin")]
) -> None:
    """Add a person; the password is asked for, or read from standard input."""
    if role.upper() not in Role.__members__:
        _die(f"«{role}» is not a role: viewer, operator or admin.", 2)
    users.add(name, role=Role[role.upper()], password=_password(), by=_me())
    typer.echo(f"{name} may sign in as {role.lower()}.")


@user_app.command("list")
def user_list() -> None:
    """Everybody who may, or once might, sign in."""
    for one in users.all_users():
        state = "disabled" if one.disabled_at else one.role.word
        seen = f"{one.last_seen_at:%Y-%m-%d %H:%M} UTC" if one.last_seen_at else "never"
        typer.echo(f"{one.name:<24} {state:<10} last seen {seen}")


@user_app.command("password")
def user_password(name: str) -> None:
    """Give a person another password; they are signed out everywhere."""
    users.set_password(name, _password(), by=_me())
    typer.echo(f"{name} has a new password.")


@user_app.command("disable")
def user_disable(name: str) -> None:
    """Let a person sign in no more."""
    users.disable(name, by=_me())
    typer.echo(f"{name} may no longer sign in.")


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


@account_app.command("add")
def account_add(
    name: Annotated[str, typer.Option()],
    phone_number_id: Annotated[str, typer.Option(help="Meta's id of the number")],
    token: Annotated[str, typer.Option(help="access token")],
    waba_id: Annotated[str | None, typer.Option(help="its WhatsApp Business Account")] = None,
    rate: Annotated[str, typer.Option(help="messages a second, or none")] = "1",
    country: Annotated[str | None, typer.Option(help="home country, e.g. ID")] = None,
    timezone: Annotated[str, typer.Option(help="e.g. Asia/Jakarta")] = "UTC",
    replace_token: Annotated[bool, typer.Option(help="for all numbers of its WABA")] = False,
) -> None:
    """Add a business number."""
    accounts.add(
        name=name,
        phone_number_id=phone_number_id,
        token=token,
        waba_id=waba_id,
        rate=_rate(rate),
        country=country,
        zone=timezone,
        replace_token=replace_token,
        by=_me(),
    )
    typer.echo(f"The account «{name}» may send.")


def _rate(typed: str) -> float | None:
    if typed.strip().lower() == "none":
        return None
    try:
        return float(typed)
    except ValueError:
        _die(f"«{typed}» is not a rate: a number of messages a second, or none.", 2)


@account_app.command("list")
def account_list(
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines")] = False,
) -> None:
    """The business numbers and their state."""
    for one in accounts.everything():
        facts = {
            "id": one.id,
            "name": one.name,
            "phone_number_id": one.phone_number_id,
            "state": one.state,
            "state_reason": one.state_reason,
            "rate": one.rate,
            "country": one.country,
            "timezone": one.zone,
        }
        if as_json:
            typer.echo(json.dumps(facts, ensure_ascii=False))
        else:
            rate = "no pacing" if one.rate is None else f"{one.rate:g}/s"
            why = f": {one.state_reason}" if one.state_reason else ""
            typer.echo(f"{one.name:<24} {one.phone_number_id:<18} {rate:<10} {one.state}{why}")


@account_app.command("pause")
def account_pause(
    name: str, reason: Annotated[str, typer.Option(help="shown on every page")] = ""
) -> None:
    """Stop sending on a number; what is due waits."""
    accounts.pause(name, reason=reason, by=_me())
    typer.echo(f"The account «{name}» is paused.")


@account_app.command("resume")
def account_resume(name: str) -> None:
    """Send again on a paused number, what is overdue included."""
    accounts.resume(name, by=_me())
    typer.echo(f"The account «{name}» may send.")


@app.command()
def schedule(
    account: Annotated[str, typer.Option()],
    to: Annotated[str, typer.Option(help="recipient, e.g. +628123456789")],
    text: Annotated[str, typer.Option()],
    at: Annotated[str | None, typer.Option(help="ISO 8601 with offset")] = None,
    now: Annotated[bool, typer.Option("--now", help="as soon as possible")] = False,
    max_retries: Annotated[int, typer.Option()] = 3,
    reference: Annotated[str | None, typer.Option(help="your own id, unique")] = None,
) -> None:
    """Schedule one message, with the checks of the form; prints its id."""
    if (at is None) == (not now):
        _die("Say either --at or --now.", 2)
    draft = Draft(
        account_id=_account_id(account),
        recipient=to,
        text=text,
        when=When("instant", wall=from_iso(at)) if at else When("now"),
        max_retries=max_retries,
        reference=reference,
    )
    typer.echo(composing.schedule(draft, key=f"cli:{uuid4().hex}", by=_me()))


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV with recipient, content, scheduled_at")],
    account: Annotated[str, typer.Option()],
) -> None:
    """Schedule a file of messages: all of it, or nothing."""
    try:
        text = _read(file)
        with db.reading() as session:
            chosen = accounts.named(session, account)
        count = importing.import_csv(text, account=chosen, name=file.name, by=_me())
    except WrongFile as wrong:
        for row in wrong.rows:
            typer.echo(f"line {row.line}: {row.column}: {row.reason}", err=True)
        _die(str(wrong))
    typer.echo(f"{count} messages scheduled.")


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        _die(f"{file} cannot be read: {error.strerror}.")
    except UnicodeDecodeError as error:
        _die(f"{file} is not UTF-8 (byte {error.start}). Save it as «CSV UTF-8» and try again.")


def _account_id(name: str) -> int:
    with db.reading() as session:
        return accounts.named(session, name).id


@app.command()
def messages(
    status: Annotated[str | None, typer.Option(help="one of the five statuses")] = None,
    account: Annotated[str | None, typer.Option()] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines")] = False,
) -> None:
    """List messages."""
    if status is not None and status not in list(Status):
        _die(f"«{status}» is not a status: {', '.join(Status)}.", 2)
    chosen = _account_id(account) if account is not None else None
    for one in dump.messages(status=status, account_id=chosen):
        if as_json:
            typer.echo(json.dumps(one, ensure_ascii=False))
        else:
            word = one["delivery"] or one["status"]
            typer.echo(f"{one['id']:>8}  {one['recipient']:<16} {word:<11} {one['due_at'][:19]}")


@app.command("process-scheduled")
def process_scheduled() -> None:
    """Scan, then send what is due in the foreground until nothing is due; Ctrl-C stops."""
    logs.configure()
    stop = threading.Event()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, lambda *_: stop.set())
    loop = SendLoop(stop, until_idle=True)
    loop.run()
    for one in accounts.everything():
        typer.echo(f"{one.name}: {loop.sent[one.id]} sent, {loop.failed[one.id]} not sent")


def main() -> None:
    """Run a command; what Outbox refuses is told in a sentence, without a traceback."""
    try:
        import tasks

        wake.plug(tasks.wake_at)
        app(standalone_mode=True)
    except Invalid as invalid:
        for problem in invalid.problems:
            typer.echo(f"{problem.field}: {problem.message}", err=True)
        sys.exit(1)
    except OutboxError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
    except SQLAlchemyError as error:
        told = schema.why_unusable(error)
        if told is None:
            raise
        typer.echo(told, err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
