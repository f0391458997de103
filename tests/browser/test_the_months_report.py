"""The month's report: each day sends from two numbers, and on the 1st the page, the export, the
database and what WhatsApp took agree to the last message, by the operator's calendar."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import requests
from playwright.sync_api import expect

from core import accounts, db, messages, verify
from core.drafts import When
from core.sending import reap
from tests import given
from tests.browser.conftest import Desk, Operator
from tests.browser.test_exporting import downloaded
from tests.browser.test_five_thousand_reminders import numbers
from tests.given import ANA
from tests.processes import Programs
from tests.waiting import until
from ui.words.states import FAILURES

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
Move = Callable[[timedelta], None]
JAKARTA = ZoneInfo("Asia/Jakarta")  # whose month begins while UTC has the last day of another
NUMBERS = ("Clinic", "Shop")
MAGIC = "+447700900"
SAME = ["recipient", "status", "delivery", "retry_count", "error_class", "error_code"]
SAME += ["meta_message_id"]


@dataclass(frozen=True)
class Fate:
    """What becomes of a message; `to`: the last digits of one to whom the sandbox does it."""

    standing: str
    error: str | None = None
    to: str = ""
    taken: bool = True
    max_retries: int = 3


READ = Fate("read")
RETRIED = Fate("read", to="106")
KNOWN_LATER = Fate("read", to="307")  # unconfirmed at first
DELIVERED = Fate("delivered")
SENT = Fate("sent", to="211")
GONE_LATER = Fate("failed", "recipient", to="201")  # taken, and failed on the way to the phone
REFUSED = Fate("failed", "recipient", to="141", taken=False)
WRONG = Fate("failed", "permanent", to="151", taken=False)
BUSY = Fate("failed", "transient", to="102", taken=False, max_retries=0)
DOUBTFUL = Fate("unconfirmed", "unknown", to="301", taken=False)
CANCELLED = Fate("cancelled", taken=False)
# On the days of the month; what is not named here is read.
FATES = {
    4: (RETRIED, REFUSED, CANCELLED),
    9: (SENT, WRONG, BUSY),
    13: (GONE_LATER, CANCELLED, CANCELLED),
    20: (DOUBTFUL, RETRIED, REFUSED),
}
UNHEARD, UNREAD = 16, 24  # days on which no webhook arrives, and on which nobody looks


@dataclass(frozen=True)
class Planned:
    id: int
    account: str
    due: datetime
    fate: Fate

    @property
    def last_due(self) -> datetime:
        """It counts in the month in which it was tried last."""
        return self.due + timedelta(minutes=6 * (self.fate is RETRIED))


class Month:
    """By the operator's calendar: from its first midnight to the next month's."""

    def __init__(self, now: datetime) -> None:
        begins = _next((now.astimezone(JAKARTA) + timedelta(days=2)).date())
        self.days = [begins + timedelta(days=n) for n in range((_next(begins) - begins).days)]
        self.first, self.until = _at(begins, 0), _at(_next(begins), 0)


def _next(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), JAKARTA)


def planned(month: Month) -> Iterator[Planned]:
    """Scheduled ahead: some each morning, and some beside either end of the month."""
    ids, people = {name: given.account(name, rate=None) for name in NUMBERS}, count()
    edge = [month.first, month.until]
    beside = [end + timedelta(minutes=some) for end in edge for some in (-2, 2)]
    for number, name in enumerate(NUMBERS):
        wanted = [(at, READ) for at in beside]
        for day in month.days:
            fates = FATES.get(day.day, ())[number:] or (READ,)
            fates = {UNHEARD: (KNOWN_LATER,), UNREAD: (DELIVERED,)}.get(day.day, fates)
            usual = DELIVERED if day.day == UNREAD else READ
            wanted += [(_at(day, 9), fate) for fate in (usual, *fates)]
        # Refused on the last evening, and taken when the next month has begun.
        wanted.append((month.until - timedelta(minutes=1), RETRIED))
        for at, fate in wanted:
            to = MAGIC + fate.to if fate.to else given.recipient(next(people))
            when = When("instant", wall=at)
            made = given.message(ids[name], to=to, when=when, max_retries=fate.max_retries)
            if fate is CANCELLED:
                messages.cancel(made, by=ANA)
            yield Planned(made, name, at, fate)


def _settings(programs: Programs, **webhooks: Any) -> None:
    requests.post(
        f"{programs.api}/_sandbox/settings", json={"webhooks": webhooks}, timeout=5
    ).raise_for_status()


def _delays(read: float = 0.1) -> dict[str, float]:
    return {"sent": 0, "delivered": 0.05, "read": read, "failed": 0.05}


def live_through(month: Month, programs: Programs, move_clock: Move) -> None:
    """Every minute at which something is due comes, and then some for what is tried again."""
    hook = f"{programs.site}/webhooks/whatsapp"
    edges = [
        end + timedelta(minutes=some) for end in (month.first, month.until) for some in (-1, 5)
    ]
    for at in sorted([*(_at(day, 9) for day in month.days), *edges]):
        day = at.astimezone(JAKARTA).day if month.first <= at < month.until else 0
        unheard = day == UNHEARD and at.hour == 9
        away = {"url": "http://127.0.0.1:1/nobody"} if unheard else {}
        _settings(programs, **away, delays=_delays(1e5 if day == UNREAD else 0.1), retry_after=0.1)
        _pass(at, move_clock)
        if unheard:
            _give_up(at, move_clock)
            _settings(programs, url=hook)
            until(lambda: _unconfirmed() == 0, within=60)
    for hours in (1, 2):
        _pass(month.until + timedelta(hours=hours), move_clock)


def _go_to(at: datetime, move_clock: Move) -> None:
    move_clock(at - datetime.now(UTC))


def _pass(at: datetime, move_clock: Move) -> None:
    """All that is due by then is tried."""
    _go_to(at + timedelta(seconds=3), move_clock)
    until(lambda: _still(at) == 0, within=30)


def _still(at: datetime) -> int:
    """How many are due by then that neither left nor ended, nor wait for WhatsApp's word."""
    return _count("(status = 'pending' AND due_at <= :at) OR worker_id IS NOT NULL", at=at)


