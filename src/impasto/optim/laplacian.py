"""Laplacian pyramids: a picture as differences between its sizes, which a solver can move all at once.

A step on the coarse differences moves whole areas, where a step on pixels moves one pixel each (Kolkin et al. 2019,
section 2.5; Burt & Adelson 1983).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS = 5
"""Differences beside the smallest picture (Kolkin et al. 2019)."""


def decompose(image: Tensor, levels: int = LEVELS) -> list[Tensor]:
    """Return the differences of `image` (B, C, H, W), fine to coarse, and at the end what is left of it.

    Sides are halved and rounded up, as often as `levels` says or until one of them is 1.
    """
    differences = []
    for size in _sizes((image.shape[-2], image.shape[-1]), levels)[1:]:
        small = F.interpolate(image, size, mode="bilinear", antialias=True)
        differences.append(image - _enlarged(small, (image.shape[-2], image.shape[-1])))
        image = small
    return [*differences, image]


def compose(parts: Sequence[Tensor]) -> Tensor:
    """Return the picture that `decompose` took apart, to rounding; linear in the parts."""
    image = parts[-1]
    for part in reversed(parts[:-1]):
        image = part + _enlarged(image, (part.shape[-2], part.shape[-1]))
    return image


@dataclass(frozen=True)
class Packing:
    """A pyramid as one line of numbers (1, C, 1, N), which is what a solver and a checkpoint hold."""

    size: tuple[int, int]
    """(height, width) of the picture."""
    levels: int = LEVELS

    def pack(self, image: Tensor) -> Tensor:
        """Take `image` (1, C, H, W) apart."""
        return torch.cat([part.flatten(2) for part in decompose(image, self.levels)], 2)[:, :, None].contiguous()

    def unpack(self, line: Tensor) -> Tensor:
        """Return the picture (1, C, H, W)."""
        sizes = _sizes(self.size, self.levels)
        parts = torch.split(line[:, :, 0], [height * width for height, width in sizes], 2)
        return compose([part.reshape(1, -1, *size) for part, size in zip(parts, sizes, strict=True)])


def _sizes(size: tuple[int, int], levels: int) -> list[tuple[int, int]]:
    sizes = [size]
    while len(sizes) <= levels and min(sizes[-1]) > 1:
        height, width = sizes[-1]
        sizes.append((-(-height // 2), -(-width // 2)))
    return sizes


def _enlarged(image: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(image, size, mode="bilinear")
