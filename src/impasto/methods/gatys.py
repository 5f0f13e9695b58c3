"""gatys: statistics of features, by layer and by region (Gatys et al. 2016, 2017)."""

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from impasto import guides, images
from impasto.encoders import Encoder
from impasto.events import notice
from impasto.losses import NORMALIZATIONS, Statistic, Style, blend, statistic
from impasto.losses.statistics import State, SumStatistic
from impasto.methods.base import Memory, Terms
from impasto.methods.content import WithContent
from impasto.methods.costs import density
from impasto.optim.pyramid import Level
from impasto.recipe import Recipe
from impasto.scene import Painted, Scene
from impasto.scene.areas import areas, style_weights

MIN_NEURONS = 1.0
"""Neurons that a region needs at a layer: statistics of less than one mean nothing."""


@dataclass(frozen=True)
class StyleArea:
    """What one part of the style term looks at: a region, or the whole picture."""

    name: str
    regions: tuple[int, ...]
    """Numbers of the scene's regions: none for the whole picture, two for the border between them."""
    weight: float
    """Of it in the style term."""
    scale: float
    styles: tuple[int, ...]
    """Numbers of the styles that paint it."""


class Gatys(WithContent):
    """Content by features, style by statistics of features; both by region where there are masks."""

    def terms(self, level: Level, tile: int | None = None, init: Tensor | None = None) -> Terms:
        """Build the terms of one level, as `Method.terms`."""
        return Terms(contents=self.contents(level, tile), styles=self.styles(level, tile))

    @classmethod
    def memory(cls, level: Level, scene: Scene, encoder: Encoder) -> Memory:
        """Estimate what the terms of a level hold: targets, and the samples of sorted statistics."""
        recipe = scene.recipe
        sorted_ones = sum(bool(recipe.statistics.get(name)) for name in ("histogram", "sliced_wasserstein"))
        samples = 16 * sorted_ones * sum(density(encoder, layer) for layer in recipe.style_layers)
        return Memory(sum(density(encoder, layer) for layer in recipe.layers_of_content), samples)

    @classmethod
    def untileable(cls, recipe: Recipe) -> str:
        """Return the first statistic that needs the whole picture; empty where all add up over tiles."""
        asked = [name for name, weight in recipe.statistics.items() if weight]
        return next((name for name in asked if not isinstance(statistic(name, lift=None, seed=0), SumStatistic)), "")

    def styles(self, level: Level, tile: int | None) -> tuple[Style, ...]:
        """Build the style terms of a level: one a layer, region and statistic."""
        recipe, scene = self._recipe, self._scene
        areas, maps, visible = self._areas(level), scene.maps(level), scene.visible_at(level)
        statistics: dict[tuple[str, str], Statistic] = {
            (layer, name): statistic(name, lift=self._encoder.lift(layer), seed=recipe.seed)
            for layer in recipe.style_layers
            for name, weight in recipe.statistics.items()
            if weight
        }
        measured = self._measure(level, areas, statistics, tile)
        normal = NORMALIZATIONS[recipe.normalization]
        terms = []
        for layer, layer_weight in recipe.style_layers.items():
            at_layer = None if maps is None else self._propagate(maps, layer)
            shown = None if visible is None else self._shown(visible, layer)
            for area in areas:
                guide = None if at_layer is None else self._guide(at_layer, area)
                reach = 1.0
                if guide is not None and at_layer is not None:
                    if float(guide.sum()) < MIN_NEURONS:
                        self._leave_out(area, layer, "the content", level)
                        continue
                    if recipe.guides == "border":
                        # Of what its regions weigh, the part that is pure region, or border.
                        reach = float(guide.sum() / at_layer[list(area.regions)].sum())
                if shown is not None:
                    # What is hidden neither has the style nor counts in its weight.
                    everywhere = torch.ones_like(shown) if guide is None else guide
                    guide = everywhere * shown
                    reach *= float(guide.sum() / everywhere.sum())
                    if float(guide.sum()) < MIN_NEURONS:
                        self._leave_out(area, layer, "what is visible of the content", level)
                        continue
                for name, statistic_weight in recipe.statistics.items():
                    targets = measured.get((layer, area.name, name), {})
                    weights = self._style_weights(layer, targets)
                    if not sum(weights):
                        continue
                    kind = statistics[layer, name]
                    target = blend(list(targets.values()), weights)
                    factor = recipe.style_weight * layer_weight * statistic_weight * area.weight * reach
                    factor *= normal.of(kind, self._encoder.channels[layer], target)
                    terms.append(Style(layer, kind, target, factor, guide, area.name))
        return tuple(terms)

    def _shown(self, visible: Tensor, layer: str) -> Tensor | None:
        """Return how visible each neuron of a layer is; None where less than one is, and all have to do."""
        stride = self._encoder.stride(layer)
        size = visible.shape[0] // stride, visible.shape[1] // stride
        shown = images.resize(visible[None, None], size)[0, 0]
        return shown if float(shown.sum()) >= MIN_NEURONS else None

    def _measure(
        self, level: Level, areas: list[StyleArea], statistics: dict[tuple[str, str], Statistic], tile: int | None
    ) -> dict[tuple[str, str, str], dict[int, Tensor]]:
        """Return {(layer, area, statistic): {style: finished}}; each style is encoded once for each of its scales."""
        finished_states: dict[tuple[str, str, str], dict[int, Tensor]] = {}
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
                finished_states.setdefault((layer, area_name, name), {})[index] = finished
        self._add_borders(areas, statistics, finished_states)
        return finished_states

    def _add_borders(
        self,
        areas: list[StyleArea],
        statistics: dict[tuple[str, str], Statistic],
        measured: dict[tuple[str, str, str], dict[int, Tensor]],
    ) -> None:
        """Fill each border that a style does not show with the mean of what it shows of the two regions."""
        sides = {area.regions: area.name for area in areas}
        for border in (area for area in areas if len(area.regions) == 2):
            for layer, name in statistics:
                one, other = (measured.get((layer, sides.get((number,), "-"), name), {}) for number in border.regions)
                targets = measured.setdefault((layer, border.name, name), {})
                for index in one.keys() & other.keys() - targets.keys():
                    targets[index] = blend([one[index], other[index]], (1.0, 1.0))

    def _style_guides(
        self, painted: Painted, areas: list[StyleArea], index: int, level: Level
    ) -> dict[tuple[str, str], Tensor | None]:
        """Return {(layer, area): weight of each neuron, None where all count}, without what a style does not show."""
        guides_of: dict[tuple[str, str], Tensor | None] = {}
        height, width = painted.pixels.shape[2:]
        for layer in self._recipe.style_layers:
            stride = self._encoder.stride(layer)
            for area in areas:
                guide = self._style_guide(painted, area, layer, (height // stride, width // stride))
                if guide is None or float(guide.sum()) >= MIN_NEURONS:
                    guides_of[layer, area.name] = guide
                elif len(area.regions) == 1:
                    # A painting need not have the border; its two sides are then there to be mixed.
                    self._leave_out(area, layer, self._scene.styles[index].name, level)
        return guides_of

    def _style_guide(self, painted: Painted, area: StyleArea, layer: str, size: tuple[int, int]) -> Tensor | None:
        guide = None if painted.alpha is None else images.resize(painted.alpha[None, None], size)[0, 0]
        if painted.maps is None or not area.regions:
            return guide
        region = self._guide(self._propagate(painted.maps, layer), area)
        return region if guide is None or region is None else region * guide

    def _guide(self, at_layer: Tensor, area: StyleArea) -> Tensor | None:
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
            maps, self._encoder.steps(layer), "mean" if self._recipe.guides == "border" else self._recipe.guides
        )
        return guides.grow(at_layer, self._recipe.guide_growth) if self._recipe.guide_growth else at_layer

    def _areas(self, level: Level) -> list[StyleArea]:
        recipe, scene = self._recipe, self._scene
        every = tuple(range(len(scene.styles)))
        maps = scene.maps(level)
        if maps is None:
            return [StyleArea("", (), 1.0, 1.0, every)]
        painted = areas(scene)
        sizes = maps.mean((1, 2)).tolist() if recipe.region_balance == "area" else [1.0] * len(maps)
        total = sum(sizes[area.number] for area in painted) or 1.0
        painted_areas = []
        for area in painted:
            weight = area.weight * sizes[area.number] / total * (1 - recipe.global_fraction)
            painted_areas.append(StyleArea(area.name, (area.number,), weight, area.scale, area.styles))
        if recipe.guides == "border":
            for one, other in combinations(list(painted_areas), 2):
                styles = tuple(sorted({*one.styles, *other.styles}))
                scale = (one.scale * other.scale) ** 0.5
                regions = one.regions + other.regions
                painted_areas.append(
                    StyleArea(f"{one.name}|{other.name}", regions, one.weight + other.weight, scale, styles)
                )
        if recipe.global_fraction:
            painted_areas.append(StyleArea("", (), recipe.global_fraction, 1.0, every))
        return [area for area in painted_areas if area.weight]

    def _style_weights(self, layer: str, targets: dict[int, Tensor]) -> list[float]:
        weights = style_weights(self._scene, layer)
        return [weights[index] for index in targets]

    def _leave_out(self, area: StyleArea, layer: str, where: str, level: Level) -> None:
        if len(area.regions) == 1 and (area.name, layer) not in self._said:
            self._said.add((area.name, layer))
            size = f"{level.size[1]}x{level.size[0]} px"
            notice(f"region '{area.name}' is too small in {where} to be seen at {layer} ({size}); left out there")
