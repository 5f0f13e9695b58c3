"""Regions without drawing: one clustering of a photograph's and its paintings' deep features, so that parts correspond.

A region is a cluster of what the encoder describes alike. Four things make that work between a photograph and a
painting. Features are centred in each picture by itself, which takes away most of what medium and palette do to them.
They are averaged over what is near and looks alike, so that regions end at edges. Every cluster has a centre of its
own in each picture, tied to the common one: tightly in the deep features, loosely in colour, because a night sky and
a noon sky are one region. And a region must be somewhere in the content and in a style.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor

from impasto import color, guides, images
from impasto.encoders import Encoder
from impasto.errors import ImageError, UsageError
from impasto.events import notice
from impasto.guides.colors import color_names
from impasto.guides.overlay import COLORS
from impasto.images import Picture
from impasto.masks.clustering import View, choose_count, cluster, merge_absent
from impasto.masks.edges import CELL, settle, snap

MAX_REGIONS = 12
"""More regions than this nobody asks a clustering for, and masks stop being editable."""
DETAIL = 1024
"""The long side in pixels that maps have at most: finer edges than a mask's pixels nobody sees."""
_LAYERS = (("relu4_2", 1), ("relu5_1", 1), ("relu5_1", 2))
"""Layers, and by how much the picture is made smaller for them: what a thing is shows in what is around it."""
_DIMENSIONS = 32
"""The principal directions of the deep features that are clustered: further ones are noise."""
_COLOR, _HEIGHT = 0.5, 0.5
"""The weights of colour and of height in the picture beside the deep features, whose length is about 1."""


def automatic(
    content: Picture, styles: Sequence[Picture], encoder: Encoder, *, count: int = 0, size: int = 384, seed: int = 0
) -> guides.Regions:
    """Find regions that `content` and `styles` share, the largest in the content first.

    The maps are as large as their picture, or 1024 pixels on the long side if that is less; soft at the edges, which
    follow the pictures' own. count: how many regions, 0 to choose 2 ... 6, with a notice that says why. size: long
    side at which pictures are encoded, pixels.

    Raises `UsageError` for a count that is not 0 or 2 ... 12, `ImageError` where there is nothing to tell apart.
    """
    if count != 0 and not 2 <= count <= MAX_REGIONS:
        raise UsageError(f"{count} regions: give 2 to {MAX_REGIONS}, or 0 to let the pictures decide")
    if not styles:
        raise UsageError("regions are shared by a content and its styles; give at least one style")
    views = _views([images.fill_hidden(picture) for picture in (content, *styles)], encoder, size)
    labels = merge_absent(views, cluster(views, count, seed).labels if count else choose_count(views, seed))
    regions = 1 + int(torch.cat(labels).max())
    if 1 < regions < count:
        notice(f"{regions} regions instead of {count}: the others would be missing in the content or in every style")
    if regions < 2:
        raise ImageError(f"{content.name}: shares no regions with its styles that could be told apart; draw masks")
    maps = [snap(view, settle(one.view(view.grid), regions)) for view, one in zip(views, labels, strict=True)]
    order = guides.area_fractions(maps[0]).argsort(descending=True, stable=True)
    # The names under which `guides.from_colors` will know the colours that `guides.to_colors` paints.
    names = color_names([torch.tensor(color, dtype=torch.float64) for color in COLORS[:regions]])
    return guides.Regions(tuple(names), maps[0][order], tuple(one[order] for one in maps[1:]))


def _views(pictures: Sequence[Picture], encoder: Encoder, size: int) -> list[View]:
    described = [_describe(picture, encoder, size) for picture in pictures]
    deep = torch.cat([features / len(features) ** 0.5 for features, _, _ in described])
    # Distances in the main directions are almost all of the distance, at a tenth of the cost.
    _, directions = torch.linalg.eigh(deep.double().T @ deep.double())
    main = directions.flip(1)[:, :_DIMENSIONS].float()
    views = []
    for picture, (features, others, grid) in zip(pictures, described, strict=True):
        points = _diffused(torch.cat([features @ main, others], 1), grid)
        if float(features.square().sum(1).mean()) < 1e-3:
            raise ImageError(f"{picture.name}: is flat all over, so no regions can be found in it; draw masks")
        detail = images.fit_size(picture.size, min(DETAIL, max(picture.size)))
        views.append(View(points, grid, images.resize(picture.pixels, detail)))
    return views


def _describe(picture: Picture, encoder: Encoder, size: int) -> tuple[Tensor, Tensor, tuple[int, int]]:
    """Return deep features (n, C) of length up to about 1, (n, 4) of colour and height, and the grid of n points."""
    # The deepest layer of the smaller copy needs a few neurons a side.
    working = tuple(max(4 * CELL, side) for side in images.fit_size(picture.size, size))
    grid = working[0] // CELL, working[1] // CELL
    pixels = images.resize(picture.pixels, (working[0], working[1]))
    parts = []
    with torch.no_grad():
        for smaller in sorted({smaller for _, smaller in _LAYERS}):
            layers = [layer for layer, by in _LAYERS if by == smaller]
            features = encoder(images.resize(pixels, (working[0] // smaller, working[1] // smaller)), layers)
            for layer in layers:
                points = _to_points(features[layer], grid)
                # Directions of difference from the picture's mean: contrast varies much more than they do. What is
                # tiny beside the mean has no direction, or rounding would be blown up.
                least = 0.01 * float(points.norm(dim=1).mean()) + 1e-9
                parts.append(functional.normalize(points - points.mean(0), dim=1, eps=least))
    tints = _to_points(color.to_oklab(pixels), grid)
    tints = tints - tints.mean(0)
    tints = _COLOR * tints / tints.square().sum(1).mean().sqrt().clamp_min(0.05)
    height = torch.linspace(-1, 1, grid[0])[:, None].expand(grid).reshape(-1, 1)
    return torch.cat(parts, 1), torch.cat([tints, _HEIGHT * 3**0.5 * height], 1), grid


def _to_points(maps: Tensor, grid: tuple[int, int]) -> Tensor:
    return functional.interpolate(maps, size=grid, mode="bilinear", antialias=True, align_corners=False)[0].flatten(1).T


def _diffused(points: Tensor, grid: tuple[int, int]) -> Tensor:
    """Average the points (n, D) over those near them that look alike, so that they differ at edges and only there."""
    features, tints, height = points[:, :-4], points[:, -4:-1], points[:, -1:]
    rows, columns = torch.meshgrid(torch.arange(grid[0]), torch.arange(grid[1]), indexing="ij")
    places = torch.stack([rows, columns], -1).reshape(-1, 2) * (2 / max(grid))
    kernel = torch.exp(-torch.cdist(places, places).square() / (2 * 0.5**2))
    kernel *= torch.exp(-torch.cdist(tints, tints).square() / (2 * 0.2**2))
    directions = functional.normalize(torch.cat([features, tints], 1), dim=1, eps=1e-4)
    # A point is always like itself, also where it has no direction.
    kernel *= (directions @ directions.T).clamp_min(0).square().fill_diagonal_(1)
    kernel /= kernel.sum(1, keepdim=True)
    mixed = kernel @ torch.cat([features, tints], 1)
    mixed = mixed - mixed.mean(0)
    spread = points[:, :-1].square().sum().sqrt() / mixed.square().sum().sqrt().clamp_min(1e-4)
    return torch.cat([mixed * spread, height], 1)
