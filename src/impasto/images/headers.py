"""How large a picture will be, by its header alone: some bytes are read, whatever the file's size."""

import io
import struct
from collections.abc import Callable
from typing import BinaryIO

import numpy as np

from impasto import limits
from impasto.errors import ImageError, ResourceError
from impasto.images import boxes, tiffs
from impasto.images.arrays import check_pixels

BYTES_PER_PIXEL = 24
"""At the peak of decoding: the picture in float32 twice, as the decoder leaves it and in the order of tensors."""
ALPHA_BYTES = 14
"""Beside that with alpha: two planes of float32, and a picture of four channels."""
DEEP_BYTES = 8
"""Beside that with more than 8 bits a channel."""
PIXELS_PER_BYTE = 10_000
"""Pixels that one byte of a damaged file may stand for. Whole files of one colour pack as tightly; what a cut-off file
has left does not, and painting its promise takes memory and time for nothing."""

MAX_UNSIZED_BYTES = 64 * 2**20
"""Larger files whose header says no size are refused: decoders would search all of them for one. AVIF and HEIC may
keep it elsewhere, and their decoders do not search."""
SMALL_COPY = (
    "its first page is marked as a small copy of another picture, as in raw photographs; develop it first, or save the "
    "full page as a file of its own"
)
"""What is said of a TIFF whose first page is a preview."""

_MAX_MARKERS = 4096
"""The most segments of a JPEG that are passed over in search of its size: cameras write some dozens."""


def needed(pixels: int, file_bytes: int, *, alpha: bool = False, deep: bool = False) -> int:
    """Return the bytes that decoding takes beside the file, which is in memory: as measured, rounded up."""
    return pixels * (BYTES_PER_PIXEL + ALPHA_BYTES * alpha + DEEP_BYTES * deep) + file_bytes


def check_memory(size: tuple[int, int], need: int, name: str) -> None:
    """Raise `ResourceError` where decoding (width, height) takes more memory than there is."""
    free = limits.available()
    if free is not None and need > free:
        raise ResourceError(
            f"{name}: {size[0]} x {size[1]} pixels need about {limits.format_bytes(need)} of memory to decode and "
            f"{limits.format_bytes(free)} are free; make the picture smaller in another program, or free some memory"
        )


def check(stream: BinaryIO, kind: str, name: str, max_pixels: int, file_bytes: int) -> None:
    """Raise `ImageError` or `ResourceError` where a file's header asks for more than may or can be decoded.

    `file_bytes` are those of the file. A header that cannot be read is left to the decoder, unless the file is huge.
    """
    if kind == "TIFF":
        _check_pages(stream, name)
    size = read_size(stream, kind)
    if size is None:
        if file_bytes > MAX_UNSIZED_BYTES and kind not in ("AVIF", "HEIC"):
            raise ImageError(f"{name}: is damaged or cut off (its header does not say its size); get another copy")
    else:
        check_pixels(size, name, max_pixels)
        check_memory(size, needed(size[0] * size[1], file_bytes), name)


def read_size(stream: BinaryIO, kind: str) -> tuple[int, int] | None:
    """Read (width, height) from the header of a file of a known kind; None where it does not say."""
    try:
        size = _READERS[kind](stream)
    except (struct.error, IndexError, KeyError, ValueError):
        return None
    return size if size and min(size) > 0 else None


def fits(data: bytes, kind: str) -> bool:
    """Return whether what decoding takes can be had at all: codecs do not always say that memory ran out.

    Nothing is written to it, so that only a limit on addresses (`ulimit -v`) can refuse.
    """
    size = read_size(io.BytesIO(data), kind)
    try:
        np.empty(needed(size[0] * size[1], len(data), alpha=True) if size else 0, np.uint8)
    except MemoryError:
        return False
    return True


def hopeless(data: bytes, kind: str) -> bool:
    """Return whether so little of a cut-off file is there that decoding it would paint nothing but its promise."""
    size = read_size(io.BytesIO(data), kind)
    if size is None:
        return False
    if size[0] * size[1] > PIXELS_PER_BYTE * len(data):
        return True
    if kind == "BMP" and len(data) > 33 and data[14] >= 40 and data[30:34] in (b"\0\0\0\0", b"\3\0\0\0"):
        start, bits = int.from_bytes(data[10:14], "little"), int.from_bytes(data[28:30], "little")
        return 1000 * max(0, len(data) - start) < (size[0] * bits + 31) // 32 * 4 * size[1]
    return False


def _at(stream: BinaryIO, place: int, layout: str) -> tuple[int, ...]:
    stream.seek(place)
    return struct.unpack(layout, stream.read(struct.calcsize(layout)))


def _png(stream: BinaryIO) -> tuple[int, int]:
    width, height = _at(stream, 16, ">II")
    return width, height


def _gif(stream: BinaryIO) -> tuple[int, int]:
    width, height = _at(stream, 6, "<HH")
    return width, height


def _bmp(stream: BinaryIO) -> tuple[int, int]:
    (header,) = _at(stream, 14, "<I")
    width, height = _at(stream, 18, "<HH" if header == 12 else "<ii")
    return width, abs(height)


def _webp(stream: BinaryIO) -> tuple[int, int] | None:
    stream.seek(0)
    head = stream.read(30)
    if head[12:16] == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if head[12:16] == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg(stream: BinaryIO) -> tuple[int, int] | None:
    at = 2
    for _ in range(_MAX_MARKERS):
        stream.seek(at)
        head = stream.read(9)
        if len(head) < 4 or head[0] != 0xFF:
            return None
        marker = head[1]
        if marker == 0xFF or marker == 1 or 0xD0 <= marker <= 0xD8:  # fill bytes, and markers without a length
            at += 1 if marker == 0xFF else 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[5:9])
            return width, height
        elif marker in (0xD9, 0xDA):
            return None
        else:
            at += 2 + int.from_bytes(head[2:4], "big")
    return None


def _tiff(stream: BinaryIO) -> tuple[int, int] | None:
    tiff = tiffs.read(stream)
    return tiff.chain[0].size if tiff else None


def _check_pages(stream: BinaryIO, name: str) -> None:
    """Raise `ImageError` where a TIFF's first page is only the preview of what it holds."""
    tiff = tiffs.read(stream)
    if tiff and tiff.raw:
        kind = f" ({tiff.maker})" if tiff.maker else ""
        raise ImageError(f"{name}: is a raw photograph{kind}; develop it first, and give a JPEG, PNG or TIFF of it")
    method = tiffs.unread_compression(tiff.chain[0]) if tiff else None
    if method:
        raise ImageError(
            f"{name}: is a TIFF compressed by {method}, which impasto does not read; save it with Deflate, LZW or none"
        )
    if tiff and tiff.chain[0].reduced:
        raise ImageError(f"{name}: {SMALL_COPY}")


def _heif(stream: BinaryIO) -> tuple[int, int] | None:
    primary = boxes.read(stream)
    return primary.size if primary else None


_READERS: dict[str, Callable[[BinaryIO], tuple[int, int] | None]] = {
    "PNG": _png,
    "GIF": _gif,
    "BMP": _bmp,
    "WEBP": _webp,
    "JPEG": _jpeg,
    "TIFF": _tiff,
    "AVIF": _heif,
    "HEIC": _heif,
}
