"""BMPs whose channels lie in other bits than Pillow knows, and the names of what neither reads."""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.errors import ImageError

_BITFIELDS, _ALPHA_BITFIELDS = 3, 6
_OS2_HEADERS = range(16, 65)
_PILLOWS = {
    (16, 0xF800, 0x7E0, 0x1F, 0),
    (16, 0x7C00, 0x3E0, 0x1F, 0),
    (32, 0xFF0000, 0xFF00, 0xFF, 0),
    (32, 0xFF0000, 0xFF00, 0xFF, 0xFF000000),
}
"""Usual layouts, which Pillow reads."""


@dataclass(frozen=True)
class Fields:
    """Where the channels of a bitmap are."""

    size: tuple[int, int]
    bits: int
    masks: tuple[int, int, int, int]
    """Red, green, blue, alpha; 0 where there is none."""
    start: int
    """Place of the pixels in the file."""
    upside_down: bool
    """Rows from the lowest to the highest, as is usual."""


def fields(data: bytes) -> Fields | None:
    """Return the layout of a BMP with bit fields that Pillow does not know; None where Pillow should read it.

    Raises `ImageError`, without a name, for kinds that neither reads.
    """
    if len(data) < 54:
        return None
    start, header, width, height = struct.unpack_from("<IIii", data, 10)
    bits, compression = struct.unpack_from("<HI", data, 28)
    if header == 12 or (header != 40 and header < 52 and header not in _OS2_HEADERS):
        return None
    os2 = header != 40 and header not in (52, 56) and header in _OS2_HEADERS
    named = _name(compression, os2, bits)
    if named:
        raise ImageError(f"is a BMP {named}, which impasto does not read; save it as PNG or as an uncompressed BMP")
    if compression not in (_BITFIELDS, _ALPHA_BITFIELDS) or bits not in (16, 24, 32) or width < 1 or not height:
        return None
    alpha = header >= 56 or compression == _ALPHA_BITFIELDS
    masks = struct.unpack_from("<4I" if alpha else "<3I", data.ljust(70, b"\0"), 54)
    layout = Fields((width, abs(height)), bits, (*masks[:3], masks[3] if alpha else 0), start, height > 0)
    return None if (bits, *layout.masks) in _PILLOWS or not any(masks) else layout


def _name(compression: int, os2: bool, bits: int) -> str:
    if compression == 4:
        return "with OS/2's run lengths of 24 bits (RLE24)" if os2 or bits == 24 else "that wraps a JPEG"
    if compression == 3 and os2:
        return "with OS/2's Huffman coding"
    if compression == 5:
        return "that wraps a PNG"
    if compression in (11, 12, 13):
        return "in CMYK"
    return f"with {bits} bits a pixel" if bits in (2, 64) else ""


def decode(data: bytes, how: Fields, *, lenient: bool) -> Image.Image:
    """Decode to RGB or RGBA of 8 bits. Raises `ValueError` where pixels are missing, unless `lenient`."""
    width, height = how.size
    step, item = (width * how.bits + 31) // 32 * 4, how.bits // 8
    raw = data[how.start : how.start + step * height]
    if len(raw) < step * height:
        if not lenient:
            raise ValueError(f"{step * height - len(raw)} bytes of pixels are missing")
        raw = raw.ljust(step * height, b"\0")
    rows = np.frombuffer(raw, np.uint8).reshape(height, step)[:, : width * item].reshape(height, width, item)
    words = np.zeros((height, width, 4), np.uint8)
    words[..., :item] = rows
    packed = words.view("<u4")[..., 0]
    planes = [_channel(packed, mask) for mask in (how.masks if how.masks[3] else how.masks[:3])]
    pixels = np.stack(planes, axis=-1)
    return Image.fromarray(np.ascontiguousarray(pixels[::-1] if how.upside_down else pixels))


def _channel(packed: npt.NDArray[Any], mask: int) -> npt.NDArray[np.uint8]:
    """Return a channel, scaled to 8 bits. Raises `ImageError` for a mask whose bits are not together."""
    if not mask:
        return np.zeros(packed.shape, np.uint8)
    low = (mask & -mask).bit_length() - 1
    highest = mask >> low
    if highest & (highest + 1):
        raise ImageError("is a BMP whose bit fields have gaps, which impasto does not read; save it as PNG")
    values = ((packed & np.uint32(mask)) >> np.uint32(low)).astype(np.float64)
    return np.round(values * (255 / highest)).astype(np.uint8)
