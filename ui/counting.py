"""The counts of batches and templates, read once for all who look: a large one costs a second."""

from datetime import datetime

import streamlit as st
from sqlmodel import Session

from core import batch_reports, catalogue, reports
from core.batch_reports import Foreseen, Progress, Whole
from core.catalogue import Waiting
from core.models import Batch

LIVE, ENDED = 6, 120  # seconds until the list's counts of a batch are read again
KEPT = 60
LEAST, MOST = 2, 15  # seconds until the page of a batch counts it again, by its size


def counted(_: Session, batch: Batch) -> Progress:
    """The progress of one line of the list, some seconds old; of what has ended little moves."""
    of_one = _live if batch.finished_at is None else _ended
    return of_one(batch, batch.id, batch.created_at, batch.state)


# Beside those who look, who are handed what there is meanwhile.
@st.cache_resource(ttl=LIVE, refresh_mode="background", max_entries=1_000, show_spinner=False)
def _live(_batch: Batch, batch_id: int, created_at: datetime, state: str) -> Progress:
    return batch_reports.counted(_batch)


@st.cache_resource(ttl=ENDED, refresh_mode="background", max_entries=1_000, show_spinner=False)
def _ended(_batch: Batch, batch_id: int, created_at: datetime, state: str) -> Progress:
    return batch_reports.counted(_batch)


def whole(batch_id: int) -> Whole | None:
    """One batch as it stands now, its end as it was foreseen some seconds ago, if nothing of it has
    left since; None when there is none."""
    return batch_reports.one(batch_id, foresee=_foreseen)


def _foreseen(session: Session, batch: Batch, counted: Progress, now: datetime) -> Foreseen:
    same = (batch.id, batch.created_at, batch.state, batch.released_at, counted.held, counted.open)
    return _kept(session, batch, counted, now, same)


@st.cache_resource(ttl=LIVE, max_entries=1_000, show_spinner=False)
def _kept(
    _session: Session, _batch: Batch, _counted: Progress, _now: datetime, same: tuple[object, ...]
) -> Foreseen:
    return batch_reports.foreseen(_session, _batch, _counted, _now)


@st.cache_resource(ttl=LIVE, show_spinner=False)
def waiting() -> Waiting:
    """What waits for each template, some seconds old."""
    return catalogue.waiting()


def seen(drawn: Whole) -> Whole | None:
    """A batch as it stands now; its state at once, its counts the less often, the larger it is.

    Never older than what was drawn; None: it is not there any more.
    """
    batch = drawn.batch
    every = min(LEAST + drawn.progress.total // 10_000, MOST)
    state, now = batch_reports.state(batch.id), reports.now()
    if state == batch.state and (now - drawn.at).total_seconds() < every:
        return drawn  # also in the run that has just counted it
    found = _whole(batch.id, batch.created_at, state, int(now.timestamp() / every))
    return drawn if found and found.at < drawn.at else found


@st.cache_data(ttl=KEPT, max_entries=100, show_spinner=False)
def _whole(batch_id: int, created_at: datetime, state: str | None, turn: int) -> Whole | None:
    return whole(batch_id)
