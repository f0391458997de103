"""What every page shows of the engine's state, asked once for all who look."""

from datetime import datetime

import streamlit as st

from core import coming, meta_clock, plenty, reports, trends, volumes
from core import tiers as tiers_of
from core.batch_reports import Failed
from core.coming import Coming
from core.meta_clock import Ahead
from core.reports import Earlier, Pulse
from core.tiers import Used
from core.trends import RANGES, Sample
from core.volumes import Volume
from ui import moments
from ui.guard import zone


# Drawn anew beside those who look, who are handed what there is: nobody waits for it but who is the
# first to look for as long again as it holds. As resources, which are handed out as they are: of
# data each viewer gets a copy, every 2 s.
@st.cache_resource(ttl=60, refresh_mode="background", show_spinner=False)
def _earlier(midnight: datetime) -> Earlier:
    return reports.earlier(midnight=midnight)


@st.cache_resource(ttl=2, refresh_mode="background", show_spinner=False)
def _pulse(midnight: datetime) -> Pulse:
    return reports.pulse(midnight=midnight, before=_earlier(midnight))


def pulse() -> Pulse:
    """The state of everything, two seconds old, and at most four."""
    return _pulse(moments.midnight(reports.now(), zone()))


# What is drawn of a range (its name): samples come once a minute, what is ahead is dear to count.
@st.cache_resource(ttl=10, refresh_mode="background", show_spinner=False)
def trend(over: str) -> list[Sample]:
    return trends.trend(RANGES[over])


@st.cache_resource(ttl=10, refresh_mode="background", show_spinner=False)
def last_minute() -> dict[int, Sample]:
    """The latest sample of each account, by its id."""
    return {one.account_id: one for one in trend("1 h")}


@st.cache_resource(ttl=10, refresh_mode="background", show_spinner=False)
def failures(over: str) -> list[Failed]:
    return trends.failures(RANGES[over])


@st.cache_resource(ttl=60, refresh_mode="background", show_spinner=False)
def ahead(over: str) -> Coming:
    return coming.coming(RANGES[over].ahead)


@st.cache_resource(ttl=60, refresh_mode="background", show_spinner=False)
def next_day() -> Coming:
    return coming.coming(coming.DAY)


@st.cache_resource(ttl=30, refresh_mode="background", show_spinner=False)
def expected() -> list[Volume]:
    return volumes.expected()


@st.cache_resource(ttl=60, refresh_mode="background", show_spinner=False)
def tiers() -> dict[int, Used]:
    return tiers_of.used()


@st.cache_resource(ttl=30, show_spinner=False)
def clock_ahead() -> tuple[Ahead | None]:
    return (meta_clock.ahead(),)


def forget() -> None:
    """Ask anew at once: the person has just changed something and looks for it."""
    _pulse.clear()
    plenty.forget()
