"""Copies of the styles, turned and scaled, and which of their patches may paint what."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import guides, images
from impasto.encoders import Encoder
from impasto.events import notice
from impasto.losses import PatchSource
from impasto.losses.patches import patch_labels, region_fractions
from impasto.optim.pyramid import Level
from impasto.recipe import Recipe
from impasto.scene.areas import area_scales, areas
from impasto.scene.scene import SMALLEST, Painted, Scene

TURN = math.pi / 24
"""From one rotation of a painting to the next (Li & Wand 2016, section 4)."""
STEP = 1.05
"""From one size to the next (ibid.)."""
VISIBLE_FRACTION = 0.99
"""The least part of a patch that has to be painting: not transparent, and not beyond a turned painting's border."""
SHARES = {"reshuffle": 1, "mrf": 2, "nnst_fast": 4}
"""What `patch_capacity` 0 means, where it is a bound. In `mrf`, without one, what the painting has once was everywhere:
red discs on a face, suns in the water. Without one `nnst_fast` paints a plain sky with one point of the painting over
and over; with four, such areas have strokes, and all else is as it was. In `doodle` the maps say what goes where."""


class StyleCopies:
    """The paintings of a scene as one heap of patches: which copies of them there are, and what each may paint.

    Labels number the regions of the photograph; without regions there is one, 0. Layers are those of `encoder`.
    """

    def __init__(self, scene: Scene, encoder: Encoder) -> None:
        self._scene, self._encoder, self._recipe = scene, encoder, scene.recipe
        self._said: set[tuple[str, str]] = set()

    def paintings(self, level: Level) -> Iterator[tuple[Painted, list[bool]]]:
        """Return each painting at the size of `level`, with its copies, and for each label whether it paints it."""
        for index in range(len(self._scene.styles)):
            for scale in area_scales(self._scene):
                labels = self._painted_at(index, scale)
                if any(labels):
                    for painted in self._copies(self._scene.style(index, level, scale)):
                        yield painted, labels

    def allowed(
        self, painted: Painted, labels: list[bool], layer: str, size: int, stride: int, *, steered: bool = False
    ) -> Tensor:
        """Return (L, Y, X): which patches of a painting may stand for which of the `labels` that it paints.

        `steered`: whatever region they are of.
        """
        alpha = painted.pixels.new_ones(painted.pixels.shape[2:]) if painted.alpha is None else painted.alpha
        shown = (region_fractions(self.at(alpha[None], layer), size, stride) >= VISIBLE_FRACTION) & torch.tensor(
            labels
        )[:, None, None]
        if painted.maps is not None and not steered:
            own = patch_labels(self.at(painted.maps, layer), size, stride)
            shown &= own == torch.arange(len(labels))[:, None, None]
        return shown

    def at(self, maps: Tensor, layer: str) -> Tensor:
        """Take maps (R, H, W) of a picture to the neurons of a layer."""
        return guides.propagate(maps, self._encoder.steps(layer), "mean")

    def _painted_at(self, index: int, scale: float) -> list[bool]:
        """Say for each label whether style number `index` paints it at this `scale`; without regions there is one."""
        regions = self._scene.regions
        labels = [False] * (1 if regions is None else len(regions.names))
        for area in areas(self._scene):
            labels[area.number] = index in area.styles and area.scale == scale
        return labels

    def tell(self, layer: str, labels: Tensor, usable_labels: Tensor, level: Level) -> None:
        """Say once which regions of the picture (its `labels`) no patch stands for; `usable_labels` (L,) tells."""
        regions = self._scene.regions
        for number, name in enumerate(() if regions is None else regions.names):
            asked = name not in self._recipe.keep and bool((labels == number).any())
            if asked and not bool(usable_labels[number]) and (name, layer) not in self._said:
                self._said.add((name, layer))
                size = f"{level.size[1]}x{level.size[0]} px"
                notice(f"region '{name}' has no patch of its own at {layer} ({size}) in any painting; all can paint it")

    def _copies(self, painted: Painted) -> Iterator[Painted]:
        """Return a painting with its turned and scaled copies, all combinations."""
        for size in range(-self._recipe.patch_scales, self._recipe.patch_scales + 1):
            for turn in range(-self._recipe.patch_rotations, self._recipe.patch_rotations + 1):
                yield turned(scaled(painted, STEP**size), TURN * turn)


def copies(recipe: Recipe) -> int:
    """Return how many turned and scaled copies of a painting patches are taken from, itself among them."""
    return (2 * recipe.patch_rotations + 1) * (2 * recipe.patch_scales + 1)


def capacity_of(recipe: Recipe) -> float | None:
    """Return how often a patch may be used, times its fair share; None where there is no bound."""
    return None if recipe.patch_reuse else recipe.patch_capacity or SHARES.get(recipe.method)


def unbarred(sources: Sequence[PatchSource]) -> list[PatchSource]:
    """Return the sources without what each patch may stand for, where that is everything."""
    if any(source.allowed is not None and not bool(source.allowed.all()) for source in sources):
        return list(sources)
    return [replace(source, allowed=None) for source in sources]


def usable_labels(sources: Sequence[PatchSource], labels: int) -> Tensor:
    """Say for each of so many labels (L,) whether any patch may stand for it."""
    usable = [source.allowed.flatten(1).any(1).cpu() for source in sources if source.allowed is not None]
    return torch.stack(usable).any(0) if usable else torch.ones(labels, dtype=torch.bool)


def scaled(painted: Painted, factor: float) -> Painted:
    height, width = painted.pixels.shape[2:]
    size = max(SMALLEST, round(height * factor)), max(SMALLEST, round(width * factor))
    if size == (height, width):
        return painted
    alpha = None if painted.alpha is None else images.resize(painted.alpha[None, None], size)[0, 0]
    maps = None if painted.maps is None else guides.fit(painted.maps, size)
    return Painted(images.resize(painted.pixels, size), alpha, maps)


def turned(painted: Painted, angle: float) -> Painted:
    """Turn a painting about its middle; beyond its borders it goes on mirrored, and counts as transparent."""
    if not angle:
        return painted
    height, width = painted.pixels.shape[2:]
    cosine, sine = math.cos(angle), math.sin(angle)
    # From coordinates in -1 ... 1 to the same: a turn in pixels.
    matrix = [[cosine, -sine * height / width, 0], [sine * width / height, cosine, 0]]
    at = F.affine_grid(torch.tensor([matrix]), [1, 1, height, width], align_corners=False)

    def turn(planes: Tensor, beyond: str) -> Tensor:
        return F.grid_sample(planes, at.to(planes), "bilinear", beyond, align_corners=False)

    alpha = torch.ones(height, width) if painted.alpha is None else painted.alpha
    maps = None if painted.maps is None else turn(painted.maps[None], "zeros")[0]
    return Painted(turn(painted.pixels, "reflection"), turn(alpha[None, None], "zeros")[0, 0], maps)


def quarters(painted: Painted, turns: int) -> Painted:
    """Turn a painting so many quarters."""
    if not turns:
        return painted
    pixels = painted.pixels.rot90(turns, (-2, -1))
    alpha, maps = (
        None if planes is None else planes.rot90(turns, (-2, -1)) for planes in (painted.alpha, painted.maps)
    )
    return Painted(pixels, alpha, maps)
