"""The colours a mask was painted with: modes of its flat areas, refined and merged by K-means.

All in plain sRGB, scaled to 0 ... 255: a mask's palette is laid out in that cube, compression noise is about as large
everywhere in it, and an anti-aliased edge is a straight line in it. A perceptual space would have none of the three.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

MERGE_DISTANCE = 50.0
"""Colours nearer than this are one colour that was painted or compressed carelessly."""
MIN_FRACTION = 2e-3
"""A colour must fill this part of one mask at least; what is less is an accident of editing."""
MAX_COLORS = 24
"""A mask with more colours than this is not a coded one."""

_FINER = (MERGE_DISTANCE, 32.0, 20.0, 12.0)
"""The distances at which colours are merged, tried in this order: near colours stay apart where more are asked for."""
_FLAT = (24, 48)
"""The ranges in levels that make a window flat, strict and lenient: noise of JPEG at high and at low quality."""
_SAMPLES = 400_000
"""The pixels that a palette is found on where a mask is not exact: more change no colour by a level."""
_HARD = 64
"""The different colours up to which a mask counts as exact, so that not only its flat windows are looked at."""
_BIN = 8
"""The step in levels to which near colours are thrown together before they are clustered."""


@dataclass(frozen=True)
class Palette:
    """Colours of a set of masks."""

    colors: Tensor
    """(n, 3) float64 in 0 ... 255, the most frequent first: means."""
    painted: Tensor
    """(n, 3) the very colours that were painted, where they can be told."""
    fractions: Tensor
    """(n, masks) part of each mask's area."""
    region: Tensor
    """(n,) which region each colour belongs to."""

    @property
    def regions(self) -> int:
        """Return the number of regions."""
        return int(self.region.max()) + 1

    def leader(self, region: int) -> Tensor:
        """Return the colour (3,) that is most frequent in a region: what the region is named after."""
        return self.painted[int((self.region == region).nonzero()[0, 0])]


def kmeans(points: Tensor, weights: Tensor, start: Tensor, steps: int = 100) -> tuple[Tensor, Tensor]:
    """Run Lloyd's algorithm from given centres: `points` (n, d) with `weights` (n,), `start` (K, d).

    Returns the centres (K, d) and each point's nearest (n,); a centre that no point is nearest to stays where it is.
    Source: Lloyd 1982.
    """
    centers, nearest = start.clone(), torch.full((len(points),), -1)
    for _ in range(steps):
        assigned = _distances(points, centers).argmin(1)
        if torch.equal(assigned, nearest):
            break
        nearest = assigned
        total = torch.zeros(len(centers), dtype=points.dtype).index_add_(0, nearest, weights)
        sums = torch.zeros_like(centers).index_add_(0, nearest, points * weights[:, None])
        centers = torch.where(total[:, None] > 0, sums / total[:, None].clamp_min(1e-300), centers)
    return centers, nearest


def find(masks: Sequence[Tensor], count: int = 0) -> Palette | int:
    """Find the palette of `masks`, each (3, H, W) uint8, together; regions are its colours, or `count` groups of them.

    Returns the number of colours instead where there are more than `MAX_COLORS` (count=0) or fewer than `count`.
    """
    exact = [_sample(mask) for mask in masks]
    samples = _bins(exact)
    for merging in _FINER if count else _FINER[:1]:
        colors, fractions = _modes(samples, merging, 2 * MAX_COLORS if count else MAX_COLORS + 1)
        if len(colors) >= count:
            break
    if len(colors) < count or (not count and len(colors) > MAX_COLORS):
        return len(colors)
    region = torch.arange(len(colors))
    if 0 < count < len(colors):
        region = grouped(colors, fractions.mean(1), count)
    return Palette(colors, _painted(exact, colors), fractions, region)


def flatness(mask: Tensor) -> Tensor:
    """Return the largest range of a channel in each 2 x 2 block of `mask` (C, H, W) uint8, as (H - 1, W - 1)."""
    rows_high, rows_low = torch.maximum(mask[:, 1:], mask[:, :-1]), torch.minimum(mask[:, 1:], mask[:, :-1])
    high = torch.maximum(rows_high[..., 1:], rows_high[..., :-1])
    low = torch.minimum(rows_low[..., 1:], rows_low[..., :-1])
    return (high - low).amax(0)


def tolerance(mask: Tensor) -> int:
    """Return the range that most 3 x 3 neighbourhoods of `mask` (3, H, W) uint8 stay within; 255: none is small."""
    return _flat_windows(mask)[2]


