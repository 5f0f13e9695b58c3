"""Kinds that Pillow does not read: read all the same, or named for what they are, never called damaged."""

import io
import itertools
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from impasto import images
from impasto.errors import ImageError
from tests.images.image_helpers import DISPLAY_P3, file_of, noise, smooth
from tests.images.tiff_helpers import assembled, tiff_of
from tests.type_helpers import present

RNG = np.random.default_rng(7)


def refused(data, **options):
    with pytest.raises(ImageError) as caught:
        images.load(data, **options)
    assert "damaged" not in str(caught.value)
    assert "another copy" not in str(caught.value)
    return str(caught.value)


def samples_of(kind, channels=3, height=17, width=23):
    """Random samples, and what they mean in [0, 1]."""
    if kind[0] == "f":
        unit = RNG.random((height, width, channels)).astype(kind)
        return unit, unit.astype(np.float64)
    info = np.iinfo(kind)
    found = RNG.integers(info.min, info.max, (height, width, channels), dtype=kind, endpoint=True)
    return found, np.clip(found.astype(np.float64) / info.max, 0, 1)


KINDS = ["u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "u8", "i8", "f8"]
LAYOUTS: dict[str, dict[str, Any]] = {
    "strips": {},
    "one strip": {"rows": 17},
    "raw": {"compress": False},
    "planes": {"planar": True},
    "raw planes": {"planar": True, "compress": False, "rows": 17},
    "tiles": {"tile": (16, 16)},
    "tiles in planes": {"tile": (16, 16), "planar": True},
    "big": {"big": True, "planar": True},
}


@pytest.mark.parametrize("kind", KINDS)
def test_colour_tiffs_of_every_type(kind):
    samples, expected = samples_of(kind)
    for layout, order in itertools.product(LAYOUTS, "<>"):
        picture = images.load(tiff_of(samples, order=order, **LAYOUTS[layout]))
        assert np.allclose(picture.pixels[0].permute(1, 2, 0).numpy(), expected, atol=1e-6), (layout, order)
        assert picture.alpha is None


@pytest.mark.parametrize(("kind", "predictor"), [(kind, 2) for kind in KINDS] + [("f2", 3), ("f4", 3), ("f8", 3)])
def test_predictors(kind, predictor):
    samples, expected = samples_of(kind)
    for layout, order in itertools.product(["strips", "planes", "tiles", "tiles in planes"], "<>"):
        picture = images.load(tiff_of(samples, order=order, predictor=predictor, **LAYOUTS[layout]))
        assert np.allclose(picture.pixels[0].permute(1, 2, 0).numpy(), expected, atol=1e-6), (layout, order)


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("predictor", [2, 3])
def test_the_tests_predictors_are_those_of_libtiff(predictor, tile):
    samples, _ = samples_of("f4" if predictor == 3 else "u2", 1)
    found = np.asarray(Image.open(io.BytesIO(tiff_of(samples, predictor=predictor, tile=tile))))
    assert (found == samples[..., 0]).all()


@pytest.mark.parametrize("kind", ["i1", "f2", "u8", "f8"])
@pytest.mark.parametrize("photometric", [0, 1])
def test_grey_tiffs_that_pillow_does_not_read(kind, photometric):
    samples, expected = samples_of(kind, 1)
    picture = images.load(tiff_of(samples, t262=photometric))
    expected = expected if photometric else 1 - expected
    assert np.allclose(picture.pixels[0].permute(1, 2, 0).numpy(), np.repeat(expected, 3, axis=2), atol=1e-6)


def test_signed_8_bits_are_signed():
    samples = np.array([[-128, -1, 0, 64, 127]], np.int8)
    for channels in (1, 3):
        picture = images.load(tiff_of(np.repeat(samples[..., None], channels, axis=2)))
        assert picture.pixels[0, 0, 0].tolist() == pytest.approx([0, 0, 0, 64 / 127, 1])


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("kind", ["u2", "i2", "f4", "u4"])
@pytest.mark.parametrize("channels", [2, 4])
def test_associated_alpha_is_divided_once(kind, compress, planar, channels):
    color = RNG.random((20, 30, channels - 1)) * 0.9 + 0.05
    alpha = RNG.random((20, 30, 1)) * 0.8 + 0.2
    unit = np.concatenate([color * alpha, alpha], axis=2)
    samples = unit.astype(kind) if kind[0] == "f" else np.round(unit * np.iinfo(kind).max).astype(kind)
    for extra, expected in ((1, color), (2, color * alpha)):
        picture = images.load(tiff_of(samples, planar=planar, compress=compress, t338=extra))
        found = picture.pixels[0].permute(1, 2, 0).numpy()
        assert np.abs(found - np.broadcast_to(expected, found.shape)).max() < 3e-4
        assert np.abs(present(picture.alpha)[0, 0].numpy() - alpha[..., 0]).max() < 1e-4


def test_extra_samples_that_are_no_alpha():
    samples, expected = samples_of("u2", 5)
    picture = images.load(tiff_of(samples, t338=[0, 0]))
    assert picture.alpha is None
    assert np.allclose(picture.pixels[0].permute(1, 2, 0).numpy(), expected[..., :3], atol=1e-6)


def test_brighter_than_white_floats_and_not_numbers(notices):
    bright = np.full((2, 2, 3), 4, np.float32)
    bright[0, 0] = [1, 2, 0]
    picture = images.load(tiff_of(bright))
    assert picture.pixels[0, :, 0, 0].tolist() == [0.25, 0.5, 0]
    assert "4" in notices[0]
    bright[1, 1, 1] = np.nan
    with pytest.raises(ImageError, match="NaN or infinite"):
        images.load(tiff_of(bright))


def test_profile_orientation_and_pages_of_such_tiffs(notices):
    pixels = smooth(6, 9)
    own = tiff_of(pixels.astype(np.uint16) * 257, planar=True, t274=6)
    assert (images.load(own).to_numpy() == np.rot90(pixels, -1)).all()
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "TIFF", icc_profile=DISPLAY_P3)
    expected = images.load(stream.getvalue()).pixels
    # The profile's bytes stand in for the list of places that this tag would be.
    data = tiff_of((pixels / 255).astype(np.float32))
    at = len(data)
    count = struct.unpack_from("<H", data, struct.unpack_from("<I", data, 4)[0])[0]
    place = struct.unpack_from("<I", data, 4)[0]
    body = data[place + 2 : place + 2 + 12 * count]
    entry = struct.pack("<HHII", 34675, 7, len(DISPLAY_P3), at)
    moved = at + len(DISPLAY_P3)
    told = data[:4] + struct.pack("<I", moved) + data[8:] + DISPLAY_P3
    told += struct.pack("<H", count + 1) + body + entry + bytes(4)
    assert (images.load(told).pixels - expected).abs().max() < 1 / 255
    assert notices == []


