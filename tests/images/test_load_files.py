"""Rows 1-7, 9, 16-18, 21, 22: files that are broken, huge, misnamed or not files."""

import io
import os
import resource
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from impasto import images
from impasto.errors import ImageError
from tests.images.image_helpers import SIGNATURE, chunk, file_of, noise, png16, png_with, smooth


def refused(source, **options):
    with pytest.raises(ImageError) as caught:
        images.load(source, **options)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    return str(caught.value)


def giant_header(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("content", [b"", b"just some text\n", b"<!DOCTYPE html><html><body>404</body></html>"])
def test_row_1_not_a_picture(tmp_path, content):
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    message = refused(path)
    assert message.startswith(str(path))
    assert "JPEG" in message  # the choices


def test_row_2_jpeg_named_png(tmp_path, notices):
    path = tmp_path / "picture.png"
    path.write_bytes(file_of(smooth(8, 9), "JPEG"))
    picture = images.load(path)
    assert picture.size == (8, 9)
    assert picture.name == "picture.png"
    assert len(notices) == 1
    assert "JPEG" in notices[0]


def test_right_suffix_needs_no_notice(tmp_path, notices):
    path = tmp_path / "picture.JPG"
    path.write_bytes(file_of(smooth(8, 9), "JPEG"))
    images.load(path)
    assert notices == []


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
def test_row_3_truncated(format, notices):
    whole = noise(32, 32).repeat(8, axis=0).repeat(8, axis=1)
    data = file_of(whole, format, **({"interlace": 0} if format == "GIF" else {}))
    expected = images.load(data).pixels
    cut = data[: len(data) * 6 // 10]
    assert "--allow-truncated" in refused(cut)
    assert notices == []
    picture = images.load(cut, allow_truncated=True)
    assert picture.truncated
    assert len(notices) == 1
    assert "cut off" in notices[0]
    rows = 8
    if format != "BMP":  # stored from the bottom up
        assert (picture.pixels[:, :, :rows] - expected[:, :, :rows]).abs().mean() < 0.05
    else:
        assert (picture.pixels[:, :, -rows:] - expected[:, :, -rows:]).abs().max() == 0
    assert not images.load(data, allow_truncated=True).truncated


def test_row_3_nothing_left_to_salvage():
    data = file_of(smooth(64, 64), "AVIF")
    assert "another copy" in refused(data[: len(data) // 2], allow_truncated=True)
    assert "another copy" in refused(SIGNATURE + b"\0\0", allow_truncated=True)


@pytest.mark.parametrize("allow", [False, True])
def test_row_4_giant_header(allow):
    data = giant_header(65536, 65536)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    message = refused(data, allow_truncated=allow)
    assert time.perf_counter() - start < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB
    assert "--max-pixels" in message
    assert "200,000,000" in message


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("limit", [119, 100, 60, 59, 1])
def test_row_4_over_the_limit_in_pillows_warning_band(format, limit):
    data = file_of(smooth(10, 12), format)
    message = refused(data, max_pixels=limit)
    assert f"{limit:,}" in message
    assert "--max-pixels" in message


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "TIFF"])
@pytest.mark.parametrize("size", [(10, 12), (9, 13)])
def test_row_5_just_within_the_limit(format, size, notices):
    data = file_of(smooth(*size), format)
    assert images.load(data, max_pixels=size[0] * size[1]).size == size
    assert notices == []


def test_limits_of_pillow_are_put_back():
    before = Image.MAX_IMAGE_PIXELS
    images.load(file_of(smooth(5, 5), "PNG"), max_pixels=50)
    refused(file_of(smooth(5, 5), "PNG"), max_pixels=5)
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.usefixtures("notices")
def test_a_limit_above_pillows_own_is_honoured():
    # 1 bit a pixel, just over the number at which Pillow alone would refuse.
    wide, high = 20000, 9000
    data = file_of(Image.new("1", (wide, high), 1), "PNG")
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data))
    message = refused(data, max_pixels=wide * high - 1)
    assert "180,000,000" in message


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_row_6_bombs(kind, notices):
    bomb = zlib.compress(bytes(100_000_000), 9)
    between = b"\0\0" if kind != b"iTXt" else b"\0\1\0\0\0"
    pixels = smooth(6, 5)
    data = png_with(file_of(pixels, "PNG"), chunk(kind, b"Comment" + between + bomb))
    tracemalloc.start()
    picture = images.load(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40_000_000
    assert (picture.to_numpy() == pixels).all()
    assert len(notices) == (1 if kind == b"iCCP" else 0)


BAD_EXIF = [
    b"garbage",
    b"",
    b"MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40,
    b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x63\0\0\0",
]


@pytest.mark.parametrize("exif", BAD_EXIF)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_row_7_malformed_exif(format, exif):
    data = file_of(smooth(6, 5), format, exif=b"Exif\0\0" + exif)
    assert images.load(data).size == (6, 5)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_row_7_malformed_exif_is_said(format, notices):
    images.load(file_of(smooth(6, 5), format, exif=b"Exif\0\0garbage that is no TIFF"))
    assert any("EXIF" in line for line in notices)


def test_row_7_malformed_exif_in_avif(notices):
    good = b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x0f\0\2\0\0\0\4abc\0\0\0\0\0"
    data = file_of(smooth(6, 5), "AVIF", exif=good)
    at = data.index(b"MM\0*")
    assert images.load(data).size == (6, 5)
    assert images.load(data[:at] + b"junk" + data[at + 4 :]).size == (6, 5)
    assert any("EXIF" in line for line in notices)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_row_9_first_frame(format, notices):
    first, second = Image.new("RGB", (7, 6), (255, 0, 0)), Image.new("RGB", (7, 6), (0, 0, 255))
    data = file_of(first, format, save_all=True, append_images=[second])
    picture = images.load(data)
    red, green, blue = picture.pixels.mean(dim=(0, 2, 3)).tolist()
    assert red > 0.97
    assert max(green, blue) < 0.03
    assert len(notices) == 1
    assert "first" in notices[0]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("pages", [1, 2])
def test_row_9_looping_tiff(pages):
    pictures = [Image.new("L", (4, 3), 10 * i) for i in range(1, pages + 1)]
    data = bytearray(file_of(pictures[0], "TIFF", save_all=True, append_images=pictures[1:]))
    order = "<" if data[:2] == b"II" else ">"
    first = at = struct.unpack_from(order + "I", data, 4)[0]
    while True:  # the last directory points back to the first
        (count,) = struct.unpack_from(order + "H", data, at)
        after = at + 2 + 12 * count
        (at,) = struct.unpack_from(order + "I", data, after)
        if at == 0:
            struct.pack_into(order + "I", data, after, first)
            break
    assert images.load(bytes(data)).size == (3, 4)


@pytest.mark.parametrize("size", [(1, 1), (1, 10000), (10000, 1), (3, 5)])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
def test_row_16_odd_sizes(format, size):
    assert images.load(file_of(smooth(*size), format)).size == size


FOREIGN = {
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n",
    "psd": b"8BPS\0\1" + bytes(40),
    "fits": b"SIMPLE  =                    T / standard",
    "pdf": b"%PDF-1.7\n",
    "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>',
    "mp4": b"\0\0\0\x18ftypisom\0\0\0\0isommp42",
}


@pytest.mark.parametrize("suffix", FOREIGN)
@pytest.mark.parametrize("named", ["as it is", "png"])
def test_row_17_refused_without_a_program(tmp_path, monkeypatch, suffix, named):
    def started(*_arguments, **_options):
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", started)
    monkeypatch.setattr(os, "system", started)
    path = tmp_path / f"file.{suffix if named == 'as it is' else 'png'}"
    path.write_bytes(FOREIGN[suffix])
    assert "does not read" in refused(path)
    assert "does not read" in refused(FOREIGN[suffix])


def test_row_17_lazily_opened_eps(monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda *_a, **_k: pytest.fail("a program was started"))
    eps = Image.open(io.BytesIO(file_of(smooth(4, 4), "EPS")))
    assert "EPS" in refused(eps)


def test_row_18_heic_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    message = refused(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(50))
    assert 'pip install "impasto[heif]"' in message


def test_row_18_heic_with_the_extra():
    heif = pytest.importorskip("pillow_heif", reason="needs the extra heif")
    stream = io.BytesIO()
    pixels = smooth(64, 48)
    heif.from_pillow(Image.fromarray(pixels)).save(stream, quality=95)
    picture = images.load(stream.getvalue())
    assert picture.size == (64, 48)
    assert np.abs(picture.to_numpy().astype(int) - pixels).mean() < 3


@pytest.mark.parametrize("name", ["with space.png", "Bücher 絵.png", "-leading.png", "new\nline.png", "quo'te\".png"])
def test_row_21_names(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(file_of(smooth(4, 5), "PNG"))
    assert images.load(name).size == (4, 5)
    (tmp_path / name).write_bytes(b"")
    message = refused(name)
    assert name.replace("\n", "\\n") in message


def test_row_21_undecodable_name(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    path.write_bytes(b"no picture")
    message = refused(path)
    message.encode()  # can be printed


@pytest.mark.timeout(10)
def test_row_22_not_readable(tmp_path, monkeypatch):
    assert "does not exist" in refused(tmp_path / "missing.png")
    assert "folder" in refused(tmp_path)
    (tmp_path / "broken.png").symlink_to("nowhere")
    assert "link" in refused(tmp_path / "broken.png")
    os.mkfifo(tmp_path / "pipe.png")
    message = refused(tmp_path / "pipe.png")
    assert "regular" in message
    assert "pipe.png" in message
    assert "regular" in refused("/dev/zero")
    assert refused("a\0b.png")
    assert refused("x" * 5000)

    def denied(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", denied)
        assert "permissions" in refused(tmp_path / "locked.png")


def test_standard_input(monkeypatch):
    pixels = smooth(4, 5)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file_of(pixels, "PNG"))))
    assert (images.load("-").to_numpy() == pixels).all()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert "empty" in refused("-")


def test_a_16_bit_bomb_is_bounded():
    data = png16(noise(4, 4, 3, np.uint16))
    header = struct.pack(">IIBBBBB", 60000, 60000, 16, 2, 0, 0, 0)
    assert "--max-pixels" in refused(SIGNATURE + chunk(b"IHDR", header) + data[33:])
