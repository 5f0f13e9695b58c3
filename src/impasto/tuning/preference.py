"""Which two candidates to ask about next, and when enough was asked: by the model of Bradley and Terry.

What the choices say of the candidates' scores is taken for normal, around their most likely values, with the inverse of
the curvature there as covariance (`comparison.bradley_terry`). From it follows how likely each candidate is the best.
Where it is known how candidates were made, and BoTorch is installed, a Gaussian process over that takes the place of
Bradley and Terry's model (`gaussian`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impasto.comparison import bradley_terry
from impasto.tuning import gaussian

MOST = 15
"""Questions at most: as many as somebody answers with care."""
CANDIDATES = 6
"""Candidates that are asked about: with more of them, so few questions would not find the best."""
RELATED = 10
"""Candidates that are asked about where an answer about one tells of those that are like it."""
SURE = 0.8
"""Probability of being the best from which on no more is asked."""
RIDGE = 0.25
"""Weight of the ridge: before any choice, differences of up to 4 logits are nothing unusual."""
SAMPLES = 2000
"""Draws of all scores by which probabilities are counted: they are then right to 1 %."""
AGAIN = 2
"""Times that the same pair is asked about at most: once with each of the two on the left."""


Features = Sequence[Sequence[float]] | None
"""Numbers that say how each candidate was made; None where that is not known."""


@dataclass(frozen=True)
class Belief:
    """What choices say of K candidates."""

    scores: NDArray[np.float64]
    """(K,), in logits; they sum to 0."""
    best: NDArray[np.float64]
    """(K,): the probability of each to be the best."""
    variances: NDArray[np.float64]
    """(K,): of the scores."""
    spread: NDArray[np.float64]
    """(K, K): the variance of the difference of two scores."""

    @property
    def sure(self) -> bool:
        """Whether one is the best as likely as `SURE`."""
        return bool(self.best.max() >= SURE)


def believe(wins: NDArray[np.float64], features: Features = None) -> Belief:
    """Return what a table of choices says: `wins` (K, K) as for `bradley_terry`. The same for the same table.

    `features` (K, D): how the candidates were made, which only a Gaussian process makes use of.
    """
    if features is not None and gaussian.available() and (wins >= 1).any():
        scores, covariance = gaussian.posterior(wins, features)
    else:
        scores, covariance = bradley_terry(wins, RIDGE)
    variance = np.diag(covariance)
    spread = np.maximum(0.0, variance[:, None] + variance[None, :] - 2 * covariance)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(0.0, values))
    draws = scores + np.random.default_rng(0).standard_normal((SAMPLES, len(scores))) @ root.T
    best = np.bincount(draws.argmax(1), minlength=len(scores)) / SAMPLES
    return Belief(scores, best, variance, spread)


def next_pair(wins: NDArray[np.float64], features: Features = None) -> tuple[int, int] | None:
    """Return the two candidates (the lower first) whose comparison tells most of which is best; None: enough is known.

    A choice tells much where it is open, σ'(u_a - u_b), where the difference is little known, and where either may be
    the best. Of equals the first.
    """
    count = len(wins)
    belief = believe(wins, features)
    asked = wins + wins.T
    if count < 2 or asked.sum() / 2 >= MOST or belief.sure:
        return None
    difference = belief.scores[:, None] - belief.scores[None, :]
    openness = 1 / (4 * np.cosh(difference / 2) ** 2)
    worth = openness * belief.spread * (belief.best[:, None] + belief.best[None, :])
    pairs = [(one, other) for one in range(count) for other in range(one + 1, count) if asked[one, other] < AGAIN]
    if not pairs:
        return None
    return max(pairs, key=lambda pair: (round(float(worth[pair]), 12), -pair[0], -pair[1]))
