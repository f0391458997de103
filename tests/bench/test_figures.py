"""The arithmetic between instants and what a bench prints."""

import pytest

from bench import figures, tables


def test_a_rate_counts_the_gaps_and_not_the_messages() -> None:
    assert figures.rate([10.0, 10.5, 11.0]) == 2.0
    assert figures.rate([10.0]) == 0.0


def test_a_slow_start_and_a_slow_tail_are_not_in_the_steady_rate() -> None:
    times = [0.0, *(5 + n / 10 for n in range(18)), 20.0]
    assert figures.steady_rate(times) == pytest.approx(10, rel=0.1)
    assert figures.rate(times) < 1


def test_the_fullest_second_is_found_across_whole_seconds() -> None:
    assert figures.fullest_second([0.0, 0.9, 1.0, 1.1, 1.8]) == 4


def test_a_message_exactly_one_second_later_lies_in_the_next_window() -> None:
    assert figures.fullest_second([5.0, 6.0, 7.0]) == 1


def test_a_gap_may_be_wrong_in_both_directions() -> None:
    assert figures.gap_errors([0.0, 1.0, 3.0], 1.5) == [0.5, 0.5]


def test_a_slope_is_told_by_each_unit_whatever_lies_between() -> None:
    assert figures.slope([(0, 100), (1, 102), (4, 108)]) == pytest.approx(2)
    assert figures.slope([(3, 7)]) == 0


def test_rows_of_another_shape_begin_another_table() -> None:
    told = tables.tables([{"a": 1}, {"a": 2}, {"b": 3}])
    assert told == "| a |\n| - |\n| 1 |\n| 2 |\n\n| b |\n| - |\n| 3 |"


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (figures.percentile(values, 50), figures.percentile(values, 99)) == (50, 99)
    assert figures.percentile([7.0], 99) == 7
