"""Regions without drawing: one clustering of a photograph's and its paintings' deep features, so that parts correspond.

A region is a cluster of what the encoder describes alike. Four things make that work between a photograph and a
painting. Features are centred in each picture by itself, which takes away most of what medium and palette do to them.
They are averaged over what is near and looks alike, so that regions end at edges. Every cluster has a centre of its
own in each picture, tied to the common one: tightly in the deep features, loosely in colour, because a night sky and
a noon sky are one region. And a region must be somewhere in the content and in a style.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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

MOST = 12
"""More regions than this nobody asks a clustering for, and masks stop being editable."""
SMALLEST = 0.02
"""Share of the content and of a style that a region needs."""
DETAIL = 1024
"""Long side of the maps at most, pixels."""
CELL = 8
"""Pixels of the working size per point that is clustered, along a side."""

_LAYERS = (("relu4_2", 1), ("relu5_1", 1), ("relu5_1", 2))
"""Layers, and by how much the picture is made smaller for them: what a thing is shows in what is around it."""
_DIMENSIONS = 32
_COLOR, _HEIGHT = 0.5, 0.5
_TIE, _TIE_COLOR = 10.0, 0.02
_STARTS, _ROUNDS = 16, 40
_CHOICES = range(2, 7)
_CLEAR = 0.07
"""By how much a region should be more like itself in a style than like any other: a difference of cosines."""
_WORTH = 0.05
"""Share of the content and of a style that a region needs where the count is chosen here: small ones are asked for."""
_SMOOTH = 1e-4
"""Variance of colour, in [0, 1]², below which the guided filter takes a window for flat."""
_ISLAND = 0.01
"""Parts smaller than this share of the picture go to what is around them."""


@dataclass(frozen=True, eq=False)
class _View:
    """What is clustered of one picture."""

    points: Tensor
    """(n, D): deep features, then three of colour and one of height."""
    grid: tuple[int, int]
    pixels: Tensor
    """(1, 3, H, W), as large as the maps."""


@dataclass(frozen=True, eq=False)
class _Clusters:
    labels: list[Tensor]
    """Per picture (n,)."""
    distortion: float
    likeness: float
    """How much more a region is like itself in the styles than like another, at worst; in -2 ... 2."""


def automatic(
    content: Picture, styles: Sequence[Picture], encoder: Encoder, *, count: int = 0, size: int = 384, seed: int = 0
) -> guides.Regions:
    """Find regions that `content` and `styles` share, the largest in the content first.

    The maps are as large as their picture, or 1024 pixels on the long side if that is less; soft at the edges, which
    follow the pictures' own. count: how many regions, 0 to choose 2 ... 6, with a notice that says why. size: long
    side at which pictures are encoded, pixels.

    Raises `UsageError` for a count that is not 0 or 2 ... 12, `ImageError` where there is nothing to tell apart.
    """
    if count != 0 and not 2 <= count <= MOST:
        raise UsageError(f"{count} regions: give 2 to {MOST}, or 0 to let the pictures decide")
    if not styles:
        raise UsageError("regions are shared by a content and its styles; give at least one style")
    views = _views([content, *styles], encoder, size)
    labels = _merged(views, _cluster(views, count, seed).labels if count else _choose(views, seed))
    found = 1 + int(torch.cat(labels).max())
    if 1 < found < count:
        notice(f"{found} regions instead of {count}: the others would be missing in the content or in every style")
    if found < 2:
        raise ImageError(f"{content.name}: shares no regions with its styles that could be told apart; draw masks")
    maps = [_snap(view, _settled(one.view(view.grid), found)) for view, one in zip(views, labels, strict=True)]
    order = guides.share(maps[0]).argsort(descending=True, stable=True)
    # The names under which `guides.from_colors` will know the colours that `guides.to_colors` paints.
    names = color_names([torch.tensor(color, dtype=torch.float64) for color in COLORS[:found]])
    return guides.Regions(tuple(names), maps[0][order], tuple(one[order] for one in maps[1:]))


def _views(pictures: Sequence[Picture], encoder: Encoder, size: int) -> list[_View]:
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
        views.append(_View(points, grid, images.resize(picture.pixels, detail)))
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
            found = encoder(images.resize(pixels, (working[0] // smaller, working[1] // smaller)), layers)
            for layer in layers:
                points = _to_points(found[layer], grid)
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


def _cluster(views: Sequence[_View], count: int, seed: int) -> _Clusters:
    """The best of several coupled K-means.

    Minimises, over labels and centres, mean |x - c_kp|² + Σ_k λ |c_kp - c_k|² in the pictures p, every picture
    weighing the same. For given labels with shares n_kp and means m_kp the centres are (n m + λ c) / (n + λ), with
    c_k the mean of m_kp weighted by n λ / (n + λ).
    """
    random = torch.Generator().manual_seed(seed)
    tie = torch.full((views[0].points.shape[1],), _TIE)
    tie[-4:-1] = _TIE_COLOR
    runs = [_run(views, _start(views, count, random), tie) for _ in range(_STARTS)]
    # Regions that answer to each other are worth a little distortion.
    return min(runs, key=lambda run: run.distortion * (1 + 0.5 * max(0.0, _CLEAR - run.likeness)))


def _choose(views: Sequence[_View], seed: int) -> list[Tensor]:
    """Take the most regions that still answer to each other between the pictures, and say so."""
    found = {count: _cluster(views, count, seed) for count in _CHOICES}
    clear = [
        count for count, run in found.items() if run.likeness >= _CLEAR and _smaller(run.labels, count).min() >= _WORTH
    ]
    if clear:
        notice(
            f"{clear[-1]} regions: the most, of {_CHOICES[0]} to {_CHOICES[-1]}, that are each clearly more like "
            f"themselves in the other picture than like another region, and {_WORTH:.0%} of both or more"
        )
        return found[clear[-1]].labels
    if found[2].likeness <= 0:
        return [torch.zeros_like(one) for one in found[2].labels]
    notice("2 regions, which hardly answer to each other between these pictures; look at the overlay")
    return found[2].labels


def _likeness(means: Sequence[Tensor], labels: Sequence[Tensor]) -> float:
    """Compare regions by the directions of their deep features' means (K, D), in the style that shows most of each."""
    count = len(means[0])
    content, *styles = (functional.normalize(mean[:, :-4], dim=1) for mean in means)
    shares = _shares(labels[1:], count)
    worst = 2.0
    for region, style in enumerate(shares.argmax(0).tolist()):
        alike = content @ styles[style].T
        others = torch.cat([alike[region], alike[:, region]])
        others[[region, count + region]] = -1
        worst = min(worst, float(alike[region, region] - others.max()))
    return worst


