"""Feature transforms: affine maps that give one picture's features the moments of another's.

Moments are sums that add, over tiles and pictures; with a guide, over a region. A map is made from moments alone, so
tiles that share them are painted alike, and mixing styles or weakening one is arithmetic on maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from impasto.errors import UsageError
from impasto.losses import Covariance, State

EIGENVALUE_CUT = 1e-5
"""Eigenvalues below this fraction of the mean variance of a channel are no direction but rounding, and are left out.

Li et al.'s code cuts at 1e-5 where VGG-19 is scaled to a mean activation of 1, where channels vary by about as much.
As a fraction it means the same for features of any scale.
"""
FLOOR = 1e-5
"""Added to a channel's variance, as a fraction of the mean E f² over channels: one that is off has no scale to undo."""
COLOR_RIDGE = 0.03
"""As `ridge` of `whitening`, for colours: a grey photograph has none to give, but the noise of its sensor."""
_TINY = 1e-12
"""The variance below which features count as constant, so that nothing is divided by zero."""


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of features, as sums: `Moments.measure(a) + Moments.measure(b)` are those of both."""

    state: State
    """Of `losses.Covariance`: float64 (C + 1, C + 1), the second moment of the features with a 1 appended."""

    @classmethod
    def measure(cls, features: Tensor, guide: Tensor | None = None) -> Self:
        """Sum over the positions of `features` (1, C, h, w), weighted by `guide` (h, w) >= 0.

        float64: the small eigenvalues are differences of large sums.
        """
        return cls(Covariance().measure(features.double(), guide))

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.state + other.state)

    @property
    def empty(self) -> bool:
        """Return whether nothing was measured: a guide that is zero everywhere."""
        return float(self.state.total) <= 0

    @property
    def mean(self) -> Tensor:
        """Return the mean (C,)."""
        return self.state.mean()[:-1, -1]

    @property
    def covariance(self) -> Tensor:
        """Return the covariance (C, C) per unit of weight: the paper's M - 1 means nothing for weighted positions."""
        moments = self.state.mean()
        centered = moments[:-1, :-1] - torch.outer(moments[:-1, -1], moments[:-1, -1])
        return (centered + centered.T) / 2

    @property
    def deviation(self) -> Tensor:
        """Return the standard deviation of each channel, (C,), never zero (`FLOOR`)."""
        power = self.state.mean().diagonal()[:-1]
        variance = (power - self.mean.square()).clamp_min(0)
        return (variance + FLOOR * power.mean() + _TINY).sqrt()


@dataclass(frozen=True)
class Affine:
    """The map f -> `matrix` f + `offset` of features; a `matrix` (C,) scales each channel, (C, C) mixes them."""

    matrix: Tensor
    offset: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """Apply to `features` (B, C, h, w), in their own type."""
        matrix, offset = self.matrix.to(features), self.offset.to(features)
        if matrix.ndim == 1:
            return features * matrix[:, None, None] + offset[:, None, None]
        return torch.nn.functional.conv2d(features, matrix[:, :, None, None], offset)

    def weakened(self, alpha: float) -> "Affine":
        """Return the map to alpha · f' + (1 - alpha) · f: 0 changes nothing, 1 is the whole map."""
        rest = torch.full_like(self.offset, 1 - alpha)
        return Affine(alpha * self.matrix + (rest if self.matrix.ndim == 1 else rest.diag()), alpha * self.offset)


def mix(maps: Sequence[Affine], weights: Sequence[float] | None = None) -> Affine:
    """Return the map to the weighted mean of what `maps` give; `weights` are divided by their sum.

    Li et al. 2017, section 3.2: styles are interpolated before the result is weakened.

    Raises `UsageError` where weights do not match the maps, are negative, or are all zero.
    """
    weights = [1.0] * len(maps) if weights is None else weights
    total = sum(weights)
    if len(weights) != len(maps) or not total > 0 or min(weights) < 0:
        raise UsageError(f"{len(maps)} styles need as many weights, none below 0 and not all 0; got {list(weights)}")
    fractions = [weight / total for weight in weights]
    return Affine(
        torch.stack([fraction * affine.matrix for fraction, affine in zip(fractions, maps, strict=True)]).sum(0),
        torch.stack([fraction * affine.offset for fraction, affine in zip(fractions, maps, strict=True)]).sum(0),
    )


def whitening(content: Moments, style: Moments, cut: float = EIGENVALUE_CUT, ridge: float = 0.0) -> Affine:
    """Return the map that whitens `content` and colours it as `style` (Li et al. 2017, eqs. 2 and 3).

    V_s Λ_s^½ V_sᵀ V_c Λ_c^-½ V_cᵀ (f - μ_c) + μ_s, of the eigenvalues that are above `cut`. `ridge` times the mean
    variance of a channel is added to those of the content, so that directions in which it hardly varies stay small.
    """
    covariance = content.covariance
    if ridge:
        covariance = covariance + torch.eye(len(covariance)).to(covariance) * (
            ridge * covariance.diagonal().mean() + _TINY
        )
    matrix = _power(style.covariance, 0.5, cut) @ _power(covariance, -0.5, cut)
    return Affine(matrix, style.mean - matrix @ content.mean)


