"""TIFFs whose samples Pillow has no mode for: signed, wide or floating-point colours, separate planes, WebP inside.

Pillow (and libtiff below it) knows every compression and arrangement of strips and tiles, but few kinds of samples. So
the samples are asked for as if they were grey bytes, of which there are several for each pixel, and made into numbers
here. The predictors (TIFF 6.0, section 14; Adobe's Technical Note 3) work on samples, and are undone here too.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from impasto.errors import ImageError
from impasto.images import convert, pillow, tiffs
from impasto.images.tiffs import Directory

Samples = npt.NDArray[Any]

WEBP = 50001
"""The number of TIFF's compression by WebP."""
_FILL_ORDER, _ROWS = 266, 278
_PLAIN = {1, 5, 8, 32773, 32946, 34925, 50000}
"""Compressions that give back bytes as they were: none, LZW, Deflate, PackBits, LZMA, Zstandard."""
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_TYPES = {
    (8, _UNSIGNED): "u1",
    (8, _SIGNED): "i1",
    (16, _UNSIGNED): "u2",
    (16, _SIGNED): "i2",
    (16, _FLOAT): "f2",
    (32, _UNSIGNED): "u4",
    (32, _SIGNED): "i4",
    (32, _FLOAT): "f4",
    (64, _UNSIGNED): "u8",
    (64, _SIGNED): "i8",
    (64, _FLOAT): "f8",
}
_PILLOWS_GRAY = {"u1", "u2", "i2", "u4", "i4", "f4"}
"""What Pillow has modes for, where there is one sample a pixel."""


@dataclass(frozen=True)
class Layout:
    """How the samples of a page lie in the file."""

    size: tuple[int, int]
    """(width, height)."""
    samples: int
    """A pixel."""
    type: str
    """numpy's, without the byte order."""
    planar: bool
    predictor: int
    tile: int
    """Pixels of a tile's row; the width where there are strips."""

    @property
    def bytes_per_pixel(self) -> int:
        """Return the bytes that a pixel takes unpacked."""
        return self.samples * int(self.type[1])


def layout(page: Directory) -> Layout | None:
    """Return how to read a page, None where Pillow can do it itself, or where neither can."""
    depths = set(page.numbers.get(tiffs.BITS, (1,)))
    kinds = set(page.numbers.get(tiffs.SAMPLE_FORMAT, (1,)))
    samples, photometric = page.get(tiffs.SAMPLES, 1), page.get(tiffs.PHOTOMETRIC, -1)
    if len(depths) != 1 or len(kinds) != 1 or photometric not in (0, 1, 2) or not 0 < samples <= 64:
        return None
    kind = _TYPES.get((depths.pop(), kinds.pop()))
    predictor = page.get(tiffs.PREDICTOR, 1)
    fits = predictor in (1, 2) or (predictor == 3 and kind is not None and kind[0] == "f")
    if kind is None or not fits or page.get(tiffs.COMPRESSION, 1) not in _PLAIN or samples < _colors(page):
        return None
    known = kind == "u1" or (samples == 1 and kind in _PILLOWS_GRAY)
    if known and not (page.big and page.order == ">"):  # which Pillow takes for damaged
        return None
    if page.get(tiffs.COMPRESSION, 1) in (1, 32773):
        predictor = 1  # as in libtiff, which has predictors for the others alone
    planar = samples > 1 and page.get(tiffs.PLANAR, 1) == 2
    return Layout(page.size, samples, kind, planar, predictor, page.get(tiffs.TILE_WIDTH, page.size[0]))


def _colors(page: Directory) -> int:
    return 3 if page.get(tiffs.PHOTOMETRIC) == 2 else 1


def decode(data: bytes, page: Directory, how: Layout, notes: list[str]) -> tuple[Samples, Samples | None]:
    """Decode (H, W, 1 or 3) float32 in [0, 1] and (H, W) alpha or None.

    Raises `ImageError` for NaN or infinite pixels, and whatever Pillow raises for damage.
    """
    samples = _samples(data, page, how)
    colors = _colors(page)
    extra = page.numbers.get(tiffs.EXTRA_SAMPLES, (2,))[:1]
    values = samples[..., :colors]
    alpha = None
    if samples.shape[2] > colors and extra in ((1,), (2,)):
        alpha = samples[..., colors].astype(np.float32)
        if how.type[0] != "f":
            alpha /= np.iinfo(how.type).max
        alpha = np.clip(np.nan_to_num(alpha), 0, 1)
    if alpha is not None and extra == (1,):
        opaque = np.maximum(alpha, 1e-9 if how.type[0] == "f" else 1 / float(np.iinfo(how.type).max))
        if how.type[0] == "f":
            return convert.scaled(values / opaque[..., None], notes), alpha
        divided = convert.scaled(values, notes) / opaque[..., None]
        return np.clip(divided, 0, 1).astype(np.float32), alpha
    pixels = convert.scaled(values, notes)
    return (1 - pixels if page.get(tiffs.PHOTOMETRIC) == 0 else pixels), alpha


