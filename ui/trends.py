"""The drawings of the overview: how the queue was, is and will be."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from html import escape

import streamlit as st

from core import causes
from core.listing import CAP
from core.reports import Pulse
from core.schedule import span
from core.standing import Standing
from core.trends import RANGES, Sample
from ui import charts, live, moments
from ui.charts import COLOURS, CYCLE, Bar, Dot
from ui.guard import signed_in, zone
from ui.words.numbers import brief, count
from ui.words.states import BEYOND, PARTS, REASONS, WORDS

MOST_PARTS = 7  # that a drawing tells apart; the rest is one more
BY = ("Status", "Account", "Reason")
_STATES: dict[str, str] = {one: WORDS[one].word for one in PARTS}
_DRAWN = {WORDS[one].word: COLOURS[WORDS[one].colour] for one in PARTS}
_DRAWN[WORDS[Standing.RETRYING].word] = COLOURS["pale amber"]


def drawn() -> None:
    """Choices that the address keeps, and the drawings below them."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="trends"):
        st.html('<h2 class="part-title">Queue depth</h2>')
        over = st.segmented_control(
            "Over",
            list(RANGES),
            default="1 h",
            required=True,
            key="over",
            bind="query-params",
            label_visibility="collapsed",
        )
        by = st.segmented_control(
            "By",
            BY,
            default="Status",
            required=True,
            key="by",
            bind="query-params",
            label_visibility="collapsed",
        )
    _now_too(str(over), str(by))
    _sampled(str(over))


@st.fragment(run_every="2s", key="depth")
def _now_too(over: str, by: str) -> None:
    signed_in()
    _depth(live.trend(over), live.pulse(), over, by)


@st.fragment(run_every="10s", key="drawings")
def _sampled(over: str) -> None:
    """What samples tell: to draw all of it each 2 s would be most of what a viewer costs."""
    signed_in()
    samples = live.trend(over)
    left, right = st.columns(2, gap="medium")
    with left:
        _throughput(samples, over)
        _coming()
    with right:
        _lag(samples, over)
        _failures(over)


def _depth(samples: list[Sample], pulse: Pulse, over: str, by: str) -> None:
    step = timedelta(seconds=RANGES[over].step)
    now = _now(samples, pulse)
    parts = [
        (one.at - step, one.at, part, n) for one in samples for part, n in _parts(one, by).items()
    ]
    since = samples[-1].at if samples else pulse.at - step
    parts += [(since, pulse.at, part, n) for one in now for part, n in _parts(one, by).items()]
    names = _named(by, Counter(part for _, _, part, n in parts if n))
    bars = Counter[tuple[datetime, datetime, str]]()
    for at, end, part, n in parts:
        bars[at, end, names.get(part, BEYOND)] += n
    shown = [Bar(*key, n) for key, n in bars.items() if n]
    there = {bar.part for bar in shown}
    colours = {part: one for part, one in _colours(by, names).items() if part in there}
    ahead = live.ahead(over).ahead or []
    if not shown:
        before = (
            "Nothing waited in this time." if samples else "Nothing waits. Nothing is measured yet."
        )
        st.html(f'<p class="read">{before}</p>')
        return
    charts.show(charts.stacked(shown, colours, ahead, zone=zone()))
    if pulse.accounts and (told := _empty(pulse)):
        st.html(f'<p class="read">{told} Dashed: what is foreseen, if nothing is added.</p>')


def _now(samples: list[Sample], pulse: Pulse) -> list[Sample]:
    """The moment itself, behind the last sample; nothing where its counts stop at the cap."""
    if any(one.waiting > CAP for one in pulse.queue.accounts):
        return []
    return [
        Sample(
            at=pulse.at,
            account_id=one.number.id,
            account=one.number.name,
            reasons={str(each): n for each, n in one.counts.items()},
            standings={str(each): n for each, n in one.standings.items()},
            oldest=None,
            sent=0,
            p50=None,
            p95=None,
            rate=None,
        )
        for one in pulse.queue.accounts
    ]


def _parts(one: Sample, by: str) -> Mapping[str, int]:
    if by == "Account":
        return {one.account: sum(one.standings.values())}
    return one.standings if by == "Status" else one.reasons


def _named(by: str, often: Counter[str]) -> dict[str, str]:
    """The word of each part, those that were there most often; the order is that of the words."""
    words = {"Status": _STATES, "Reason": REASONS}.get(by)
    kept = [part for part, _ in often.most_common(MOST_PARTS)]
    if words is None:
        return {part: part for part in sorted(kept)}
    return {part: words[part] for part in words if part in kept}


def _colours(by: str, names: Mapping[str, str]) -> dict[str, str]:
    cycled = dict(zip(names.values(), CYCLE, strict=False))
    found = {name: _DRAWN[name] for name in names.values()} if by == "Status" else cycled
    return found | {BEYOND: COLOURS["grey"]}


