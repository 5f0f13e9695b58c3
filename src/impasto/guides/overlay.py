"""Regions made visible: over their picture, and as a mask that can be edited and read again."""

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto.errors import UsageError
from impasto.guides.propagate import boundary
from impasto.guides.regions import fit
from impasto.images import Picture

Colors = Sequence[tuple[int, int, int]]

COLORS: Colors = (
    (255, 0, 0), (0, 0, 255), (255, 255, 0), (0, 255, 0), (255, 0, 255), (0, 255, 255), (255, 255, 255), (0, 0, 0),
    (255, 128, 0), (128, 0, 255), (0, 128, 128), (255, 128, 255), (128, 0, 0), (128, 255, 128), (0, 128, 255),
    (128, 128, 0), (128, 128, 128), (255, 0, 128), (0, 128, 0), (255, 255, 128), (0, 0, 128), (0, 255, 128),
    (128, 128, 255), (128, 255, 0),
)  # fmt: skip
"""Corners, edges and middles of the sRGB cube: no two nearer than 127 levels, so that masks read back as painted."""


def overlay(picture: Picture, maps: Tensor, colors: Colors | None = None, *, strength: float = 0.5) -> Picture:
    """Tint each region of `maps` (R, h, w) over `picture`, with a thin line where regions meet.

    colours: one (red, green, blue) in 0 ... 255 a region. strength: 0 shows the picture, 1 flat colours.
    Raises `UsageError` for more regions than colours.
    """
    maps = fit(maps, picture.size)
    tint = torch.einsum("rhw,rc->chw", maps, _palette(maps, colors))
    covered = maps.sum(0).clamp(0, 1)
    mixed = picture.pixels[0] * (1 - strength * covered) + strength * tint.clamp(0, 1)
    thick = max(1, round(max(picture.size) / 800))
    # A dark line with a light heart shows on any colour.
    for width, gray in ((thick + 1, 0.0), (thick, 1.0)) if min(picture.size) > 64 else ((1, 1.0),):
        mixed = torch.where(boundary(maps, width) > 0, torch.full_like(mixed, gray), mixed)
    return Picture(mixed[None].clamp(0, 1), picture.alpha, f"{picture.name} with regions")


def to_colors(maps: Tensor, colors: Colors | None = None) -> Picture:
    """Paint `maps` (R, h, w) as a colour-coded mask: each pixel in the colour of the region with the most weight.

    colours: one (red, green, blue) in 0 ... 255 a region. Raises `UsageError` for more regions than colours.
    """
    palette = _palette(maps, colors)
    return Picture(palette[maps.argmax(0)].permute(2, 0, 1)[None].contiguous(), name="mask")


def _palette(maps: Tensor, colors: Colors | None) -> Tensor:
    known = COLORS if colors is None else colors
    if len(maps) > len(known):
        raise UsageError(
            f"{len(maps)} regions, but only {len(known)} colours to show them in; give more, or fewer regions"
        )
    return torch.tensor(known[: len(maps)], dtype=torch.float32) / 255
