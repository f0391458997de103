"""HTML of batches: the list, how far one is, what failed, who did what."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from html import escape

from core import causes
from core.batch_forecast import LetGo
from core.batch_reports import Line, Progress, Whole
from core.kinds import OPEN, Kind
from core.models import AuditEvent
from core.standing import Standing
from core.telling import depth_in_words
from ui import addresses, look, moments
from ui.words.files import BATCHES, STEERED, finished
from ui.words.numbers import plural
from ui.words.states import WORDS

_HEAD = (
    '<div class="row head" aria-hidden="true"><span>State</span><span>Batch</span>'
    '<span>Progress</span><span>Account</span><span class="at">Loaded</span></div>'
)
_SENT = (Standing.READ, Standing.DELIVERED, Standing.SENT)


def listed(lines: Sequence[Line], *, now: datetime, zone: str) -> str:
    """The list, each row a link to its batch."""
    rows = "".join(_row(line, now, zone) for line in lines)
    return f'<div class="list batches">{_HEAD}{rows}</div>'


def chip(line: Line) -> str:
    word = BATCHES[line.state]
    return look.chip(word.word, word.colour, word.icon)


def _row(line: Line, now: datetime, zone: str) -> str:
    batch = line.batch
    return (
        f'<a class="row go" href="{addresses.batch(batch.id)}">'
        f'<span class="state-cell">{chip(line)}</span>'
        f'<span class="to">{escape(batch.name)}<small>{escape(batch.created_by)}</small></span>'
        f'<span class="says">{bar(line.progress)}<small>{escape(told(line))}</small></span>'
        f'<span class="by">{escape(line.account or "several")}</span>'
        f'<span class="at">{moments.shown(batch.created_at, zone, now)}</span></a>'
    )


def told(line: Line) -> str:
    """«2,310 of 5,000 have left, 12 failed»."""
    counted = line.progress
    opted = f", {counted.opted_out:,} opted out" if counted.opted_out else ""
    if line.state == "finished":
        messages = plural(counted.total, "message", cap=counted.total)
        return f"{messages}, {finished(counted.failed)}{opted}"
    failed = f", {counted.failed:,} failed" if counted.failed else ""
    return f"{counted.left:,} of {counted.total:,} have left{failed}{opted}"


def bar(counted: Progress) -> str:
    """One bar of all messages, coloured by where they stand."""
    parts = [
        ("green", sum(counted[one] for one in _SENT)),
        ("red", counted.failed),
        ("grey", counted[Standing.CANCELLED]),
    ]
    whole = max(counted.total, 1)
    inner = "".join(
        f'<i class="{colour}" style="width:{100 * n / whole:.2f}%"></i>' for colour, n in parts if n
    )
    done = sum(n for _, n in parts)
    return (
        f'<span class="part-bar" role="img" aria-label="{done:,} of {counted.total:,} done">'
        f"{inner}</span>"
    )


def standings(whole: Whole) -> str:
    """Each state with its number, as links to those messages."""
    tiles = "".join(
        f'<a class="tile go" href="{addresses.listed(one, batch=whole.batch.id)}">'
        f"<small>{WORDS[one].word}</small><strong>{n:,}</strong></a>"
        for one, n in whole.progress.standings.items()
    )
    return f'<div class="tiles">{tiles}</div>'


def waits(whole: Whole) -> str:
    """«3 held by their batch · 1,204 due»; empty where nothing waits."""
    counts = {r: n for r, n in whole.progress.reasons.items() if r not in ("sending", "checking")}
    return depth_in_words(counts, cap=whole.progress.total)


def ends(whole: Whole, zone: str) -> str:
    """When it ends, or would if it were let go now, as HTML; why nobody can tell."""
    if whole.let_go:
        return _if_let_go(whole, whole.let_go, zone)
    if whole.outlook is None:
        return ""
    if whole.outlook.ends_at is None:
        return "Nobody can tell when it ends: something keeps back all that its number sends."
    at = moments.shown(whole.outlook.ends_at, zone, whole.at, seconds=True)
    return f"At the present rate it ends about <b>{at}</b>."


def _if_let_go(whole: Whole, one: LetGo, zone: str) -> str:
    """«Released now, the last of 780 would leave about 11:20 (Asia/Jakarta).»"""
    done = "Resumed" if whole.state == "paused" else "Released"
    last = f"the last of {one.messages:,}" if one.messages > 1 else "its one message"
    at = f"<b>{moments.shown(one.ends_at, zone, whole.at)}</b> ({escape(zone)})"
    if one.at_least:
        kept = "something keeps back all that its number sends"
        return f"{done} now, {last} would leave {at} at the earliest: {kept}."
    return f"{done} now, {last} would leave about {at}."


def put_back(whole: Whole) -> str:
    """What became of the messages that a file had changed which was called off, as HTML."""
    ended = [one for one in whole.operations if one.kind == Kind.UNLOAD and one.state not in OPEN]
    if not ended:
        return ""
    done, why = sum(one.done for one in ended), Counter[str]()
    for one in ended:
        why.update(one.cursor["why"])
    keep = why.pop("changed", 0)
    parts = [f"{plural(done, 'waiting message', cap=done)} put back as before this file"]
    if keep:
        ids = sorted({i for one in ended for i in (one.result or {}).get("keep", ())})
        links = ", ".join(f'<a class="go" href="{addresses.message(i)}">{i}</a>' for i in ids)
        more = f" and {keep - len(ids):,} more" if keep > len(ids) else ""
        those = plural(keep, "waiting message keeps", "waiting messages keep", cap=keep)
        parts.append(f"{those} the changes this file made, changed once more since: {links}{more}")
    if gone := why.total():
        parts.append(f"{gone:,} had left, or were cancelled, as this file had them")
    if rest := sum((one.counted or 0) - one.done - one.skipped for one in ended):
        stay = plural(rest, "message stays", "messages stay", cap=rest)
        parts.append(f"{stay} as this file had them: putting them back was called off, or failed")
    return "; ".join(parts)


def failures(whole: Whole) -> str:
    """What failed, by reason, with what to do about it."""
    lines = []
    for one in whole.progress.failures:
        sentence, advice = causes.failure(one)
        lines.append(
            f'<li><b>{one.count:,}</b> {escape(sentence)} <span class="quiet">{escape(advice)}'
            "</span></li>"
        )
    return f'<ul class="failures">{"".join(lines)}</ul>' if lines else ""


def record(events: Iterable[AuditEvent], whole: Whole, zone: str) -> str:
    """Who did what, oldest first."""
    return f'<ol class="timeline">{"".join(_events(events, whole, zone))}</ol>'


def _events(events: Iterable[AuditEvent], whole: Whole, zone: str) -> Iterator[str]:
    batch = whole.batch
    yield _event("Loaded", batch.created_by, batch.created_at, whole, zone)
    for one in events:
        told = STEERED.get(one.action, one.action.removeprefix("batch ").capitalize())
        first = (one.after or {}).get("first")
        yield _event(f"{told} ({first:,})" if first else told, one.actor, one.at, whole, zone)


def _event(told: str, by: str, at: datetime, whole: Whole, zone: str) -> str:
    when = moments.shown(at, zone, whole.at, seconds=True)
    return (
        f'<li class="line blue"><p><b>{escape(told)}</b> by {escape(by)}</p>'
        f'<p class="when">{when}</p></li>'
    )