def _samples(data: bytes, page: Directory, how: Layout) -> Samples:
    """Return (H, W, samples) in the machine's byte order."""
    width, height = how.size
    across = -(-width // how.tile) * how.tile  # a predictor needs whole rows of tiles
    count = 1 if how.planar else how.samples
    item = int(how.type[1])
    planes_read: list[Samples] = []
    for image in _as_bytes(data, page, how, across * count * item):
        rows = np.asarray(image).reshape(height, across // how.tile, how.tile, count, item)
        if how.predictor == 3:
            # Bytes of equal rank lie together, the highest first, each told by its distance to the one before.
            rank = rows.reshape(height, -1, how.tile * count, item).reshape(height, -1, item, how.tile, count)
            flat = rank.reshape(height, rank.shape[1], item * how.tile, count)
            summed = np.cumsum(flat, axis=2, dtype=np.uint8).reshape(rank.shape)
            values = np.ascontiguousarray(np.moveaxis(summed, 2, -1)).view(">" + how.type)[..., 0]
        else:
            values = rows.view(page.order + how.type)[..., 0]
            if how.predictor == 2:
                whole = f"u{item}"
                steps = values.view(page.order + whole).astype(whole)
                values = np.cumsum(steps, axis=2, dtype=whole).view(how.type)
        planes_read.append(values.reshape(height, across, count)[:, :width].astype(how.type))
    return planes_read[0] if len(planes_read) == 1 else np.concatenate(planes_read, axis=2)


def _as_bytes(data: bytes, page: Directory, how: Layout, row: int) -> Iterator[Image.Image]:
    """Open the page, or each of its planes, as a grey picture of `row` bytes a row."""
    planes = how.samples if how.planar else 1
    tiles = -(-how.size[0] // how.tile)
    for plane in range(planes):
        own = {tiffs.WIDTH: row, tiffs.HEIGHT: how.size[1], tiffs.BITS: 8, tiffs.PHOTOMETRIC: 1, tiffs.SAMPLES: 1}
        own |= {tiffs.PLANAR: 1, tiffs.COMPRESSION: page.get(tiffs.COMPRESSION, 1)}
        own |= {tag: page.get(tag) for tag in (_FILL_ORDER, _ROWS, tiffs.TILE_HEIGHT) if tag in page.numbers}
        if tiffs.TILES in page.entries:
            own[tiffs.TILE_WIDTH] = row // tiles
        with pillow.session(max_pixels=row * how.size[1] * 2, truncated=ImageFile.LOAD_TRUNCATED_IMAGES):
            image = TiffImageFile(io.BytesIO(_patched(data, page, own, plane, planes)))
            image.load()
        yield image


def _patched(data: bytes, page: Directory, own: dict[int, int], plane: int, planes: int) -> bytes:
    """Return the file with one directory, of these tags and the places of one plane of pixels.

    It is no BigTIFF any more: Pillow does not know those whose numbers begin with the highest byte.
    """
    stream = io.BytesIO(data)
    start = len(data) + len(data) % 2
    lists = b""
    entries = {tag: struct.pack(page.order + "HHII", tag, 4, 1, value) for tag, value in own.items()}
    for tag in (tiffs.STRIPS, tiffs.STRIP_BYTES, tiffs.TILES, tiffs.TILE_BYTES):
        if tag not in page.entries:
            continue
        numbers = tiffs.numbers_of(stream, page.entries[tag], page.order, page.big)
        per_plane = len(numbers) // planes
        places = struct.pack(f"{page.order}{per_plane}I", *numbers[plane * per_plane : (plane + 1) * per_plane])
        field = places
        if per_plane != 1:
            field = struct.pack(page.order + "I", start + len(lists))
            lists += places
        entries[tag] = struct.pack(page.order + "HHI", tag, 4, per_plane) + field
    directory = (
        struct.pack(page.order + "H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + bytes(4)
    )
    head = data[:2] + struct.pack(page.order + "HI", 42, start + len(lists))
    return b"".join([head, memoryview(data)[8:], bytes(start - len(data)), lists, directory])


def webp(data: bytes, page: Directory) -> Image.Image:
    """Decode a page whose strips or tiles are WebP pictures, for which Pillow's libtiff is not built."""
    stream = io.BytesIO(data)
    tiled = tiffs.TILES in page.entries
    tags = (tiffs.TILES, tiffs.TILE_BYTES) if tiled else (tiffs.STRIPS, tiffs.STRIP_BYTES)
    numbers = [tiffs.numbers_of(stream, page.entries[tag], page.order, page.big) for tag in tags]
    width, height = page.size
    wide = page.get(tiffs.TILE_WIDTH) if tiled else width
    high = page.get(tiffs.TILE_HEIGHT) if tiled else min(page.get(_ROWS, height), height)
    across = -(-width // max(1, wide))
    if min(wide, high) < 1 or len(numbers[0]) < across * -(-height // high):
        raise ImageError("has fewer strips than rows; get another copy")
    four = page.get(tiffs.SAMPLES, 1) == 4
    canvas = Image.new("RGBA" if four else "RGB", (width, height))
    for i, (place, size) in enumerate(zip(*numbers, strict=True)):
        part = WebPImageFile(io.BytesIO(data[place : place + size]))
        if part.width > wide or part.height > high:
            raise ImageError("has a strip larger than its place; get another copy")
        canvas.paste(part.convert(canvas.mode), (i % across * wide, i // across * high))
    if four and page.get(tiffs.EXTRA_SAMPLES, 2) == 1:  # colours are multiplied by alpha
        return Image.frombytes("RGBa", canvas.size, canvas.tobytes()).convert("RGBA")
    return canvas
