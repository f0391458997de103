"""What the drawings of the overview show, read from what the browser gets."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import clock, db, guarding, workers
from core.trends import RANGES
from tests.core import stored
from tests.ui.seen import Drawn, drawings, html

SECOND, MINUTE, HOUR, DAY = (
    timedelta(**{name: 1}) for name in ("seconds", "minutes", "hours", "days")
)

Overview = Callable[..., AppTest]


def minute(ago: timedelta, *, step: timedelta = MINUTE) -> datetime:
    """When the step ended that was so long ago."""
    at = clock.wall() - ago
    return at - timedelta(seconds=at.timestamp() % step.total_seconds())


def bars(drawn: Drawn, at: datetime) -> dict[str, int]:
    """How many of each part stand on the bar that ends then."""
    data = drawn.data["bars"]
    mine = data[data["end"] == at.replace(tzinfo=None)]
    return {row.part: row.high - row.low for row in mine.itertuples()}


def line(drawn: Drawn, part: str) -> list[float]:
    data = drawn.data["dots"]
    return [round(one, 3) for one in data[data["part"] == part]["value"]]


def colours(drawn: Drawn) -> list[str]:
    """The parts that its legend has."""
    [scale] = [layer["encoding"]["color"]["scale"] for layer in drawn.spec["layer"][:1]]
    return list(scale["domain"])


@pytest.mark.parametrize(
    ("by", "then", "now"),
    [
        (
            "Status",
            {"Waiting": 30, "Held": 20, "Scheduled": 5},
            {"Held": 1, "Scheduled": 2},
        ),
        ("Account", {"Orders": 48, "Support": 7}, {"Orders": 2, "Support": 1}),
        (
            "Reason",
            {"due": 30, "held by their batch": 20, "for later": 5},
            {"for later": 2, "held": 1},
        ),
    ],
)
def test_the_queue_stands_as_it_was_and_is_by_status_account_or_reason(
    by: str, then: Mapping[str, int], now: Mapping[str, int], overview: Overview
) -> None:
    orders, support = stored.account(), stored.account("Support")
    stored.messages(orders, [{"hold": "person"}, {"due_at": clock.wall() + HOUR}])
    stored.messages(support, [{"due_at": clock.wall() + HOUR}])
    at = minute(5 * MINUTE)
    kept = {"standings": {"waiting": 28, "held": 20}, "reasons": {"turn": 28, "batch": 20}}
    stored.sample(orders, at=at, **kept)
    kept = {"standings": {"waiting": 2, "scheduled": 5}, "reasons": {"turn": 2, "scheduled": 5}}
    stored.sample(support, at=at, **kept)
    depth, *_ = drawings(overview(by=by))
    assert bars(depth, at) == then
    latest = depth.data["bars"]["end"].max().to_pydatetime()
    assert bars(depth, latest) == now
    assert {*colours(depth)} == {*then, *now}


def test_the_forecast_is_drawn_dashed_behind_the_queue_until_that_is_empty(
    overview: Overview,
) -> None:
    workers.start("loop")
    stored.messages(stored.account(rate=1.0), [{"due_at": clock.wall() - SECOND}] * 90)
    depth, *_ = drawings(at := overview())
    ahead = depth.data["ahead"]
    left = [*ahead["left"]]
    assert left[0] == 90 and left[-1] == 0 and left == sorted(left, reverse=True)
    empty = ahead[ahead["left"] == 0]["at"].min() - ahead["at"].min()
    assert timedelta(seconds=89) <= empty <= timedelta(seconds=150), "at one a second, by minutes"
    [dashed] = [one for one in depth.spec["layer"] if one["data"]["name"] == "ahead"]
    assert dashed["mark"]["strokeDash"]
    assert "What is due has left about" in html(at) and "Dashed: what is foreseen" in html(at)


def test_the_throughput_is_told_in_percent_of_what_each_number_may_with_the_limit_drawn(
    overview: Overview,
) -> None:
    orders, support = stored.account(rate=1.0), stored.account("Support", rate=4.0)
    for account, rate, sents in ((orders, 1.0, (30, 60)), (support, 4.0, (60, 12))):
        for ago, sent in zip((3, 2), sents, strict=True):
            stored.sample(account, at=minute(ago * MINUTE), sent=sent, rate=rate)
    stored.messages(orders, [{"due_at": clock.wall() + HOUR}])
    _, throughput, *_ = drawings(overview())
    assert line(throughput, "Orders") == [50, 100]
    assert line(throughput, "Support") == [25, 5]
    assert [*throughput.data["limit"]["limit"]] == [100]
    told = throughput.data["dots"]["told"]
    assert {*told} == {
        "0.5 of 1 a second",
        "1 of 1 a second",
        "1 of 4 a second",
        "0.2 of 4 a second",
    }


def test_the_lag_is_the_middle_as_messages_weigh_it_and_the_worst_of_the_others(
    overview: Overview,
) -> None:
    at = minute(3 * MINUTE)
    stored.sample(stored.account(), at=at, sent=30, p50=0.5, p95=9.0, oldest=2.0)
    stored.sample(stored.account("Support"), at=at, sent=10, p50=2.5, p95=4.0, oldest=40.0)
    stored.sample(stored.account("Idle"), at=at, sent=0, p50=None, p95=None, oldest=None)
    lag = drawings(overview())[-1]
    assert line(lag, "half within") == [1.0]
    assert line(lag, "95 % within") == [9.0]
    assert line(lag, "oldest due") == [40.0]


def test_the_next_day_is_drawn_by_the_hour_and_what_is_due_stands_in_the_first(
    overview: Overview,
) -> None:
    workers.start("loop")
    this = minute(timedelta(), step=HOUR)
    due = [clock.wall() - MINUTE, *(this + n * HOUR + 9 * MINUTE for n in (3, 3, 5, 30))]
    for name in ("Orders", "Support"):
        stored.messages(stored.account(name), [{"due_at": at} for at in due])
    paused = stored.account("Paused", state="paused")
    stored.messages(paused, [{"due_at": this + 3 * HOUR}])
    coming = drawings(overview())[1]
    assert {end: bars(coming, this + end * HOUR).get("due", 0) for end in range(1, 25)} == {
        **dict.fromkeys(range(1, 25), 0),
        **{1: 2, 4: 4, 6: 2},
    }


@pytest.mark.parametrize(
    ("over", "ago"), [("24 h", 20 * HOUR), ("7 d", 6 * DAY), ("30 d", 29 * DAY)]
)
def test_a_longer_range_draws_its_own_samples_as_long_as_it_is(
    over: str, ago: timedelta, overview: Overview
) -> None:
    step = timedelta(seconds=RANGES[over].step)
    orders, at = stored.account(), minute(ago, step=step)
    kept: dict[str, Any] = {"sent": int(step.total_seconds()) // 4, "rate": 1.0, "p95": 7.0}
    stored.sample(orders, at=at, step=RANGES[over].step, **kept)
    for name, other in RANGES.items():  # of other steps, which this range does not draw
        if name != over:
            stored.sample(orders, at=at, step=other.step, standings={"held": 999}, sent=0)
    depth, throughput, lag = drawings(overview(over=over))
    assert bars(depth, at) == {"Waiting": 3}
    drawn = depth.data["bars"]
    assert drawn["at"].min() == (at - step).replace(tzinfo=None)
    assert line(throughput, "Orders") == [25] and line(lag, "95 % within") == [7.0]


def test_each_number_says_when_what_is_due_has_left(overview: Overview) -> None:
    workers.start("loop")
    slow = stored.account(rate=0.5)
    paused = stored.account("Paused", state="paused", rate=0.5)
    for account in (slow, paused):
        stored.messages(account, [{"due_at": clock.wall() - SECOND}] * 60)
    body = html(overview())
    _, _, after = body.partition('<span class="at">empty <time datetime="')
    empty = datetime.fromisoformat(after.partition('"')[0])
    assert timedelta(seconds=105) < empty - clock.wall() < timedelta(seconds=130)
    assert body.count('<span class="at">empty') == 1, "what is paused is never empty"


def test_the_restore_guard_stands_among_what_needs_somebody(overview: Overview) -> None:
    stored.account(), workers.start("loop")
    assert "All is well" in html(overview())
    with db.writing() as session:
        guarding.guard(session, "here: restored")
    body = html(overview())
    assert "1 thing needs you" in body and "All is well" not in body
    assert "<li>The restore guard is on: nothing is sent.</li>" in body
