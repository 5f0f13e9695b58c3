"""Relaxed optimal transport between sets of features, and the terms of STROTSS (Kolkin, Salavon & Shakhnarovich 2019).

Sets are (n, D): n positions of a picture, in any order. All that is compared by angles is the same for features and
for their isometric lift.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from impasto.losses.hypercolumns import HypercolumnSampler, PositionSampler
from impasto.losses.self_similarity import self_similarity
from impasto.losses.statistics import TINY

SCRATCH_BYTES = 4 << 20
"""The bytes of a table of distances at a time: larger ones leave the cache and are slower."""
COLORS = 3
"""The values at the end of a hypercolumn that are its colour: red, green and blue, less mid grey."""


def relaxed_transport(one: Tensor, other: Tensor, *, colors: bool = False) -> Tensor:
    """Return the relaxed earth mover's distance of two sets, (n, D) and (m, D): the larger of two lower bounds.

    Each member of one set goes to the nearest of the other, on average over the set, and the other way round (Kolkin
    et al. 2019, eq. 4-6; Kusner et al. 2015). Distances are cosine distances, 1 - cos, in [0, 2]; for `colors` the
    lengths of the differences over √3 come to them, so that grey is near to grey. The nearest are found in bands of
    `SCRATCH_BYTES`, and are constants for the gradient, which is exact.
    """
    return _transport(one, other, Directions.of(other), colors)


@dataclass(frozen=True)
class Moments:
    """The mean (D,) and the covariance (D, D) of a set.

    `nominal` is the width of what the set stands for by an isometric lift. Sums of absolute values depend on the axes;
    those of D axes are scaled as if differences had no direction of their own, so that weights mean the same.
    """

    mean: Tensor
    covariance: Tensor
    nominal: int

    @classmethod
    def of(cls, points: Tensor, nominal: int | None = None) -> "Moments":
        """Measure `points` (n, D)."""
        mean = points.mean(0)
        return cls(mean, _covariance(points - mean), nominal or points.shape[1])

    def distance(self, points: Tensor, precision: torch.dtype | None = None) -> Tensor:
        """Return mean |Δμ| + mean |ΔΣ| of `points` (n, D) (Kolkin et al. 2019, eq. 7).

        The product that gives the gradient of ΔΣ is multiplied in `precision`, None being that of the points.
        """
        mean, width = points.mean(0), len(self.mean)
        means: Tensor = (mean - self.mean).abs().sum() / (width * self.nominal) ** 0.5
        arguments = points - mean, self.covariance, precision
        covariances: Tensor = _CovarianceDifference.apply(*arguments)  # type: ignore[no-untyped-call]  # torch's own
        return means + covariances / (width * self.nominal)


@dataclass(frozen=True)
class Directions:
    """The members (m, D) of a set with the length 1, and their `opposites` (D, m), which are what is searched."""

    members: Tensor
    opposites: Tensor

    @classmethod
    def of(cls, points: Tensor, precision: torch.dtype | None = None) -> "Directions":
        """Prepare `points` (m, D), for searches in `precision`: None is that of the points.

        bfloat16 is quicker where the machine knows it, and finds at times one that is nearly as near as the nearest.
        """
        members = F.normalize(points, dim=1, eps=TINY)
        # Negated once, so that no table has to be taken from 1: the nearest have the least.
        return cls(members, members.T.neg().to(precision or points.dtype).contiguous())


@dataclass(frozen=True)
class RegionSamples:
    """What paints one region: samples of the paintings, `columns` (m, D), and the region's `weight` in the term."""

    columns: Tensor
    weight: float
    nominal: int
    precision: torch.dtype | None = None
    """Of products that need no more: the search for the nearest, and a gradient. None: that of the columns."""
    _directions: Directions = field(init=False, repr=False, compare=False)
    _palette: Directions = field(init=False, repr=False, compare=False)
    _moments: Moments = field(init=False, repr=False, compare=False)
    _colors: Moments = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_directions", Directions.of(self.columns, self.precision))
        object.__setattr__(self, "_palette", Directions.of(self.columns[:, -COLORS:]))
        object.__setattr__(self, "_moments", Moments.of(self.columns, self.nominal))
        object.__setattr__(self, "_colors", Moments.of(self.columns[:, -COLORS:]))

    def __call__(self, points: Tensor, palette_weight: float) -> Tensor:
        """Return the loss of `points` (n, D), colours of which count `palette_weight` times once more.

        Of colours, moments are compared too, which the paper does not: a whole sky of any one colour that the painting
        has somewhere is next to nothing to relaxed transport.
        """
        own, others = points[:, -COLORS:], self.columns[:, -COLORS:]
        colors = _transport(own, others, self._palette, colors=True) + self._colors.distance(own)
        shapes = _transport(points, self.columns, self._directions) + self._moments.distance(points, self.precision)
        return self.weight * (shapes + palette_weight * colors)


@dataclass
class EvaluationCount:
    """How many evaluations were counted, which decides on the positions of the next one."""

    value: int = 0


