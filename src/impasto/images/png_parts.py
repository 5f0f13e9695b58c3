"""The parts of a PNG that matter to a painter, kept from those that can hurt."""

import struct
import zlib
from dataclasses import dataclass
from typing import Any

from impasto.images import icc, signals

SIGNATURE = b"\x89PNG\r\n\x1a\n"
"""The eight bytes that a PNG begins with."""
_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_COLORS = {b"cICP": 4, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32}
"""Chunks that tell of colours, and their bytes."""
_MAX_PROFILE_BYTES = 16 * 2**20
"""The most bytes that a profile may unpack to: printers' have up to a few million."""


@dataclass(frozen=True)
class PngParts:
    """What `split` found."""

    pixels: bytes
    """A PNG with nothing but its header, palette, transparency and pixels."""
    depth: int
    profile: bytes | None
    bad_profile: bool
    exif: bytes | None
    animated: bool
    codes: tuple[int, int, int, int] | None = None
    """cICP: primaries, transfer, matrix and range of H.273."""
    srgb: bool = False
    gamma: float | None = None
    """gAMA: the exponent of encoding."""
    primaries: signals.Primaries | None = None
    """cHRM."""


def chunk(kind: bytes, data: bytes) -> bytes:
    """Build one chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def split(data: bytes) -> PngParts:
    """Take a PNG apart without unpacking anything but its profile, and that within bounds.

    Text chunks, private chunks and the frames of an animation are left out, so that a bomb or damage in them
    cannot matter. A cut-off chunk is kept as it is: the decoder judges it.
    """
    kept: list[bytes | memoryview] = [SIGNATURE]
    # Slices of a view are no copies: the pixels are copied once, at the end.
    view = memoryview(data)
    profile: bytes | None = None
    exif: bytes | None = None
    bad_profile = animated = False
    told: dict[bytes, bytes] = {}
    pixels = False
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        end = at + 12 + size
        if kind in _KEPT or not kind.isalpha():
            kept.append(view[at:end])
            pixels |= kind == b"IDAT"
            at = end if kind != b"IEND" else len(data)
            continue
        body = data[at + 8 : at + 8 + size]
        if kind == b"iCCP" and profile is None:
            profile = _inflate(body.partition(b"\0")[2][1:])
            bad_profile = profile is None
        elif kind in _COLORS and not pixels and len(body) == _COLORS[kind]:
            told.setdefault(kind, body)
        elif kind == b"eXIf":
            exif = body
        elif kind == b"acTL":
            animated = int.from_bytes(body[:4], "big") > 1
        at = end
    depth = data[24] if len(data) > 24 else 0
    return PngParts(b"".join(kept), depth, profile, bad_profile, exif, animated, **_numbers(told), srgb=b"sRGB" in told)


def _numbers(told: dict[bytes, bytes]) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    if b"cICP" in told:
        numbers["codes"] = tuple(told[b"cICP"])
    if b"gAMA" in told:
        numbers["gamma"] = int.from_bytes(told[b"gAMA"], "big") / 100_000
    if b"cHRM" in told:
        wx, wy, rx, ry, gx, gy, bx, by = (value / 100_000 for value in struct.unpack(">8I", told[b"cHRM"]))
        numbers["primaries"] = (rx, ry), (gx, gy), (bx, by), (wx, wy)
    return numbers


def color(parts: PngParts, notes: list[str]) -> bytes | icc.SimpleProfile | None:
    """Return what a PNG says about its colours, by its order of precedence: cICP, iCCP, sRGB, gAMA with cHRM.

    What cannot be used adds a note, and the next in order counts.
    """
    if parts.codes:
        primaries, transfer, matrix, full = parts.codes
        try:
            if matrix:
                raise ValueError(f"matrix {matrix} in a picture of RGB")
            profile = signals.from_codes(primaries, transfer, notes)
            return profile if full else signals.narrowed(profile, 16 if parts.depth == 16 else 8)
        except ValueError as error:
            notes.append(f"its colour signal (cICP) cannot be used ({error}) and is ignored")
    if parts.profile:
        return parts.profile
    others = parts.srgb or parts.gamma is not None or parts.primaries is not None
    if parts.bad_profile:
        instead = "it is ignored" if others else "sRGB is assumed"
        notes.append(f"its colour profile is damaged or far too large; {instead}")
    if parts.srgb:
        return None
    try:
        return signals.from_numbers(parts.gamma, parts.primaries)
    except ValueError as error:
        notes.append(f"its colours (gAMA, cHRM) cannot be used ({error}); sRGB is assumed")
        return None


def _inflate(data: bytes) -> bytes | None:
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(data, _MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if unpacker.eof else None
