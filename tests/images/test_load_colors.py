"""Rows 8, 10-15, 19: every kind of pixel comes out as upright sRGB with alpha apart."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms
from skimage import color

from impasto import images
from impasto.errors import ImageError
from impasto.images import icc
from tests.images.image_helpers import (
    ADOBE_RGB,
    DISPLAY_P3,
    GRAY_LINEAR,
    chunk,
    cmyk_profile,
    file_of,
    fixed,
    icc_profile,
    matrix_profile,
    noise,
    png16,
    png_with,
    smooth,
)
from tests.type_helpers import present


def tiff(array, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **options)
    return stream.getvalue()


def color_at(picture, y=0, x=0):
    return (picture.pixels[0, :, y, x] * 255).tolist()


def difference(one, other):
    """CIEDE2000 between two sRGB colours in [0, 255]."""
    labs = [color.rgb2lab(np.array(rgb, float).reshape(1, 1, 3) / 255) for rgb in (one, other)]
    return color.deltaE_ciede2000(*labs).item()


STORED: dict[int, Image.Transpose | None] = {  # what a camera stores for each orientation
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("format", ["PNG", "TIFF", "TIFF deflate", "WEBP", "PNG 16"])
def test_row_8_upright(orientation, format):
    pixels = noise(5, 3, 4)
    upright = Image.fromarray(pixels)
    turn = STORED[orientation]
    stored = upright.transpose(turn) if turn is not None else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    if format == "PNG 16":
        deep = np.asarray(stored).astype(np.uint16) * 257
        data = png16(deep, extra=[chunk(b"eXIf", exif.tobytes()[6:])])
    else:
        options: dict[str, dict[str, Any]]
        options = {"TIFF deflate": {"compression": "tiff_adobe_deflate"}, "WEBP": {"lossless": True, "exact": True}}
        data = file_of(stored, format.split()[0], exif=exif, **options.get(format, {}))
    assert (images.load(data).to_numpy() == pixels).all()


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("format", ["JPEG", "AVIF"])
def test_row_8_upright_in_lossy_formats(orientation, format):
    pixels = smooth(24, 16)
    stored = Image.fromarray(pixels)
    turn = STORED[orientation]
    if turn is not None:
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = images.load(file_of(stored, format, exif=exif, quality=95))
    assert picture.size == (24, 16)
    assert np.abs(picture.to_numpy().astype(int) - pixels).max() < 25


@pytest.mark.parametrize("orientation", [1, 6])
def test_row_8_upright_pillow_pictures(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for format in ("PNG", "TIFF"):
        image = Image.open(io.BytesIO(file_of(smooth(5, 3), format, exif=exif)))
        assert images.load(image).size == ((5, 3) if orientation == 1 else (3, 5))


INKS: dict[str, tuple[int, ...]]
INKS = {
    "cyan": (255, 0, 0, 0),
    "magenta": (0, 255, 0, 0),
    "yellow": (0, 0, 255, 0),
    "black": (0, 0, 0, 255),
}
PLAIN = {"cyan": (0, 255, 255), "magenta": (255, 0, 255), "yellow": (255, 255, 0), "black": (0, 0, 0)}
# An invented press: dull inks, so that using the profile and ignoring it differ by far.
LABS = {(1, 0, 0, 0): (55, -35, -45), (0, 1, 0, 0): (48, 70, -5), (0, 0, 1, 0): (88, -5, 80), (0, 0, 0, 0): (95, 0, 0)}
PRESS: dict[tuple[int, ...], tuple[int, int, int]] = {
    corner: LABS.get(corner, (10, 0, 0) if corner[3] else (35, 5, 5))
    for corner in ((c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1))
}


def without_adobe(data):
    at = data.index(b"\xff\xee")
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]


@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize("kind", ["TIFF", "JPEG Adobe", "JPEG"])
@pytest.mark.parametrize("profiled", [False, True])
def test_row_10_cmyk(ink, kind, profiled):
    values = INKS[ink]
    options = {"icc_profile": cmyk_profile(PRESS)} if profiled else {}
    if kind == "JPEG":
        # Pillow stores inverted ink and Adobe's marker; without the marker ink is meant as it stands.
        values = tuple(255 - value for value in values)
    image = Image.new("CMYK", (16, 16), values)
    data = file_of(image, kind.split()[0], **options, **({} if kind == "TIFF" else {"quality": 100}))
    if kind == "JPEG":
        data = without_adobe(data)
    expected = PLAIN[ink]
    if profiled:
        lab = PRESS[tuple(value // 255 for value in INKS[ink])]
        # Lab of profiles is relative to D50; the matrix is the usual Bradford sRGB one.
        fy = (lab[0] + 16) / 116
        f = np.array([fy + lab[1] / 500, fy, fy - lab[2] / 200])
        xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * np.array([0.9642, 1, 0.8249])
        matrix = np.array(
            [
                [3.1338561, -1.6168667, -0.4906146],
                [-0.9787684, 1.9161415, 0.0334540],
                [0.0719453, -0.2289914, 1.4052427],
            ]
        )
        linear = np.clip(matrix @ xyz, 0, 1)
        expected = 255 * np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        if ink == "black":
            expected = (0, 0, 0)  # perceptual intent: the press's darkest becomes the screen's
    found = color_at(images.load(data), 8, 8)
    assert difference(found, expected) < (3 if profiled else 1)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("kinds", [(0,), (1,), (2,), (3,), (4,), (4, 3, 2, 1, 0)])
def test_row_11_png_16(channels, interlaced, kinds):
    samples = noise(9, 11, channels, np.uint16)
    picture = images.load(png16(samples, kinds=kinds, interlaced=interlaced))
    colors = 1 if channels < 3 else 3
    expected = np.broadcast_to(samples[..., :colors], (9, 11, 3))
    if channels in (2, 4):
        expected = np.concatenate([expected, samples[..., -1:]], axis=2)
    assert (picture.to_numpy(16) == expected).all()


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_row_11_tiff_16(order, compression, channels):
    samples = noise(9, 11, channels, np.uint16)
    kind: dict[str, Any]
    kind = {"photometric": "rgb"} if channels > 1 else {"photometric": "minisblack"}
    if channels == 4:
        kind["extrasamples"] = ["unassalpha"]
    array = samples if channels > 1 else samples[..., 0]
    picture = images.load(tiff(array, byteorder=order, compression=compression, **kind))
    expected = samples if channels > 1 else samples.repeat(3, axis=2)
    assert (picture.to_numpy(16) == expected).all()


@pytest.mark.parametrize("order", "<>")
def test_row_11_tiff_16_in_planes(order, notices):
    samples = noise(9, 11, 3, np.uint16)
    options = {"photometric": "rgb", "planarconfig": "separate", "byteorder": order}
    picture = images.load(tiff(np.moveaxis(samples, -1, 0), **options))
    assert (picture.to_numpy(16) == samples).all()
    assert notices == []
    picture = images.load(tiff(np.moveaxis(samples, -1, 0), compression="zlib", **options))
    assert (picture.to_numpy(16) == samples).all()
    assert notices == []


def test_row_11_tiff_white_is_zero_and_premultiplied():
    samples = noise(5, 7, 1, np.uint16)[..., 0]
    picture = images.load(tiff(samples, photometric="miniswhite"))
    assert (picture.to_numpy(16)[..., 0] == 65535 - samples).all()
    color, alpha = np.full((4, 4, 3), 40000, np.uint16), np.full((4, 4, 1), 32768, np.uint16)
    both = np.concatenate([(color * (alpha / 65535)).round().astype(np.uint16), alpha], axis=2)
    picture = images.load(tiff(both, photometric="rgb", extrasamples=["assocalpha"]))
    assert np.abs(picture.to_numpy(16)[..., :3].astype(int) - 40000).max() <= 2


def test_row_11_256_is_not_white():
    gray = np.array([[0, 255, 256, 65535]], np.uint16)
    for data in (png16(gray[..., None]), file_of(Image.fromarray(gray), "TIFF")):
        assert images.load(data).pixels[0, 0, 0].tolist() == pytest.approx([0, 255 / 65535, 256 / 65535, 1])


def test_row_12_float_tiff(notices):
    ramp = np.linspace(-0.2, 1, 12, dtype=np.float32).reshape(3, 4)
    assert np.allclose(images.load(tiff(ramp)).pixels[0, 0].numpy(), ramp.clip(0, 1))
    assert notices == []
    bright = np.array([[0, 51], [102, 255]], np.float32)
    assert images.load(tiff(bright)).pixels[0, 1].flatten().tolist() == pytest.approx([0, 0.2, 0.4, 1])
    assert "255" in notices[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_row_12_nan(bad):
    with pytest.raises(ImageError, match="NaN or infinite"):
        images.load(tiff(np.array([[0.5, bad]], np.float32)))


@pytest.mark.parametrize(
    ("values", "expected"), [([0, 65535], [0, 1]), ([0, 2**32 - 1], [0, 1]), ([0, 13107], [0, 0.2])]
)
def test_32_bit_whole_numbers(values, expected, notices):
    picture = images.load(tiff(np.array([values], np.uint32)))
    assert picture.pixels[0, 0, 0].tolist() == pytest.approx(expected)
    assert len(notices) == 1


@pytest.mark.parametrize("opaqueness", [0, 128, 255])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_row_13_alpha_apart(mode, opaqueness):
    color = (200, 100, 50) if mode == "RGBA" else (120,)
    image = Image.new(mode, (4, 3), (*color, opaqueness))
    picture = images.load(file_of(image, "PNG"))
    assert color_at(picture) == pytest.approx(color if mode == "RGBA" else color * 3, abs=1e-3)
    assert present(picture.alpha).unique().tolist() == pytest.approx([opaqueness / 255])
    again = images.load(images.encode(picture, "png"))
    assert torch.equal(again.pixels, picture.pixels)
    assert torch.equal(present(again.alpha), present(picture.alpha))


@pytest.mark.parametrize(("transparency", "format"), [(1, "PNG"), (bytes([255, 0, 128]), "PNG"), (1, "GIF")])
def test_row_13_palette_transparency(transparency, format):
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    picture = images.load(file_of(image, format, transparency=transparency))
    alpha = [1, 0, 1] if isinstance(transparency, int) else [1, 0, 128 / 255]
    assert present(picture.alpha).flatten().tolist() == pytest.approx(alpha)
    assert color_at(picture, 0, 0) == [255, 0, 0]
    assert color_at(picture, 0, 2) == [0, 0, 255]


def test_row_13_transparent_colour_keys():
    gray = file_of(Image.fromarray(np.array([[0, 17, 255]], np.uint8)), "PNG")
    key = chunk(b"tRNS", struct.pack(">H", 17))
    assert present(images.load(png_with(gray, key)).alpha).flatten().tolist() == [1, 0, 1]
    samples = np.array([[[1, 2, 3], [1, 2, 4]]], np.uint16)
    deep = png16(samples, extra=[chunk(b"tRNS", struct.pack(">3H", 1, 2, 4))])
    assert present(images.load(deep).alpha).flatten().tolist() == [1, 0]
    deep = png16(samples[..., :1] + np.array([[[0], [256]]], np.uint16), extra=[chunk(b"tRNS", b"\1\1")])
    assert present(images.load(deep).alpha).flatten().tolist() == [1, 0]


def test_no_alpha_where_there_is_none():
    for format in ("PNG", "WEBP", "JPEG", "GIF", "BMP", "TIFF", "AVIF"):
        assert images.load(file_of(smooth(8, 8), format)).alpha is None


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP"])
def test_row_14_one_bit(format):
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    assert images.load(file_of(image, format)).pixels[0, :, 0].tolist() == [[0, 1]] * 3


def test_row_14_grey():
    assert color_at(images.load(file_of(Image.new("L", (2, 2), 77), "PNG"))) == pytest.approx([77] * 3, abs=1e-3)


@pytest.mark.parametrize("lab", [(50, 0, 0), (60, 40, 30), (40, -30, 10), (55, 5, -30)])
def test_row_14_lab(lab):
    values = (round(lab[0] * 2.55), lab[1] % 256, lab[2] % 256)  # TIFF: a and b are signed
    array = np.full((4, 4, 3), values, np.uint8)
    data = bytearray(tiff(array, photometric="cielab"))
    # Same lightness, hue and chroma under the light of the day: adapt D50 to D65 as whole Lab triples.
    expected = 255 * color.lab2rgb(np.array(lab, float).reshape(1, 1, 3)).flatten()
    assert difference(color_at(images.load(bytes(data))), expected) < 3


def test_row_14_ycbcr():
    pixels = smooth(16, 16)
    image = Image.fromarray(pixels).convert("YCbCr")
    found = images.load(file_of(image, "TIFF")).to_numpy().astype(int)
    assert np.abs(found - pixels).max() <= 3


# sRGB's own colours as these spaces write them (published conversions).
KNOWN = [
    (DISPLAY_P3, (234, 51, 35), (255, 0, 0)),
    (DISPLAY_P3, (117, 251, 76), (0, 255, 0)),
    (ADOBE_RGB, (219, 0, 0), (255, 0, 0)),
    (ADOBE_RGB, (144, 255, 60), (0, 255, 0)),
    (ADOBE_RGB, (127, 127, 127), (128, 128, 128)),
]


@pytest.mark.parametrize(("profile", "stored", "expected"), KNOWN)
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF", "PNG 16"])
def test_row_15_profiles(profile, stored, expected, format, notices):
    image = Image.new("RGB", (16, 16), stored)
    if format == "PNG 16":
        deep = np.full((4, 4, 3), stored, np.uint16) * 257
        data = png16(deep, extra=[chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))])
    else:
        options: dict[str, dict[str, Any]]
        options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}, "AVIF": {"quality": 100}}
        data = file_of(image, format.split()[0], icc_profile=profile, **options.get(format, {}))
    assert difference(color_at(images.load(data)), expected) < 1.5
    assert notices == []


BROKEN = [b"no profile at all", DISPLAY_P3[:200], b"\0" * 300, DISPLAY_P3[:132] + b"\xff" * 300]


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("deep", [False, True])
def test_row_15_broken_profile(broken, deep, notices):
    extra = chunk(b"iCCP", b"x\0\0" + zlib.compress(broken))
    pixels = noise(5, 4)
    data = png16(pixels.astype(np.uint16) * 257, extra=[extra]) if deep else png_with(file_of(pixels, "PNG"), extra)
    assert (images.load(data).to_numpy() == pixels).all()
    assert len(notices) == 1
    assert "profile" in notices[0]


def test_row_15_grey_profile():
    linear = 0.2158605  # the light of sRGB 0.5019608 = 128/255
    level = round(linear * 255)
    found = images.load(file_of(Image.new("L", (4, 4), level), "PNG", icc_profile=GRAY_LINEAR))
    assert color_at(found) == pytest.approx([128] * 3, abs=1.5)
    samples = np.full((4, 4, 1), round(linear * 65535), np.uint16)
    deep = png16(samples, extra=[chunk(b"iCCP", b"x\0\0" + zlib.compress(GRAY_LINEAR))])
    assert color_at(images.load(deep)) == pytest.approx([128] * 3, abs=0.01)


def test_row_15_profile_of_another_kind(notices):
    data = file_of(smooth(8, 8), "PNG", icc_profile=GRAY_LINEAR)
    assert (images.load(data).to_numpy() == smooth(8, 8)).all()
    assert len(notices) == 1


def test_row_15_deep_and_plain_conversions_agree():
    pixels = noise(16, 16)
    extra = chunk(b"iCCP", b"x\0\0" + zlib.compress(DISPLAY_P3))
    deep = images.load(png16(pixels.astype(np.uint16) * 257, extra=[extra]))
    plain = images.load(png_with(file_of(pixels, "PNG"), extra))
    assert (deep.pixels - plain.pixels).abs().max() < 2 / 255


@pytest.mark.parametrize(
    "curve",
    [
        b"para\0\0\0\0\0\0\0\0" + fixed(2.2),
        b"para\0\0\0\0\0\1\0\0" + fixed(2.0, 1.1, -0.1),
        b"para\0\0\0\0\0\4\0\0" + fixed(2.4, 0.9, 0.05, 0.5, 0.1, 0.02, 0.0),
        b"curv\0\0\0\0" + struct.pack(">I5H", 5, 0, 3000, 15000, 36000, 65535) + b"\0\0",
    ],
)
def test_curves_agree_with_littlecms(curve):
    columns = [(0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)]
    profile = matrix_profile(columns, curve=curve)
    profile = profile[:8] + b"\4\x30\0\0" + profile[12:]
    pixels = np.repeat(np.arange(0, 256, 5, dtype=np.uint8)[None, :, None], 3, axis=2)
    extra = chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))
    deep = images.load(png16(pixels.astype(np.uint16) * 257, extra=[extra]))
    plain = images.load(png_with(file_of(pixels, "PNG"), extra))
    assert not torch.equal(plain.pixels, images.load(file_of(pixels, "PNG")).pixels)
    source, target = (ImageCms.ImageCmsProfile(io.BytesIO(data)) for data in (profile, icc.srgb_profile()))
    oracle = np.asarray(ImageCms.profileToProfile(Image.fromarray(pixels), source, target, outputMode="RGB"))
    for found in (deep, plain):
        assert np.abs(found.to_numpy().astype(int) - oracle).max() <= 2


def test_parametric_curve_with_an_offset():
    # littlecms lifts this curve's black out again (black-point compensation), so the formula is the oracle.
    curve = b"para\0\0\0\0\0\2\0\0" + fixed(2.0, 0.9, -0.1, 0.05)
    profile = icc_profile({b"kTRC": curve}, space=b"GRAY")
    found = present(icc.parse(profile)).curves[0](np.array([0.0, 0.1, 0.5, 1.0]))
    assert found.tolist() == pytest.approx([0.05, 0.05, 0.35**2 + 0.05, 0.8**2 + 0.05], abs=1e-4)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_row_19_constant(level):
    picture = images.load(file_of(Image.new("RGB", (5, 5), (level,) * 3), "JPEG"))
    assert torch.isfinite(picture.pixels).all()
    assert picture.pixels.unique().numel() == 1
    assert torch.isfinite(images.resize(picture.pixels, (9, 2))).all()
