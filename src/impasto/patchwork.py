"""The patch terms of a level: banks of the paintings' patches, and which of them may paint what."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import encoders, guides, images
from impasto.events import notice
from impasto.losses import Bank, Patches, Source
from impasto.losses.patches import labels_of, shares
from impasto.losses.statistics import TINY
from impasto.optim.pyramid import Level
from impasto.recipe import Recipe
from impasto.scene import SMALLEST, Painted, Scene

Encode = Callable[[Tensor, Iterable[str]], dict[str, Tensor]]

TURN = math.pi / 24
"""From one rotation of a painting to the next (Li & Wand 2016, section 4)."""
STEP = 1.05
"""From one size to the next (ibid.)."""
SHOWN = 0.99
"""The least part of a patch that has to be painting: not transparent, and not beyond a turned painting's border."""
PULL = 0.02
"""On distances over their power, so that the default style_weight is one to start from. Chosen by eye, on two faces, a
town and a still life at 320 px with petite: with 0.03 to 0.04 faces got the painting's beards and a fruit became a bowl
of fruit, with 0.015 the town stayed a photograph."""

SHARES = {"reshuffle": 1, "mrf": 2, "nnst_fast": 4}
"""What `patch_capacity` 0 means, where it is a bound. In `mrf`, without one, what the painting has once was everywhere:
red discs on a face, suns in the water. Without one `nnst_fast` paints a plain sky with one point of the painting over
and over; with four, such areas have strokes, and all else is as it was. In `doodle` the maps say what goes where."""


