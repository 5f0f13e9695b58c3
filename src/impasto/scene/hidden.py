"""What an alpha channel hides of a picture, so that colours nobody can see take no part."""

from dataclasses import replace

import torch
from torch import Tensor

from impasto import images
from impasto.events import notice
from impasto.images import Picture


def without_hidden_colors(style: Picture) -> Picture:
    """Drop an alpha that hides nothing, and replace hidden colours by the mean of the visible ones.

    Resampling and receptive fields would otherwise carry colours nobody can see into the statistics.
    """
    alpha = None if style.opaque else style.alpha
    if not tell_if_hidden(style):
        alpha = None
    if alpha is None:
        return replace(style, alpha=None)
    mean = mean_color(style.pixels, alpha)
    return replace(style, pixels=torch.lerp(mean.expand_as(style.pixels), style.pixels, alpha), alpha=alpha)


def tell_if_hidden(picture: Picture) -> bool:
    """Say so where nothing of a picture can be seen; return whether anything can."""
    seen = picture.opaque or images.visible(picture) is not None
    if not seen:
        notice(f"{picture.name}: is fully transparent; its hidden colours are used")
    return seen


def mean_color(pixels: Tensor, alpha: Tensor) -> Tensor:
    """Return the mean colour (1, 3, 1, 1) of the pixels (1, 3, H, W) by their `alpha`, (H, W) or (1, 1, H, W)."""
    return (pixels * alpha).sum((2, 3), keepdim=True) / alpha.sum()


def visible_maps(maps: Tensor | None, alpha: Tensor | None, pixels: Tensor) -> Tensor:
    """Return the maps (R, H, W) of `pixels`, or one of all of them, where their `alpha` (H, W) shows them."""
    maps = pixels.new_ones(1, *pixels.shape[2:]) if maps is None else maps
    return maps if alpha is None else maps * alpha