def _unconfirmed() -> int:
    return _count("status = 'failed' AND error_class = 'unknown'")


def _count(which: str, **instants: datetime) -> int:
    with db.reading() as session:
        counted = db.sql(f"SELECT count(*) FROM message WHERE {which}", *instants)
        return int(session.execute(counted, instants).scalar_one())


def _give_up(at: datetime, move_clock: Move) -> None:
    """No proof came within its window; only a person would send these again."""
    until(lambda: _count("unconfirmed_since IS NOT NULL") >= len(NUMBERS), within=20)
    _go_to(at + timedelta(minutes=12), move_clock)
    until(reap.close_windows, within=20)
    assert _unconfirmed() >= len(NUMBERS)


def _settle(plan: Sequence[Planned]) -> None:
    """The last webhooks come, and what has had none in time is unconfirmed."""
    reap.close_windows()
    read = sum(one.fate.standing == "read" for one in plan)
    until(lambda: _count("delivery = 'read'") >= read, within=20)
    assert _count("status IN ('pending', 'processing')") == 0


def choose_days(who: Operator, first: date, last: date) -> None:
    """As somebody types them who wants one month."""
    who.press("More filters")
    for which, day in (("start", first), ("end", last)):
        label = f"day, Due between {which} date"
        who.page.get_by_role("spinbutton", name=label).click()
        who.page.keyboard.type(f"{day:%d%m%Y}", delay=30)
    who.page.get_by_label("Scheduled by").focus()
    expect(who.page.get_by_text("Date range", exact=True)).to_have_count(0)  # the calendar's
    who.page.get_by_role("button", name="Show these").click()
    who.sees(re.compile(f"^Due {first.day} {first:%b %Y} – {last.day} {last:%b %Y}"))
    who.settled()


