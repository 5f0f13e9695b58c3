"""The terms of nnst: what of the paintings stands where in the picture, and the terms that draw it there."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from impasto import images
from impasto.encoders import Encoder
from impasto.losses import FixedMatches, GlobalTerm, NearestNeighbors, PatchBank, PatchSource
from impasto.losses.neighbors import hypercolumns, subsampled
from impasto.losses.patches import patch_labels
from impasto.losses.similarity import SCRATCH_BYTES
from impasto.methods.base import Memory, Terms, Time, style_areas, style_pixels
from impasto.methods.content import WithContent
from impasto.methods.costs import width_of
from impasto.methods.patches import Encode, PatchTerms
from impasto.optim.pyramid import Level
from impasto.optim.timing import seconds_per_pair
from impasto.recipe import Recipe
from impasto.scene import Scene
from impasto.scene.copies import quarters, unbarred, usable_labels

CELL = 4
"""Hypercolumns lie on the neurons of the first layer that has one for 4x4 pixels (Kolkin et al. 2022, section 3.1)."""
MAX_FINISHING_SIDE = 64
"""Neurons along the longer side that are matched anew in the last steps (ibid., its code)."""
MATCH_EVERY = 4
"""The evaluations of the last steps that matches are kept for: finding them takes as long as the rest of one."""
MAX_HYPERCOLUMN_SIDE = 128
"""Hypercolumns of a painting along its longer side, all there are at 512 px: matching would otherwise take 16 times as
long for twice the side."""
STYLE_SCALE = 0.4
"""On the mean of 1 - cos. Chosen by eye beside the default tv_weight, at 256 px with petite: 30 gave glaring colours
and noise, from 1 to 4 flat parts kept a grain, and this much less of it."""


class NnstTerms(PatchTerms):
    """Builds the terms of one level: fixed hypercolumns or, at the last steps, neurons that are matched anew.

    Regions and transparent parts restrict what is matched as they do patches (`PatchTerms`).
    """

    def __init__(self, scene: Scene, encode: Encode, encoder: Encoder) -> None:
        super().__init__(scene, encode, encoder)
        self._layers = scene.recipe.neighbor_layers

    def global_terms(self, level: Level, init: Tensor) -> tuple[GlobalTerm, ...]:
        """Build the terms of one level that begins with the picture `init` (1, 3, H, W)."""
        if level.finishing:
            return self._nearest(level)
        return (self._replaced(level, init),)

    def _replaced(self, level: Level, init: Tensor) -> FixedMatches:
        query = self._scene.photo(level).to(init)
        if level.index:
            # What the level before could not hold of the photograph is looked for, and not begun with: a form that is
            # there already would stay.
            small = images.resize(query, (query.shape[2] // 2, query.shape[3] // 2))
            detailed = init + query - images.resize(small, level.size)
            query = torch.lerp(detailed, query, self._recipe.content_fraction)
        factors = {layer: weight / self._encoder.channels[layer] for layer, weight in self._layers.items()}
        grid = grid_of(self._encoder)
        stride = self._encoder.stride(grid)

        def look(picture: Tensor) -> dict[str, Tensor]:
            size = max(1, picture.shape[2] // stride), max(1, picture.shape[3] // stride)
            return {grid: hypercolumns(self._encode(picture, factors), factors, size)}

        stock = self._stocks(level, look, (grid,), MAX_HYPERCOLUMN_SIDE)[grid]
        columns = look(query)[grid]
        labels, weights = self._restricted(grid, 1, stock, level)
        matches, _ = stock.bank.match((columns - columns.mean((2, 3), keepdim=True))[0], labels=labels)
        return FixedMatches(factors, stock.at(matches), stock.center, STYLE_SCALE * self._recipe.style_weight, weights)

    def _nearest(self, level: Level) -> tuple[NearestNeighbors, ...]:
        steps = {
            layer: spaced(max(level.size) // self._encoder.stride(layer), MAX_FINISHING_SIDE) for layer in self._layers
        }
        stocks = self._stocks(
            level, lambda picture: self._encode(picture, self._layers), self._layers, MAX_FINISHING_SIDE
        )
        factor = STYLE_SCALE * self._recipe.style_weight / math.fsum(self._layers.values())
        terms = []
        for layer, weight in self._layers.items():
            stock, step = stocks[layer], steps[layer]
            labels, weights = self._restricted(layer, step, stock, level)
            terms.append(
                NearestNeighbors(layer, stock.bank, stock.center, factor * weight, step, labels, weights, MATCH_EVERY)
            )
        return tuple(terms)

    def _stocks(
        self, level: Level, look: Callable[[Tensor], Mapping[str, Tensor]], layers: Iterable[str], most: int
    ) -> dict[str, "Stock"]:
        """Return for each of `layers` what the paintings hold at the level's size, at `most` neurons along a side."""
        sources: dict[str, list[PatchSource]] = {layer: [] for layer in layers}
        for painted, labels in self._style_copies.paintings(level):
            for turns in range(self._recipe.quarter_turns + 1):
                copy = quarters(painted, turns)
                for layer, features in look(copy.pixels).items():
                    source = self._source(features, copy, layer, labels, 1, 1)
                    step = spaced(max(features.shape[2:]), most)
                    allowed = None if source.allowed is None else subsampled(source.allowed, step)
                    sources[layer].append(PatchSource(subsampled(source.features, step).clone(), allowed=allowed))
        return {layer: Stock.of(patch_sources, self._encoder.precision) for layer, patch_sources in sources.items()}

    def _restricted(self, layer: str, step: int, stock: "Stock", level: Level) -> tuple[Tensor | None, Tensor | None]:
        """Return the labels and the weights (h, w) of every `step`th neuron of the picture; None: all alike."""
        device, maps = stock.center.device, self._scene.maps(level)
        if maps is None:
            height, width = (side // self._encoder.stride(layer) for side in level.size)
            labels, weights = subsampled(torch.zeros(height, width, dtype=torch.long), step), None
        else:
            labels = subsampled(patch_labels(self._style_copies.at(maps, layer), 1, 1), step)
            weights = self._weights()[labels].to(device)
            self._style_copies.tell(layer, labels, usable_labels(stock.sources, len(maps)), level)
        barred = stock.sources[0].allowed is not None
        plain = weights is None or bool((weights == 1).all())
        return labels.to(device) if barred else None, None if plain else weights


@dataclass(frozen=True)
class Stock:
    """What paintings hold at a layer: `sources` without their common `center` (C,), and the `bank` of them."""

    sources: list[PatchSource]
    center: Tensor
    bank: PatchBank

    @classmethod
    def of(cls, sources: list[PatchSource], precision: torch.dtype | None = None) -> "Stock":
        """Take off the mean over all neurons that may stand for something; `precision` is that of `PatchBank`."""
        total, count = torch.zeros_like(sources[0].features[:, 0, 0]), 0.0
        for source in sources:
            position_weights = source.features.new_ones(source.features.shape[1:])
            if source.allowed is not None:
                position_weights = source.allowed.any(0).to(position_weights)
            total += torch.einsum("chw,hw->c", source.features, position_weights)
            count += float(position_weights.sum())
        center = total / max(count, 1.0)
        centered = unbarred([replace(source, features=source.features - center[:, None, None]) for source in sources])
        return cls(centered, center, PatchBank(centered, size=1, similarity="cosine", precision=precision))

    def at(self, numbers: Tensor) -> Tensor:
        """Return the neurons of these `numbers` (h, w), without the centre: (1, C, h, w)."""
        return self.bank.patches(numbers.flatten())[:, :, 0, 0].T.reshape(1, -1, *numbers.shape)


def grid_of(encoder: Encoder) -> str:
    """Return the layer on whose neurons hypercolumns lie: `relu3_1` of VGG, the deepest where none is as coarse."""
    return next((layer for layer in encoder.layers if encoder.stride(layer) >= CELL), encoder.layers[-1])


def spaced(side: int, most: int) -> int:
    """Return from how many neurons to take one, so that of `side` there are `most` left."""
    return max(1, -(-side // most))


class Nnst(WithContent):
    """Each place of the picture towards its nearest neighbour in the painting (Kolkin et al. 2022)."""

    tileable = False
    remembers_init = True

    def __init__(self, scene: Scene, encoder: Encoder, size: tuple[int, int], device: torch.device) -> None:
        super().__init__(scene, encoder, size, device)
        self._neighbors = NnstTerms(scene, self._encode, encoder)

    def terms(self, level: Level, tile: int | None = None, init: Tensor | None = None) -> Terms:
        """Build the terms of one level, as `Method.terms`; there are none before a level has begun."""
        if init is None:
            return Terms()
        return Terms(contents=self.contents(level, tile), global_terms=self._neighbors.global_terms(level, init))

    @classmethod
    def memory(cls, level: Level, scene: Scene, encoder: Encoder) -> Memory:
        """Estimate what the terms of a level hold.

        Hypercolumns: copies of the paintings' while they are matched; of the picture's what the angles and their
        gradient need beside that. Measured at 512 and 1024 px with petite.
        """
        recipe = scene.recipe
        areas = style_areas(scene, level) * (recipe.quarter_turns + 1)
        stride = encoder.stride(grid_of(encoder))
        areas /= spaced(max(level.size) // stride, MAX_HYPERCOLUMN_SIDE) ** 2
        widths = sum(width_of(encoder, layer) for layer in recipe.neighbor_layers)
        samples = (10 * areas + 11) * widths / stride**2
        return Memory(0.0, samples, 2 * SCRATCH_BYTES)

    @classmethod
    def time(cls, level: Level, scene: Scene, encoder: Encoder) -> Time:
        """Estimate what matching takes."""
        styles = style_pixels(scene, level) * (scene.recipe.quarter_turns + 1)
        return Time(_seconds_of_matching(level, styles, encoder, scene.recipe), styles)


def _seconds_of_matching(level: Level, styles: float, encoder: Encoder, recipe: Recipe) -> float:
    """Estimate the seconds that a level of nnst takes for matching, against paintings of so many pixels together."""
    widths = {layer: width_of(encoder, layer) for layer in recipe.neighbor_layers}
    long, pixels, precision = max(level.size), math.prod(level.size), encoder.precision
    if not level.finishing:
        stride = encoder.stride(grid_of(encoder))
        step = spaced(long // stride, MAX_HYPERCOLUMN_SIDE)
        pairs = pixels * styles / stride**4 / step**2
        return pairs * seconds_per_pair(sum(widths.values()), 1, 1, precision=precision)
    total = 0.0
    for layer, width in widths.items():
        stride = encoder.stride(layer)
        stride *= spaced(long // stride, MAX_FINISHING_SIDE)
        total += pixels * styles / stride**4 * seconds_per_pair(width, 1, 1, precision=precision)
    return (level.steps / MATCH_EVERY + 1) * total
