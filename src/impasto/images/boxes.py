"""The primary picture of an AVIF or HEIC file, found in its boxes without decoding (ISO 23008-12, sections 6 and 9)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from impasto.images import av1

_MAX_META_BYTES = 4 * 2**20
"""The most bytes of a file's meta box that are read: it describes items, of which a picture has a few."""
_MAX_BOXES = 4096
"""The most boxes that are looked at, so that a damaged file cannot keep the reader busy."""
_MAX_STREAM_BYTES = 4096
"""The most bytes of a stream that are read: its header is at the beginning."""


@dataclass(frozen=True)
class Primary:
    """What the file says about its primary picture."""

    size: tuple[int, int]
    """(width, height), cropped and not yet turned."""
    nclx: tuple[int, int, int, bool] | None
    """Code points of ITU-T H.273: primaries, transfer, matrix, and whether the range is full."""
    told: bool = True
    """A box says what the colours are, by code points or by a profile."""


def read(stream: BinaryIO) -> Primary | None:
    """Find the primary picture; None where the file does not say, or is damaged."""
    try:
        meta = _meta(stream)
        primary = _primary(meta) if meta else None
        if meta and primary and not primary.told:
            # What has no box of colours has those of its stream, which begins the item.
            primary = replace(primary, nclx=av1.colors(_item(stream, meta)))
        return primary
    except (struct.error, IndexError, ValueError):
        return None


def _meta(stream: BinaryIO) -> bytes | None:
    at = 0
    for _ in range(64):  # it is the second or third box
        stream.seek(at)
        head = stream.read(16)
        if len(head) < 8:
            return None
        size, kind = struct.unpack(">I4s", head[:8])
        start = 8
        if size == 1:
            (size,), start = struct.unpack(">Q", head[8:16]), 16
        if kind == b"meta":
            stream.seek(at + start)
            return stream.read(min(size - start, _MAX_META_BYTES) if size else _MAX_META_BYTES)
        if size < 8 or size >= 2**62:
            return None
        at += size
    return None


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MAX_BOXES):
        if at + 8 > len(data):
            return
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        if size < 8:
            return
        yield kind, data[at + 8 : at + size]
        at += size


def _primary(meta: bytes) -> Primary | None:
    inside = dict(reversed(list(_boxes(meta[4:]))))
    pitm = inside.get(b"pitm", b"")
    if not pitm or b"iprp" not in inside:
        return None
    (item,) = struct.unpack(">I" if pitm[0] else ">H", pitm[4 : 8 if pitm[0] else 6])
    inner = list(_boxes(inside[b"iprp"]))
    properties = [box for kind, body in inner if kind == b"ipco" for box in _boxes(body)]
    mine = [i for kind, body in inner if kind == b"ipma" for i in _associated(body, item)]
    size: tuple[int, int] | None = None
    nclx: tuple[int, int, int, bool] | None = None
    kinds = set()
    for index in mine:
        if not 0 < index <= len(properties):
            continue
        kind, body = properties[index - 1]
        kinds.add(kind)
        if kind == b"ispe" and size is None:
            size = struct.unpack(">II", body[4:12])
        elif kind == b"clap":
            wide, wide_over, high, high_over = struct.unpack(">IIII", body[:16])
            if size and wide_over and high_over:
                size = min(size[0], wide // wide_over), min(size[1], high // high_over)
        elif kind == b"colr" and body[:4] == b"nclx" and nclx is None:
            primaries, transfer, matrix, ranged = struct.unpack(">HHHB", body[4:11])
            nclx = primaries, transfer, matrix, bool(ranged & 128)
    return None if size is None else Primary(size, nclx, told=b"colr" in kinds or b"av1C" not in kinds)


def _item(stream: BinaryIO, meta: bytes) -> bytes:
    """Return how the primary item's data begins, where it lies in the file by itself."""
    inner = dict(reversed(list(_boxes(meta[4:]))))
    pitm, iloc = inner.get(b"pitm", b""), inner.get(b"iloc", b"")
    (wanted,) = struct.unpack(">I" if pitm[0] else ">H", pitm[4 : 8 if pitm[0] else 6])
    version, sizes = iloc[0], struct.unpack(">H", iloc[4:6])[0]
    place, length, base, index = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15 if version else 0
    wide, at = (4, 6) if version == 2 else (2, 6)

    def number(width: int) -> int:
        nonlocal at
        at += width
        if at > len(iloc):
            raise ValueError
        return int.from_bytes(iloc[at - width : at], "big")

    for _ in range(min(number(wide), _MAX_BOXES)):
        item = number(wide)
        within = number(2) & 15 if version else 0
        number(2)
        start = number(base)
        extents = [(number(index), number(place), number(length)) for _ in range(min(number(2), _MAX_BOXES))]
        if item == wanted and within == 0 and extents:
            stream.seek(start + extents[0][1])
            return stream.read(min(extents[0][2] or _MAX_STREAM_BYTES, _MAX_STREAM_BYTES))
    return b""


def _associated(body: bytes, wanted: int) -> list[int]:
    """Return the numbers, from 1, of the properties of an item."""
    version, wide = body[0], body[3] & 1
    (count,) = struct.unpack(">I", body[4:8])
    at = 8
    for _ in range(min(count, _MAX_BOXES)):
        step = 2 if version < 1 else 4
        (item,) = struct.unpack(">H" if step == 2 else ">I", body[at : at + step])
        amount = body[at + step]
        at += step + 1
        if item == wanted:
            if wide:
                return [value & 0x7FFF for value in struct.unpack(f">{amount}H", body[at : at + 2 * amount])]
            return [value & 0x7F for value in body[at : at + amount]]
        at += amount * (2 if wide else 1)
    return []
