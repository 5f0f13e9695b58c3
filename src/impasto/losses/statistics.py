"""Statistics of features as sums that add: over pictures (mixing), regions (guides) and tiles.

A `State` holds weighted sums over positions and their total weight. Because states add,
`measure(A) + measure(B) == measure(A ∪ B)`, and a guide is nothing but a weight on the sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class State:
    """Sums of a statistic over positions: `sums` (C, C) or other, and the `total` weight of the positions, ()."""

    sums: Tensor
    total: Tensor

    def __add__(self, other: "State") -> "State":
        return State(self.sums + other.sums, self.total + other.total)


class Statistic(Protocol):
    """A summary of features in two halves, so that pieces can be summed before it is finished."""

    def measure(self, features: Tensor, guide: Tensor | None = None) -> State:
        """Sum over the positions of `features` (1, C, h, w), weighted by `guide` (h, w) >= 0."""

    def finish(self, state: State) -> Tensor:
        """Turn sums into the statistic."""


class Gram:
    """The uncentred second moment of features, per position: Ĝ = F Fᵀ / M (Gatys et al. 2016, eq. 3, over M).

    Dividing by the number of positions M makes pictures of different size comparable.
    """

    def measure(self, features: Tensor, guide: Tensor | None = None) -> State:
        """Sum f fᵀ over the positions of `features` (1, C, h, w); the sums are float32 or wider.

        With a `guide` (h, w), each position counts as often as its weight says: for Gatys' guided Gram of a map T
        (2017, eq. 3), pass T².
        """
        flat = features.flatten(2)[0]
        if flat.dtype in (torch.bfloat16, torch.float16):
            flat = flat.float()  # a half-precision Gram matrix overflows
        if guide is None:
            return State(flat @ flat.T, flat.new_tensor(flat.shape[1]))
        weight = guide.flatten().to(flat.dtype)
        return State((flat * weight) @ flat.T, weight.sum())

    def finish(self, state: State) -> Tensor:
        """Give Ĝ (C, C); zero where nothing was measured."""
        return state.sums / state.total.clamp_min(torch.finfo(state.sums.dtype).tiny)


def blend(targets: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Give the weighted mean of finished statistics of several styles; `weights` are divided by their sum."""
    total = sum(weights)
    return torch.stack([target * (weight / total) for target, weight in zip(targets, weights, strict=True)]).sum(0)
