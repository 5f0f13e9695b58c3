"""The directories of a TIFF, read in bounds and without touching a pixel (TIFF 6.0, section 2; BigTIFF)."""

import contextlib
import struct
from dataclasses import dataclass
from typing import BinaryIO

MAX_DIRECTORIES = 64
"""The most directories that are followed; links may form circles."""
MAX_ENTRIES = 1024
"""The most tags of a directory: there are some hundreds in all."""
MAX_VALUES = 1024
"""Of one tag that is read here; longer lists (the places of strips) stay where they are."""

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
MAKE, STRIPS, SAMPLES, STRIP_BYTES, PLANAR = 271, 273, 277, 279, 284
PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES = 317, 322, 323, 324, 325
SUBDIRECTORIES, EXTRA_SAMPLES, SAMPLE_FORMAT, PROFILE, DNG_VERSION = 330, 338, 339, 34675, 50706

_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_READ = {1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32809, 32946, 34676, 34677, 34925, 50000, 50001}
_COMPRESSIONS = {
    **dict.fromkeys((9, 10, 34661), "JBIG"),
    **dict.fromkeys((33003, 33004, 33005, 34712), "JPEG 2000"),
    **dict.fromkeys((22610, 34934), "JPEG XR"),
    **dict.fromkeys((50002, 52546), "JPEG XL"),
    34887: "LERC",
    34892: "lossy DNG",
}
_FORMATS = {1: "unsigned", 2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}
_COLORS = {0: "grey", 1: "grey", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "Lab", 9: "Lab"}
_SENSOR = {32803, 34892}
"""Photometric interpretations of a sensor's own samples: colour filter array, linear raw (DNG 1.7)."""

_BRANDS = {
    b"NIKON": "NEF",
    b"SONY": "ARW",
    b"CANON": "CR2",
    b"PENTAX": "PEF",
    b"RICOH": "PEF",
    b"SAMSUNG": "SRW",
    b"HASSELBLAD": "3FR",
    b"PHASE ONE": "IIQ",
    b"EPSON": "ERF",
    b"KODAK": "DCR",
    b"EASTMAN KODAK": "DCR",
    b"MAMIYA": "MEF",
}


@dataclass(frozen=True)
class Entry:
    """One tag as it lies in the file."""

    type: int
    count: int
    field: bytes
    """The value where it fits, else its place in the file."""

    @property
    def size(self) -> int:
        """Return the bytes of the value."""
        return _BYTES.get(self.type, 0) * self.count


@dataclass(frozen=True)
class Directory:
    """One picture of a TIFF."""

    order: str
    """`<` or `>`."""
    big: bool
    """BigTIFF: places have eight bytes."""
    entries: dict[int, Entry]
    numbers: dict[int, tuple[int, ...]]
    """The whole-number tags that are short enough to be read."""

    def get(self, tag: int, default: int = 0) -> int:
        """Return a tag's first number."""
        return next(iter(self.numbers.get(tag, ())), default)

    @property
    def size(self) -> tuple[int, int]:
        """Return (width, height)."""
        return self.get(WIDTH), self.get(HEIGHT)

    @property
    def reduced(self) -> bool:
        """Return whether it calls itself a small copy of another picture."""
        return bool(self.get(SUBFILE) & 1) or self.numbers.get(255) == (2,)


@dataclass(frozen=True)
class Tiff:
    """What a TIFF holds."""

    chain: list[Directory]
    """The pages."""
    inner: list[Directory]
    """Pictures inside of pages: where a raw photograph has its sensor's samples, and a pyramid its small copies."""
    maker: str
    """The kind of raw photograph that the header or the camera's name tells of, or empty."""
    marked: bool
    """The header itself says that it is a raw photograph."""

    @property
    def raw(self) -> bool:
        """Return whether it is a raw photograph, whose pages are but previews."""
        first, everything = self.chain[0], [*self.chain, *self.inner]
        if self.marked or any(directory.get(PHOTOMETRIC, -1) in _SENSOR for directory in everything):
            return True
        if any(mark in first.entries for mark in (DNG_VERSION, SUBDIRECTORIES, MAKE)) and first.reduced:
            return True
        # A camera that does not mark its preview. Pyramids begin with the largest.
        largest = max(directory.size[0] * directory.size[1] for directory in everything)
        return MAKE in first.entries and largest > 4 * first.size[0] * first.size[1]


