"""Sixteen bits a channel out of Pillow, whose colour modes have eight.

Pillow's unpackers keep the high byte of big-endian (`;16B`) or little-endian (`;16L`) samples. Unpacking the same
file in the other byte order therefore gives the low bytes: two passes of Pillow's own decoders (which know every
filter and interlacing) make one picture of 16 bits. (TIFF: `tiff_pixels`.)
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ImageFile

Opener = Callable[[], ImageFile.ImageFile]
Samples = npt.NDArray[Any]

_NATIVE = "L" if sys.byteorder == "little" else "B"
_OTHER = {"L": "B", "B": "L"}


def _order(mode: str) -> str | None:
    """Return the byte order of a raw mode with 16 bits a sample, `L` or `B`."""
    if mode[-4:-1] != ";16" or mode[-1] not in "BLN" or mode.startswith("I;"):
        return None
    return _NATIVE if mode.endswith("N") else mode[-1]


def _raw_modes(image: ImageFile.ImageFile) -> list[str]:
    return [tile.args if isinstance(tile.args, str) else str(tile.args[0]) for tile in image.tile if tile.args]


def _with_modes(image: ImageFile.ImageFile, modes: list[str]) -> Samples:
    image.tile = [
        tile._replace(args=(mode, *tile.args[1:]) if isinstance(tile.args, tuple) else mode)
        for tile, mode in zip(image.tile, modes, strict=True)
    ]
    image.load()
    return np.asarray(image)


def planes(opener: Opener) -> Samples | None:
    """Decode (H, W, C) uint16 of a colour picture with 16 bits a channel.

    `opener` opens the same picture afresh each time. None where Pillow's 8 bits lose nothing, or the picture is grey.
    """
    first = opener()
    modes = _raw_modes(first)
    if not modes:
        return None
    if modes == ["LA;16B"]:
        # Two 16-bit samples have the layout of four 8-bit ones.
        pairs = _with_modes(first, ["RGBA"]).astype(np.uint16)
        return pairs[..., 0::2] << 8 | pairs[..., 1::2]
    orders = {_order(mode) for mode in modes}
    order_found = orders.pop() if len(orders) == 1 else None
    if order_found is None:
        return None
    stems = [mode[:-1] for mode in modes]
    high = _with_modes(first, [stem + order_found for stem in stems]).astype(np.uint16)
    low = _with_modes(opener(), [stem + _OTHER[order_found] for stem in stems])
    return high << 8 | low