def test_a_tiff_of_this_kind_whose_pixels_are_cut_off():
    samples, expected = samples_of("f4", 3, 64, 64)
    raw = samples.tobytes()[: 40 * 64 * 12]
    tags = {256: 64, 257: 64, 258: [32] * 3, 259: 1, 262: 2, 277: 3, 278: 64, 339: [3] * 3}
    data = assembled(tags, [raw])
    with pytest.raises(ImageError, match="--allow-truncated"):
        images.load(data)
    picture = images.load(data, allow_truncated=True)
    assert picture.truncated
    assert np.allclose(picture.pixels[0].permute(1, 2, 0).numpy()[:39], expected[:39])


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("tile", [None, 16])
def test_webp_in_tiff(channels, tile):
    pixels = noise(40, 50, channels)
    pixels[..., 3:] |= 1  # WebP forgets colours that nobody sees
    high, wide = (tile, tile) if tile else (16, 50)
    chunks = []
    for y in range(0, 40, high):
        for x in range(0, 50, wide):
            part = pixels[y : y + high, x : x + wide]
            if tile:
                part = np.pad(part, [(0, high - part.shape[0]), (0, wide - part.shape[1]), (0, 0)], mode="edge")
            chunks.append(file_of(np.ascontiguousarray(part), "WEBP", lossless=True, exact=True))
    tags = {256: 50, 257: 40, 258: [8] * channels, 259: 50001, 262: 2, 277: channels, 284: 1}
    tags |= {322: wide, 323: high} if tile else {278: high}
    tags |= {338: 2} if channels == 4 else {}
    data = assembled(tags, chunks, tiled=bool(tile))
    assert (images.load(data).to_numpy() == pixels).all()
    with pytest.raises(ImageError, match="damaged"):
        images.load(assembled(tags, [chunks[0][:20], *chunks[1:]], tiled=bool(tile)))


