"""What a painting is judged by: the objective of one level, from a scene, an encoder and a recipe."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from impasto import encoders, guides, images
from impasto.encoders import Encoder
from impasto.events import notice
from impasto.losses import (
    NORMALISATIONS,
    Content,
    Gamut,
    GlobalTerm,
    Objective,
    Statistic,
    Style,
    TotalVariation,
    blend,
    statistic,
)
from impasto.losses.normalisation import power
from impasto.losses.objective import Window
from impasto.losses.statistics import State
from impasto.methods import portrait
from impasto.methods.nnst import NnstTerms
from impasto.methods.patches import PatchTerms
from impasto.methods.strotss import StrotssTerms
from impasto.optim.pyramid import Level
from impasto.optim.tiling import pieces
from impasto.painting.budget import grid
from impasto.recipe.catalogue import METHODS
from impasto.scene import Painted, Scene

FEWEST = 1.0
"""Neurons that a region needs at a layer: statistics of less than one mean nothing."""


@dataclass(frozen=True)
class Area:
    """What one part of the style term looks at: a region, or the whole picture."""

    name: str
    regions: tuple[int, ...]
    """Numbers of the scene's regions: none for the whole picture, two for the border between them."""
    weight: float
    """Its share of the style term."""
    scale: float
    styles: tuple[int, ...]
    """Numbers of the styles that paint it."""


