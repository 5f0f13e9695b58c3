"""Whose colours a painting has: those of the styles before it is painted, and of the result when it is done."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto import color, images
from impasto.images import Picture
from impasto.recipe import Recipe
from impasto.scene.hidden import mean_color, visible_maps

NEUTRAL = 1.5 / 255
"""Most that the channels of a grey picture may differ by, of 1: a level of 255, and what resampling adds to it. Files
written through other colour spaces, as JPEG's, are that far from equal channels."""
SWATCH = 512
"""Long side of a style, in pixels, whose colours a painting of luminance gets: a smaller one has the same colours."""

TINY = 1e-9
"""The least sum of weights that is divided by."""


def is_neutral(picture: Picture) -> bool:
    """Return whether a picture is grey: no pixel's channels are farther apart than rounding leaves them."""
    highest, lowest = picture.pixels.amax(1), picture.pixels.amin(1)
    return bool((highest - lowest).max() <= NEUTRAL)


def grayed(pixels: Tensor, *, neutral: bool) -> Tensor:
    """Return a picture with three equal channels (1, 3, H, W), of its luminance; of a `neutral` one, of their mean."""
    gray = pixels.mean(1, keepdim=True) if neutral else color.gray(pixels)
    return gray.expand(-1, 3, -1, -1)


def recolor_style(
    recipe: Recipe,
    pixels: Tensor,
    photo: Tensor,
    maps: Tensor | None,
    target: Tensor | None,
    alpha: Tensor | None,
    shown: Tensor | None,
) -> Tensor:
    """Return the `pixels` (1, 3, h, w) of a style with the colours, or the luminance, of the `photo` (1, 3, H, W).

    `maps` (R, h, w) are the regions of the style, `target` (R, H, W) those of the photograph, each matched to its own;
    `alpha` (h, w) and `shown` (H, W) say how visible each pixel of the two is.
    """
    if alpha is not None or shown is not None:
        maps, target = visible_maps(maps, alpha, pixels), visible_maps(target, shown, photo)
    if recipe.color == "luminance":
        gray = color.match_luminance(color.gray(pixels), photo[:, :1], source_maps=maps, target_maps=target)
        recolored = gray.expand(-1, 3, -1, -1)
    else:
        recolored = color.match(
            pixels,
            photo,
            recipe.color_transform,
            strength=recipe.color_strength,
            source_maps=maps,
            target_maps=target,
        )
    # What is hidden has no weight, and would stay as it was.
    return recolored if alpha is None else torch.where(alpha > 0, recolored, mean_color(recolored, alpha))


def in_colors_of(
    recipe: Recipe, photo: Tensor, maps: Tensor | None, shown: Tensor | None, swatches: Sequence["Swatch"]
) -> Tensor:
    """Return the `photo` (1, 3, H, W) with the colours of the paintings: each region with those of what paints it.

    `maps` (R, H, W) are its regions and `shown` (H, W) how visible its pixels are. What is in no region stays.
    """
    regions = 1 if maps is None else len(maps)
    pixels = torch.cat([swatch.pixels.flatten(2) for swatch in swatches], 2)[:, :, None]
    weights = torch.cat([swatch.weights(regions) for swatch in swatches], 1)[:, None] * pixels.shape[3]
    if shown is not None or maps is None:
        maps = visible_maps(maps, shown, photo)
    return color.match(photo, pixels, recipe.color_transform, source_maps=maps, target_maps=weights)


@dataclass(frozen=True)
class Swatch:
    """A painting whose colours count: `pixels` (1, 3, h, w), of which `alpha` and `maps` are those of `Painted`."""

    pixels: Tensor
    alpha: Tensor | None
    maps: Tensor | None
    paints: Sequence[int] | None
    """Numbers of the regions that it has a part in; None: there are no regions."""
    share: float
    """Its weight among the paintings."""

    def weights(self, regions: int) -> Tensor:
        """Return how much each pixel counts for each region, (R, h·w): together `share`, however many there are."""
        own = self.pixels.new_ones(regions, *self.pixels.shape[2:]) if self.maps is None else self.maps
        weights = visible_maps(own, self.alpha, self.pixels).flatten(1)
        weights = self.share * weights / weights.sum(1, keepdim=True).clamp_min(TINY)
        if self.paints is not None:
            weights[[number for number in range(regions) if number not in self.paints]] = 0
        return weights


def with_chroma(
    recipe: Recipe, pixels: Tensor, photo: Tensor, styles: Sequence[Picture], shown: Tensor | None
) -> Tensor:
    """Return a painting (1, 3, H, W) with the chroma of the `photo`, or nearer to that of the first style.

    `shown` (H, W) says how visible each pixel of the photograph is. A network that knows its own style leaves `styles`
    empty: then the photograph's chroma is all that can be asked for.
    """
    if recipe.color == "content":
        return color.keep_chroma(pixels, photo, strength=recipe.color_strength)
    return color.keep_chroma(pixels, _chroma(recipe, photo, styles[0], shown), strength=1.0)


def _chroma(recipe: Recipe, photo: Tensor, style: Picture, shown: Tensor | None) -> Tensor:
    """Return the picture whose chroma a painting of luminance gets: the photo's own, or nearer to the style's."""
    away = 1 - recipe.color_strength
    if not away:
        return photo
    small = images.resize(style.pixels, images.fit_size(style.size, min(SWATCH, max(style.size))))
    alpha = None if style.alpha is None else images.resize(style.alpha, (small.shape[2], small.shape[3]))[0, 0]
    source_maps = target_maps = None
    if shown is not None or alpha is not None:
        source_maps, target_maps = visible_maps(None, shown, photo), visible_maps(None, alpha, small)
    return color.match(
        photo, small, recipe.color_transform, strength=away, source_maps=source_maps, target_maps=target_maps
    )
