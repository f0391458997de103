"""Expected volume: today against what is usual on this weekday."""

from html import escape

from core.volumes import Volume
from ui.words.numbers import count

MOST = 12  # rows; what is missing comes first


def sentence(one: Volume) -> str:
    """«Dental: 0 scheduled, normally 4,900. Was the file loaded?», as HTML."""
    return (
        f"<b>{escape(one.name)}</b>: {_n(one.today)} scheduled today,"
        f" normally {_n(one.normal)}. Was the file loaded?"
    )


def listed(found: list[Volume]) -> str:
    """HTML of today's and the usual numbers; empty where nothing is usual yet."""
    if not found:
        return ""
    lines = "".join(_line(one) for one in found[:MOST])
    more = f"<p>and {count(len(found) - MOST)} more</p>" if found[MOST:] else ""
    return (
        '<h2 class="part-title">Expected today</h2>'
        '<div class="list volumes"><div class="row head" aria-hidden="true">'
        "<span>Label or number</span>"
        '<span class="at">Today</span><span class="at">Normally</span></div>'
        f"{lines}</div>{more}"
    )


def _line(one: Volume) -> str:
    look = " missing" if one.missing else ""
    beside = escape(one.account) if one.label else "without a label"
    return (
        f'<div class="row{look}"><span class="to">{escape(one.name)}<small>{beside}</small></span>'
        f'<span class="at today">{_n(one.today)}</span>'
        f'<span class="at" title="the median of the last four of this weekday">{_n(one.normal)}'
        "</span></div>"
    )


def _n(number: int) -> str:
    return f"{number:,}"
