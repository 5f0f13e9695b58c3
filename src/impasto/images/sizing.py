"""Changing a picture's size: one filter for everything, so that previews and finals agree."""

import torch
import torch.nn.functional as functional
from torch import Tensor

from impasto.errors import UsageError


def extend(pixels: Tensor, margin: int) -> Tensor:
    """Return pixels (1, C, h, w) with `margin` more on each side, which mirror those inside; fewer than h and w."""
    return functional.pad(pixels, (margin,) * 4, mode="reflect") if margin else pixels


def resize(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Resample to `size` = (height, width): bicubic, antialiased along each side that shrinks.

    pixels: (B, C, H, W) floating point in [0, 1], any C; the result is clamped to [0, 1], because the
    filter's negative lobes overshoot at edges. The same tensor comes back when the size is already right.
    """
    if pixels.ndim != 4 or not pixels.is_floating_point():
        raise UsageError(f"resize needs a floating-point (B, C, H, W), not {pixels.dtype} {tuple(pixels.shape)}")
    if min(size) < 1:
        raise UsageError(f"size={size}: each side needs at least 1 pixel")
    if tuple(pixels.shape[2:]) == tuple(size):
        return pixels
    # Half precision would cost accuracy in the long filters of a strong reduction, and lacks CPU kernels.
    working = pixels if pixels.dtype in (torch.float32, torch.float64) else pixels.float()
    # antialias=True also when enlarging: torch's other bicubic has a sharper kernel (a = -0.75) that rings.
    resized = functional.interpolate(working, size=size, mode="bicubic", align_corners=False, antialias=True)
    return resized.clamp_(0, 1).to(pixels.dtype)


def fit_size(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """Return the (height, width) with the aspect of `size` whose longer side is `long_side` pixels."""
    if long_side < 1 or min(size) < 1:
        raise UsageError(f"size={long_side} for a picture of {size}: both need at least 1 pixel a side")
    longest = max(size)
    # Integer rounding (halves up): floats would make e.g. 0.5 depend on how the scale was computed.
    height, width = (max(1, (2 * side * long_side + longest) // (2 * longest)) for side in size)
    return height, width


def crop_to_aspect(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Cut the largest centred part of (B, C, H, W) whose aspect is that of `size` = (height, width)."""
    if min(size) < 1:
        raise UsageError(f"size={size}: each side needs at least 1 pixel")
    height, width = pixels.shape[2:]
    new_height = min(height, max(1, round(width * size[0] / size[1])))
    new_width = min(width, max(1, round(height * size[1] / size[0])))
    top, left = (height - new_height) // 2, (width - new_width) // 2
    return pixels[:, :, top : top + new_height, left : left + new_width]
