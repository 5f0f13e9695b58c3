"""Medians with bootstrap intervals, for one method and for the difference of two on the same pairs.

Most of the variance of a stylisation's rating comes from the style (Kitov et al. 2024: the style explains 49 %, the
content 8 %), so the styles are what is resampled: an interval says how far a median would move with other styles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]
"""(contents, styles), NaN where there is no value."""

RESAMPLES = 1000
"""Times that the styles are drawn again; the ends of a 95 % interval then stand on 25 values each."""
LEVEL = 0.95
SEED = 0
"""The same report comes out of the same values."""


@dataclass(frozen=True)
class Estimate:
    """A median and its 95 % interval."""

    median: float
    low: float | None
    """None where there is one style and one content: there is nothing to resample."""
    high: float | None
    count: int
    """Pairs that have a value."""
    better: float | None = None
    """Of a difference: the fraction of pairs in which the first is better, ties counting half."""


def estimate(table: Table) -> Estimate | None:
    """Return the median over all pairs, with its interval by resampling styles; None where no pair has a value.

    Where only one style has values, contents are resampled instead.
    """
    values = table[np.isfinite(table)]
    if not values.size:
        return None
    low, high = _interval(table)
    return Estimate(float(np.median(values)), low, high, int(values.size))


def difference(one: Table, other: Table, *, higher: bool) -> Estimate | None:
    """Return the median of `one` - `other` over the pairs that both have, and how often `one` is better."""
    table = np.where(np.isfinite(one) & np.isfinite(other), one - other, np.nan)
    overall = estimate(table)
    if overall is None:
        return None
    values = table[np.isfinite(table)]
    better = (values > 0 if higher else values < 0).mean() + (values == 0).mean() / 2
    return Estimate(overall.median, overall.low, overall.high, overall.count, float(better))


def _interval(table: Table) -> tuple[float | None, float | None]:
    there = np.isfinite(table)
    table = table[there.any(1)][:, there.any(0)]
    if table.shape[1] == 1:
        table = table.T
    if table.shape[1] == 1:
        return None, None
    chance = np.random.default_rng(SEED)
    drawn = chance.integers(0, table.shape[1], (RESAMPLES, table.shape[1]))
    samples = table[:, drawn].transpose(1, 0, 2).reshape(RESAMPLES, -1)
    if np.isnan(samples).any():
        samples = np.sort(samples, axis=1)  # NaN go last
        counts = np.isfinite(samples).sum(1)
        rows = np.arange(RESAMPLES)
        lower, upper = np.maximum(counts - 1, 0) // 2, counts // 2
        medians = (samples[rows, lower] + samples[rows, np.minimum(upper, samples.shape[1] - 1)]) / 2
        medians = medians[counts > 0]
    else:
        medians = np.median(samples, axis=1)
    low, high = np.quantile(medians, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
