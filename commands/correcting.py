"""`batch correct` and `correct`: what a batch, or any messages, say that have not left.

Exit codes: 0 done, 1 refused or failed, 2 typed wrongly, 3 partly done.
"""

import json
from dataclasses import asdict, replace
from typing import Annotated

import typer

from commands import bulk
from commands.batches import Which, found
from commands.common import die, me, pair
from core import correcting, previewing
from core.corrections import Correction, Way
from core.previewing import Of, Preview
from core.reasons import REASONS

app = typer.Typer()  # `batch correct`
many = typer.Typer()  # `correct`


Text = Annotated[str | None, typer.Option(help="what the messages are to say")]
Find = Annotated[str | None, typer.Option(help="the words that are wrong")]
Put = Annotated[str | None, typer.Option(help="what they become; may be empty")]
Template = Annotated[str | None, typer.Option(help="another approved template")]
Language = Annotated[str | None, typer.Option(help="of the template, where it has several")]
Param = Annotated[
    list[str] | None,
    typer.Option(help="KEY=VALUE: what a parameter becomes, or what a new template lacks"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="show, and change nothing")]
AsJson = Annotated[bool, typer.Option("--json", help="a --dry-run as JSON")]


@app.command("correct")
def correct_batch(
    batch: Which,
    text: Text = None,
    find: Find = None,
    put: Put = None,
    template: Template = None,
    language: Language = None,
    param: Param = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Correct all of a batch that has not left: text, words, the template or one parameter."""
    wanted = _typed(text, find, put, template, param)
    _check(template, language, dry_run, as_json)
    batch_id = found(batch).id
    wanted = _with_template(wanted, batch_id, template, language)
    if dry_run:
        _show(batch_id, wanted, as_json)
        return
    row = bulk.run(correcting.correct(batch_id, wanted, by=me(), here=True))
    if left := previewing.left(row):
        typer.echo(f"{bulk.messages(left)} left with the old text.", err=True)
    bulk.report(row)


@many.command("correct")
def correct_many(
    ids: bulk.Ids = None,
    filters: bulk.Filter = None,
    text: Text = None,
    find: Find = None,
    put: Put = None,
    template: Template = None,
    language: Language = None,
    param: Param = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Correct what has not left of these: text, words, the template or one parameter."""
    wanted = _typed(text, find, put, template, param)
    _check(template, language, dry_run, as_json)
    choice = bulk.choice(ids, False, filters)
    wanted = _with_template(wanted, choice, template, language)
    if dry_run:
        _show(choice, wanted, as_json)
        return
    bulk.report(bulk.run(correcting.correct_chosen(choice, wanted, by=me(), here=True)))


def _typed(
    text: str | None,
    find: str | None,
    put: str | None,
    template: str | None,
    param: list[str] | None,
) -> Correction:
    given = dict(map(pair, param or ()))
    match text is not None, put is not None, template is not None, bool(given):
        case True, False, False, False if find is None:
            return Correction(Way.TEXT, put=text or "")
        case False, True, False, False if find is not None:
            return Correction(Way.REPLACE, find=find, put=put or "")
        case False, False, True, _ if find is None:
            return Correction(Way.TEMPLATE, parameters=given)
        case False, False, False, True if len(given) == 1:
            [(key, value)] = given.items()
            return Correction(Way.PARAMETER, key=key, find=find or "", put=value)
    told = "--text, --find with --put, --template, or one --param (with --find or without)"
    die(f"Say one of {told}.", 2)


def _check(template: str | None, language: str | None, dry_run: bool, as_json: bool) -> None:
    if (language and not template) or (as_json and not dry_run):
        die("--language belongs to a --template, --json to a --dry-run.", 2)


def _show(of: Of, wanted: Correction, as_json: bool) -> None:
    shown = previewing.preview(of, wanted)
    typer.echo(json.dumps(asdict(shown), ensure_ascii=False) if as_json else _told(shown))


def _with_template(
    wanted: Correction, of: Of, name: str | None, language: str | None
) -> Correction:
    if name is None:
        return wanted
    forms = [one for one in previewing.forms(of) if one.name == name]
    fit = [one for one in forms if language in (None, one.language)]
    if not forms:
        die(f"There is no template «{name}» that can be sent.")
    if len(fit) != 1:
        die(f"Say which --language of «{name}»: {', '.join(one.language for one in forms)}.", 2)
    return replace(wanted, template_id=fit[0].id)


def _told(shown: Preview) -> str:
    lines = []
    for one in shown.samples:
        lines += [f"message {one.id} to {one.recipient}:"]
        lines += [f"  - {each}" for each in one.before.splitlines()]
        lines += [f"  + {each}" for each in one.after.splitlines()]
    least = "at least " if shown.more else ""
    lines.append(f"{least}{bulk.messages(shown.touches)} would be corrected.")
    if gone := shown.left + shown.sending:
        lines.append(f"{bulk.messages(gone)} left with the old text.")
    for reason, count in shown.skipped.items():
        why = f" {shown.problems[reason]}" if reason in shown.problems else ""
        lines.append(f"{count:,} {REASONS[reason]}.{why}")
    return "\n".join(lines)