def _empty(pulse: Pulse) -> str:
    """«What is due has left about 15:42 at the present rate.»"""
    ends = [one.depth.empty_at for one in pulse.accounts if one.due]
    known = [at for at in ends if at]
    if not ends or len(known) < len(ends):
        return ""
    least = "not before" if pulse.due > CAP else "about"
    at = moments.shown(max(known), zone(), pulse.at, seconds=True)
    return f"What is due has left {least} {at} at the present rate."


def _throughput(samples: list[Sample], over: str) -> None:
    free = {one.account_id for one in samples if not one.rate}
    beside = "; without a rate, of its busiest" if free else ""
    _title("Throughput", f"of what each number may send{beside}")
    step = RANGES[over].step
    if samples and not any(one.sent for one in samples):
        st.html('<p class="read">Nothing left in this time.</p>')
        return
    dots = list(_shares(samples, step))
    busiest = Counter[str]()
    for dot in dots:
        busiest[dot.part] += round(1_000 * dot.value)
    names = sorted(name for name, _ in busiest.most_common(MOST_PARTS))
    shown = [dot for dot in dots if dot.part in names]
    _lines(charts.shares, shown, dict(zip(names, CYCLE, strict=False)), step)


def _shares(samples: list[Sample], step: int) -> Iterator[Dot]:
    """In % of the rate; of a number without one, of what it sent in its busiest step."""
    most = Counter[int]()
    for one in samples:
        most[one.account_id] = max(most[one.account_id], one.sent)
    for one in samples:
        sent = f"{one.sent / step:.3g}"
        if one.rate:
            share = one.sent / step / one.rate
            yield Dot(one.at, one.account, 100 * share, f"{sent} of {one.rate:g} a second")
        else:
            share = one.sent / (most[one.account_id] or 1)
            yield Dot(one.at, one.account, 100 * share, f"{sent} a second, no pacing")


def _lag(samples: list[Sample], over: str) -> None:
    _title("Lag", "how long after its time a message leaves")
    colours = {"half within": CYCLE[0], "95 % within": CYCLE[1], "oldest due": CYCLE[2]}
    _lines(charts.durations, list(_lags(samples)), colours, RANGES[over].step)


def _lags(samples: list[Sample]) -> Iterator[Dot]:
    """Over all accounts: the middle as messages weigh it, of the others the worst."""
    by_time: dict[datetime, list[Sample]] = {}
    for one in samples:
        by_time.setdefault(one.at, []).append(one)
    for at, found in by_time.items():
        sent = sum(one.sent for one in found if one.p50 is not None)
        middle = sum(one.p50 * one.sent for one in found if one.p50 is not None)
        worst = max((one.p95 for one in found if one.p95 is not None), default=None)
        oldest = max((one.oldest for one in found if one.oldest is not None), default=None)
        lines = {
            "half within": middle / sent if sent else None,
            "95 % within": worst,
            "oldest due": oldest,
        }
        for part, seconds in lines.items():
            if seconds is not None:
                yield Dot(at, part, seconds, span(timedelta(seconds=seconds)))


def _lines(
    draw: Callable[..., object], dots: list[Dot], colours: dict[str, str], step: int
) -> None:
    if not dots:
        told = f"The first figures come {brief(timedelta(seconds=step))} after a worker began."
        st.html(f'<p class="read">Nothing was measured in this time. {told}</p>')
        return
    charts.show(draw(dots, colours, zone=zone(), gap=timedelta(seconds=2.5 * step)))


def _coming() -> None:
    _title("Next 24 hours", "messages that come due, by hour; what is due now is in the first")
    found = live.next_day()
    by_hour = Counter[datetime]()
    for theirs in found.dues.values():
        for at, n in theirs.items():
            by_hour[_hour(at)] += n
    hour = timedelta(hours=1)
    bars = [Bar(at, at + hour, "due", n) for at, n in sorted(by_hour.items())]
    if not bars:
        st.html('<p class="read">Nothing is scheduled.</p>')
        return
    charts.show(charts.hours(bars, zone=zone()))


def _hour(at: datetime) -> datetime:
    """The full hour of the person's wall that it lies in."""
    wall = moments.wall(at, zone())
    return at - timedelta(minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)


def _failures(over: str) -> None:
    _title("Failures", f"of what was due in the last {over}, by reason")
    found = live.failures(over)
    if not found:
        st.html('<p class="read">None.</p>')
        return
    most = found[0].count
    lines = []
    for one in found[:MOST_PARTS]:
        sentence, advice = causes.failure(one)
        if one.error_class == "unknown":
            word = WORDS[Standing.UNCONFIRMED].word
            sentence, advice = f"{word}: it may have arrived.", "Ask before sending again."
        lines.append(
            f'<li><i style="width:{100 * one.count / most:.1f}%"></i><b>{count(one.count)}</b>'
            f' {escape(sentence)} <span class="quiet">{escape(advice)}</span></li>'
        )
    if rest := sum(one.count for one in found[MOST_PARTS:]):
        lines.append(f"<li><b>{count(rest)}</b> for other reasons</li>")
    st.html(f'<ul class="failures bars">{"".join(lines)}</ul>')


def _title(text: str, beside: str) -> None:
    st.html(f'<h3 class="drawing">{text} <small>{beside}</small></h3>')
