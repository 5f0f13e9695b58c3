"""The parts of a PNG that matter to a painter, kept from those that can hurt."""

import struct
import zlib
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_MAX_PROFILE_BYTES = 16 * 2**20


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
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        end = at + 12 + size
        if kind in _KEPT or not kind.isalpha():
            kept.append(view[at:end])
            at = end if kind != b"IEND" else len(data)
            continue
        body = data[at + 8 : at + 8 + size]
        if kind == b"iCCP" and profile is None:
            profile = _inflate(body.partition(b"\0")[2][1:])
            bad_profile = profile is None
        elif kind == b"eXIf":
            exif = body
        elif kind == b"acTL":
            animated = int.from_bytes(body[:4], "big") > 1
        at = end
    return PngParts(b"".join(kept), data[24] if len(data) > 24 else 0, profile, bad_profile, exif, animated)


def _inflate(data: bytes) -> bytes | None:
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(data, _MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if unpacker.eof else None