def said(who: Operator) -> tuple[dict[str, int], dict[str, int]]:
    """What the page counts: the tiles above the list, and why some failed."""
    expect(who.page.locator(".tiles .tile")).to_have_count(6)
    tiles = numbers(who, ".tiles .tile", "small", "strong")
    chips = who.page.locator(".chosen .chip.red").all_inner_texts()
    return tiles, {why: int(n) for why, n in (one.split(" · ") for one in chips)}


def expected(plan: Sequence[Planned]) -> tuple[dict[str, int], dict[str, int]]:
    stands = Counter(one.fate.standing for one in plan)
    arrived = stands["delivered"] + stands["read"]
    tiles = {
        "Sent": stands["sent"] + arrived,
        "Delivered": arrived,
        "Read": stands["read"],
        "Failed": stands["failed"],
        "Unconfirmed": stands["unconfirmed"],
        "Cancelled": stands["cancelled"],
    }
    why = Counter(FAILURES[one.fate.error or ""] for one in plan if one.fate.standing == "failed")
    return tiles, dict(why)


def exported(who: Operator) -> pd.DataFrame:
    who.press("Export")
    who.sees("One row for each")
    path = Path(downloaded(who, "Download CSV").path())
    return pd.read_csv(path, dtype=str, keep_default_na=False).set_index("id")


def stored(month: Month) -> pd.DataFrame:
    """The month as the database has it, past all that pages and exports are made of."""
    columns = ", ".join(f"m.{name}" for name in SAME)
    with db.reading() as session:
        asked = db.sql(
            f"SELECT m.id, a.name AS account, {columns} FROM message m JOIN account a"
            " ON a.id = m.account_id WHERE m.due_at >= :first AND m.due_at < :until ORDER BY m.id",
            "first",
            "until",
        )
        found = session.execute(asked, {"first": month.first, "until": month.until})
        frame = pd.DataFrame(found.all(), columns=list(found.keys()), dtype=object)
    told = frame.map(lambda one: "" if one is None or pd.isna(one) else str(one))
    return told.set_index("id")


def taken(programs: Programs, month: Month) -> dict[str, list[str]]:
    """Phone-number id → what WhatsApp took of it in that month, by its own clock."""
    found = defaultdict(list)
    for one in programs.arrived():
        if month.first <= datetime.fromisoformat(one["received_at"]) < month.until:
            found[one["phone_number_id"]].append(one["id"])
    return {number: sorted(ids) for number, ids in found.items()}


def test_on_the_first_page_export_database_and_whatsapp_agree_on_the_month(
    desk: Desk, move_clock: Move
) -> None:
    with db.reading() as session:
        month = Month(db.now(session))
    everything = list(planned(month))
    live_through(month, desk.programs, move_clock)
    _settle(everything)
    mine = [one for one in everything if month.first <= one.last_due < month.until]
    assert len(everything) == len(mine) + 3 * len(NUMBERS)  # of other months

    ana = desk.newcomer()
    ana.open("/messages")
    ana.page.get_by_role("link", name="History", exact=True).click()
    ana.settled()
    choose_days(ana, month.days[0], month.days[-1])
    assert said(ana) == expected(mine)
    frame, kept = exported(ana), stored(month)
    assert frame[kept.columns].to_dict("index") == kept.to_dict("index")
    assert sorted(map(int, frame.index)) == sorted(one.id for one in mine)
    local = pd.to_datetime(frame["due_at_local"].str[:10])
    assert (local.min().date(), local.max().date()) == (month.days[0], month.days[-1])

    by_wamid = frame[frame["meta_message_id"] != ""]
    numbers_of = {one.name: one.phone_number_id for one in accounts.everything()}
    assert taken(desk.programs, month) == {
        numbers_of[name]: sorted(group["meta_message_id"])
        for name, group in by_wamid.groupby("account")
    }
    assert len(by_wamid) == sum(one.fate.taken for one in mine)
    whole = ana.page.url.removeprefix(ana.site)
    for name in NUMBERS:
        ana.open(f"{whole}&account={name}")
        of_it = [one for one in mine if one.account == name]
        assert said(ana) == expected(of_it)
        assert len(of_it) == (frame["account"] == name).sum()
    assert [one.kind for one in verify.violations() if "slot" not in one.kind] == []
    assert ana.outside == []