def _start(views: Sequence[_View], count: int, random: torch.Generator) -> Tensor:
    """K-means++ (Arthur & Vassilvitskii 2007) on all pictures together."""
    points = torch.cat([view.points for view in views])
    weights = torch.cat([torch.full((len(view.points),), 1 / len(view.points)) for view in views])
    centers = points[torch.multinomial(weights, 1, generator=random)]
    while len(centers) < count:
        distance = torch.cdist(points, centers).square().amin(1)
        # Where all points are alike, any will do.
        centers = torch.cat([centers, points[torch.multinomial(weights * (distance + 1e-9), 1, generator=random)]])
    return centers


def _run(views: Sequence[_View], start: Tensor, tie: Tensor) -> _Clusters:
    count = len(start)
    centers = [start] * len(views)
    labels: list[Tensor] = []
    means: list[Tensor] = []
    common = start
    for _ in range(_ROUNDS):
        before, labels = labels, _assign(views, centers)
        if before and all(torch.equal(one, other) for one, other in zip(before, labels, strict=True)):
            break
        sums = [
            torch.zeros_like(start).index_add_(0, one, view.points) for view, one in zip(views, labels, strict=True)
        ]
        counts = [one.bincount(minlength=count)[:, None].float() for one in labels]
        means = [total / number.clamp_min(1) for total, number in zip(sums, counts, strict=True)]
        shares = [number / number.sum() for number in counts]
        pull = [part * tie / (part + tie) for part in shares]
        weight = torch.stack(pull).sum(0)
        common = torch.where(
            weight > 0,
            torch.stack([p * m for p, m in zip(pull, means, strict=True)]).sum(0) / weight.clamp_min(1e-9),
            common,
        )
        centers = [(part * mean + tie * common) / (part + tie) for part, mean in zip(shares, means, strict=True)]
    distortion = sum(
        float((view.points - center[one]).square().sum(1).mean() + (tie * (center - common).square()).sum())
        for view, one, center in zip(views, labels, centers, strict=True)
    )
    # A run that leaves a region out is worse than any that does not.
    distortion *= 1 + count - int(_present(labels, count).sum())
    return _Clusters(labels, distortion, _likeness(means, labels))


