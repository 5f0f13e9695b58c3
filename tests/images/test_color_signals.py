"""Colours that are told by numbers: PNG's cICP, sRGB, gAMA and cHRM, nclx of AVIF and HEIC, EXIF's Adobe RGB."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from impasto import images
from impasto.images import av1, boxes, icc, signals
from tests.images.image_helpers import (
    ADOBE_RGB,
    DISPLAY_P3,
    chunk,
    file_of,
    matrix_profile,
    noise,
    png16,
    png_with,
    smooth,
)
from tests.images.tiff_helpers import tiff_of
from tests.type_helpers import present


def cicp(primaries, transfer, matrix=0, full=1):
    return chunk(b"cICP", bytes([primaries, transfer, matrix, full]))


def iccp(profile):
    return chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))


def gama(value):
    return chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def chrm(white, *colors):
    return chunk(b"cHRM", struct.pack(">8I", *(round(v * 100_000) for point in (white, *colors) for v in point)))


D65 = (0.3127, 0.3290)
ADOBE = chrm(D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
USUAL = chrm(D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
PLAIN = noise(40, 50)


def eight(*chunks, pixels=PLAIN):
    return images.load(png_with(file_of(pixels, "PNG"), *chunks))


def sixteen(value, *chunks):
    """A grey or coloured pixel of 16 bits, from and to [0, 1]."""
    samples = np.full((2, 2, np.size(value)), np.round(np.array(value) * 65535), np.uint16)
    return images.load(png16(samples, extra=chunks)).pixels[0, :, 0, 0].numpy()


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
def test_equal_pictures_by_profile_and_by_cicp_are_equal(mode, notices):
    image = Image.fromarray(noise(40, 50, 4)).convert("RGB").convert(mode)
    data = file_of(image, "PNG")
    by_profile, by_codes = images.load(png_with(data, iccp(DISPLAY_P3))), images.load(png_with(data, cicp(12, 13)))
    assert torch.equal(by_profile.pixels, by_codes.pixels)
    if mode == "RGB":
        assert (by_codes.pixels - images.load(data).pixels).abs().max() > 0.05
    assert notices == []


def test_equal_pictures_of_16_bits_are_equal():
    samples = noise(40, 50, 3, np.uint16)
    found = [images.load(png16(samples, extra=[extra])).pixels for extra in (iccp(DISPLAY_P3), cicp(12, 13))]
    assert (found[0] - found[1]).abs().max() < 2e-4


def test_equal_pictures_by_profile_and_by_gamma_and_chromaticities():
    found = eight(gama(256 / 563), ADOBE).to_numpy().astype(int)
    assert np.abs(found - eight(iccp(ADOBE_RGB)).to_numpy()).max() <= 1
    linear = matrix_profile(icc.SRGB_TO_XYZ.T, curve=b"curv" + bytes(8))
    assert torch.equal(eight(gama(1)).pixels, eight(iccp(linear)).pixels)
    assert torch.equal(eight(gama(1)).pixels, eight(cicp(1, 8)).pixels)


def test_what_says_srgb_changes_nothing(notices):
    rendering = chunk(b"sRGB", b"\0")
    for chunks in [(rendering,), (gama(0.45455), USUAL), (gama(0.45455),), (USUAL,), (cicp(1, 13),), (cicp(2, 2),)]:
        assert (eight(*chunks).to_numpy() == PLAIN).all()
    assert notices == []


def test_the_order_of_precedence_is_that_of_png():
    p3, linear = cicp(12, 13), gama(1)
    rendering, profile = chunk(b"sRGB", b"\0"), iccp(ADOBE_RGB)
    alone = {name: eight(one).pixels for name, one in {"p3": p3, "profile": profile, "linear": linear}.items()}
    for order in (1, -1):
        assert torch.equal(eight(*(p3, profile, rendering, linear)[::order]).pixels, alone["p3"])
        assert torch.equal(eight(*(profile, rendering, linear)[::order]).pixels, alone["profile"])
        assert (eight(*(rendering, linear, ADOBE)[::order]).to_numpy() == PLAIN).all()
    assert torch.equal(eight(linear).pixels, alone["linear"])


@pytest.mark.parametrize(
    ("chunks", "stored", "shown"),
    [
        ((gama(1),), 0.2158605, 128 / 255),
        ((gama(1 / 1.8),), 0.5, 0.5 ** (1.8)),
        ((cicp(1, 8),), 0.2158605, 128 / 255),
        ((cicp(1, 4),), 0.5, 0.5**2.2),
        ((cicp(1, 1),), 0.5, ((0.5 + 0.099297) / 1.099297) ** (1 / 0.45)),
    ],
)
def test_curves(chunks, stored, shown):
    expected = shown if shown == 128 / 255 else float(icc.encode_srgb(np.array(shown)))
    assert sixteen([stored], *chunks) == pytest.approx([expected] * 3, abs=2e-4)
    assert sixteen([stored] * 3, *chunks) == pytest.approx([expected] * 3, abs=2e-4)


def test_primaries():
    # sRGB's red in linear light of BT.2020 (BT.2087, inverse of its matrix).
    assert sixteen([0.6274, 0.0691, 0.0164], cicp(9, 8)) == pytest.approx([1, 0, 0], abs=0.02)
    assert sixteen([0.3293, 0.9195, 0.0880], cicp(9, 8)) == pytest.approx([0, 1, 0], abs=0.02)
    assert sixteen([1, 1, 1], cicp(9, 14)) == pytest.approx([1, 1, 1], abs=1e-3)
    for codes in signals._PRIMARIES:  # white is white under every white
        assert sixteen([0.5, 0.5, 0.5], cicp(codes, 8)) == pytest.approx([0.7354] * 3, abs=1e-3)


def pq(nits):
    """The signal of SMPTE ST 2084."""
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


@pytest.mark.parametrize("primaries", [1, 9, 12])
def test_pq_has_its_white_at_203(primaries, notices):
    assert sixteen([pq(203)] * 3, cicp(primaries, 16)) == pytest.approx([1] * 3, abs=1e-3)
    assert sixteen([pq(4000)] * 3, cicp(primaries, 16)) == pytest.approx([1] * 3, abs=1e-6)
    for nits in (0, 1, 20, 100):
        expected = float(icc.encode_srgb(np.array(nits / 203)))
        assert sixteen([pq(nits)] * 3, cicp(primaries, 16)) == pytest.approx([expected] * 3, abs=1e-3)
    assert all("high dynamic range (PQ)" in line and "203" in line for line in notices)
    assert len(notices) == 6


def test_hlg_has_its_white_at_203(notices):
    assert sixteen([0.75] * 3, cicp(9, 18)) == pytest.approx([1] * 3, abs=2e-3)
    # 50 % is a twelfth of the scene's light, and 1000 cd/m2 * (1/12)^1.2 of the display's.
    expected = float(icc.encode_srgb(np.array(1000 * (1 / 12) ** 1.2 / 203)))
    assert sixteen([0.5] * 3, cicp(9, 18)) == pytest.approx([expected] * 3, abs=1e-3)
    assert "HLG" in notices[0]


def test_narrow_range():
    gray = np.array([[16, 126, 235, 0, 255]], np.uint8)
    found = eight(cicp(1, 13, full=0), pixels=gray).to_numpy()[0, :, 0]
    assert found.tolist() == [0, 128, 255, 0, 255]
    assert sixteen([16 * 256 / 65535], cicp(1, 13, full=0)) == pytest.approx([0] * 3, abs=1e-6)
    assert sixteen([235 * 256 / 65535], cicp(1, 13, full=0)) == pytest.approx([1] * 3, abs=1e-4)


@pytest.mark.parametrize(
    "extra",
    [
        cicp(1, 13, matrix=1),
        cicp(3, 13),
        cicp(12, 99),
        gama(0),
        chrm(D65, (0.3, 0.3), (0.3, 0.3), (0.3, 0.3)),
        chrm((0.3, 0), (0.64, 0.33), (0.3, 0.6), (0.15, 0.06)),
        chrm((0, 0), (0, 0), (0, 0), (0, 0)),
    ],
)
def test_signals_without_a_meaning_are_told_and_ignored(extra, notices):
    assert (eight(extra).to_numpy() == PLAIN).all()
    assert len(notices) == 1
    assert "sRGB is assumed" in notices[0] or "ignored" in notices[0]


def test_what_is_next_in_order_counts_where_a_signal_is_useless(notices):
    assert torch.equal(eight(cicp(1, 13, matrix=9), iccp(ADOBE_RGB)).pixels, eight(iccp(ADOBE_RGB)).pixels)
    assert "cICP" in notices[0]
    assert torch.equal(eight(chunk(b"iCCP", b"x\0\0junk"), gama(1)).pixels, eight(gama(1)).pixels)


def test_chunks_of_other_lengths_or_places_do_not_count():
    data = file_of(PLAIN, "PNG")
    late = data[:-12] + gama(1) + data[-12:]
    for odd in (late, png_with(data, chunk(b"gAMA", b"\1")), png_with(data, chunk(b"cICP", b"\x0c\x0d\0"))):
        assert (images.load(odd).to_numpy() == PLAIN).all()


def with_nclx(data, primaries, transfer):
    """Change what an AVIF or HEIC says of its colours."""
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def avif(pixels, **options):
    return file_of(pixels, "AVIF", quality=100, subsampling="4:4:4", **options)


def heic(pixels):
    heif = pytest.importorskip("pillow_heif", reason="needs the extra heif")
    stream = io.BytesIO()
    heif.from_pillow(Image.fromarray(pixels)).save(
        stream, quality=-1, chroma=444, color_primaries=1, transfer_characteristics=13, matrix_coefficients=1
    )
    return stream.getvalue()


@pytest.mark.parametrize("make", [avif, heic])
def test_nclx(make, notices):
    pixels = smooth(64, 64)
    data = make(pixels)
    decoded = images.load(data).to_numpy()
    assert np.abs(decoded.astype(int) - pixels).max() <= 6
    for codes in ((12, 13), (9, 14), (1, 8)):
        expected = eight(cicp(*codes), pixels=decoded)
        assert torch.equal(images.load(with_nclx(data, *codes)).pixels, expected.pixels)
        assert (expected.to_numpy() != decoded).any()
    assert notices == []
    assert torch.equal(images.load(with_nclx(data, 9, 16)).pixels, eight(cicp(9, 16), pixels=decoded).pixels)
    assert "PQ" in notices[0]
    assert (images.load(with_nclx(data, 2, 2)).to_numpy() == decoded).all()
    if make is avif:  # libheif refuses such a file
        assert (images.load(with_nclx(data, 77, 13)).to_numpy() == decoded).all()
        assert "nclx" in notices[-1]


def test_a_profile_goes_before_nclx():
    data = avif(smooth(16, 16), icc_profile=DISPLAY_P3)
    if b"colrnclx" in data:
        assert torch.equal(images.load(with_nclx(data, 9, 8)).pixels, images.load(data).pixels)


def test_adobe_rgb_by_exif():
    pixels = smooth(24, 24)
    plain = file_of(pixels, "JPEG", quality=100, subsampling=0)
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 0xFFFF
    exif.get_ifd(0x8769)[0xA005] = {1: "R03", 2: b"0100"}
    marked = file_of(pixels, "JPEG", quality=100, subsampling=0, exif=exif)
    with_profile = file_of(pixels, "JPEG", quality=100, subsampling=0, icc_profile=ADOBE_RGB)
    found = images.load(marked)
    assert not torch.equal(found.pixels, images.load(plain).pixels)
    assert (found.pixels - images.load(with_profile).pixels).abs().max() < 1.5 / 255


def test_pictures_that_pillow_opened():
    data = png_with(file_of(PLAIN, "PNG"), gama(1), ADOBE)
    assert torch.equal(images.load(Image.open(io.BytesIO(data))).pixels, images.load(data).pixels)


def fractions(*values):
    """Fractions, as TIFF has them."""
    return [part for value in values for part in (round(value * 10_000), 10_000)]


def tagged(samples, **tags):
    """A TIFF with tags of fractions (f319=) and of shorts (s301=): entries are written as longs, and then renamed."""
    given = {f"t{key[1:]}": value for key, value in tags.items()}
    data = bytearray(tiff_of(samples, **given))
    (at,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[at : at + 2])
    for place in range(at + 2, at + 2 + 12 * count, 12):
        tag, _, length, spot = struct.unpack("<HHII", data[place : place + 12])
        if f"f{tag}" in tags:
            struct.pack_into("<HHII", data, place, tag, 5, length // 2, spot)
        if f"s{tag}" in tags:
            numbers = struct.unpack(f"<{length}I", data[spot : spot + 4 * length])
            struct.pack_into(f"<{length}H", data, spot, *numbers)
            struct.pack_into("<HHII", data, place, tag, 3, length, spot)
    return bytes(data)


P3_POINTS = fractions(0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
WHITE = fractions(0.3127, 0.3290)


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_primaries_of_a_tiff_are_those_of_a_profile(kind, notices):
    samples = PLAIN.astype(kind) * (257 if kind == "u2" else 1)
    plain, p3 = images.load(tagged(samples)), images.load(tagged(samples, f319=P3_POINTS, f318=WHITE))
    by_codes = images.load(png_with(file_of(PLAIN, "PNG"), cicp(12, 13)))
    assert (p3.pixels - plain.pixels).abs().max() > 0.05
    assert (p3.pixels - by_codes.pixels).abs().max() < 1.5 / 255
    assert notices == []


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_curves_of_a_tiff_are_applied(kind, notices):
    levels = 256 if kind == "u1" else 65536
    samples = np.full((8, 8, 3), levels // 2, kind)
    squares = [round((level / (levels - 1)) ** 2 * 65535) for level in range(levels)]
    found = images.load(tagged(samples, s301=squares)).pixels
    half = (levels // 2) / (levels - 1)
    assert float(found[0, 0, 0, 0]) == pytest.approx(float(icc.encode_srgb(np.array(half**2))), abs=1.5 / 255)
    assert notices == []


def test_a_tiff_that_says_srgb_changes_nothing(notices):
    usual = fractions(0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
    steps = np.arange(256) / 255
    curve = np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4)
    table = [round(value * 65535) for value in curve]
    said = images.load(tagged(PLAIN, f319=usual, f318=WHITE, s301=table * 3))
    assert torch.equal(said.pixels, images.load(tagged(PLAIN)).pixels)
    assert notices == []


@pytest.mark.parametrize(
    "tags",
    [
        {"f319": fractions(0.64, 0.33)},
        {"f319": [0, 0] * 6},
        {"f319": fractions(0.2, 0.2, 0.2, 0.2, 0.2, 0.2)},
        {"s301": [1, 2, 3]},
        {"s301": list(range(256))[::-1]},
        {"f319": P3_POINTS, "f318": fractions(0.3127, 0.0)},
    ],
)
def test_tags_without_a_meaning_are_told_and_ignored(tags, notices):
    found = images.load(tagged(PLAIN, **tags))
    assert torch.equal(found.pixels, images.load(tagged(PLAIN)).pixels)
    assert len(notices) == 1
    assert "its colour tags cannot be used" in notices[0]


def test_a_profile_goes_before_the_tags_of_a_tiff():
    by_profile = images.load(file_of(PLAIN, "TIFF", icc_profile=DISPLAY_P3))
    both = file_of(PLAIN, "TIFF", icc_profile=DISPLAY_P3, tiffinfo={301: tuple(range(0, 65536, 257))})
    assert torch.equal(images.load(both).pixels, by_profile.pixels)


def without_colr(data):
    """The same AVIF without a box of colours."""
    return data.replace(b"colrnclx", b"skipnclx")


def with_av1_codes(data, before, after):
    """Change the three code points of an AV1 sequence header, wherever between two bits they lie."""
    (mdat,) = re.finditer(b"mdat", data)
    head = int.from_bytes(data[mdat.end() : mdat.end() + 64], "big")
    wanted = int.from_bytes(bytes(before), "big")
    places = [shift for shift in range(512 - 24) if head >> shift & 0xFFFFFF == wanted]
    shift = max(places)
    head += (int.from_bytes(bytes(after), "big") - wanted) << shift
    return data[: mdat.end()] + head.to_bytes(64, "big") + data[mdat.end() + 64 :]


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("size", [(16, 16), (65, 130)])
def test_av1_says_the_same_as_the_box_beside_it(subsampling, size):
    data = file_of(smooth(*size), "AVIF", subsampling=subsampling)
    by_box = present(boxes.read(io.BytesIO(data)))
    by_stream = present(boxes.read(io.BytesIO(without_colr(data))))
    assert by_box.nclx is not None
    assert by_stream.nclx == by_box.nclx
    assert (by_box.told, by_stream.told) == (True, False)


def test_the_colours_of_an_av1_stream_count_where_no_box_tells_them(notices):
    data = avif(smooth(64, 64))
    codes = present(present(boxes.read(io.BytesIO(data))).nclx)[:3]
    for primaries, transfer in ((12, 13), (9, 14)):
        bare = with_av1_codes(without_colr(data), codes, (primaries, transfer, codes[2]))
        assert torch.equal(images.load(bare).pixels, images.load(with_nclx(data, primaries, transfer)).pixels)
        # A box goes before the stream.
        boxed = with_av1_codes(data, codes, (primaries, transfer, codes[2]))
        assert torch.equal(images.load(boxed).pixels, images.load(data).pixels)
    assert notices == []
    images.load(with_av1_codes(without_colr(data), codes, (9, 16, codes[2])))
    assert "PQ" in notices[0]


def test_streams_that_end_early_or_say_nothing_have_no_colours():
    data = avif(smooth(64, 64))
    (mdat,) = re.finditer(b"mdat", data)
    stream = data[mdat.end() : mdat.end() + 200]
    found = av1.colors(stream)
    assert found is not None
    assert [av1.colors(stream[:cut]) for cut in range(12)] == [None] * 12
    for seed in range(2000):
        odd = bytearray(stream)
        odd[seed % 40] = seed * 7 % 256
        av1.colors(bytes(odd))
    # A delimiter before it, and a header without a size.
    assert av1.colors(b"\x12\x00" + stream) == found
