"""`Regions`: what a picture's parts are called, and how much of each pixel belongs to which."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as functional
from torch import Tensor

from impasto.errors import ImageError, UsageError
from impasto.events import notice

ABSENT = 2e-4
"""A region with a smaller fraction of a mask is not in it: a few stray pixels have no statistics worth matching."""

_NAME = re.compile(r"[A-Za-z0-9_#-]{1,40}")


@dataclass(frozen=True, eq=False)
class Regions:
    """The regions of a content picture and where each style shows them.

    Raises `UsageError` for names that are not unique or not `[A-Za-z0-9_#-]{1,40}`, and for maps of other shapes.
    """

    names: tuple[str, ...]
    content: Tensor = field(repr=False)
    """(R, H, W) float32 in [0, 1], as large as the content's mask; sums to 1 at every pixel."""
    styles: tuple[Tensor | None, ...] = field(repr=False)
    """Per style (R, h, w), or None where the style has no mask and every region takes all of it.

    Sums to 1 at a pixel, or to less where the style shows something that the content does not have; it exceeds 1
    only where a style without anything outside the named regions lends all of itself to "rest". The map of a
    region that this style does not show is zero.
    """
    digests: tuple[tuple[str, str], ...] = ()
    """(role, sha256) of each mask file, the role being "content mask" or "style mask"."""

    def __post_init__(self) -> None:
        for name in self.names:
            check_name(name)
        if len(set(self.names)) < len(self.names):
            raise UsageError(f"regions {', '.join(self.names)}: two have the same name; give each its own")
        for maps in (self.content, *self.styles):
            if maps is not None and (maps.ndim != 3 or maps.shape[0] != len(self.names)):
                raise UsageError(f"maps of {len(self.names)} regions are (R, H, W), not {tuple(maps.shape)}")


def check_name(name: str) -> str:
    """Return `name` back; raise `UsageError` unless it can stand in a recipe and on a command line."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"region name {name!r}: use 1 to 40 letters, digits, and the signs _ - #")
    return name


def area_fractions(maps: Tensor) -> Tensor:
    """Return the part of the area that each region of `maps` (R, H, W) takes, (R,)."""
    return maps.mean((1, 2))


def fit(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Resample `maps` (R, H, W) to `size` = (height, width); maps that sum to 1 still do, and stay in [0, 1].

    Triangle filter, antialiased: it has no negative lobes, so the sum of the resampled maps is the resampled sum,
    also where a style's maps leave something out.
    """
    if min(size) < 1:
        raise UsageError(f"size={size}: each side needs at least 1 pixel")
    if tuple(maps.shape[1:]) == tuple(size):
        return maps
    resized = functional.interpolate(maps[None], size=size, mode="bilinear", align_corners=False, antialias=True)[0]
    resized = resized.clamp(0, 1)
    if partition(maps):
        resized = resized / resized.sum(0)  # takes the rounding away
    return resized


def partition(maps: Tensor) -> bool:
    """Return whether `maps` (R, H, W) sum to 1 at every pixel."""
    return bool(((maps.sum(0) - 1).abs() < 1e-4).all())


def check_shape(mask_name: str, mask: tuple[int, int], picture: tuple[int, int]) -> None:
    """Say when a mask's (height, width) is not its picture's: that it is resized, or stretched (over 2% in aspect)."""
    if tuple(mask) == tuple(picture):
        return
    aspect = (mask[1] / mask[0]) / (picture[1] / picture[0])
    word = "stretched" if max(aspect, 1 / aspect) > 1.02 else "resized"
    notice(f"{mask_name}: is {mask[1]} x {mask[0]} and is {word} to its picture's {picture[1]} x {picture[0]}")


def check_present(
    names: Sequence[str],
    described: Sequence[str],
    content: str,
    styles: Sequence[Tensor | None],
    style_names: Sequence[str],
) -> None:
    """Raise `ImageError` for a content region that no style has, and for a style whose mask has none of them.

    described: how to speak of each region; content, style_names: the files.
    """
    present = [None if maps is None else area_fractions(maps) >= ABSENT for maps in styles]
    masked = [shown for shown in present if shown is not None]
    if masked and len(masked) == len(present):
        missing = (~torch.stack(masked).any(0)).nonzero().flatten().tolist()
        if missing:
            others = [name for index, name in enumerate(names) if index not in missing]
            remedy = f"paint it there too, or give it to another region here ({', '.join(others)})"
            if not others:
                remedy = "use the same colours, or names, on both sides"
            raise ImageError(
                f"{content}: region {described[missing[0]]} is in no style mask ({', '.join(style_names)}); {remedy}"
            )
    for shown, name in zip(present, style_names, strict=True):
        if shown is not None and not bool(shown.any()):
            raise ImageError(f"{name}: shows none of the regions {', '.join(names)}; repaint it, or leave it out")
