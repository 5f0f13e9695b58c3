"""PNG and TIFF written here: Pillow has no 16-bit colour, and the bytes should depend on nothing but the picture."""

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from impasto.images.png_parts import SIGNATURE, chunk

Samples = npt.NDArray[Any]
_ROWS = 64
"""The rows that are filtered and packed at a time: little memory beside the picture."""


def png(samples: Samples, profile: bytes, text: tuple[str, str] | None) -> bytes:
    """Write (H, W, 3 or 4) uint8 or uint16 as PNG with an ICC profile and, optionally, a (keyword, text)."""
    height, width, channels = samples.shape
    depth = 8 * samples.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, depth, 6 if channels == 4 else 2, 0, 0, 0)
    parts = [SIGNATURE, chunk(b"IHDR", header), chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(profile, 9))]
    if text:
        body = text[1].encode()
        packed = len(body) > 4096
        body = zlib.compress(body, 9) if packed else body
        parts.append(chunk(b"iTXt", text[0].encode() + (b"\0\1\0\0\0" if packed else b"\0\0\0\0\0") + body))
    packer = zlib.compressobj(6)
    above = np.zeros(width * channels * depth // 8, np.uint8)
    for top in range(0, height, _ROWS):
        rows = np.ascontiguousarray(samples[top : top + _ROWS].astype(f">u{depth // 8}"))
        flat = rows.reshape(len(rows), -1).view(np.uint8)
        data = packer.compress(_paeth(flat, above, channels * depth // 8))
        above = flat[-1]
        if data:
            parts.append(chunk(b"IDAT", data))
    return b"".join([*parts, chunk(b"IDAT", packer.flush()), chunk(b"IEND", b"")])


def _paeth(rows: npt.NDArray[np.uint8], above: npt.NDArray[np.uint8], step: int) -> bytes:
    """Filter rows of bytes with PNG's filter 4, which serves photographs best (PNG, section 9.4)."""
    now = rows.astype(np.int16)
    up = np.vstack([above[None], rows[:-1]]).astype(np.int16)
    left, corner = np.zeros_like(now), np.zeros_like(now)
    left[:, step:], corner[:, step:] = now[:, :-step], up[:, :-step]
    estimate = left + up - corner
    to_left, to_up, to_corner = (abs(estimate - other) for other in (left, up, corner))
    nearest = np.where(to_up <= to_corner, up, corner)
    nearest = np.where((to_left <= to_up) & (to_left <= to_corner), left, nearest)
    filtered = np.full((len(rows), rows.shape[1] + 1), 4, np.uint8)
    filtered[:, 1:] = (now - nearest).astype(np.uint8)
    return filtered.tobytes()


def tiff(samples: Samples, profile: bytes, xmp: bytes | None) -> bytes:
    """Write (H, W, 3 or 4) uint8 or uint16 as TIFF: deflate, horizontal differences, strips."""
    height, width, channels = samples.shape
    depth = 8 * samples.dtype.itemsize
    strips = []
    for top in range(0, height, _ROWS):
        rows = samples[top : top + _ROWS]
        # Differences wrap around, as readers undo them in the same width.
        differences = np.concatenate([rows[:, :1], rows[:, 1:] - rows[:, :-1]], axis=1)
        strips.append(zlib.compress(differences.astype(f"<u{depth // 8}").tobytes(), 6))
    body = bytearray(struct.pack("<2sHI", b"II", 42, 0))
    offsets = []
    for strip in strips:
        offsets.append(len(body))
        body += strip + b"\0" * (len(strip) % 2)
    entries = [
        (256, "I", (width,)),
        (257, "I", (height,)),
        (258, "H", (depth,) * channels),
        (259, "H", (8,)),
        (262, "H", (2,)),
        (273, "I", offsets),
        (277, "H", (channels,)),
        (278, "I", (_ROWS,)),
        (279, "I", [len(strip) for strip in strips]),
        (284, "H", (1,)),
        (317, "H", (2,)),
        *([(338, "H", (2,))] if channels == 4 else []),
        *([(700, "B", xmp)] if xmp else []),
        (34675, "B", profile),
    ]
    table = struct.pack("<H", len(entries))
    for tag, kind, values in entries:
        data = struct.pack(f"<{len(values)}{kind}", *values)
        if len(data) > 4:
            place, data = len(body), data + b"\0" * (len(data) % 2)
            body += data
            data = struct.pack("<I", place)
        code = {"B": 7 if tag == 34675 else 1, "H": 3, "I": 4}[kind]
        table += struct.pack("<HHI", tag, code, len(values)) + data.ljust(4, b"\0")
    struct.pack_into("<I", body, 4, len(body))
    return bytes(body + table + b"\0" * 4)
