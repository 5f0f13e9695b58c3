"""Masks that move: those of some frames are given, and carried along the flow to the frames between."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import files, guides, images
from impasto.errors import InputError, UsageError
from impasto.guides import Regions
from impasto.images import Picture
from impasto.scene.resolve import PictureLike
from impasto.video.clip import ClipInfo
from impasto.video.flow import Motion, warp
from impasto.video.folder import in_order, numbers_of
from impasto.video.local_mean import local_mean

Load = Callable[[PictureLike], Picture]
"""Reads a mask that was named."""
ReadMasks = Callable[[Load, int], Regions | None]
"""Reads all masks, by what loads one and with the number of styles; None where there are none."""

REACH = 15
"""Pixels from which what was hidden takes its region: as many as a thing uncovers from one frame to the next."""


class MaskTrack:
    """Where the regions of a clip are, frame by frame.

    `regions` holds the content's masks of the frames `numbers` of the clip, one below the other. The first frame of a
    shot takes the mask that was given last before it, since nothing can be carried over a cut. Their edges are carried
    sharp, and made soft in each frame, over `feather` of its long side.
    """

    def __init__(self, regions: Regions, numbers: Sequence[int] = (0,), feather: float = 0.0) -> None:
        self._feather = feather
        parts = regions.content.chunk(len(numbers), 1)
        self._given = dict(zip(numbers, parts, strict=True))
        self._regions = regions
        self._now: Tensor | None = None

    @property
    def digests(self) -> list[list[str]]:
        """Return role and sha256 of each mask."""
        return [list(digest) for digest in self._regions.digests]

    @property
    def first(self) -> Regions:
        """Return the regions of the first frame that has a mask."""
        return replace(self._regions, content=self._given[min(self._given)])

    def at(self, number: int, motion: Motion | None = None) -> Regions:
        """Return the regions in frame `number` of the clip; `motion` leads from it back to the frame asked for last."""
        if number in self._given:
            self._now = self._given[number]
        elif motion is None or self._now is None:
            before = [given for given in self._given if given <= number]
            self._now = self._given[max(before) if before else min(self._given)]
        else:
            self._now = carried(self._now, motion)
        return self.now()

    def now(self) -> Regions:
        """Return the regions in the frame that was asked for last, or whose state was restored."""
        now = self.first if self._now is None else replace(self._regions, content=self._now)
        return guides.feather(now, self._feather)

    def state(self) -> dict[str, Tensor]:
        """Return what the next frame's regions depend on."""
        return {} if self._now is None else {"regions": self._now}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from a state."""
        self._now = tensors.get("regions")


def read_track(
    read: ReadMasks, load: Load, styles: int, info: ClipInfo, first: int, max_pixels: int, feather: float = 0.0
) -> MaskTrack | None:
    """Return the regions of a clip, `feather` of its long side soft; None where there are none.

    `load` reads a picture, and a mask is one, of frame `first` of the clip, or a folder of them (`load_masks`). Raises
    `UsageError` for folders with masks of different frames, and what `read` raises.
    """
    numbers: list[tuple[int, ...]] = []

    def load_mask(source: PictureLike) -> Picture:
        if not isinstance(source, str | Path) or not Path(source).is_dir():
            return load(source)
        picture, own = load_masks(source, info.paths, max_pixels=max_pixels)
        numbers.append(own)
        return picture

    regions = read(load_mask, styles)
    if len({*numbers}) > 1:
        raise UsageError("the masks of regions are of different frames; give each region one for the same frames")
    return None if regions is None else MaskTrack(regions, numbers[0] if numbers else (first,), feather)


def carried(maps: Tensor, motion: Motion) -> Tensor:
    """Return the regions (R, H, W) of a frame before, moved along `motion`; what was hidden takes after its edge."""
    size = (motion.backward.shape[1], motion.backward.shape[2])
    moved = warp(guides.fit(maps, size)[None], motion.backward, mode="bilinear").clamp(0, 1)
    known = motion.reliable
    weight = local_mean(known, 2 * REACH + 1)
    around = local_mean(moved * known, 2 * REACH + 1) / weight.clamp_min(1e-6)
    filled = torch.where((known > 0) | (weight < 1e-6), moved, around)[0]
    return filled / filled.sum(0).clamp_min(1e-6)


def load_masks(name: str | Path, frames: Sequence[Path] = (), *, max_pixels: int) -> tuple[Picture, tuple[int, ...]]:
    """Return the masks in a folder one below the other, and the numbers of their frames in the clip (`numbers_of`).

    All are taken at the size of the first. Raises `InputError` for a folder without masks, or with one of no frame.
    """
    folder = Path(name)
    names = in_order([path.name for path in folder.iterdir() if path.suffix.lower() in files.PICTURE_SUFFIXES])
    if not names:
        raise InputError(f"{folder}: has no masks; name a picture, or a folder with one for each frame or for some")
    numbers = numbers_of(folder, names, frames, "masks")
    pictures = [images.load(folder / name, max_pixels=max_pixels) for name in names]
    size = pictures[0].size
    rows = [F.interpolate(picture.pixels, size, mode="nearest-exact") for picture in pictures]
    digest = "".join(picture.sha256 for picture in pictures)
    return Picture(torch.cat(rows, 2), name=folder.name, sha256=digest[:64]), tuple(numbers)