@dataclass(frozen=True)
class Sampled:
    """What terms over sampled positions share: positions are drawn anew after each `advance`, and not before.

    So the same picture has the same loss again until an evaluation is counted.
    """

    columns: HypercolumnSampler
    positions: PositionSampler
    _evaluations: EvaluationCount = field(default_factory=EvaluationCount, init=False, repr=False, compare=False)

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the layers whose features it needs."""
        return tuple(self.columns.factors)

    @property
    def state_name(self) -> str:
        """Return the term's name in a checkpoint."""
        return type(self).__name__.lower()

    def drawn(self) -> tuple[Tensor, Tensor]:
        """Return the positions (n, 2) of this evaluation, and their labels (n,)."""
        return self.positions(self._evaluations.value)

    def advance(self) -> None:
        """Count an evaluation: the next one has other positions."""
        self._evaluations.value += 1

    def state(self) -> dict[str, Tensor | int]:
        """Return how many `evaluations` were counted."""
        return {"evaluations": self._evaluations.value}

    def restore(self, state: Mapping[str, Tensor | int]) -> None:
        """Go on from a `state`."""
        self._evaluations.value = int(state.get("evaluations", 0))


@dataclass(frozen=True)
class Transport(Sampled):
    """The style term: hypercolumns at positions drawn anew for each evaluation, region by region.

    Relaxed transport and moments of hypercolumns, and relaxed transport of colours with the weight `palette` (Kolkin et
    al. 2019, section 2.3). `samples` by label; positions of other labels are not looked at.
    """

    samples: Mapping[int, RegionSamples]
    factor: float
    palette: float
    name = "style transport"

    def __call__(self, image: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of `image` (1, 3, H, W) with these `features`, (1, C, h, w) each."""
        at, labels = self.drawn()
        loss = image.sum() * 0
        for label in torch.unique(labels).tolist():
            if label in self.samples:
                points = self.columns(image, features, at[labels == label])
                loss = loss + self.samples[label](points, self.palette)
        return self.factor * loss


@dataclass(frozen=True)
class SelfSimilarity(Sampled):
    """The content term: how the picture's hypercolumns differ from one another, as the photograph's do.

    At positions drawn anew for each evaluation (Kolkin et al. 2019, section 2.4). `photo` (1, 3, H, W) and its
    `features`; `weights` (R,) are those of labels.
    """

    photo: Tensor
    features: Mapping[str, Tensor]
    factor: float
    weights: Tensor | None = None
    precision: torch.dtype | None = None
    """That of the cosines, as in `self_similarity`."""
    name = "content self-similarity"

    def __call__(self, image: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of `image` (1, 3, H, W) with these `features`, (1, C, h, w) each."""
        at, labels = self.drawn()
        with torch.no_grad():
            target = self.columns(self.photo, self.features, at)
        weights = None if self.weights is None else self.weights[labels].to(target)
        return self.factor * self_similarity(self.columns(image, features, at), target, weights, self.precision)


class _CovarianceDifference(Function):
    """Sum of |Σ - T| of the covariance Σ of `centered` points (n, D) and a symmetric one, T (D, D).

    The slope has only signs for factors, so that half precision loses nothing of them; autograd takes two products.
    """

    @staticmethod
    def forward(ctx: Any, centered: Tensor, target: Tensor, precision: torch.dtype | None) -> Tensor:
        apart = _covariance(centered) - target
        ctx.save_for_backward(centered, apart.sign())
        ctx.precision = precision or centered.dtype
        return apart.abs().sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        centered, signs = ctx.saved_tensors
        slope = (centered.to(ctx.precision) @ signs.to(ctx.precision)).to(centered.dtype)
        return slope.mul_(2 * gradients[0] / len(centered)), None, None


def _covariance(centered: Tensor) -> Tensor:
    return centered.T @ centered / len(centered)


def _transport(one: Tensor, other: Tensor, others: Directions, colors: bool = False) -> Tensor:
    """Return the relaxed transport of `one` (n, D) and `other` (m, D) with the directions `others`."""
    directions = F.normalize(one, dim=1, eps=TINY)
    with torch.no_grad():
        forth, back = _nearest(directions, others.opposites, (one, other) if colors else None)
    there = 1 - (directions * others.members[forth]).sum() / len(one)
    # All that go to one member of `one` are added up first: many samples are cheaper so than pair by pair.
    here = 1 - (directions * torch.zeros_like(one).index_add(0, back, others.members)).sum() / len(other)
    if colors:
        there = there + _lengths(one, other[forth]).mean()
        here = here + _lengths(one[back], other).mean()
    return torch.maximum(there, here)


def _nearest(directions: Tensor, opposites: Tensor, colors: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
    """Return for each of `directions` (n, D) the number of the nearest of those whose `opposites` are (D, m).

    And the other way round.
    """
    count = opposites.shape[1]
    # Divided before they are compared, so that no table has to be.
    one, other = [color / COLORS**0.5 for color in colors] if colors else (directions, opposites)
    searched = directions.to(opposites.dtype)
    step = max(1, SCRATCH_BYTES // (directions.element_size() * count))
    forth = []
    back = torch.zeros(count, dtype=torch.long, device=opposites.device)
    least = directions.new_full((count,), torch.inf)
    for begin in range(0, len(directions), step):
        band = slice(begin, begin + step)
        table = (searched[band] @ opposites).to(directions.dtype)
        if colors:
            table += torch.cdist(one[band], other)
        # Both in one pass: torch takes three times as long for the place alone.
        forth.append(table.min(1).indices)
        nearest, number = table.min(0)
        back = torch.where(nearest < least, number + begin, back)
        least = torch.minimum(nearest, least)
    return torch.cat(forth), back


def _lengths(one: Tensor, other: Tensor) -> Tensor:
    # vector_norm has the gradient 0 where two colours are the same.
    lengths: Tensor = torch.linalg.vector_norm(one - other, dim=1) / COLORS**0.5
    return lengths