def recoloring(content: Moments, style: Moments) -> Affine:
    """Return the map of a photograph's colours (sRGB) to a painting's: their mean and covariance, as `whitening`."""
    return whitening(content, style, ridge=COLOR_RIDGE)


def scaling(content: Moments, style: Moments) -> Affine:
    """Return the map to the style's mean and deviation of each channel (Huang & Belongie 2017, eq. 8)."""
    scale = style.deviation / content.deviation
    return Affine(scale, style.mean - scale * content.mean)


def whiten_color(
    content: Tensor,
    content_moments: Moments,
    style_moments: Moments | Sequence[Moments],
    alpha: float = 1.0,
    weights: Sequence[float] | None = None,
) -> Tensor:
    """Whiten and colour `content` (B, C, h, w) with moments measured elsewhere: on all tiles, on a thumbnail."""
    styles = [style_moments] if isinstance(style_moments, Moments) else style_moments
    return mix([whitening(content_moments, moments) for moments in styles], weights).weakened(alpha)(content)


def regional(features: Tensor, maps: Sequence[Affine], guides: Tensor) -> Tensor:
    """Apply each region's map where its guide says: Σ g_r · map_r(f) + (1 - Σ g_r) · f.

    features: (B, C, h, w); guides: (R, h, w) in [0, 1], adding to at most 1. Raises `UsageError` for other shapes.
    """
    if guides.shape != (len(maps), *features.shape[-2:]):
        raise UsageError(
            f"guides of shape {tuple(guides.shape)} do not fit {len(maps)} regions of {tuple(features.shape[-2:])}"
        )
    guides = guides.to(features)
    result = features * (1 - guides.sum(0))
    for affine, guide in zip(maps, guides, strict=True):
        result = result + guide * affine(features)
    return result


def wct(
    content: Tensor,
    styles: Tensor | Sequence[Tensor],
    alpha: float = 1.0,
    *,
    weights: Sequence[float] | None = None,
    guides: Tensor | None = None,
    style_guides: Sequence[Tensor] | None = None,
) -> Tensor:
    """Whiten and colour the features `content` (1, C, h, w) after one style or several (1, C, h', w').

    With `guides` (R, h, w) each region is transformed by itself, after the same region of each style where
    `style_guides` (R, h', w') are given, else after all of it. A region that is empty on either side stays as it is.
    """
    styles = [styles] if isinstance(styles, Tensor) else styles
    if guides is None:
        return whiten_color(content, Moments.measure(content), [Moments.measure(s) for s in styles], alpha, weights)
    maps = []
    for region, guide in enumerate(guides):
        own = Moments.measure(content, guide)
        measured = [
            Moments.measure(style, None if style_guides is None else style_guides[index][region])
            for index, style in enumerate(styles)
        ]
        maps.append(guided(own, measured, alpha, weights))
    return regional(content, maps, guides)


def guided(
    content: Moments, styles: Sequence[Moments], alpha: float = 1.0, weights: Sequence[float] | None = None
) -> Affine:
    """Return the map of one region after the styles that have it; where none has, or it is empty: nothing changes."""
    weights = [1.0] * len(styles) if weights is None else weights
    present = [(whitening(content, s), w) for s, w in zip(styles, weights, strict=True) if not s.empty and w > 0]
    if content.empty or not present:
        ones = torch.ones_like(content.mean)
        return Affine(ones, torch.zeros_like(ones))
    return mix([affine for affine, _ in present], [weight for _, weight in present]).weakened(alpha)


def adain(content: Tensor, style: Tensor, alpha: float | Tensor = 1.0) -> Tensor:
    """Return `content` (B, C, h, w) with the mean and deviation of each channel of `style` (B, C, h', w').

    alpha: one strength, or one for each picture, (B,). For whole pictures; `scaling` is for moments that add.
    """
    mean, deviation = _mean_deviation(style)
    own_mean, own_deviation = _mean_deviation(content)
    painted: Tensor = (content - own_mean) / own_deviation * deviation + mean
    if isinstance(alpha, Tensor):
        return torch.lerp(content, painted, alpha.to(content)[:, None, None, None])
    return torch.lerp(content, painted, alpha)


def _mean_deviation(features: Tensor) -> tuple[Tensor, Tensor]:
    variance, mean = torch.var_mean(features, (2, 3), correction=0, keepdim=True)
    power = (variance + mean.square()).mean(1, keepdim=True)
    return mean, (variance + FLOOR * power + _TINY).sqrt()


def _power(covariance: Tensor, exponent: float, cut: float) -> Tensor:
    """Return V Λ^exponent Vᵀ over the eigenvalues that count."""
    values, vectors = torch.linalg.eigh(covariance)
    kept = values > cut * covariance.diagonal().mean().clamp_min(_TINY)
    powers = torch.where(kept, values.clamp_min(_TINY) ** exponent, 0.0)
    root: Tensor = (vectors * powers) @ vectors.T
    return root
