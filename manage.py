"""Outbox's command line: `python manage.py …`. Acts as `cli` with the system user's name."""

import sys

import typer
from sqlalchemy.exc import SQLAlchemyError

from commands import (
    batches,
    bulk,
    changing,
    checking,
    correcting,
    exporting,
    files,
    guard,
    messages,
    numbers,
    operations,
    optouts,
    people,
    queue,
    settings,
    templates,
    workers,
)
from core import preparing, schema, wake
from core.errors import Invalid, OutboxError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
app.add_typer(people.app, name="user")
app.add_typer(settings.app, name="settings")
app.add_typer(numbers.app, name="account")
app.add_typer(templates.app, name="template")
app.add_typer(messages.app)
app.add_typer(files.app)
app.add_typer(exporting.app)
app.add_typer(queue.app)
app.add_typer(bulk.app)
app.add_typer(changing.app)
app.add_typer(correcting.many)
app.add_typer(operations.app)
app.add_typer(optouts.app, name="optout")
batches.app.add_typer(correcting.app)
app.add_typer(batches.app, name="batch")
app.add_typer(workers.app)
app.add_typer(checking.app)
app.add_typer(guard.app, name="guard")
app.add_typer(guard.machine, name="worker")


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


def main() -> None:
    """Run a command; what Outbox refuses is told in a sentence, without a traceback."""
    try:
        import tasks

        wake.plug(tasks.wake_at, tasks.run_operations)
        app(standalone_mode=True)
    except (OutboxError, SQLAlchemyError) as error:
        told = in_words(error)
        if told is None:
            raise
        typer.echo(told, err=True)
        sys.exit(1)


def in_words(error: OutboxError | SQLAlchemyError) -> str | None:
    """What an error means for who typed the command; None where it is a fault of ours."""
    if isinstance(error, Invalid):
        return "\n".join(f"{problem.field}: {problem.message}" for problem in error.problems)
    return str(error) if isinstance(error, OutboxError) else schema.why_unusable(error)


if __name__ == "__main__":
    main()
