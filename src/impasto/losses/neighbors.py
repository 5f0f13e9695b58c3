"""Neural neighbours: neurons of several layers, each drawn towards its nearest in a painting (Kolkin et al. 2022).

A hypercolumn is what all layers say of one place, side by side. Layers are taken to one grid: those that are finer are
averaged, so that every pixel counts, and those that are coarser interpolated. Only angles are compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from impasto.losses.kept_matches import KeptMatches, MatchedTerm
from impasto.losses.patches import PatchBank
from impasto.losses.statistics import TINY


def hypercolumns(
    features: Mapping[str, Tensor],
    factors: Mapping[str, float],
    size: tuple[int, int],
    center: Tensor | None = None,
) -> Tensor:
    """Return the hypercolumns (1, ΣC, h, w) on a grid of `size` (h, w), of `features` (1, C, y, x) times their factors.

    The factor of a layer is one over its nominal width in the paper: the isometric image of a layer that an encoder may
    return in its place then counts as much as the layer (`Encoder.lift`). `center` (ΣC,) is taken off them.
    """
    parts, first = [], 0
    for layer, factor in factors.items():
        maps = features[layer]
        step = max(1, maps.shape[2] // size[0])
        if step > 1:
            maps = F.avg_pool2d(maps, step)
        if center is not None:
            # Before coarse maps are made larger, where there is least of them.
            last = first + maps.shape[1]
            maps, first = maps - center[first:last, None, None] / factor, last
        if (maps.shape[2], maps.shape[3]) != size:
            maps = F.interpolate(maps, size, mode="bilinear")
        # The factor comes last: its gradient is one map of its own, where those of parts of what is put together lie
        # apart and would be copied.
        parts.append(maps * factor)
    return torch.cat(parts, 1)


class _Cosines(Function):
    """The cosines (1, h, w) of `columns` (1, C, h, w) with `directions` of length 1: what autograd keeps and reads for
    them is several times as much."""

    @staticmethod
    def forward(ctx: Any, columns: Tensor, directions: Tensor) -> Tensor:
        lengths = torch.linalg.vector_norm(columns, dim=1).clamp_min(TINY)
        cosines: Tensor = (columns * directions).sum(1) / lengths
        ctx.save_for_backward(columns, directions, lengths, cosines)
        return cosines

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        columns, directions, lengths, cosines = ctx.saved_tensors
        across = gradients[0] / lengths
        # Where a column is shorter than the least length, it is divided by that, which does not change with it.
        along = torch.where(lengths > TINY, across * cosines / lengths, 0)
        # Laid out as the columns are: otherwise the maps of all layers behind them are turned over.
        slopes = torch.mul(directions, across[:, None], out=torch.empty_like(columns))
        return slopes.addcmul_(columns, along[:, None], value=-1), None


def mean_cosine_distance(columns: Tensor, directions: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean over places of 1 - cos, each with its weight (h, w).

    Of `columns` and `directions` (1, C, h, w), which have length 1 and no gradient.
    """
    cosines: Tensor = _Cosines.apply(columns, directions)  # type: ignore[no-untyped-call]  # torch's own
    distances = 1 - cosines
    return distances.mean() if weights is None else (distances * weights).mean()


@dataclass(frozen=True)
class FixedMatches:
    """Weighted mean of 1 - cos of the angle between a picture's hypercolumns and fixed ones (Kolkin et al. 2022).

    `factors` are those of `hypercolumns`; `target` (1, ΣC, h, w) are the painting's hypercolumns in the places of the
    picture's, without their mean `center` (ΣC,), which is taken off the picture's too. The paper measures angles from
    zero, from where all hypercolumns lie in much the same direction, and the loss hardly minds how pale or glaring a
    picture is. Of the target only the directions are kept. `weights` (h, w) >= 0 are those of places.
    """

    factors: Mapping[str, float]
    target: Tensor
    center: Tensor
    factor: float
    weights: Tensor | None = None
    name: str = "style hypercolumns"

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", F.normalize(self.target, dim=1, eps=TINY))

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the layers whose features it needs."""
        return tuple(self.factors)

    def __call__(self, image: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of a picture with these `features`, (1, C, y, x) each."""
        size = (self.target.shape[2], self.target.shape[3])
        own = hypercolumns(features, self.factors, size, self.center)
        return self.factor * mean_cosine_distance(own, self.target, self.weights)


@dataclass(frozen=True)
class NearestNeighbors(MatchedTerm):
    """Weighted mean of 1 - cos of the angle between neurons of one layer and the nearest of a painting's.

    Neurons are `step` apart, in rows and columns; `center` (C,), the mean of the painting's, is taken off first. The
    neurons of `bank` are without it. Matches are found anew in each `every`th evaluation, by the same angle: then the
    loss is the lowest there is for these neurons, and kept matches bound it from above. `labels` (h, w) are those of
    `PatchBank.match`, `weights` (h, w) >= 0 those of neurons, on the grid that is looked at.

    Evaluating changes nothing, so the same features have the same loss again; `advance` counts an evaluation. `kept`
    is what it changes.
    """

    layer: str
    bank: PatchBank
    center: Tensor
    factor: float
    step: int = 1
    labels: Tensor | None = None
    weights: Tensor | None = None
    every: int = 1
    kept: KeptMatches = field(default_factory=KeptMatches)

    @property
    def name(self) -> str:
        """Return the term's name in a report."""
        return f"style {self.layer} neighbours"

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the layer whose features it needs."""
        return (self.layer,)

    def __call__(self, image: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of a picture with these `features`, (1, C, y, x) each."""
        own = subsampled(features[self.layer], self.step) - self.center[:, None, None]
        matches = self.kept.found(lambda: self.bank.match(own[0].detach(), labels=self.labels)[0])
        targets = self.bank.patches(matches.flatten())[:, :, 0, 0].T.view_as(own)
        return self.factor * mean_cosine_distance(own, F.normalize(targets, dim=1, eps=TINY), self.weights)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return the rows and columns of neurons that are looked at on a map of this size."""
        rows, columns = subsampled(torch.empty(height, width, device="meta"), self.step).shape
        return rows, columns


def subsampled(maps: Tensor, step: int) -> Tensor:
    """Return every `step`th row and column of `maps` (..., h, w), in the middle of what is left out."""
    return maps[..., min(step // 2, maps.shape[-2] - 1) :: step, min(step // 2, maps.shape[-1] - 1) :: step]
