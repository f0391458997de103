"""The agenda: how much a tick claims, and when each account is worth the next look."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import pacing
from core.sending.agenda import LEAST_CLAIMS, SPARE, Agenda
from core.sending.lanes import Lane

NOW = datetime(2026, 7, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def lane(**more: Any) -> Lane:
    return Lane(1, 20.0, "", "", pacing.Slots(NOW, HOUR, 5), room=5, **more)


def test_what_was_late_halves_the_claims_of_a_tick_and_what_was_punctual_gives_them_back() -> None:
    agenda, rooms = Agenda(160), []
    for late in (False, False, True, True, True, False):
        agenda.posted(late=late)
        rooms.append(agenda.room())
    assert rooms == [150, 160, 80, LEAST_CLAIMS, LEAST_CLAIMS, 100]


@pytest.mark.parametrize("lanes, after", [({1: lane(places=0)}, 50), ({}, 250)])
def test_an_account_without_a_place_is_looked_at_again_soon_and_one_in_other_hands_later(
    lanes: dict[int, Lane], after: int
) -> None:
    agenda = Agenda(100)
    agenda.ready = {1: NOW}
    agenda.plan([1], lanes, NOW)
    assert agenda.ready == {1: NOW + timedelta(milliseconds=after)}


def test_an_account_whose_next_slots_are_given_out_is_left_until_the_first_free_one() -> None:
    agenda, filled = Agenda(100), lane(places=0, filled=True)
    agenda.ready = {1: NOW}
    agenda.plan([1], {1: filled}, NOW)
    assert filled.slots and agenda.ready == {1: filled.slots.first - SPARE}


def test_a_due_time_that_is_still_to_come_is_not_forgotten_for_want_of_anything_due() -> None:
    agenda = Agenda(100)
    agenda.ready = {1: NOW + HOUR, 2: NOW}
    agenda.plan([1, 2], {1: lane(places=5), 2: lane(places=5)}, NOW)
    assert agenda.ready == {1: NOW + HOUR}