def read(stream: BinaryIO) -> Tiff | None:
    """Read the directories; None where the first is damaged beyond use."""
    stream.seek(0)
    head = stream.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 16:
        return None
    big = struct.unpack(order + "H", head[2:4])[0] == 43
    (at,) = struct.unpack(order + ("Q" if big else "I"), head[8:16] if big else head[4:8])
    chain: list[Directory] = []
    inner: list[Directory] = []
    seen: set[int] = set()
    while at and at not in seen and len(chain) < MAX_DIRECTORIES:
        seen.add(at)
        entry = _directory(stream, at, order, big)
        if entry is None:
            break
        directory, at = entry
        chain.append(directory)
        for place in directory.numbers.get(SUBDIRECTORIES, ()):
            if place not in seen and len(inner) < MAX_DIRECTORIES:
                seen.add(place)
                entry = _directory(stream, place, order, big)
                inner += [entry[0]] if entry else []
    if not chain:
        return None
    mark = "" if big else {b"CR": "CR2", b"II": "IIQ", b"MM": "IIQ"}.get(head[8:10], "")
    marked = mark == "CR2" or head[8:12] in (b"IIII", b"MMMM")
    return Tiff(chain, inner, mark if marked else _camera(stream, chain[0]), marked)


def _camera(stream: BinaryIO, first: Directory) -> str:
    """Return the kind of raw photographs that the camera of a first page writes, or empty."""
    if DNG_VERSION in first.entries:
        return "DNG"
    entry = first.entries.get(MAKE)
    if entry is None or entry.type != 2 or entry.count > 100:
        return ""
    make = value_of(stream, entry, first.order, first.big).upper()
    return next((kind for brand, kind in _BRANDS.items() if make.startswith(brand)), "")


def _directory(stream: BinaryIO, at: int, order: str, big: bool) -> tuple[Directory, int] | None:
    """Read one directory, and the place of the next."""
    counter, place, length = ("Q", "Q", 20) if big else ("H", "I", 12)
    if at >= 2**62:
        return None
    stream.seek(at)
    width = struct.calcsize(order + counter)
    head = stream.read(width)
    if len(head) < width:
        return None
    count = min(struct.unpack(order + counter, head)[0], MAX_ENTRIES)
    body = stream.read(count * length + struct.calcsize(order + place))
    entries: dict[int, Entry] = {}
    for i in range(len(body) // length if len(body) < count * length else count):
        tag, kind, amount = struct.unpack_from(f"{order}HH{place}", body, i * length)
        field = body[i * length + (12 if big else 8) : (i + 1) * length]
        entries.setdefault(tag, Entry(kind, amount, field))
    numbers: dict[int, tuple[int, ...]] = {}
    for tag, entry in entries.items():
        if entry.type in _NUMBERS and 0 < entry.count <= MAX_VALUES:
            with contextlib.suppress(struct.error):  # cut off
                numbers[tag] = numbers_of(stream, entry, order, big)
    after = body[count * length :]
    following = struct.unpack(order + place, after)[0] if len(after) == struct.calcsize(order + place) else 0
    return Directory(order, big, entries, numbers), following


def value_of(stream: BinaryIO, entry: Entry, order: str, big: bool) -> bytes:
    """Read the bytes of a tag's value, as many as there are."""
    if entry.size <= len(entry.field):
        return entry.field[: entry.size]
    (place,) = struct.unpack(order + ("Q" if big else "I"), entry.field)
    if place >= 2**62:
        return b""
    stream.seek(place)
    return stream.read(entry.size)


def numbers_of(stream: BinaryIO, entry: Entry, order: str, big: bool) -> tuple[int, ...]:
    """Read a tag's whole numbers. Raises `struct.error` where they are cut off, `KeyError` where they are none."""
    return struct.unpack(f"{order}{entry.count}{_NUMBERS[entry.type]}", value_of(stream, entry, order, big))


def bytes_of(stream: BinaryIO, page: Directory, tag: int, most: int) -> bytes | None:
    """Read a tag that is bytes; None where it is absent, cut off or longer than `most`."""
    entry = page.entries.get(tag)
    if entry is None or not 0 < entry.size <= most:
        return None
    value = value_of(stream, entry, page.order, page.big)
    return value if len(value) == entry.size else None


def describe(page: Directory) -> str:
    """Say what a page holds, for a line to the user."""
    bits = sorted(set(page.numbers.get(BITS, (1,))))
    kind = _FORMATS.get(page.get(SAMPLE_FORMAT, 1), "unknown")
    colors = _COLORS.get(page.get(PHOTOMETRIC, -1), f"photometric {page.get(PHOTOMETRIC, -1)}")
    return f"{page.get(SAMPLES, 1)} {kind} samples of {'/'.join(map(str, bits))} bits a pixel ({colors})"


def unread_compression(page: Directory) -> str | None:
    """Name a page's compression where neither impasto nor Pillow undoes it."""
    method = page.get(COMPRESSION, 1)
    return None if method in _READ else _COMPRESSIONS.get(method, f"method {method}")