class ObjectiveBuilder:
    """Builds objectives, one for each level; says once what it has to leave out.

    All levels ask for the balance of the last, whose `size` is (height, width): terms that a normalisation sums over
    pixels would otherwise count for less on a small canvas, and the level would prepare a painting nobody asked for.
    Targets lie on the `device`; those of a content in tiles are as narrow as the encoder's convolutions.
    """

    def __init__(
        self, scene: Scene, encoder: Encoder, size: tuple[int, int], device: torch.device | None = None
    ) -> None:
        self._scene, self._encoder, self._recipe = scene, encoder, scene.recipe
        self._pixels = size[0] * size[1]
        self._device = device or torch.device("cpu")
        self._said: set[tuple[str, str]] = set()
        self._patchwork = PatchTerms(scene, self._encode)
        self._neighbours = NnstTerms(scene, self._encode, encoder)
        self._columns = StrotssTerms(scene, self._encode, encoder, size)

    def objective(
        self, level: Level, tile: int | None = None, begun: Tensor | None = None, taken: int = 0
    ) -> Objective:
        """Build the objective of one level: targets measured on pictures of the level's size.

        With a `tile`, no picture is encoded in one piece that has more than `tile`² pixels. `begun` and `taken` are
        those of `Stylizer.objective`.
        """
        recipe = self._recipe
        normal = NORMALISATIONS[recipe.normalisation]
        with torch.no_grad():
            method = METHODS[recipe.method]
            contents = self._contents(level, tile) if method.gains or "content_layers" in method.settings else []
            styles = self._styles(level, tile) if "style_layers" in method.settings else []
            patches = self._patchwork.terms(level) if method.patches else ()
            wholes = self._wholes(level, begun, taken) if begun is not None and method.whole else ()
        pixels: list[TotalVariation | Gamut] = []
        # A sum over this level's pixels, times this, stands for one over the last level's.
        ratio = self._pixels / (level.size[0] * level.size[1])
        if recipe.tv_weight and "tv_weight" in method.settings:
            factor = recipe.tv_weight * normal.variation(recipe.tv, self._pixels) * ratio
            pixels.append(TotalVariation(recipe.tv, factor, wrap=recipe.tileable))
        if recipe.gamut_weight and "gamut_weight" in method.settings:
            pixels.append(Gamut(recipe.gamut_weight * normal.gamut(self._pixels) * ratio))
        return Objective(tuple(contents), tuple(styles), tuple(pixels), patches, wholes)

    def _wholes(self, level: Level, begun: Tensor, taken: int) -> tuple[GlobalTerm, ...]:
        if self._recipe.method == "strotss":
            return self._columns.terms(level, taken)
        return self._neighbours.wholes(level, begun)

    def _contents(self, level: Level, tile: int | None) -> list[Content]:
        recipe, scene = self._recipe, self._scene
        if scene.content is None:
            return []
        normal = NORMALISATIONS[recipe.normalisation]
        ratio = self._pixels / (level.size[0] * level.size[1])
        maps = scene.maps(level)
        weights = None
        if scene.regions is not None and maps is not None and recipe.region_content_weights:
            each = [recipe.region_content_weights.get(name, 1.0) for name in scene.regions.names]
            weights = torch.tensor(each)
        found = []
        for layer, (features, squares) in self._content_targets(level, tile).items():
            channels, positions = self._encoder.channels[layer], round(features[0, 0].numel() * ratio)
            factor = recipe.content_weight * recipe.layers_of_content[layer] * ratio
            factor *= normal.content(channels, positions, squares * ratio)
            guide = None
            if weights is not None and maps is not None:
                at_layer = guides.propagate(maps, encoders.steps(layer), "simple")
                guide = torch.einsum("r,rhw->hw", weights, at_layer)
            found.append(Content(layer, features, factor, guide))
        return found

    def _content_targets(self, level: Level, tile: int | None) -> dict[str, tuple[Tensor, float]]:
        """Return what each content layer is to be, and the sum of its squares."""
        maps = self._content_maps(self._scene.photo(level), tile)
        if not METHODS[self._recipe.method].gains:
            return maps

        def encode(picture: Tensor) -> dict[str, Tensor]:
            return {layer: found for layer, (found, _) in self._content_maps(picture, tile).items()}

        photo = {layer: found for layer, (found, _) in maps.items()}
        changed = portrait.targets(self._scene, level, self._encoder, encode, photo)
        return {layer: (found, power(found)) for layer, found in changed.items()}

    def _content_maps(self, photo: Tensor, tile: int | None) -> dict[str, tuple[Tensor, float]]:
        """Return the features of each content layer, and the sum of their squares."""
        layers = self._recipe.layers_of_content
        if tile is None:
            return {layer: (found, power(found)) for layer, found in self._encode(photo, layers).items()}
        maps: dict[str, tuple[Tensor, float]] = {}
        # What comes out of bfloat16 convolutions loses nothing in bfloat16.
        narrow = getattr(self._encoder, "precision", None) is torch.bfloat16
        for features, windows in self._pieces(photo, layers, tile):
            for layer, found in features.items():
                if layer not in maps:
                    size = (side // encoders.stride(layer) for side in photo.shape[2:])
                    dtype = torch.bfloat16 if narrow else found.dtype
                    maps[layer] = found.new_empty(1, found.shape[1], *size, dtype=dtype), 0.0
                whole, squares = maps[layer]
                whole[(..., *windows[layer])] = found
                maps[layer] = whole, squares + power(found)
        return maps

    def _pieces(
        self, picture: Tensor, layers: Iterable[str], tile: int | None
    ) -> Iterator[tuple[dict[str, Tensor], dict[str, Window]]]:
        return pieces(self._encode, picture, layers, grid((picture.shape[2], picture.shape[3]), layers, tile))

    def _encode(self, picture: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        return self._encoder(picture.to(self._device), layers)

    def _styles(self, level: Level, tile: int | None) -> list[Style]:
        recipe, scene = self._recipe, self._scene
        areas, maps = self._areas(level), scene.maps(level)
        statistics: dict[tuple[str, str], Statistic] = {
            (layer, name): statistic(name, lift=self._encoder.lift(layer), seed=recipe.seed)
            for layer in recipe.style_layers
            for name, weight in recipe.statistics.items()
            if weight
        }
        measured = self._measure(level, areas, statistics, tile)
        normal = NORMALISATIONS[recipe.normalisation]
        found = []
        for layer, layer_weight in recipe.style_layers.items():
            at_layer = None if maps is None else self._propagate(maps, layer)
            for area in areas:
                guide = None if at_layer is None else self._guide(at_layer, area)
                reach = 1.0
                if guide is not None and at_layer is not None:
                    if float(guide.sum()) < FEWEST:
                        self._leave_out(area, layer, "the content", level)
                        continue
                    if recipe.guides == "border":
                        # Of what its regions weigh, the part that is pure region, or border.
                        reach = float(guide.sum() / at_layer[list(area.regions)].sum())
                for name, statistic_weight in recipe.statistics.items():
                    targets = measured.get((layer, area.name, name), {})
                    shares = self._shares(layer, targets)
                    if not sum(shares):
                        continue
                    kind = statistics[layer, name]
                    target = blend(list(targets.values()), shares)
                    factor = recipe.style_weight * layer_weight * statistic_weight * area.weight * reach
                    factor *= normal.of(kind, self._encoder.channels[layer], target)
                    found.append(Style(layer, kind, target, factor, guide, area.name))
        return found

    def _measure(
        self, level: Level, areas: list[Area], statistics: dict[tuple[str, str], Statistic], tile: int | None
    ) -> dict[tuple[str, str, str], dict[int, Tensor]]:
        """Return {(layer, area, statistic): {style: finished}}; each style is encoded once for each of its scales."""
        found: dict[tuple[str, str, str], dict[int, Tensor]] = {}
        for index, scale in sorted({(index, area.scale) for area in areas for index in area.styles}):
            painted = self._scene.style(index, level, scale)
            wanted = [area for area in areas if area.scale == scale and index in area.styles]
            states: dict[tuple[str, str, str], State] = {}
            guides_of = self._style_guides(painted, wanted, index, level)
            for features, windows in self._pieces(painted.pixels, self._recipe.style_layers, tile):
                for (layer, name), kind in statistics.items():
                    for area in wanted:
                        if (layer, area.name) in guides_of:
                            guide = guides_of[layer, area.name]
                            part = None if guide is None else guide[windows[layer]]
                            state, key = kind.measure(features[layer], part), (layer, area.name, name)
                            states[key] = states[key] + state if key in states else state
            for (layer, area_name, name), state in states.items():
                finished = statistics[layer, name].finish(state)
                found.setdefault((layer, area_name, name), {})[index] = finished
        self._add_borders(areas, statistics, found)
        return found

    def _add_borders(
        self,
        areas: list[Area],
        statistics: dict[tuple[str, str], Statistic],
        found: dict[tuple[str, str, str], dict[int, Tensor]],
    ) -> None:
        """Return each border that a style does not show the mean of what it shows of the two regions."""
        sides = {area.regions: area.name for area in areas}
        for border in (area for area in areas if len(area.regions) == 2):
            for layer, name in statistics:
                one, other = (found.get((layer, sides.get((number,), "-"), name), {}) for number in border.regions)
                targets = found.setdefault((layer, border.name, name), {})
                for index in one.keys() & other.keys() - targets.keys():
                    targets[index] = blend([one[index], other[index]], (1.0, 1.0))

    def _style_guides(
        self, painted: Painted, areas: list[Area], index: int, level: Level
    ) -> dict[tuple[str, str], Tensor | None]:
        """Return {(layer, area): weight of each neuron, None where all count}, without what a style does not show."""
        found: dict[tuple[str, str], Tensor | None] = {}
        height, width = painted.pixels.shape[2:]
        for layer in self._recipe.style_layers:
            stride = encoders.stride(layer)
            for area in areas:
                guide = self._style_guide(painted, area, layer, (height // stride, width // stride))
                if guide is None or float(guide.sum()) >= FEWEST:
                    found[layer, area.name] = guide
                elif len(area.regions) == 1:
                    # A painting need not have the border; its two sides are then there to be mixed.
                    self._leave_out(area, layer, self._scene.styles[index].name, level)
        return found

    def _style_guide(self, painted: Painted, area: Area, layer: str, size: tuple[int, int]) -> Tensor | None:
        guide = None if painted.alpha is None else images.resize(painted.alpha[None, None], size)[0, 0]
        if painted.maps is None or not area.regions:
            return guide
        region = self._guide(self._propagate(painted.maps, layer), area)
        return region if guide is None or region is None else region * guide

    def _guide(self, at_layer: Tensor, area: Area) -> Tensor | None:
        """Return an area's weight on each neuron, from the maps of all regions at the layer.

        Where borders are areas of their own, a region has the squares of its map m, and a border 2 m_a m_b: of maps
        that sum to 1, these sum to 1 too.
        """
        if not area.regions:
            return None
        first = at_layer[area.regions[0]]
        if self._recipe.guides != "border":
            return first
        return 2 * first * at_layer[area.regions[1]] if len(area.regions) == 2 else first.square()

    def _propagate(self, maps: Tensor, layer: str) -> Tensor:
        at_layer = guides.propagate(
            maps, encoders.steps(layer), "mean" if self._recipe.guides == "border" else self._recipe.guides
        )
        return guides.grow(at_layer, self._recipe.guide_growth) if self._recipe.guide_growth else at_layer

    def _areas(self, level: Level) -> list[Area]:
        recipe, scene = self._recipe, self._scene
        every = tuple(range(len(scene.styles)))
        maps = scene.maps(level)
        if maps is None or scene.regions is None:
            return [Area("", (), 1.0, 1.0, every)]
        names = scene.regions.names
        painted = [number for number, name in enumerate(names) if name not in recipe.keep]
        sizes = maps.mean((1, 2)).tolist() if recipe.region_share == "area" else [1.0] * len(maps)
        whole = sum(sizes[number] for number in painted) or 1.0
        areas = []
        for number in painted:
            name = names[number]
            weight = recipe.region_weights.get(name, 1.0) * sizes[number] / whole * (1 - recipe.global_share)
            styles = tuple(index for index in every if number in scene.painted_by(index))
            areas.append(Area(name, (number,), weight, recipe.region_scales.get(name, 1.0), styles))
        if recipe.guides == "border":
            for one, other in combinations(list(areas), 2):
                styles = tuple(sorted({*one.styles, *other.styles}))
                scale = (one.scale * other.scale) ** 0.5
                regions = one.regions + other.regions
                areas.append(Area(f"{one.name}|{other.name}", regions, one.weight + other.weight, scale, styles))
        if recipe.global_share:
            areas.append(Area("", (), recipe.global_share, 1.0, every))
        return [area for area in areas if area.weight]

    def _shares(self, layer: str, targets: dict[int, Tensor]) -> list[float]:
        count = len(self._scene.styles)
        shares = self._recipe.layer_shares.get(layer) or self._recipe.style_weights or (1.0,) * count
        return [shares[index] for index in targets]

    def _leave_out(self, area: Area, layer: str, where: str, level: Level) -> None:
        if len(area.regions) == 1 and (area.name, layer) not in self._said:
            self._said.add((area.name, layer))
            size = f"{level.size[1]}x{level.size[0]} px"
            notice(f"region '{area.name}' is too small in {where} to be seen at {layer} ({size}); left out there")
