"""Whatever is done to a file, only impasto's own errors come out of `load` and `metadata.read`."""

import logging
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from impasto import images, metadata
from impasto.errors import ImpastoError
from tests.images.image_helpers import DISPLAY_P3, chunk, file_of, noise, png16, png_with, smooth
from tests.images.tiff_helpers import assembled, tiff_of

PIXELS = noise(12, 17)
EXIF = Image.Exif()
EXIF[0x0112] = 6
WITH = {"icc_profile": DISPLAY_P3, "exif": EXIF}
VALID = {
    "jpeg": file_of(PIXELS, "JPEG", **WITH),
    "progressive": file_of(PIXELS, "JPEG", progressive=True),
    "cmyk": file_of(Image.new("CMYK", (9, 9), (1, 2, 3, 4)), "JPEG"),
    "png": file_of(PIXELS, "PNG", **WITH),
    "png 16": png16(PIXELS.astype("uint16") * 200),
    "palette": file_of(Image.fromarray(PIXELS).quantize(16), "PNG", transparency=3),
    "webp": file_of(PIXELS, "WEBP", **WITH),
    "webp lossless": file_of(PIXELS, "WEBP", lossless=True),
    "tiff": file_of(PIXELS, "TIFF", **WITH),
    "tiff deflate": file_of(PIXELS, "TIFF", compression="tiff_adobe_deflate"),
    "gif": file_of(PIXELS, "GIF", save_all=True, append_images=[Image.new("RGB", (17, 12))]),
    "bmp": file_of(PIXELS, "BMP"),
    "bmp palette": file_of(Image.fromarray(PIXELS).quantize(16), "BMP"),
    "avif": file_of(PIXELS, "AVIF", **WITH),
    "png codes": png_with(file_of(PIXELS, "PNG"), chunk(b"cICP", b"\x09\x12\0\1"), chunk(b"gAMA", b"\0\1\x86\xa0")),
    "tiff float": tiff_of((PIXELS / 255).astype("f4"), predictor=3, planar=True),
    "tiff tiles": tiff_of(PIXELS.astype("u2"), predictor=2, tile=(16, 16), big=True, order=">"),
    "tiff webp": assembled({256: 17, 257: 12, 258: [8] * 3, 259: 50001, 262: 2, 277: 3}, [file_of(PIXELS, "WEBP")]),
    "bmp fields": b"BM"
    + struct.pack("<IHHIIiiHHIIiiII3I", 474, 0, 0, 66, 40, 17, 12, 1, 16, 3, 0, 0, 0, 0, 0, 3, 12, 48)
    + bytes(range(204)) * 2
    + bytes(24),
}
OURS = {
    format: images.encode(images.load(PIXELS), format, metadata=metadata.build({"size": 512}, [], []))
    for format in ("png", "jpeg", "webp", "tiff")
}


@pytest.fixture(autouse=True)
def quiet():
    logger = logging.getLogger("impasto")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)


def damage(data, edits, cut):
    damaged = bytearray(data)
    for place, byte in edits:
        damaged[int(place * len(damaged))] = byte
    return bytes(damaged[: len(damaged) - int(cut * len(damaged))])


PLACE = st.floats(0, 1, exclude_max=True)
EDITS = st.lists(st.tuples(PLACE | PLACE.map(lambda x: x**4), st.integers(0, 255)), max_size=6)
CUT = st.just(0.0) | st.floats(0, 1)


@pytest.mark.parametrize("kind", VALID)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(edits=EDITS, cut=CUT, allow=st.booleans())
def test_only_our_errors_escape(kind, edits, cut, allow):
    data = damage(VALID[kind], edits, cut)
    try:
        picture = images.load(data, allow_truncated=allow, max_pixels=1_000_000)
    except ImpastoError:
        pass
    else:
        assert 0 <= float(picture.pixels.min()) <= float(picture.pixels.max()) <= 1


@pytest.mark.parametrize("format", OURS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(edits=EDITS, cut=CUT)
def test_only_our_errors_escape_from_metadata(format, edits, cut):
    try:
        found = metadata.read(damage(OURS[format], edits, cut))
    except ImpastoError:
        pass
    else:
        assert found is None or isinstance(found, dict)


@pytest.mark.parametrize("kind", VALID)
def test_every_cut(kind):
    data = VALID[kind]
    for length in range(0, len(data), max(1, len(data) // 40)):
        try:
            images.load(data[:length])
        except ImpastoError:
            continue


def test_the_undamaged_files_load():
    for kind, data in VALID.items():
        assert images.load(data).size in {(12, 17), (17, 12), (9, 9)}, kind
    assert images.load(file_of(smooth(3, 3), "PNG")).size == (3, 3)
