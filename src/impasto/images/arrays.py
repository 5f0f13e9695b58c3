"""Arrays in memory: as input, upright, within the limit, and as tensors."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from impasto.errors import ImageError

Arrays = tuple[npt.NDArray[Any], npt.NDArray[Any] | None]
"""(H, W, 3) float32 sRGB in [0, 1], and (H, W) float32 alpha or None."""


def check_pixels(size: tuple[int, int], name: str, max_pixels: int) -> None:
    """Raise `ImageError` where (width, height) is over the limit."""
    width, height = size
    if width * height > max_pixels:
        raise ImageError(
            f"{name}: {width} x {height} is {width * height:,} pixels, over the limit of {max_pixels:,}; "
            "--max-pixels raises it"
        )


def upright(array: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Apply an EXIF orientation to (H, W, ...)."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return array[:, ::-1] if orientation in (2, 3, 6, 7) else array


def to_tensors(arrays: Arrays) -> tuple[Tensor, Tensor | None]:
    """Convert to (1, 3, H, W) pixels and (1, 1, H, W) alpha, contiguous."""
    rgb, alpha = arrays
    # Always copies: a tensor must not share memory with the caller's array, nor with a broadcast view.
    pixels = torch.from_numpy(np.array(rgb.transpose(2, 0, 1), dtype=np.float32, order="C"))[None]
    if alpha is None:
        return pixels, None
    return pixels, torch.from_numpy(np.array(alpha, dtype=np.float32, order="C"))[None, None]


def from_array(source: npt.NDArray[Any] | Tensor, name: str) -> Arrays:
    """Convert an array (H, W), (H, W, 1 to 4) or a tensor (1 to 4, H, W), with or without a batch of one.

    Raises `ImageError` for other shapes, for numbers whose range is not clear, and for NaN.
    """
    if isinstance(source, Tensor):
        if source.ndim == 4 and source.shape[0] == 1:
            source = source[0]
        if source.ndim != 3:
            raise ImageError(f"{name}: shape {tuple(source.shape)} is not (3, H, W) or (1, 3, H, W)")
        source = source.detach().cpu().movedim(0, -1)
        array = (source.float() if source.dtype == torch.bfloat16 else source).numpy()
    else:
        array = source[..., None] if source.ndim == 2 else source
    if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4) or 0 in array.shape:
        raise ImageError(f"{name}: shape {source.shape} is not (H, W), (H, W, 3) or (H, W, 4)")
    values = _unit(array, name)
    channels = values.shape[2]
    color = values[..., : channels - 1] if channels in (2, 4) else values
    alpha = values[..., -1] if channels in (2, 4) else None
    return np.broadcast_to(color, (*color.shape[:2], 3)), alpha


def _unit(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    if array.dtype == np.bool_:
        return array.astype(np.float32)
    if array.dtype in (np.uint8, np.uint16):
        return array.astype(np.float32) / np.iinfo(array.dtype).max
    if not np.issubdtype(array.dtype, np.floating):
        raise ImageError(f"{name}: {array.dtype} pixels have no clear range; give uint8, uint16 or floats in [0, 1]")
    lowest, highest = float(array.min()), float(array.max())
    if not np.isfinite(lowest + highest):
        raise ImageError(f"{name}: has NaN or infinite pixels")
    # Filters overshoot a little; 0 to 255 in floats is another thing, and guessing would hide a mistake.
    if lowest < -0.1 or highest > 1.1:
        raise ImageError(f"{name}: floats go from {lowest:g} to {highest:g}; scale them to [0, 1]")
    clipped: npt.NDArray[Any] = np.clip(array, 0, 1).astype(np.float32)
    return clipped