def _present(labels: Sequence[Tensor], count: int) -> Tensor:
    """(K,) bool: which regions have a share in the content and in a style."""
    return _smaller(labels, count) >= SMALLEST


def _smaller(labels: Sequence[Tensor], count: int) -> Tensor:
    """(K,): each region's share of the content, or of the style that shows most of it where that is less."""
    shares = _shares(labels, count)
    return torch.minimum(shares[0], shares[1:].amax(0))


def _shares(labels: Sequence[Tensor], count: int) -> Tensor:
    """(pictures, K)."""
    return torch.stack([one.bincount(minlength=count) / len(one) for one in labels])


def _assign(views: Sequence[_View], centers: Sequence[Tensor]) -> list[Tensor]:
    """Return each point its nearest centre, with a bonus for regions that a picture would otherwise lack."""
    distances = [torch.cdist(view.points, center).square() for view, center in zip(views, centers, strict=True)]
    labels = [distance.argmin(1) for distance in distances]
    count = len(centers[0])
    for _ in range(8):
        shares = _shares(labels, count)
        short = shares < 2 * SMALLEST
        # One style is enough: the one that has the most of it.
        best = shares[1:].argmax(0) + 1
        needed = short & functional.one_hot(best, len(views)).T.bool()
        needed[0] = short[0]
        if not bool(needed.any()):
            break
        for index, distance in enumerate(distances):
            distance -= 0.1 * distance.clamp_min(0).mean() * needed[index]
            labels[index] = distance.argmin(1)
    return labels


def _merged(views: Sequence[_View], labels: Sequence[Tensor]) -> list[Tensor]:
    """Return the points of each region that is not present to the nearest one that is, and number the rest from 0."""
    count = int(max(one.max() for one in labels)) + 1
    labels = list(labels)
    while count > 1:
        present = _present(labels, count)
        if bool(present.all()):
            break
        points = torch.cat([view.points for view in views])
        every = torch.cat(list(labels))
        sizes = every.bincount(minlength=count)
        means = torch.zeros(count, points.shape[1]).index_add_(0, every, points) / sizes.clamp_min(1)[:, None]
        gone = int(torch.where(present, sizes.max() + 1, sizes).argmin())
        distance = (means - means[gone]).norm(dim=1)
        distance[gone] = torch.inf
        distance[sizes == 0] = torch.inf
        target = int(distance.argmin()) if bool(distance.isfinite().any()) else (gone + 1) % count
        labels = [torch.where(one == gone, target, one) for one in labels]
        labels = [one - (one > gone).long() for one in labels]
        count -= 1
    return labels


def _settled(labels: Tensor, count: int) -> Tensor:
    """Return small islands of `labels` (h, w) to what is around them, one after the other; as maps (K, h, w)."""
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


def _snap(view: _View, maps: Tensor) -> Tensor:
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
    found = (slope * view.pixels[0][:, None]).sum(0) + offset
    # Steeper: the filter leaves a veil where the picture has texture. Before, the maps sum to 1, so none is lost.
    found = found.clamp(0, 1) ** 3
    return found / found.sum(0)


def _box(maps: Tensor) -> Tensor:
    return functional.avg_pool2d(maps[None], 2 * CELL + 1, stride=1, padding=CELL, count_include_pad=False)[0]
