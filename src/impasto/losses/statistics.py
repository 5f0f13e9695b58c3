"""Statistics of features as sums that add: over pictures (mixing), regions (guides) and tiles.

A `State` holds weighted sums over positions and their total weight. Because states add,
`measure(A) + measure(B) == measure(A ∪ B)`, and a guide is nothing but a weight on the sums.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from impasto.losses.weighted_sums import (
    flatten_positions,
    guide_weights,
    second_moments,
    total_weight,
)

TINY = 1e-12
"""The power, variance or length below which a quantity counts as zero: no division by nothing, and far below what any
feature has."""


@dataclass(frozen=True)
class State:
    """Sums of a statistic over positions: `sums` (C, C) or other, and the `total` weight of the positions, ()."""

    sums: Tensor
    total: Tensor

    def __add__(self, other: "State") -> "State":
        return State(self.sums + other.sums, self.total + other.total)

    def mean(self) -> Tensor:
        """Return the sums per unit of weight; zero where nothing was measured."""
        return self.sums / torch.where(self.total > 0, self.total, 1)


Distance = Callable[[State], Tensor]
"""A scalar >= 0 with its graph, 0 when the state is that of the target."""


class Statistic(Protocol):
    """A summary of features in two halves, so that pieces can be summed before it is finished, and its distance."""

    name: str
    calibration: float
    """What its distance over its power is multiplied by to pull as hard on a picture as that of `gram`.

    Measured: where the content loss ends where gram's does, after 40 steps of L-BFGS from the content at 256 px with
    petite, default weights and `resolution_invariant`, on four pairs of photograph and painting (`histogram`: three).
    """

    def measure(self, features: Tensor, guide: Tensor | None = None) -> State:
        """Sum over the positions of `features` (1, C, h, w), weighted by `guide` (h, w) >= 0."""

    def measure_each(self, features: Tensor, guides: Sequence[Tensor | None]) -> list[State]:
        """Return the states of several regions of the same features, sharing what they can."""

    def finish(self, state: State) -> Tensor:
        """Turn sums into a target; linear blends of targets are targets."""

    def distance_to(self, target: Tensor) -> Distance:
        """Return the distance to `target`, with all that depends on the target alone computed once."""

    def distance(self, state: State, target: Tensor) -> Tensor:
        """Return the distance of `state` to `target`, a scalar >= 0 with its graph."""

    def power(self, target: Tensor) -> float:
        """Return the distance of features that are zero everywhere to `target`."""


class SumStatistic:
    """What statistics share whose state is a sum: subclasses have `measure_each` and `distance_to`."""

    def measure(self, features: Tensor, guide: Tensor | None = None) -> State:
        """Sum over the positions of `features` (1, C, h, w); the sums are float32 or wider."""
        return self.measure_each(features, [guide])[0]

    def measure_each(self, features: Tensor, guides: Sequence[Tensor | None]) -> list[State]:
        """Sum over the positions of `features` (1, C, h, w), for each of the guides."""
        raise NotImplementedError

    def distance_to(self, target: Tensor) -> Distance:
        """Return the distance to `target`."""
        raise NotImplementedError

    def distance(self, state: State, target: Tensor) -> Tensor:
        """Return the distance of `state` to `target`; `distance_to` is the way to ask for many."""
        return self.distance_to(target)(state)


class Gram(SumStatistic):
    """The uncentred second moment of features, per position: Ĝ = F Fᵀ / M (Gatys et al. 2016, eq. 3, over M).

    Dividing by the number of positions M makes pictures of different size comparable. The distance is Σ(Ĝ-Â)²; it
    is the same for features and for their isometric lift. A state is (C, C).
    """

    name = "gram"
    calibration = 1.0

    def measure_each(self, features: Tensor, guides: Sequence[Tensor | None]) -> list[State]:
        """Sum f fᵀ over the positions of `features` (1, C, h, w), for each of the guides.

        With a guide (h, w), each position counts as often as its weight says: for Gatys' guided Gram of a map T
        (2017, eq. 3), pass T².
        """
        flat = flatten_positions(features)
        weights = [guide_weights(features, guide) for guide in guides]
        moments = second_moments(flat, weights)
        return [State(f, total_weight(flat, w)) for f, w in zip(moments.unbind(), weights, strict=True)]

    def finish(self, state: State) -> Tensor:
        """Return Ĝ (C, C); zero where nothing was measured."""
        return state.mean()

    def distance_to(self, target: Tensor) -> Distance:
        """Return Σ(Ĝ-Â)² as a function of the state."""
        return lambda state: (state.mean() - target).square().sum()

    def power(self, target: Tensor) -> float:
        """Return ΣÂ²."""
        return float(target.double().square().sum())


def blend(targets: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Return the weighted mean of finished statistics of several styles; `weights` are divided by their sum."""
    total = sum(weights)
    return torch.stack([target * (weight / total) for target, weight in zip(targets, weights, strict=True)]).sum(0)
