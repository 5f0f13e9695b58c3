"""The terms of a level of STROTSS: samples of the paintings, region by region, and the photograph's self-similarity.

Kolkin, Salavon & Shakhnarovich 2019, "Style transfer by relaxed optimal transport and self-similarity".
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.encoders import Encoder
from impasto.events import notice
from impasto.losses import GlobalTerm, HypercolumnSampler, PositionSampler, RegionSamples, SelfSimilarity, Transport
from impasto.losses.hypercolumns import POSITIONS_PER_EVALUATION, SAMPLES_PER_REGION, seeded_generator
from impasto.losses.patches import patch_labels
from impasto.losses.self_similarity import self_similarity
from impasto.losses.similarity import SCRATCH_BYTES
from impasto.losses.statistics import TINY
from impasto.methods.base import Memory, Method, Terms, Time, style_pixels
from impasto.methods.costs import density
from impasto.optim.pyramid import Level
from impasto.optim.timing import timed
from impasto.recipe import Recipe
from impasto.scene import Painted, Scene
from impasto.scene.areas import Area, areas, style_weights, unnamed_area

Encode = Callable[[Tensor, Iterable[str]], dict[str, Tensor]]

ALPHA = 1.0
"""Weight of the content at the last size, whatever it is (a preview then is as strong as a print), doubled for each
halving. The paper has 2; chosen by eye, on six pairs at 320 px with petite: with 0.5 faces were taken apart and houses
swam, with 2 skies and walls became flat."""
MAX_ALPHA = 4.0
"""The most at small sizes (the paper: 16 at 64 px)."""
LOSS_SCALE = 10.0
"""On both terms, beside the default tv_weight."""
VISIBLE_ALPHA = 0.99
"""The least alpha of a pixel of a painting that is looked at."""


@dataclass(frozen=True)
class SampledArea:
    """A region of the picture, and how much it and the styles that paint it count."""

    area: Area
    styles: Mapping[int, float]
    """Fractions of the samples by the style's number; their sum is 1."""
    weight: float