class Heap:
    """The paintings of a scene as one heap of patches: which copies of them there are, and what each may paint.

    Labels number the regions of the photograph; without regions there is one, 0.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene, self._recipe = scene, scene.recipe
        self._said: set[tuple[str, str]] = set()

    def paintings(self, level: Level) -> Iterator[tuple[Painted, list[bool]]]:
        """Return each painting at the size of `level`, with its copies, and for each label whether it paints it."""
        scales = {1.0, *self._recipe.region_scales.values()}
        for index in range(len(self._scene.styles)):
            for scale in sorted(scales):
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
        shown = (shares(self.at(alpha[None], layer), size, stride) >= SHOWN) & torch.tensor(labels)[:, None, None]
        if painted.maps is not None and not steered:
            own = labels_of(self.at(painted.maps, layer), size, stride)
            shown &= own == torch.arange(len(labels))[:, None, None]
        return shown

    @staticmethod
    def at(maps: Tensor, layer: str) -> Tensor:
        """Take maps (R, H, W) of a picture to the neurons of a layer."""
        return guides.propagate(maps, encoders.steps(layer), "mean")

    def _painted_at(self, index: int, scale: float) -> list[bool]:
        """Say for each label whether style number `index` paints it at this `scale`; without regions there is one."""
        regions = self._scene.regions
        if regions is None:
            return [scale == 1.0]
        mine = self._scene.painted_by(index)
        scales = [self._recipe.region_scales.get(name, 1.0) for name in regions.names]
        return [number in mine and each == scale for number, each in enumerate(scales)]

    def tell(self, layer: str, labels: Tensor, able: Tensor, level: Level) -> None:
        """Say once which regions of the picture (its `labels`) no patch stands for; `able` says it of each label."""
        regions = self._scene.regions
        for number, name in enumerate(() if regions is None else regions.names):
            asked = name not in self._recipe.keep and bool((labels == number).any())
            if asked and not bool(able[number]) and (name, layer) not in self._said:
                self._said.add((name, layer))
                size = f"{level.size[1]}x{level.size[0]} px"
                notice(f"region '{name}' has no patch of its own at {layer} ({size}) in any painting; all can paint it")

    def _copies(self, painted: Painted) -> Iterator[Painted]:
        """Return a painting with its turned and scaled copies, all combinations."""
        for size in range(-self._recipe.patch_scales, self._recipe.patch_scales + 1):
            for turn in range(-self._recipe.patch_rotations, self._recipe.patch_rotations + 1):
                yield turned(scaled(painted, STEP**size), TURN * turn)


class Patchwork:
    """Builds the patch terms, one a layer; says once which regions no patch can paint.

    `encode` gives the features (1, C, h, w) of a picture at layers. With regions, patches of the picture are matched
    with patches of the paintings that are mostly of the same region. Where a painting has no mask, all of it can paint
    its regions.

    `doodle` lets regions steer: how far apart two patches' regions are counts against how alike they look, neuron by
    neuron. So a border is painted with what is at borders of the same two regions. Only what `region_styles` and
    `region_scales` say is binding.
    """

    def __init__(self, scene: Scene, encode: Encode) -> None:
        self._scene, self._encode, self._recipe = scene, encode, scene.recipe
        self._steers = self._recipe.method == "doodle"
        self._heap = Heap(scene)

    def terms(self, level: Level) -> tuple[Patches, ...]:
        """Build the terms of one level: patches of paintings at the level's size."""
        recipe, scene = self._recipe, self._scene
        sources: dict[str, list[Source]] = {layer: [] for layer in recipe.patch_layers}
        for painted, labels in self._heap.paintings(level):
            for layer, features in self._encode(painted.pixels, recipe.patch_layers).items():
                source = self._source(features, painted, layer, labels, recipe.patch_size, recipe.patch_stride)
                sources[layer].append(source)
        maps = scene.maps(level)
        return tuple(self._term(layer, sources[layer], maps, level) for layer in recipe.patch_layers)

    def _term(self, layer: str, sources: list[Source], maps: Tensor | None, level: Level) -> Patches:
        recipe = self._recipe
        sources = unbarred(sources)
        bank = Bank(
            sources,
            size=recipe.patch_size,
            stride=recipe.patch_stride,
            likeness="cosine" if self._steers else "ncc",
            semantic_weight=recipe.semantic_weight if self._steers else 0.0,
        )
        height, width = (side // encoders.stride(layer) for side in level.size)
        rows, columns = bank.grid(height, width)
        labels = torch.zeros(rows, columns, dtype=torch.long)
        weights, whole = None, float(rows * columns)
        if maps is not None:
            maps = self._heap.at(maps, layer)
            labels = labels_of(maps, recipe.patch_size, recipe.patch_stride)
            weights = self._weights()[labels]
            self._heap.tell(layer, labels, able(sources, len(maps)), level)
        device = bank.patches(torch.zeros(1, dtype=torch.long)).device
        factor = recipe.style_weight * recipe.patch_layers[layer] * PULL / max(whole * bank.power, TINY)
        return Patches(
            layer,
            bank,
            factor,
            labels=labels.to(device) if sources[0].allowed is not None else None,
            maps=maps.to(device) if maps is not None and self._steers and recipe.semantic_weight else None,
            weights=None if weights is None or bool((weights == 1).all()) else weights.to(device),
            penalty=recipe.patch_reuse,
            share=share_of(recipe),
            every=recipe.patch_every,
        )

    def _source(
        self, features: Tensor, painted: Painted, layer: str, labels: list[bool], size: int, stride: int
    ) -> Source:
        """Return the features of a painting, of which patches may stand for those `labels` that they show."""
        steered = self._steers and painted.maps is not None
        allowed = self._heap.allowed(painted, labels, layer, size, stride, steered=steered).to(features.device)
        if painted.maps is None or not steered:
            return Source(features[0], allowed=allowed)
        return Source(features[0], self._heap.at(painted.maps, layer).to(features.device), allowed)

    def _weights(self) -> Tensor:
        """Return the weight of each region, and at the end that of none."""
        regions, recipe = self._scene.regions, self._recipe
        weights = {name: recipe.region_weights.get(name, 1.0) for name in (() if regions is None else regions.names)}
        return torch.tensor([0.0 if name in recipe.keep else weight for name, weight in weights.items()] + [1.0])


def share_of(recipe: Recipe) -> float | None:
    """Return how often a patch may be used, times its fair share; None where there is no bound."""
    return None if recipe.patch_reuse else recipe.patch_capacity or SHARES.get(recipe.method)


def unbarred(sources: Sequence[Source]) -> list[Source]:
    """Return the sources without what each patch may stand for, where that is everything."""
    if any(source.allowed is not None and not bool(source.allowed.all()) for source in sources):
        return list(sources)
    return [replace(source, allowed=None) for source in sources]


def able(sources: Sequence[Source], labels: int) -> Tensor:
    """Say for each of so many labels (L,) whether any patch may stand for it."""
    found = [source.allowed.flatten(1).any(1).cpu() for source in sources if source.allowed is not None]
    return torch.stack(found).any(0) if found else torch.ones(labels, dtype=torch.bool)


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
