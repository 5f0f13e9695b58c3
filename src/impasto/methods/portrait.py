"""The content of a head portrait: the photograph's features with the light of the example's face (Selim et al. 2016).

The example, which is the first painting, is warped by landmarks until its face lies on the photograph's, encoded, and
compared with the photograph feature by feature.
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from impasto import encoders, guides, landmarks
from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.events import notice
from impasto.images import Picture
from impasto.landmarks import Pair, detect, spline
from impasto.losses import gains
from impasto.losses.gains import Rule
from impasto.optim.pyramid import Level
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene import SMALLEST, Painted, Scene
from impasto.scene.resolve import Source

OWN = {"ratio": (0.7, 5.0), "energy": (0.9, 2.8)}
"""Least and most gain of each rule: Selim et al. 2016, Shih et al. 2014."""

Maps = Callable[[Tensor], Mapping[str, Tensor]]
"""From a picture (1, 3, H, W) to its features at the layers of the content."""


def landmarks_of(
    recipe: Recipe, photo: Picture | None, styles: list[Picture], content: Source | None, style: Source | None
) -> Pair | None:
    """Read the landmarks that a painting was given, or find them; None where whole pictures are aligned.

    Raises `UsageError` and `InputError` for those that are no use.
    """
    if not METHODS[recipe.method].gains:
        if content is not None or style is not None:
            raise UsageError(f"landmarks belong to method portrait, not to {recipe.method}; leave them out")
        return None
    if photo is None or not styles:
        return None  # both are refused elsewhere
    if (content is None) != (style is None):
        raise UsageError("landmarks of the photograph and of the painting belong together; give both or neither")
    if content is not None:
        return landmarks.pair(
            landmarks.load(content, photo.size, "content landmarks"),
            landmarks.load(style, styles[0].size, "style landmarks"),
        )
    found = [(each, detect.find(each.pixels)) for each in (photo, styles[0])]
    one, other = (each for _, each in found)
    if one is not None and other is not None:
        return landmarks.pair(one, other)
    if detect.available():
        blind = " and ".join(picture.name for picture, each in found if each is None)
        notice(
            f"no face is seen in {blind}; the whole pictures are aligned: give landmarks of both (docs/portraits.md)"
        )
    else:
        notice(f"the whole pictures are aligned, not their faces: give landmarks of both, or {detect.INSTALL}")
    return None


def warped(scene: Scene, level: Level) -> tuple[Tensor, Tensor]:
    """Return the example (1, 3, H, W) with its face on the photograph's, and how much of it there is (1, 1, H, W).

    Beyond its borders it goes on mirrored, for the receptive fields of what is within, and counts as nothing: a second
    face would be seen there.
    """
    size, pair = level.size, scene.landmarks
    if pair is None:
        painted = scene.painted(0, size, level)
        return painted.pixels, _opaque(painted)
    there, here = (each.points for each in (pair.content, pair.style))
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
    example, share = warped(scene, level)
    share, regions = share[0], scene.maps(level)
    if recipe.gain_regions and regions is not None and scene.regions is not None:
        numbers = [scene.regions.names.index(name) for name in recipe.gain_regions]
        share = share * regions[numbers].sum(0, keepdim=True)
    found = {}
    for layer, wanted in maps(example).items():
        there = features[layer]
        at_layer = recipe.gain_strength * guides.propagate(share, encoders.steps(layer), "simple")[None].to(there)
        found[layer] = gains.multiplied(there, wanted, rule(recipe), lift=encoder.lift(layer), share=at_layer)
    return found


def rule(recipe: Recipe) -> Rule:
    """Return what makes gains, as the recipe says."""
    least, most = OWN[recipe.gains]
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
