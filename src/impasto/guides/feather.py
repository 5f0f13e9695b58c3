"""Soft edges between regions."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from impasto.guides.regions import Regions

BOXES = 3
"""Means over squares in a row, after which an edge goes over in the smooth curve of a quadratic spline, almost a
Gaussian's: each takes the same time, however wide it is."""


def feather(regions: Regions, width: float) -> Regions:
    """Return regions that go over into one another across `width` of each map's long side; 0 leaves them as they are.

    Beyond its border a picture goes on as at the border, so that maps which sum to one still do.
    """
    if not width:
        return regions
    styles = tuple(None if maps is None else soften(maps, width) for maps in regions.styles)
    return replace(regions, content=soften(regions.content, width), styles=styles)


def soften(maps: Tensor, width: float) -> Tensor:
    """Return maps (R, H, W) whose edges are `width` of the long side wide."""
    radius = round((width * max(maps.shape[1:]) / BOXES - 1) / 2)
    if radius < 1:
        return maps
    softened = maps.double()
    for axis in (1, 2):
        for _ in range(BOXES):
            softened = _mean(softened, axis, radius)
    return softened.clamp(0, 1).to(maps.dtype)


def _mean(maps: Tensor, axis: int, radius: int) -> Tensor:
    """Return the mean over 2 radius + 1 pixels along an axis, as a difference of two sums from the border on."""
    lines = maps.movedim(axis, -1)
    length = lines.shape[-1]
    padded = functional.pad(lines, (radius + 1, radius), mode="replicate")
    sums = torch.cumsum(padded, -1)
    means = (sums[..., 2 * radius + 1 :] - sums[..., :length]) / (2 * radius + 1)
    return means.movedim(-1, axis)
