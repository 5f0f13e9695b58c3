"""Scores from choices between two: the model of Bradley and Terry (1952), with a ridge and intervals.

P(a is preferred to b) = σ(u_a − u_b). The scores maximise the likelihood of the choices less ridge/2 · Σ u², which
keeps them finite where one side won every time. A tie counts as half a win for each.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from impasto.errors import UsageError

if TYPE_CHECKING:
    from impasto.comparison.votes import Vote

Table = NDArray[np.float64]

RIDGE = 0.1
"""Weight of the ridge: a side that won all of ten choices is 3.9 logits above the other (a probability of 0.98)
instead of infinitely far; after forty choices of which it won thirty, the ridge changes the scores by less than 1 %."""
NORMAL_95 = 1.959964
"""Standard deviations of a normal distribution within which 95 % of it lie, to each side."""
STEPS = 100
"""Newton steps at most; ten are enough for any table of choices that was tried."""


@dataclass(frozen=True)
class Score:
    """What the choices say of one side."""

    name: str
    score: float
    """u in logits; the scores of all sides sum to 0."""
    low: float
    high: float
    """The 95 % interval of the score, by the curvature of the likelihood at its maximum."""
    wins: int
    losses: int
    ties: int

    @property
    def probability(self) -> float:
        """Probability of being preferred to a side whose score is 0, the mean of all."""
        return float(1 / (1 + np.exp(-self.score)))


def bradley_terry(wins: ArrayLike, ridge: float = RIDGE) -> tuple[Table, Table]:
    """Compute the scores of K sides, and their covariance.

    wins: (K, K), how often the side of the row was preferred to that of the column, ties as halves; the diagonal
    counts nothing. Returns scores (K,), which sum to 0, and the covariance (K, K) of the centred scores: the inverse
    of the Hessian of the penalised likelihood without the direction in which all scores move alike, of which choices
    tell nothing. Raises `UsageError` for a table that is not square, negative or not finite, and for a ridge that is
    not positive.
    """
    table = np.array(wins, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not table.size:
        raise UsageError(f"choices between sides are a square table, not {table.shape}")
    if not np.isfinite(table).all() or (table < 0).any():
        raise UsageError("numbers of choices are finite and not negative")
    if not ridge > 0:
        raise UsageError(f"ridge={ridge}: needs to be positive, or the side that always table has no score")
    np.fill_diagonal(table, 0)
    sides = len(table)
    scores = np.zeros(sides)
    for _ in range(STEPS):
        gradient, hessian = _derivatives(table, scores, ridge)
        step = np.linalg.solve(hessian, gradient)
        height = _likelihood(table, scores, ridge)
        # The function is concave, but a whole Newton step can go too far from a start where σ is flat.
        while _likelihood(table, scores + step, ridge) < height and np.abs(step).max() > 1e-12:
            step = step / 2
        scores = scores + step
        if np.abs(step).max() < 1e-10:
            break
    scores = scores - scores.mean()
    _, hessian = _derivatives(table, scores, ridge)
    center = np.eye(sides) - 1 / sides
    return scores, center @ np.linalg.inv(hessian) @ center


def count_wins(names: Sequence[str], votes: Iterable["Vote"]) -> Table:
    """Count the votes as a table for `bradley_terry`, rows and columns in the order of `names`.

    Votes on other names are left out.
    """
    at = {name: index for index, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    for vote in votes:
        if vote.left not in at or vote.right not in at:
            continue
        left, right = at[vote.left], at[vote.right]
        share = {"left": 1.0, "right": 0.0, "tie": 0.5}[vote.choice]
        wins[left, right] += share
        wins[right, left] += 1 - share
    return wins


def score_sides(names: Sequence[str], votes: Sequence["Vote"], ridge: float = RIDGE) -> list[Score]:
    """Return what the votes say of each side, the most preferred first."""
    scores, covariance = bradley_terry(count_wins(names, votes), ridge)
    return ranked(names, votes, scores, np.diag(covariance))


def ranked(names: Sequence[str], votes: Sequence["Vote"], scores: Table, variances: Table) -> list[Score]:
    """Return the sides with their `scores` and how often each was chosen, the most preferred first."""
    ranking = []
    for index, name in enumerate(names):
        own = [vote for vote in votes if name in (vote.left, vote.right)]
        won = sum(vote.winner == name for vote in own)
        ties = sum(vote.choice == "tie" for vote in own)
        # Rounding can leave a variance a little below 0 where there is one side alone.
        margin = NORMAL_95 * float(np.sqrt(max(0.0, variances[index])))
        score = float(scores[index])
        ranking.append(Score(name, score, score - margin, score + margin, won, len(own) - won - ties, ties))
    return sorted(ranking, key=lambda score: -score.score)


def _likelihood(wins: Table, scores: Table, ridge: float) -> float:
    difference = scores[:, None] - scores[None, :]
    return float(-(wins * np.logaddexp(0, -difference)).sum() - ridge / 2 * (scores**2).sum())


def _derivatives(wins: Table, scores: Table, ridge: float) -> tuple[Table, Table]:
    """Return the gradient (K,) of the penalised likelihood, and minus its Hessian (K, K)."""
    preferred = 1 / (1 + np.exp(-np.clip(scores[:, None] - scores[None, :], -500, 500)))
    lost = wins * (1 - preferred)
    gradient = lost.sum(1) - lost.sum(0) - ridge * scores
    weights = (wins + wins.T) * preferred * (1 - preferred)
    hessian = np.diag(weights.sum(1)) - weights + ridge * np.eye(len(scores))
    return gradient, hessian
