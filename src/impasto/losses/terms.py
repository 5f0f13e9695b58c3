"""The terms of an objective. Pointwise: content, patches, total variation, gamut. Pooled: style, of a `State`."""

from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor

from impasto.losses.kept_matches import KeptMatches, MatchedTerm
from impasto.losses.patches import PatchBank
from impasto.losses.statistics import TINY, Distance, State, Statistic
from impasto.losses.weighted_sums import (
    guide_weights,
)

FLAT = 1e-3
"""Length of a pixel's gradient, in sRGB of [0, 1], below which it counts as a square, so that the length has no kink
at 0. It is a quarter of a grey level of 255: nobody sees the difference."""
SOFT = 0.05
"""The same of `huber`, thirteen grey levels: strokes and shades keep their gradients, edges cost what they cost before.
Chosen by figures and by eye among 0.02, 0.05 and 0.1 (docs/evaluation.md)."""
LENGTHS = {"vector": FLAT, "huber": SOFT}


@dataclass(frozen=True)
class Content:
    """Weighted squared distance of one layer's features to the content's (Gatys et al. 2016, eq. 1).

    `target` (1, C, h, w); `factor` holds weight and normalisation; `guide` (h, w) >= 0 is the weight of each position's
    square, so 1 everywhere is no guide.
    """

    layer: str
    target: Tensor
    factor: float
    guide: Tensor | None = None

    @property
    def name(self) -> str:
        """Return the term's name in a report."""
        return f"content {self.layer}"

    def __call__(self, features: Tensor) -> Tensor:
        """Return the loss of `features` (1, C, h, w)."""
        away = (features - self.target).square()
        weight = guide_weights(features, self.guide)
        return self.factor * (away.sum() if weight is None else away.sum(1).flatten() @ weight.to(away.dtype))


@dataclass(frozen=True)
class Style:
    """Weighted distance of one layer's statistic to the style's (for `gram`: Gatys et al. 2016, eq. 4).

    `guide` (h, w) >= 0 is the weight of each position in the statistic, and `region` what the report calls it.
    """

    layer: str
    statistic: Statistic
    target: Tensor
    factor: float
    guide: Tensor | None = None
    region: str = ""
    _distance: Distance = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_distance", self.statistic.distance_to(self.target))

    @property
    def name(self) -> str:
        """Return the term's name in a report: `style relu1_1 sky histogram`; `gram` goes without saying."""
        kind = "" if self.statistic.name == "gram" else self.statistic.name
        return " ".join(filter(None, ("style", self.layer, self.region, kind)))

    def __call__(self, state: State) -> Tensor:
        """Return the loss of the `state` of the picture, or of the region."""
        return self.factor * self._distance(state)


@dataclass(frozen=True)
class Patches(MatchedTerm):
    """Weighted squared distance of each patch of one layer's features to its match in a bank.

    Σ w |p - t(p)|² over patches p with their matches t(p) (Li & Wand 2016, eq. 2; Champandard 2016). Matches are found
    anew in each `every`th evaluation and are constants for the gradient, so that of a step is exact as long as none
    changes. In between, kept matches bound the loss from above (or, where use is bounded, nearly so). What a patch
    looks like decides on its match, and what it is, brightness and all, on its distance.

    `labels` (Y, X), `maps` (R, h, w), `penalty` and `capacity` are those of `PatchBank.match`; `weights` (Y, X) are
    those of patches.

    Evaluating changes nothing, so the same features have the same loss again; `advance` counts an evaluation. `kept`
    is what it changes, and what `state` and `restore` are about.
    """

    layer: str
    bank: PatchBank
    factor: float
    labels: Tensor | None = None
    maps: Tensor | None = None
    weights: Tensor | None = None
    penalty: float = 0.0
    capacity: float | None = None
    every: int = 1
    kept: KeptMatches = field(default_factory=KeptMatches)

    @property
    def name(self) -> str:
        """Return the term's name in a report."""
        return f"style {self.layer} patches"

    def __call__(self, features: Tensor) -> Tensor:
        """Return the loss of `features` (1, C, h, w)."""
        matches = self._matches(features[0])
        size = (features.shape[2], features.shape[3])
        total, count, squares = self.bank.vote(matches, size, self.weights)
        # Patches overlap: n copies t of one neuron are as far from f as n times their mean is, and what they spread.
        mean = total / count.clamp_min(TINY)
        spread = (squares - count * mean.square().sum(0)).clamp_min(0).sum()
        away = (count * (features[0] - mean).square().sum(0)).sum()
        return self.factor * (away + spread)

    def _matches(self, features: Tensor) -> Tensor:
        return self.kept.found(
            lambda: self.bank.match(
                features, maps=self.maps, labels=self.labels, penalty=self.penalty, capacity=self.capacity
            )[0]
        )


@dataclass(frozen=True)
class TotalVariation:
    """Weighted sum over differences between neighbouring pixels.

    `l1`: absolute; `l2`: squared; `vector`: the length of each pixel's gradient over both directions and all
    channels (Blomgren & Chan 1998), which asks edges of the three channels to lie together and has no favourite
    direction, so it leaves no colour fringes; `huber`: the same length, but the square of small ones (the smooth form
    of Charbonnier et al. 1997), so that shades are not broken into flat squares. `kind` is one of these.
    """

    kind: str
    factor: float
    wrap: bool = False
    """Also between opposite borders: the picture repeats."""
    name: str = "tv"

    def __call__(self, image: Tensor) -> Tensor:
        """Return the loss of `image` (1, 3, H, W)."""
        return self.part(image, image[..., :1, :], image[..., :1]) if self.wrap else self.part(image, None, None)

    def part(self, image: Tensor, below: Tensor | None, beside: Tensor | None) -> Tensor:
        """Return what a part (1, 3, h, w) of a picture adds to the loss.

        `below` (1, 3, 1, w) and `beside` (1, 3, h, 1) are the pixels that follow it; None: the picture ends there.
        """
        down, right = image.diff(dim=-2, append=below), image.diff(dim=-1, append=beside)
        if self.kind == "l1":
            return self.factor * (down.abs().sum() + right.abs().sum())
        if self.kind in LENGTHS:
            flat = LENGTHS[self.kind]
            squares = F.pad(down.square(), (0, 0, 0, int(below is None)))
            squares = squares + F.pad(right.square(), (0, int(beside is None), 0, 0))
            return self.factor * (squares.sum(1) + flat**2).sqrt().sub(flat).sum()
        return self.factor * (down.square().sum() + right.square().sum())


@dataclass(frozen=True)
class Gamut:
    """Weighted sum of squared distances of the colours to [0, 1].

    Saving clips what lies outside, and a clipped picture is not the one that was evaluated: unconstrained solvers
    otherwise buy style with highlights that no screen can show.
    """

    factor: float
    name: str = "gamut"

    def __call__(self, image: Tensor) -> Tensor:
        """Return the loss of `image` (1, 3, H, W)."""
        return self.factor * (image - image.clamp(0, 1)).square().sum()


@dataclass(frozen=True)
class Anchor:
    """Weighted sum of squared distances to a picture that the canvas is to stay at, where `weights` say so.

    Of moving pictures, `target` (1, 3, H, W) is the frame before moved to where its things are now, and `weights`
    (1, 1, H, W) are 0 where it shows something else (Ruder et al. 2016, eq. 7).
    """

    target: Tensor
    weights: Tensor
    factor: float
    name: str = "temporal"

    def __call__(self, image: Tensor) -> Tensor:
        """Return the loss of `image` (1, 3, H, W)."""
        away = (image - self.target.to(image)).square()
        return self.factor * (self.weights.to(image) * away).sum()
