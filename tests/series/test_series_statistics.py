"""Medians and their intervals: values by hand, and laws of the bootstrap."""

import numpy as np
import pytest

from impasto.series import statistics
from impasto.series.statistics import Estimate, Table
from tests.type_helpers import present

NAN = float("nan")


def estimate(table: Table) -> Estimate:
    return present(statistics.estimate(table))


def difference(one: Table, other: Table, *, higher: bool) -> Estimate:
    return present(statistics.difference(one, other, higher=higher))


def interval(found: Estimate) -> tuple[float, float]:
    return present(found.low), present(found.high)


def test_the_median_is_over_all_pairs_and_the_interval_over_styles():
    # Two styles, each the same for every content: a resample is all 0, all 1, or half of each (a median of 0.5).
    found = estimate(np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]))
    assert (found.median, found.low, found.high, found.count) == (0.5, 0.0, 1.0, 6)


def test_contents_that_differ_do_not_widen_the_interval_when_styles_are_alike():
    contents = np.array([1.0, 2.0, 9.0])
    found = estimate(np.repeat(contents[:, None], 5, 1))
    assert (found.median, found.low, found.high) == (2.0, 2.0, 2.0)


def test_one_style_resamples_contents_and_one_pair_has_no_interval():
    found = estimate(np.array([[0.0], [1.0]]))
    assert (found.low, found.high) == (0.0, 1.0)
    one = estimate(np.array([[3.0]]))
    assert (one.median, one.low, one.high, one.count) == (3.0, None, None, 1)
    assert statistics.estimate(np.array([[NAN, NAN]])) is None


def test_missing_values_are_left_out():
    table = np.array([[1.0, NAN, 3.0], [NAN, NAN, 5.0]])
    found = estimate(table)
    assert (found.median, found.count) == (3.0, 3)
    low, high = interval(found)
    assert 1.0 <= low <= 3.0 <= high <= 4.0
    # What has no value anywhere is as if it were not there.
    assert estimate(table[:, [0, 2]]) == found


def test_with_holes_the_medians_of_resamples_are_still_medians():
    table = np.random.default_rng(0).normal(size=(6, 7))
    table[0, 0] = NAN
    found = estimate(table)
    drawn = np.random.default_rng(0).integers(0, 7, (1000, 7))
    oracle = np.quantile([np.nanmedian(table[:, each]) for each in drawn], [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx(tuple(oracle))


def test_the_same_values_give_the_same_interval_and_a_shift_moves_it():
    table = np.random.default_rng(1).normal(size=(5, 8))
    found, again, moved = estimate(table), estimate(table), estimate(table + 10)
    assert found == again
    assert interval(moved) == pytest.approx(tuple(end + 10 for end in interval(found)))


def test_more_styles_narrow_the_interval():
    chance = np.random.default_rng(2)
    few, many = (np.ptp(interval(estimate(chance.normal(size=(4, styles))))) for styles in (6, 96))
    assert many < few / 2


def test_a_difference_is_of_pairs_and_not_of_medians():
    # Every pair is better by 1, although values vary by hundreds.
    one = np.random.default_rng(3).normal(scale=300, size=(6, 6))
    found = difference(one + 1, one, higher=True)
    assert (found.median, *interval(found)) == pytest.approx((1, 1, 1))
    assert found.better == 1
    assert difference(one + 1, one, higher=False).better == 0


def test_differences_turn_round_and_ties_are_half_better():
    one, other = np.array([[1.0, 2.0, 3.0, NAN]]), np.array([[1.0, 1.0, 5.0, 7.0]])
    there, back = difference(one, other, higher=True), difference(other, one, higher=True)
    assert (there.median, there.count) == (0.0, 3)
    assert there.better == pytest.approx((1 + 0.5) / 3)
    assert back.better == pytest.approx(1 - present(there.better))
    assert interval(back) == pytest.approx(tuple(-end for end in reversed(interval(there))))
    assert statistics.difference(one, np.full_like(one, NAN), higher=True) is None
