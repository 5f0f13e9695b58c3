"""Hypercolumns: what all layers say of single positions of a picture, and which positions are looked at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

GRID_POSITIONS = 128**2
"""About so many positions lie on the grid that an evaluation draws from (Kolkin et al. 2019, the authors' code)."""
POSITIONS_PER_EVALUATION = 1024
"""The positions of the grid whose hypercolumns are compared in an evaluation (ibid., section 2.5)."""
SAMPLES_PER_REGION = 5000
"""The hypercolumns of the paintings that stand for a region (the authors' code: 1000 in each of five copies)."""
REGION_MINIMUM = 128
"""The positions that a region gets in an evaluation however small it is, while there are no more than eight regions: an
eighth of all, so that a face is not left to a handful."""
MID_GRAY = 0.5
"""The sRGB grey that colours are measured from, in the middle of [0, 1]: hues then are directions."""


@dataclass(frozen=True)
class HypercolumnSampler:
    """Takes the features of several layers at positions of a picture (Hariharan et al. 2015).

    `factors` scale the features of each layer, and `strides` are its pixels per neuron. Between neurons, features are
    interpolated bilinearly. The last three values are the colour, less mid grey.
    """

    factors: Mapping[str, float]
    strides: Mapping[str, int]

    def __call__(self, image: Tensor, features: Mapping[str, Tensor], at: Tensor) -> Tensor:
        """Return (n, D) of `image` (1, 3, H, W) with `features` (1, C, h, w), `at` (n, 2) rows and columns."""
        at = at.to(image.device)
        columns = [
            interpolated(features[layer], (at + 0.5) / self.strides[layer] - 0.5) * factor
            for layer, factor in self.factors.items()
        ]
        columns.append(image[0, :, at[:, 0], at[:, 1]].T - MID_GRAY)
        return torch.cat(columns, 1)


class _Interpolated(Function):
    """The sums (n, C) of four neurons each, `corners` (4, n) of `maps` (1, C, h, w), times their `shares` (4, n)."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, corners: Tensor, shares: Tensor) -> Tensor:
        ctx.save_for_backward(corners, shares)
        ctx.maps = torch.empty_like(maps, device="meta")
        flat = maps[0].flatten(1).T
        total = flat.index_select(0, corners[0]).mul_(shares[0, :, None])
        for corner, share in zip(corners[1:], shares[1:], strict=True):
            total.addcmul_(flat.index_select(0, corner), share[:, None])
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        corners, shares = ctx.saved_tensors
        # Laid out as the maps are: otherwise those of all layers behind them are turned over.
        slopes = torch.zeros_like(ctx.maps, device=shares.device)
        flat = slopes[0].flatten(1).T
        for corner, share in zip(corners, shares, strict=True):
            flat.index_add_(0, corner, gradients[0] * share[:, None])
        return slopes, None, None


def interpolated(maps: Tensor, places: Tensor) -> Tensor:
    """Return the features (n, C) of `maps` (1, C, h, w) at `places` (n, 2), rows and columns in neurons.

    Between neurons they are interpolated bilinearly, and beyond the borders they stay as they are there. Neurons
    are taken with all their channels, which lie together in the maps of encoders, and the gradient lies as the maps do:
    that of `grid_sample` does not, so that those of all layers behind it were turned over.
    """
    sides = maps.new_tensor(maps.shape[2:]) - 1
    places = places.to(maps).clamp_min(0).minimum(sides)
    low = places.floor()
    part = places - low
    rows, columns = low.long().unbind(1)
    below = (rows + 1).clamp_max(maps.shape[2] - 1)
    beside = (columns + 1).clamp_max(maps.shape[3] - 1)
    corners = torch.stack([row * maps.shape[3] + column for row in (rows, below) for column in (columns, beside)])
    down, right = part.unbind(1)
    shares = torch.stack([one * other for one in (1 - down, down) for other in (1 - right, right)])
    taken: Tensor = _Interpolated.apply(maps, corners, shares)  # type: ignore[no-untyped-call]  # torch's own
    return taken


@dataclass(frozen=True)
class PositionSampler:
    """Draws positions of a picture, others for each evaluation and the same for the same `key` and evaluation.

    `labels` (H, W) say which region each pixel belongs to. Regions get positions by area, and none less than
    `REGION_MINIMUM` where it has as many; of more than eight, all get that much less.
    """

    labels: Tensor
    key: tuple[int, ...]

    def __call__(self, evaluation: int) -> tuple[Tensor, Tensor]:
        """Return (n, 2) rows and columns, and the labels (n,)."""
        random = seeded_generator(*self.key, evaluation)
        height, width = self.labels.shape
        step = max(1, isqrt(height * width // GRID_POSITIONS))
        down, right = torch.randint(step, (2,), generator=random).tolist()
        grid = self.labels[down::step, right::step]
        at, labels = [], []
        for label, place in shuffled_regions(grid, random):
            count = max(
                round(POSITIONS_PER_EVALUATION * len(place) / grid.numel()),
                min(REGION_MINIMUM, POSITIONS_PER_EVALUATION // len(torch.unique(grid))),
            )
            chosen = place[:count]
            at.append(
                torch.stack([down + step * (chosen // grid.shape[1]), right + step * (chosen % grid.shape[1])], 1)
            )
            labels.append(torch.full((len(chosen),), label))
        return torch.cat(at), torch.cat(labels)


def shuffled_regions(labels: Tensor, random: torch.Generator) -> Iterator[tuple[int, Tensor]]:
    """Yield each of the `labels`, from low to high, with the flat numbers of its places in random order."""
    flat = labels.flatten()
    for label in torch.unique(flat).tolist():
        place = (flat == label).nonzero()[:, 0]
        yield label, place[torch.randperm(len(place), generator=random)]


def seeded_generator(*key: int) -> torch.Generator:
    """Return a source of random numbers that depend on all of `key` and on nothing else."""
    seed = 0
    for part in key:
        # Odd constants of 64 bits, so that neighbouring keys do not end in neighbouring seeds.
        seed = ((seed ^ part) * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**63
    return torch.Generator().manual_seed(seed)