class StrotssTerms:
    """Builds the terms; says once which regions no painting shows.

    `encode` gives the features (1, C, h, w) of a picture at layers; `size` (height, width) is that of the last level.
    What no mask names is a region of its own, painted by all paintings.
    """

    def __init__(self, scene: Scene, encode: Encode, encoder: Encoder, size: tuple[int, int]) -> None:
        self._scene, self._encode, self._encoder, self._recipe = scene, encode, encoder, scene.recipe
        self._last = max(size)
        self._said: set[str] = set()

    def terms(self, level: Level) -> tuple[GlobalTerm, ...]:
        """Build the terms of one level."""
        recipe, layers = self._recipe, self._recipe.layers_of_style
        photo = self._scene.photo(level)
        labels = self._labels(level)
        content = self._encode(photo, layers)
        columns = HypercolumnSampler(self._factors(content), {layer: self._encoder.stride(layer) for layer in layers})
        positions = PositionSampler(labels, (recipe.seed, level.index))
        alpha = recipe.content_weight * min(MAX_ALPHA, ALPHA * self._last / max(level.picture))
        transport = Transport(
            columns,
            positions,
            self._region_samples(labels, columns, level),
            LOSS_SCALE / (2 + alpha),
            1 / max(alpha, 1.0),
        )
        if not alpha:
            return (transport,)
        near = next(iter(content.values()))
        similarity = SelfSimilarity(
            columns,
            positions,
            photo.to(near),
            content,
            LOSS_SCALE * alpha / (2 + alpha),
            self._content_weights(),
            self._encoder.precision,
        )
        return similarity, transport

    def _factors(self, content: Mapping[str, Tensor]) -> dict[str, float]:
        """Return the factor of each layer: its weight, over the length that the photograph's features have there.

        So layers count alike. Left as they are, three quarters of the length were those of relu2_1 and relu3_1, with
        VGG-19 as with petite, and large strokes were not to be seen. Together, squares are 1 on average over nominal
        channels, whatever the scale of the encoder's weights: moments, unlike angles, depend on that.
        """
        weights, channels = self._recipe.layers_of_style, self._encoder.channels
        whole = sum(channels[layer] for layer in weights) / len(weights)
        power = {layer: float(content[layer].square().sum(1).mean()) for layer in weights}
        return {layer: weight * (whole / max(power[layer], TINY)) ** 0.5 for layer, weight in weights.items()}

    def _region_samples(self, labels: Tensor, columns: HypercolumnSampler, level: Level) -> dict[int, RegionSamples]:
        scene = self._scene
        painted_areas = self._areas(labels)
        nominal = sum(self._encoder.channels[layer] for layer in columns.factors) + 3
        samples: dict[int, list[Tensor]] = {}
        for index, scale in sorted(
            {(index, sampled.area.scale) for sampled in painted_areas for index in sampled.styles}
        ):
            painted = scene.style(index, level, scale)
            features = self._encode(painted.pixels, columns.factors)
            pixels = painted.pixels.to(next(iter(features.values())))
            for sampled in painted_areas:
                if sampled.area.scale == scale and index in sampled.styles:
                    at = self._places(painted, sampled, index, level)
                    samples.setdefault(sampled.area.number, []).append(columns(pixels, features, at))
        return {
            sampled.area.number: RegionSamples(
                torch.cat(samples[sampled.area.number]), sampled.weight, nominal, self._encoder.precision
            )
            for sampled in painted_areas
            if sampled.area.number in samples
        }

    def _places(self, painted: Painted, sampled: SampledArea, index: int, level: Level) -> Tensor:
        """Draw positions (n, 2) of what a painting shows of an area."""
        area, wanted = sampled.area, round(SAMPLES_PER_REGION * sampled.styles[index])
        height, width = painted.pixels.shape[2:]
        shown = torch.ones(height, width, dtype=torch.bool)
        if painted.alpha is not None:
            # Where all of it is faint, the most solid parts are what there is.
            shown = painted.alpha >= min(VISIBLE_ALPHA, float(painted.alpha.max()))
        if painted.maps is not None and area.name:
            inside = shown & (patch_labels(painted.maps, 1, 1) == area.number)
            if bool(inside.any()):
                shown = inside
            elif area.name not in self._said:
                self._said.add(area.name)
                name = self._scene.styles[index].name
                notice(f"region '{area.name}' is not to be seen in {name}, all of which can paint it")
        places = shown.flatten().nonzero()[:, 0]
        random = seeded_generator(self._recipe.seed, level.index, index, area.number)
        places = places[torch.randperm(len(places), generator=random)]
        if len(sampled.styles) > 1:
            # Weights are of samples: a style that shows too few of them shows them several times.
            places = places.repeat(-(-wanted // len(places)))
        places = places[:wanted]
        return torch.stack([places // width, places % width], 1)

    def _areas(self, labels: Tensor) -> list[SampledArea]:
        """Return what is painted of the regions that `labels` (H, W) show."""
        weights, rest = style_weights(self._scene), unnamed_area(self._scene)
        sampled = []
        for area in (*areas(self._scene), *(() if rest is None else (rest,))):
            styles = {index: weights[index] for index in area.styles if weights[index]}
            total, here = sum(styles.values()), labels == area.number
            if total and bool(here.any()):
                fractions = {index: weight / total for index, weight in styles.items()}
                sampled.append(SampledArea(area, fractions, float(here.float().mean()) * area.weight))
        return sampled

    def _labels(self, level: Level) -> Tensor:
        """Return the number of the region (H, W) that each pixel shows; one more than the last where it shows none."""
        maps = self._scene.maps(level)
        if maps is None:
            return torch.zeros(level.size, dtype=torch.long)
        labels = patch_labels(maps, 1, 1)
        return torch.where(labels < 0, len(maps), labels)

    def _content_weights(self) -> Tensor | None:
        """Return the weight of the content in each region, and at the end where there is none."""
        regions, weights = self._scene.regions, self._recipe.region_content_weights
        if regions is None or not weights:
            return None
        return torch.tensor([*(weights.get(name, 1.0) for name in regions.names), 1.0])


class Strotss(Method):
    """Relaxed optimal transport and self-similarity, both of samples (Kolkin et al. 2019)."""

    tileable = False
    remembers_init = True

    def __init__(self, scene: Scene, encoder: Encoder, size: tuple[int, int], device: torch.device) -> None:
        super().__init__(scene, encoder, size, device)
        self._columns = StrotssTerms(scene, self._encode, encoder, size)

    def terms(self, level: Level, tile: int | None = None, init: Tensor | None = None) -> Terms:
        """Build the terms of one level, as `Method.terms`; there are none before a level has begun."""
        return Terms() if init is None else Terms(global_terms=self._columns.terms(level))

    @classmethod
    def memory(cls, level: Level, scene: Scene, encoder: Encoder) -> Memory:
        """Estimate what the terms of a level hold: tables of distances.

        Of the features that are sampled, the photograph's are kept, and all get gradients twice.
        """
        values = sum(density(encoder, layer) for layer in scene.recipe.hypercolumn_layers)
        return Memory(values, 8 * values, 6 * SCRATCH_BYTES)

    @classmethod
    def time(cls, level: Level, scene: Scene, encoder: Encoder) -> Time:
        """Estimate what the tables take in each step."""
        return Time(level.steps * _seconds_of_sets(encoder, scene.recipe), style_pixels(scene, level))


def _seconds_of_sets(encoder: Encoder, recipe: Recipe) -> float:
    """Time what strotss makes of the hypercolumns of an evaluation."""
    width = 3
    for layer in recipe.hypercolumn_layers:
        lift = encoder.lift(layer)
        width += encoder.channels[layer] if lift is None else lift.shape[1]
    random = torch.Generator().manual_seed(0)
    painter = RegionSamples(torch.rand(SAMPLES_PER_REGION, width, generator=random), 1.0, width, encoder.precision)
    points = torch.rand(POSITIONS_PER_EVALUATION, width, generator=random).requires_grad_()

    def evaluate() -> None:
        similarity = self_similarity(points, points.detach(), precision=encoder.precision)
        torch.autograd.grad(painter(points, 1.0) + similarity, points)

    return min(timed(evaluate, 2))
