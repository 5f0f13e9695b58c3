"""Pictures that are partly transparent: colours that nobody sees, and resizing in which they do not count."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.images.picture import Picture
from impasto.images.sizing import resize

_SOLID = 0.25
"""Part of a pixel that has to be visible for the bicubic filter: its negative lobes weigh much over small sums."""
_FAINT = 1e-6
"""Less of a pixel than this is nothing: a sum of weights that are zero but for rounding."""


def visible(picture: Picture) -> Tensor | None:
    """Return the alpha (1, 1, H, W) of a picture that hides a part of itself; None where it hides nothing, or all."""
    alpha = None if picture.opaque else picture.alpha
    return alpha if alpha is not None and bool((alpha > 0).any()) else None


def fill_hidden(picture: Picture) -> Picture:
    """Return the picture with colours of its visible parts, smoothly continued, where alpha is 0.

    What is filtered, or seen by receptive fields, would else carry colours nobody can see. A picture without any
    visible part keeps what it has.
    """
    alpha = visible(picture)
    if alpha is None or bool((alpha > 0).all()):
        return picture
    filled = torch.where(alpha > 0, picture.pixels, _continued(picture.pixels, alpha))
    return replace(picture, pixels=filled)


def resize_picture(picture: Picture, size: tuple[int, int]) -> Picture:
    """Resample to `size` = (height, width) as `resize` does, each colour weighted by its alpha: rims have no halo."""
    alpha = visible(picture)
    if alpha is None:
        of_alpha = None if picture.alpha is None else resize(picture.alpha, size)
        return replace(picture, pixels=resize(picture.pixels, size), alpha=of_alpha)
    picture = fill_hidden(picture)
    if picture.size == tuple(size):
        return picture
    planes = torch.cat([picture.pixels * alpha, alpha], 1)
    sharp, soft = (
        F.interpolate(planes, size=size, mode=mode, align_corners=False, antialias=True)
        for mode in ("bicubic", "bilinear")
    )
    pixels = torch.where(
        sharp[:, 3:] > _SOLID,
        sharp[:, :3] / sharp[:, 3:].clamp_min(_SOLID),
        soft[:, :3] / soft[:, 3:].clamp_min(_FAINT),
    )
    unseen = (sharp[:, 3:] <= _SOLID) & (soft[:, 3:] <= _FAINT)
    pixels = torch.where(unseen, resize(picture.pixels, size), pixels)
    return replace(picture, pixels=pixels.clamp_(0, 1), alpha=sharp[:, 3:].clamp(0, 1).contiguous())


def _continued(pixels: Tensor, alpha: Tensor) -> Tensor:
    """Return the means of `pixels` by `alpha` over ever larger squares, where smaller ones show nothing.

    Pull and push (Gortler et al. 1996): from the whole picture's mean down to the pixels.
    """
    levels = [(pixels * alpha, alpha)]
    while max(levels[-1][1].shape[2:]) > 1:
        # Means of premultiplied colours and of alpha: their quotient is the mean of the colours.
        levels.append(tuple(F.avg_pool2d(planes, 2, ceil_mode=True) for planes in levels[-1]))  # type: ignore[arg-type]
    continued = levels[-1][0] / levels[-1][1].clamp_min(1e-30)
    for colors, weights in reversed(levels[:-1]):
        size = (weights.shape[2], weights.shape[3])
        wider = F.interpolate(continued, size=size, mode="bilinear", align_corners=False)
        continued = torch.where(weights > 0, colors / weights.clamp_min(1e-30), wider)
    return continued