@pytest.mark.parametrize(
    ("method", "name"),
    [(34887, "LERC"), (34712, "JPEG 2000"), (52546, "JPEG XL"), (34661, "JBIG"), (777, "method 777")],
)
def test_compressions_that_are_not_read_are_named(method, name):
    message = refused(tiff_of(noise(8, 8), t259=method))
    assert f"compressed by {name}, which impasto does not read; save it" in message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tiff_of(np.zeros((8, 8, 4), np.float32), t262=5), "4 floating-point samples of 32 bits a pixel (CMYK)"),
        (tiff_of(np.zeros((8, 8, 3), np.uint16), t262=8), "3 unsigned samples of 16 bits a pixel (Lab)"),
        (tiff_of(np.zeros((8, 8, 3), np.uint16), t258=[12, 12, 12]), "of 12 bits a pixel (RGB)"),
        (tiff_of(np.zeros((8, 8, 1), np.float64), t339=6), "complex samples of 64 bits"),
    ],
)
def test_samples_that_are_not_read_are_named(data, words):
    assert words in refused(data)


def bmp(words, bits, masks, *, header=40, compression=3, flip=True):
    """A BMP of (H, W) packed pixels with bit fields."""
    height, width = words.shape
    step = (width * bits + 31) // 32 * 4
    raw = words.astype("<u4")[..., None].view(np.uint8)[..., : bits // 8].reshape(height, -1)
    rows = np.pad(raw, [(0, 0), (0, step - raw.shape[1])])
    fields = struct.pack(f"<{len(masks)}I", *masks)
    inside = header - 40
    info = struct.pack("<IiiHHIIiiII", header, width, height if flip else -height, 1, bits, compression, 0, 0, 0, 0, 0)
    info += fields.ljust(inside, b"\0") if inside else fields
    start = 14 + len(info)
    body = (rows[::-1] if flip else rows).tobytes()
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + info + body


MASKS = {
    "565": (16, (0xF800, 0x7E0, 0x1F), 40),
    "555": (16, (0x7C00, 0x3E0, 0x1F), 40),
    "565 reversed": (16, (0x1F, 0x7E0, 0xF800), 40),
    "444": (16, (0xF00, 0xF0, 0xF), 40),
    "4444": (16, (0xF00, 0xF0, 0xF, 0xF000), 56),
    "1555": (16, (0x7C00, 0x3E0, 0x1F, 0x8000), 108),
    "888": (32, (0xFF0000, 0xFF00, 0xFF), 40),
    "888 reversed": (32, (0xFF, 0xFF00, 0xFF0000), 40),
    "888 high": (32, (0xFF000000, 0xFF0000, 0xFF00), 52),
    "8888": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), 124),
    "8888 mixed": (32, (0xFF00, 0xFF0000, 0xFF, 0xFF000000), 124),
    "1010102": (32, (0x3FF00000, 0xFFC00, 0x3FF), 40),
    "2101010": (32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000), 56),
    "24 reversed": (24, (0xFF, 0xFF00, 0xFF0000), 40),
}


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("name", MASKS)
def test_bitmaps_with_bit_fields(name, flip):
    bits, masks, header = MASKS[name]
    words = RNG.integers(0, 2**bits, (7, 5), dtype=np.uint64)
    data = bmp(words, bits, masks, header=header, flip=flip)
    expected = []
    for mask in masks:
        low = (mask & -mask).bit_length() - 1
        expected.append(np.round(((words & mask) >> low) * 255.0 / (mask >> low)))
    picture = images.load(data)
    found = picture.to_numpy().astype(int)
    assert found.shape == (7, 5, len(masks))
    assert np.abs(found - np.stack(expected, axis=-1)).max() <= 1


