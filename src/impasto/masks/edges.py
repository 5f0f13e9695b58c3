"""From clusters on a coarse grid to masks: islands are merged, and edges follow those of the picture."""

import torch
import torch.nn.functional as functional
from torch import Tensor

from impasto import guides, images
from impasto.masks.clustering import View

CELL = 8
"""The pixels of the working size along a side per point that is clustered: the stride of relu4_2."""

_SMOOTH = 1e-4
"""Variance of colour, in [0, 1]², below which the guided filter takes a window for flat."""
_ISLAND = 0.01
"""Parts smaller than this fraction of the picture go to what is around them."""


def settle(labels: Tensor, count: int) -> Tensor:
    """Merge small islands of `labels` (h, w) into what is around them, one after the other; as maps (K, h, w)."""
    around = torch.ones(count, 1, 3, 3)
    for region in range(count):
        parts = _parts(labels == region)
        sizes = parts.flatten().bincount()
        sizes[0] = 0
        # The largest part stays in any case: a region must not vanish.
        sizes[sizes.argmax()] = 0
        for part in ((sizes > 0) & (sizes < _ISLAND * labels.numel())).nonzero().flatten().tolist():
            island = parts == part
            maps = functional.one_hot(labels, count).permute(2, 0, 1).float()
            beside = functional.conv2d(maps[None], around, padding=1, groups=count)[0][:, island].sum(1)
            beside[region] = 0
            labels = torch.where(island, beside.argmax(), labels)
    return functional.one_hot(labels, count).permute(2, 0, 1).float()


def _parts(inside: Tensor) -> Tensor:
    """Number the connected parts of (h, w) bool from 1, with gaps; 0 is outside."""
    numbers = torch.arange(1, inside.numel() + 1).view(inside.shape) * inside
    while True:
        # Whole numbers below 2^24 are exact in float32.
        grown = functional.max_pool2d(numbers[None].float(), 3, stride=1, padding=1)[0].long() * inside
        if torch.equal(grown, numbers):
            return numbers
        numbers = grown


def snap(view: View, maps: Tensor) -> Tensor:
    """Bring maps (K, h, w) of the grid to the size of the picture, with their edges on its edges.

    The guided filter with a colour guide (He, Sun & Tang 2013), fitted at the working size and applied at the
    picture's (He & Sun 2015).
    """
    small = (view.grid[0] * CELL, view.grid[1] * CELL)
    guide = images.resize(view.pixels, small)[0]
    rough = guides.fit(maps, small)
    mean, mean_rough = _box(guide), _box(rough)
    across = _box((guide[:, None] * guide[None]).flatten(0, 1)).view(3, 3, *small) - mean[:, None] * mean[None]
    with_rough = _box((guide[:, None] * rough[None]).flatten(0, 1)).view(3, -1, *small) - mean[:, None] * mean_rough
    matrix = across.permute(2, 3, 0, 1) + _SMOOTH * torch.eye(3)
    slope = torch.linalg.solve(matrix, with_rough.permute(2, 3, 0, 1)).permute(2, 3, 0, 1)
    offset = mean_rough - (slope * mean[:, None]).sum(0)
    size = (view.pixels.shape[2], view.pixels.shape[3])
    planes = torch.cat([_box(slope.flatten(0, 1)), _box(offset)])
    planes = functional.interpolate(planes[None], size=size, mode="bilinear", align_corners=False)[0]
    slope, offset = planes[: 3 * len(maps)].view(3, len(maps), *size), planes[3 * len(maps) :]
    snapped = (slope * view.pixels[0][:, None]).sum(0) + offset
    # Steeper: the filter leaves a veil where the picture has texture. Before, the maps sum to 1, so none is lost.
    snapped = snapped.clamp(0, 1) ** 3
    return snapped / snapped.sum(0)


def _box(maps: Tensor) -> Tensor:
    """Return the means of maps (K, h, w) over square windows, along columns and then along rows."""
    side = 2 * CELL + 1
    means = functional.avg_pool2d(maps[None], (side, 1), stride=1, padding=(CELL, 0), count_include_pad=False)
    return functional.avg_pool2d(means, (1, side), stride=1, padding=(0, CELL), count_include_pad=False)[0]
