"""Which pixels a statistic counts: regions of two pictures, paired by index."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from impasto.errors import UsageError

ABSENT = 1e-3
"""A region with less than this fraction of a picture has too few pixels for a statistic of its own."""

Weights = Tensor | None
"""How much each of n pixels counts, (n,); None: all the same."""


def check_pictures(channels: int, **pictures: Tensor) -> None:
    """Raise `UsageError` unless each picture is (1, channels, H, W) with at least one pixel."""
    for name, picture in pictures.items():
        shape = tuple(picture.shape)
        if len(shape) != 4 or shape[:2] != (1, channels) or 0 in shape:
            raise UsageError(f"{name}: colours need a picture of shape (1, {channels}, H, W), not {shape}")


def check_strength(strength: float) -> None:
    """Raise `UsageError` unless `strength` is in [0, 1]."""
    if not 0 <= strength <= 1:
        raise UsageError(f"strength={strength}: must be between 0 (as it is) and 1 (all of it)")


def by_region(
    source: Tensor,
    target: Tensor,
    source_maps: Tensor | None,
    target_maps: Tensor | None,
    change: Callable[[Weights, Weights], Tensor],
) -> Tensor:
    """Blend, with the maps of `source`, what `change(source weights, target weights)` makes of it for each region.

    `change` gives (channels, n) for the n pixels of `source` (1, channels, H, W). A picture without maps is one
    region, the whole. A region that is (nearly) absent from either picture gets what no maps would give.

    Raises `UsageError` when maps do not fit their picture or one another.
    """
    check_maps("source_maps", source_maps, source)
    check_maps("target_maps", target_maps, target)
    if source_maps is None:
        return change(None, None).reshape(source.shape)
    if target_maps is not None and len(target_maps) != len(source_maps):
        raise UsageError(
            f"source_maps and target_maps have {len(source_maps)} and {len(target_maps)} regions; "
            "give both pictures the same regions"
        )
    total = torch.zeros_like(source).flatten(2)[0]
    cover = torch.zeros_like(total[0])
    for index, weights in _pairs(source_maps, target_maps):
        fraction = source_maps[index].flatten().to(total)
        total += fraction * change(*weights)
        cover += fraction
    # Maps that add to 1 but for rounding; where they leave a hole, the source stays.
    holes = cover <= 0
    blended = torch.where(holes, source.flatten(2)[0], total / cover.masked_fill(holes, 1))
    return blended.reshape(source.shape)


def _pairs(source_maps: Tensor, target_maps: Tensor | None) -> Iterator[tuple[int, tuple[Weights, Weights]]]:
    for index, source_map in enumerate(source_maps):
        if not bool((source_map > 0).any()):
            continue  # nothing to change
        ours = source_map.flatten().double()
        theirs = None if target_maps is None else target_maps[index].flatten().double()
        if ours.mean() < ABSENT or (theirs is not None and theirs.mean() < ABSENT):
            yield index, (None, None)
        else:
            yield index, (ours, theirs)


def check_maps(name: str, maps: Tensor | None, picture: Tensor) -> None:
    """Raise `UsageError` unless `maps` are (R, H, W) >= 0 of the picture's height and width."""
    if maps is None:
        return
    if maps.dim() != 3 or not len(maps) or maps.shape[1:] != picture.shape[2:]:
        raise UsageError(
            f"{name}: of shape {tuple(maps.shape)}, but the picture needs (regions, {picture.shape[2]}, "
            f"{picture.shape[3]}); resize them with impasto.guides.fit"
        )
    if not bool((maps >= 0).all()):
        raise UsageError(f"{name}: weights must be 0 or more, and not NaN")


def moments(points: Tensor, weights: Weights) -> tuple[Tensor, Tensor]:
    """Return the mean (channels, 1) and covariance (channels, channels), per unit of weight, of `points` (channels, n).

    Both are float64.
    """
    values = points.double()
    fraction = torch.full_like(values[0], 1 / values.shape[1]) if weights is None else weights / weights.sum()
    mean = (values * fraction).sum(1, keepdim=True)
    values = values - mean
    return mean, (values * fraction) @ values.T
