"""The terms of an objective. Pointwise: content, total variation, gamut. Pooled: style, a function of a `State`."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from impasto.losses.statistics import State, Statistic

FLAT = 1e-3
"""Differences well below this (a quarter of a grey level of 255) count as squares: the length has no kink at 0."""


@dataclass(frozen=True)
class Content:
    """Weighted squared distance of one layer's features to the content's (Gatys et al. 2016, eq. 1).

    `target` (1, C, h, w); `factor` holds weight and normalisation.
    """

    layer: str
    target: Tensor
    factor: float

    @property
    def name(self) -> str:
        """How the term is called in a report."""
        return f"content {self.layer}"

    def __call__(self, features: Tensor) -> Tensor:
        """Give the loss of `features` (1, C, h, w)."""
        return self.factor * (features - self.target).square().sum()


@dataclass(frozen=True)
class Style:
    """Weighted squared distance of one layer's statistic to the style's (Gatys et al. 2016, eq. 4)."""

    layer: str
    statistic: Statistic
    target: Tensor
    factor: float

    @property
    def name(self) -> str:
        """How the term is called in a report."""
        return f"style {self.layer}"

    def __call__(self, state: State) -> Tensor:
        """Give the loss of the whole picture's `state`."""
        return self.factor * (self.statistic.finish(state) - self.target).square().sum()


@dataclass(frozen=True)
class TotalVariation:
    """Weighted sum over differences between neighbouring pixels.

    `l1`: absolute; `l2`: squared; `vector`: the length of each pixel's gradient over both directions and all
    channels (Blomgren & Chan 1998), which asks edges of the three channels to lie together and has no favourite
    direction, so it leaves neither colour fringes nor steps. `kind` is one of these.
    """

    kind: str
    factor: float
    name: str = "tv"

    def __call__(self, image: Tensor) -> Tensor:
        """Give the loss of `image` (1, 3, H, W)."""
        down, right = image.diff(dim=-2), image.diff(dim=-1)
        if self.kind == "l1":
            return self.factor * (down.abs().sum() + right.abs().sum())
        if self.kind == "vector":
            squares = F.pad(down.square(), (0, 0, 0, 1)) + F.pad(right.square(), (0, 1, 0, 0))
            return self.factor * (squares.sum(1) + FLAT**2).sqrt().sub(FLAT).sum()
        return self.factor * (down.square().sum() + right.square().sum())


@dataclass(frozen=True)
class Gamut:
    """Weighted sum of squared distances of the colours to [0, 1].

    Saving clips what lies outside, and a clipped picture is not the one that was judged: unconstrained solvers
    otherwise buy style with highlights that no screen can show.
    """

    factor: float
    name: str = "gamut"

    def __call__(self, image: Tensor) -> Tensor:
        """Give the loss of `image` (1, 3, H, W)."""
        return self.factor * (image - image.clamp(0, 1)).square().sum()
