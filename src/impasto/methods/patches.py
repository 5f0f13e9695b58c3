"""mrf and doodle: banks of the paintings' patches, and which of them may paint what."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from impasto.encoders import Encoder
from impasto.events import notice
from impasto.losses import PatchBank, Patches, PatchSource
from impasto.losses.patches import patch_labels
from impasto.losses.similarity import SCRATCH_BYTES
from impasto.losses.statistics import TINY
from impasto.methods.base import Memory, Terms, Time, style_areas, style_pixels
from impasto.methods.content import WithContent
from impasto.methods.costs import density, width_of
from impasto.optim.pyramid import Level
from impasto.optim.timing import seconds_per_pair
from impasto.scene import Painted, Scene
from impasto.scene.areas import areas
from impasto.scene.copies import StyleCopies, capacity_of, copies, unbarred, usable_labels

Encode = Callable[[Tensor, Iterable[str]], dict[str, Tensor]]

STYLE_SCALE = 0.02
"""On distances over their power, so that the default style_weight is one to start from. Chosen by eye, on two faces, a
town and a still life at 320 px with petite: with 0.03 to 0.04 faces got the painting's beards and a fruit became a bowl
of fruit, with 0.015 the town stayed a photograph."""


class PatchTerms:
    """Builds the patch terms, one a layer; says once which regions no patch can paint.

    `encode` gives the features (1, C, h, w) of a picture at layers of `encoder`. With regions, patches of the picture
    are matched with patches of the paintings that are mostly of the same region. Where a painting has no mask, all of
    it can paint its regions.

    With `steers`, as doodle does, regions are not binding but steer: how far apart two patches' regions are counts
    against how alike they look, neuron by neuron. So a border is painted with what is at borders of the same two
    regions. Only what `region_styles` and `region_scales` say is binding.
    """

    def __init__(self, scene: Scene, encode: Encode, encoder: Encoder, *, steers: bool = False) -> None:
        self._scene, self._encode, self._encoder, self._recipe = scene, encode, encoder, scene.recipe
        self._steers = steers
        self._style_copies = StyleCopies(scene, encoder)

    def terms(self, level: Level) -> tuple[Patches, ...]:
        """Build the terms of one level: patches of paintings at the level's size."""
        recipe, scene = self._recipe, self._scene
        sources: dict[str, list[PatchSource]] = {layer: [] for layer in recipe.patch_layers}
        for painted, labels in self._style_copies.paintings(level):
            for layer, features in self._encode(painted.pixels, recipe.patch_layers).items():
                source = self._source(features, painted, layer, labels, recipe.patch_size, recipe.patch_stride)
                sources[layer].append(source)
        maps = scene.maps(level)
        return tuple(self._term(layer, sources[layer], maps, level) for layer in recipe.patch_layers)

    def _term(self, layer: str, sources: list[PatchSource], maps: Tensor | None, level: Level) -> Patches:
        recipe = self._recipe
        sources = unbarred(sources)
        bank = PatchBank(
            sources,
            size=recipe.patch_size,
            stride=recipe.patch_stride,
            similarity="cosine" if self._steers else "ncc",
            semantic_weight=recipe.semantic_weight if self._steers else 0.0,
            precision=self._encoder.precision,
        )
        height, width = (side // self._encoder.stride(layer) for side in level.size)
        rows, columns = bank.grid(height, width)
        labels = torch.zeros(rows, columns, dtype=torch.long)
        weights, whole = None, float(rows * columns)
        if maps is not None:
            maps = self._style_copies.at(maps, layer)
            labels = patch_labels(maps, recipe.patch_size, recipe.patch_stride)
            weights = self._weights()[labels]
            self._style_copies.tell(layer, labels, usable_labels(sources, len(maps)), level)
        device = bank.patches(torch.zeros(1, dtype=torch.long)).device
        factor = recipe.style_weight * recipe.patch_layers[layer] * STYLE_SCALE / max(whole * bank.power, TINY)
        return Patches(
            layer,
            bank,
            factor,
            labels=labels.to(device) if sources[0].allowed is not None else None,
            maps=maps.to(device) if maps is not None and self._steers and recipe.semantic_weight else None,
            weights=None if weights is None or bool((weights == 1).all()) else weights.to(device),
            penalty=recipe.patch_reuse,
            capacity=capacity_of(recipe),
            every=recipe.patch_every,
        )

    def _source(
        self, features: Tensor, painted: Painted, layer: str, labels: list[bool], size: int, stride: int
    ) -> PatchSource:
        """Return the features of a painting, of which patches may stand for those `labels` that they show."""
        steered = self._steers and painted.maps is not None
        allowed = self._style_copies.allowed(painted, labels, layer, size, stride, steered=steered).to(features.device)
        if painted.maps is None or not steered:
            return PatchSource(features[0], allowed=allowed)
        return PatchSource(features[0], self._style_copies.at(painted.maps, layer).to(features.device), allowed)

    def _weights(self) -> Tensor:
        """Return the weight of each region, and at the end that of none."""
        regions = self._scene.regions
        weights = torch.zeros(0 if regions is None else len(regions.names))
        if regions is not None:
            for area in areas(self._scene):
                weights[area.number] = area.weight
        return torch.cat([weights, torch.ones(1)])


class Mrf(WithContent):
    """Content by features, style by the nearest patches of the paintings (Li & Wand 2016)."""

    tileable = False
    patience = 10
    _steers = False

    def __init__(self, scene: Scene, encoder: Encoder, size: tuple[int, int], device: torch.device) -> None:
        super().__init__(scene, encoder, size, device)
        self._patches = PatchTerms(scene, self._encode, encoder, steers=self._steers)

    def terms(self, level: Level, tile: int | None = None, init: Tensor | None = None) -> Terms:
        """Build the terms of one level, as `Method.terms`."""
        return Terms(contents=self.contents(level, tile), patches=self._patches.terms(level))

    @classmethod
    def memory(cls, level: Level, scene: Scene, encoder: Encoder) -> Memory:
        """Estimate what the terms of a level hold.

        Two copies of all paintings' features, and of the picture's the matches, their sums and the distance.
        """
        recipe = scene.recipe
        areas = style_areas(scene, level) * copies(recipe)
        samples = (8 * areas + 16) * sum(density(encoder, layer) for layer in recipe.patch_layers)
        scratch = (2 if capacity_of(recipe) is None else 4) * SCRATCH_BYTES
        return Memory(sum(density(encoder, layer) for layer in recipe.layers_of_content), samples, scratch)

    @classmethod
    def time(cls, level: Level, scene: Scene, encoder: Encoder) -> Time:
        """Estimate what matching takes, every `patch_every` steps."""
        recipe = scene.recipe
        styles = style_pixels(scene, level) * copies(recipe)
        matched = -(-level.steps // recipe.patch_every) * math.prod(level.size) * styles
        total = matched * sum(
            seconds_per_pair(
                width_of(encoder, layer),
                recipe.patch_size,
                recipe.patch_stride,
                recipe.patch_reuse,
                capacity_of(recipe),
                encoder.precision,
            )
            / encoder.stride(layer) ** 4
            for layer in recipe.patch_layers
        )
        return Time(total, styles)


class Doodle(Mrf):
    """mrf with a map of what is where, which steers the matching (Champandard 2016)."""

    _steers = True

    @classmethod
    def check(cls, scene: Scene) -> None:
        """Say so where there are no masks."""
        if scene.regions is None:
            notice("doodle has no masks to go by, and matches patches by their similarity alone")
