"""Messages: scheduling them, listing, and sending what is due."""

import json
import signal
import threading
from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import uuid4

import typer

from commands.common import account_id, die, me, pair
from core import accounts, composing, dump, installation, logs
from core.drafts import Draft, When
from core.errors import Invalid
from core.schedule import from_iso
from core.sending.loop import SendLoop
from core.states import Status

app = typer.Typer()


@app.command()
def schedule(
    account: Annotated[str, typer.Option()],
    to: Annotated[str, typer.Option(help="recipient, e.g. +628123456789")],
    text: Annotated[str | None, typer.Option(help="of a text message")] = None,
    template: Annotated[str | None, typer.Option(help="name of an approved template")] = None,
    language: Annotated[
        str | None, typer.Option(help="of the template, where it has several")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE, e.g. 1=Ana or header.text=A-1042")
    ] = None,
    at: Annotated[str | None, typer.Option(help="ISO 8601 with offset")] = None,
    now: Annotated[bool, typer.Option("--now", help="as soon as possible")] = False,
    max_retries: Annotated[int, typer.Option()] = 3,
    reference: Annotated[str | None, typer.Option(help="your own id, unique")] = None,
    priority: Annotated[int, typer.Option(help="0 urgent, 1 normal, 2 campaign")] = 1,
    not_after: Annotated[
        str | None, typer.Option(help="ISO 8601 with offset: expires then")
    ] = None,
    late: Annotated[
        str | None, typer.Option(help="if its account could not send: send, skip or hold")
    ] = None,
) -> None:
    """Schedule one message, a text or from a template, with the form's checks; prints its id."""
    if (text is None) == (template is None):
        die("Say either --text or --template.", 2)
    if template is None and (param or language):
        die("--param and --language belong to a --template.", 2)
    if (at is None) == (not now):
        die("Say either --at or --now.", 2)
    draft = Draft(
        account_id=account_id(account),
        recipient=to,
        text=text or "",
        template=template,
        language=language,
        parameters=dict(map(pair, param or ())),
        when=When("instant", wall=from_iso(at)) if at else When("now"),
        max_retries=max_retries,
        reference=reference,
        priority=priority,
        not_after=_deadline(not_after),
        late_policy=late,
    )
    typer.echo(composing.schedule(draft, key=f"cli:{uuid4().hex}", by=me()))


def _deadline(typed: str | None) -> datetime | None:
    try:
        return from_iso(typed) if typed else None
    except Invalid as invalid:
        raise Invalid(*(replace(one, field="not_after") for one in invalid.problems)) from None


@app.command()
def messages(
    status: Annotated[str | None, typer.Option(help="one of the five statuses")] = None,
    account: Annotated[str | None, typer.Option()] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines")] = False,
) -> None:
    """List messages."""
    if status is not None and status not in list(Status):
        die(f"«{status}» is not a status: {', '.join(Status)}.", 2)
    chosen = account_id(account) if account is not None else None
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
    if stopped := installation.stopped():
        die(f"All sending is stopped by {stopped.by}: {stopped.reason}. Release: resume-all")
