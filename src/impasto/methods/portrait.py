"""The content of a head portrait: the photograph's features with the light of the example's face (Selim et al. 2016).

The example, which is the first painting, is warped by landmarks until its face lies on the photograph's, encoded, and
compared with the photograph feature by feature.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from impasto import guides
from impasto.encoders import Encoder
from impasto.landmarks import spline
from impasto.losses import gains
from impasto.losses.gains import GainRule
from impasto.losses.normalization import power
from impasto.methods.base import Memory
from impasto.methods.gatys import Gatys
from impasto.optim.pyramid import Level
from impasto.recipe import Recipe
from impasto.scene import SMALLEST, Painted, Scene

GAIN_LIMITS = {"ratio": (0.7, 5.0), "energy": (0.9, 2.8)}
"""Least and most gain of each rule: Selim et al. 2016, Shih et al. 2014."""

Maps = Callable[[Tensor], Mapping[str, Tensor]]
"""From a picture (1, 3, H, W) to its features at the layers of the content."""


def warped(scene: Scene, level: Level) -> tuple[Tensor, Tensor]:
    """Return the example (1, 3, H, W) with its face on the photograph's, and how much of it there is (1, 1, H, W).

    Beyond its borders it goes on mirrored, for the receptive fields of what is within, and counts as nothing: a second
    face would be seen there.
    """
    size, pair = level.size, scene.landmarks
    if pair is None:
        painted = scene.painted(0, size, level)
        return painted.pixels, _opaque(painted)
    there, here = (landmarks.points for landmarks in (pair.content, pair.style))
    frame = torch.tensor([size[1], size[0]])
    full = scene.styles[0].size
    # As large as it will be seen: sampling a larger one would alias.
    shrink = 1 / _scale(there * frame, here * torch.tensor([full[1], full[0]]))
    small = [max(SMALLEST, round(side * min(1.0, shrink))) for side in full]
    painted = scene.painted(0, (small[0], small[1]), level)
    warp = spline.anchored(there * frame, here * torch.tensor([small[1], small[0]]), size)
    y, x = (torch.arange(side, dtype=torch.float64) + 0.5 for side in size)
    at = warp(torch.stack(torch.meshgrid(x, y, indexing="xy"), -1))
    inside = ((at >= 0) & (at <= torch.tensor([small[1], small[0]]))).all(-1)
    return spline.sample(painted.pixels, at), spline.sample(_opaque(painted), at) * inside


def targets(
    scene: Scene, level: Level, encoder: Encoder, maps: Maps, features: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the content's targets: `features` of the photograph (1, c, h, w) by layer, times their gains."""
    recipe = scene.recipe
    example, coverage = warped(scene, level)
    coverage, regions = coverage[0], scene.maps(level)
    if recipe.gain_regions and regions is not None and scene.regions is not None:
        numbers = [scene.regions.names.index(name) for name in recipe.gain_regions]
        coverage = coverage * regions[numbers].sum(0, keepdim=True)
    changed = {}
    for layer, wanted in maps(example).items():
        there = features[layer]
        at_layer = recipe.gain_strength * guides.propagate(coverage, encoder.steps(layer), "simple")[None].to(there)
        changed[layer] = gains.apply_gains(there, wanted, rule(recipe), lift=encoder.lift(layer), strength=at_layer)
    return changed


def rule(recipe: Recipe) -> GainRule:
    """Return what makes gains, as the recipe says."""
    least, most = GAIN_LIMITS[recipe.gains]
    least, most = recipe.gain_min or least, recipe.gain_max or most
    if recipe.gains == "energy":
        return partial(gains.energy, least=least, most=most, window=recipe.gain_window)
    return partial(gains.ratio, least=least, most=most)


def _opaque(painted: Painted) -> Tensor:
    """Return the alpha (1, 1, h, w) of a style, 1 where it has none."""
    return torch.ones_like(painted.pixels[:, :1]) if painted.alpha is None else painted.alpha[None, None]


def _scale(there: Tensor, here: Tensor) -> float:
    """Return how much larger `here` is than `there`, as extents about their middles."""
    one, other = (float((points - points.mean(0)).norm()) for points in (there, here))
    return other / one


class Portrait(Gatys):
    """gatys, with a content term of features that have the light of the example's face."""

    def _content_targets(self, level: Level, tile: int | None) -> dict[str, tuple[Tensor, float]]:
        maps = super()._content_targets(level, tile)

        def encode(picture: Tensor) -> dict[str, Tensor]:
            return {layer: features for layer, (features, _) in self._content_maps(picture, tile).items()}

        photo = {layer: features for layer, (features, _) in maps.items()}
        changed = targets(self._scene, level, self._encoder, encode, photo)
        return {layer: (features, power(features)) for layer, features in changed.items()}

    @classmethod
    def memory(cls, level: Level, scene: Scene, encoder: Encoder) -> Memory:
        """Estimate what the terms of a level hold: while targets are made, the example's features too."""
        plain = super().memory(level, scene, encoder)
        return replace(plain, target_values=2 * plain.target_values)