def test_cut_off_and_giant_bitmaps_with_bit_fields():
    data = bmp(np.full((64, 64), 0xFFF, np.uint64), 16, (0xF00, 0xF0, 0xF))
    with pytest.raises(ImageError, match="damaged or cut off"):
        images.load(data[:-10])
    assert images.load(data[: len(data) // 2], allow_truncated=True).truncated
    giant = data[:18] + struct.pack("<ii", 60000, 60000) + data[26:]
    with pytest.raises(ImageError, match="--max-pixels"):
        images.load(giant)


@pytest.mark.parametrize(
    ("header", "compression", "bits", "word"),
    [
        (64, 4, 24, "RLE24"),
        (40, 4, 24, "RLE24"),
        (64, 3, 1, "Huffman"),
        (40, 4, 0, "JPEG"),
        (124, 5, 0, "PNG"),
        (40, 11, 32, "CMYK"),
        (40, 0, 64, "64 bits"),
    ],
)
def test_bitmaps_that_are_not_read_are_named(header, compression, bits, word):
    info = struct.pack("<IiiHHIIiiII", header, 9, 9, 1, bits, compression, 0, 0, 0, 0, 0).ljust(header, b"\0")
    data = b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + header) + info + bytes(2000)
    for options in ({}, {"allow_truncated": True}):
        message = refused(data, **options)
        assert word in message
        assert "save it as PNG" in message


def test_bit_fields_with_gaps_are_named():
    assert "gaps" in refused(bmp(np.zeros((3, 3), np.uint64), 32, (0xF0F0, 0xFF0000, 0xFF000000)))


def gif(canvas, frame, *, transparent=None, background=1, second=False):
    """A GIF whose first frame of (x, y, width, height) lies on a larger canvas."""
    screen = struct.pack("<HHBBB", *canvas, 0x80 | 1, background, 0)
    palette = bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    control = b"!\xf9\4" + struct.pack("<BHB", int(transparent is not None), 0, transparent or 0) + b"\0"
    x, y, width, height = frame
    image = Image.new("P", (width, height), 2)
    image.putpalette(palette)
    stream = io.BytesIO()
    image.save(stream, "GIF", optimize=False)
    body = stream.getvalue()
    at = body.index(b"," + struct.pack("<HHHH", 0, 0, width, height))
    flags = body[at + 9]
    local = 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
    pixels = body[at + 10 + local : -1]
    block = b"," + struct.pack("<HHHHB", x, y, width, height, 0) + pixels
    return b"GIF89a" + screen + palette + control + block * (1 + second) + b";"


@pytest.mark.parametrize("frame", [(2, 1, 3, 2), (0, 0, 3, 2), (5, 4, 3, 2), (0, 0, 8, 2)])
@pytest.mark.parametrize("transparent", [None, 0])
@pytest.mark.parametrize("second", [False, True])
def test_a_gif_is_transparent_outside_of_its_first_frame(frame, transparent, second):
    picture = images.load(gif((8, 6), frame, transparent=transparent, second=second))
    x, y, width, height = frame
    expected = np.zeros((6, 8))
    expected[y : y + height, x : x + width] = 1
    assert (present(picture.alpha)[0, 0].numpy() == expected).all()
    assert (picture.pixels[0, :, y, x].numpy() == [0, 0, 1]).all()


def test_a_gif_that_fills_its_canvas_has_no_alpha():
    assert images.load(gif((8, 6), (0, 0, 8, 6))).alpha is None


def test_heic_is_read_by_its_primary_picture(notices):
    heif = pytest.importorskip("pillow_heif", reason="needs the extra heif")
    made = heif.HeifFile()
    for gray in (40, 200):
        made.add_from_pillow(Image.new("RGB", (64, 64), (gray,) * 3))
    stream = io.BytesIO()
    made.save(stream, primary_index=1)
    assert images.load(stream.getvalue()).pixels.mean() * 255 == pytest.approx(200, abs=3)
    assert len(notices) == 1
    assert "primary" in notices[0]
    assert "first" not in notices[0]