def _windows(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return colours (n, 3) at points of a grid, and the range (n,) of their 3 x 3 neighbourhoods."""
    height, width = mask.shape[1:]
    step = max(1, round((height * width / _SAMPLES) ** 0.5))
    if min(height, width) < 3:
        return mask.flatten(1).T, torch.full((height * width,), 255)
    offsets = [(dy, dx) for dy in range(3) for dx in range(3)]
    stack = torch.stack([mask[:, dy : height - 2 + dy : step, dx : width - 2 + dx : step] for dy, dx in offsets])
    return stack[4].flatten(1).T, (stack.amax(0) - stack.amin(0)).amax(0).flatten()


def _flat_windows(mask: Tensor) -> tuple[Tensor, Tensor, int]:
    colors, spread = _windows(mask)
    for limit in _FLAT:
        flat = spread <= limit
        if flat.float().mean() >= 0.5:
            return colors, flat, limit
    return colors, torch.ones(len(colors), dtype=torch.bool), 255


def _sample(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return the different colours (n, 3) of flat areas with the part of the area each stands for (n,)."""
    colors, flat, _ = _flat_windows(mask)
    if len(_unique(colors)[0]) > _HARD:
        total, colors = len(colors), colors[flat]
    else:  # hard edges: every pixel was meant, also in lines too thin to be flat
        colors = mask[:, :: max(1, round((mask[0].numel() / _SAMPLES) ** 0.5))].flatten(1).T
        total = len(colors)
    exact, inverse = _unique(colors)
    counts = torch.zeros(len(exact), dtype=torch.float64).index_add_(0, inverse, torch.ones(len(colors)).double())
    return torch.stack([exact >> 16, exact >> 8 & 255, exact & 255], 1).double(), counts / total


def _bins(samples: list[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """Return the same in fewer, coarser steps: the mean colour and the part of each cell that has any."""
    coarse = []
    for colors, fractions in samples:
        cells, inverse = _unique(colors // _BIN)
        total = torch.zeros(len(cells), dtype=torch.float64).index_add_(0, inverse, fractions)
        sums = torch.zeros(len(cells), 3, dtype=torch.float64).index_add_(0, inverse, colors * fractions[:, None])
        coarse.append((sums / total[:, None], total))
    return coarse


def _painted(samples: list[tuple[Tensor, Tensor]], colors: Tensor) -> Tensor:
    """Return for each colour (n, 3) the one that was painted: the most frequent near it, if it is frequent."""
    points = torch.cat([points for points, _ in samples])
    fractions = torch.cat([fractions for _, fractions in samples])
    painted = colors.clone()
    for index, color in enumerate(colors):
        near = (points - color).norm(dim=1) <= _BIN
        weights = torch.where(near, fractions, 0)
        if bool(weights.max() >= 0.25 * weights.sum()) and bool(near.any()):
            painted[index] = points[weights.argmax()]
    return painted


def _unique(colors: Tensor) -> tuple[Tensor, Tensor]:
    """Return the numbers of the different whole colours among (n, 3), and which of these each is."""
    red, green, blue = colors.long().T
    numbers, inverse = torch._unique2((red * 256 + green) * 256 + blue, return_inverse=True)[:2]
    return numbers, inverse


def _modes(samples: list[tuple[Tensor, Tensor]], merging: float, most: int) -> tuple[Tensor, Tensor]:
    """Return colours (n, 3), the most frequent first, and their part of each mask (n, masks)."""
    points = torch.cat([colors for colors, _ in samples])
    weights = torch.cat([fractions for _, fractions in samples])
    owner = torch.cat([torch.full((len(colors),), index) for index, (colors, _) in enumerate(samples)])
    left = weights.clone()
    modes: list[Tensor] = []
    while len(modes) < 4 * most and bool((left > 0).any()):
        peak = left.argmax()
        center = points[peak]
        for _ in range(2):  # a colour may lie across bins
            near = (points - center).norm(dim=1) <= merging / 2
            inside = torch.where(near, left, 0)
            center = (points * inside[:, None]).sum(0) / inside.sum()
        modes.append(center)
        left = torch.where((points - center).norm(dim=1) <= merging, 0, left)
        left[peak] = 0
    colors = torch.stack(modes)
    fractions = _fractions(points, weights, owner, colors, len(samples))
    large = (fractions >= MIN_FRACTION).any(1)
    colors = colors[large] if bool(large.any()) else colors[:1]
    while True:
        colors, _ = kmeans(points, weights, colors)
        fractions = _fractions(points, weights, owner, colors, len(samples))
        # The tail of an uneven colour can start as a colour of its own and then move towards its body.
        apart = _distances(colors, colors) + torch.where(torch.eye(len(colors)) > 0, torch.inf, 0)
        if not bool((apart < merging).any()):
            break
        one, other = divmod(int(apart.argmin()), len(colors))
        smaller = one if fractions[one].sum() < fractions[other].sum() else other
        colors = torch.cat([colors[:smaller], colors[smaller + 1 :]])
    order = fractions.sum(1).argsort(descending=True, stable=True)[:most]
    return colors[order], fractions[order]


def _fractions(points: Tensor, weights: Tensor, owner: Tensor, colors: Tensor, masks: int) -> Tensor:
    nearest = _distances(points, colors).argmin(1)
    totals = torch.zeros(len(colors) * masks, dtype=torch.float64).index_add_(0, nearest * masks + owner, weights)
    return totals.reshape(len(colors), masks)


def _distances(points: Tensor, centers: Tensor) -> Tensor:
    # The form by matrix products is inexact for points that are near each other.
    return torch.cdist(points, centers, compute_mode="donot_use_mm_for_euclid_dist")


def grouped(colors: Tensor, weights: Tensor, count: int) -> Tensor:
    """Put colours (n, 3) into exactly `count` groups; the group of the first colour is 0.

    K-means++ (Arthur & Vassilvitskii 2007) with the likeliest choice in place of a random one, then Lloyd.
    """
    chosen = [0]
    while len(chosen) < count:
        distance = _distances(colors, colors[chosen]).amin(1)
        chosen.append(int((weights * distance**2).argmax()))
    _, region = kmeans(colors, weights, colors[chosen])
    # Lloyd can leave a centre without colours: its seed, which is no other's, gets it back.
    for index, seed in enumerate(chosen):
        if not bool((region == index).any()):
            region[seed] = index
    order = [int((region == index).nonzero()[0, 0]) for index in range(count)]
    rank = torch.tensor(order).argsort().argsort()
    return rank[region]
