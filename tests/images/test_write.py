"""Round trips, and rows 11, 13, 23, 24, 26, 28: what is written is what was painted, or nothing."""

import errno
import io
import os
import sys
import tempfile

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms
from PIL.JpegImagePlugin import JpegImageFile
from skimage import color

from impasto import images, metadata
from impasto.errors import OutputError, UsageError
from tests.images.image_helpers import file_of, noise, smooth
from tests.type_helpers import present

FORMATS = ["png", "jpeg", "webp", "avif", "tiff"]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("size", [(1, 1), (5, 7), (130, 3)])
def test_lossless(format, channels, bits, size):
    samples = noise(size[0], size[1], channels, np.uint8 if bits == 8 else np.uint16)
    data = images.encode(images.load(samples), format, bits=bits)
    picture = images.load(data)
    assert (picture.to_numpy(bits) == samples).all()
    assert (picture.alpha is not None) == (channels == 4)
    other = Image.open(io.BytesIO(data))
    other.load()
    assert other.mode == ("RGBA" if channels == 4 else "RGB")
    if bits == 8:
        assert (np.asarray(other) == samples).all()
    if format == "tiff":
        assert (tifffile.imread(io.BytesIO(data)) == samples).all()


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_lossy(format):
    pixels = smooth(48, 64)
    found = images.load(images.encode(images.load(pixels), format)).to_numpy()
    distance = color.deltaE_ciede2000(color.rgb2lab(found), color.rgb2lab(pixels))
    assert distance.mean() < 1
    assert np.percentile(distance, 99) < 4


@pytest.mark.parametrize("format", ["webp", "avif"])
def test_alpha_in_lossy_formats(format):
    pixels = np.concatenate([smooth(32, 32), smooth(32, 32)[..., :1]], axis=2)
    found = images.load(images.encode(images.load(pixels), format)).to_numpy().astype(int)
    assert np.abs(found[..., 3] - pixels[..., 3]).mean() < 2
    assert np.abs(found[..., :3] - pixels[..., :3]).mean() < 4


def test_webp_100_is_lossless():
    pixels = noise(16, 16, 4)
    assert (images.load(images.encode(images.load(pixels), "webp", quality=100)).to_numpy() == pixels).all()


def test_jpeg_has_full_colour():
    image = Image.open(io.BytesIO(images.encode(images.load(smooth(16, 16)), "jpeg")))
    assert isinstance(image, JpegImageFile)
    assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("bits", [8, 16])
def test_profile_and_determinism(format, bits):
    if bits == 16 and format not in ("png", "tiff"):
        with pytest.raises(OutputError, match="16 bits"):
            images.encode(images.load(smooth(4, 4)), format, bits=16)
        return
    picture = images.load(noise(70, 33))
    options = {"bits": bits, "metadata": metadata.build({"seed": 1}, [], [])}
    data = images.encode(picture, format, **options)
    assert data == images.encode(picture, format, **options)
    profile = Image.open(io.BytesIO(data)).info["icc_profile"]
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    assert ImageCms.getProfileDescription(opened).strip() == "sRGB"
    pixels = noise(32, 32)
    same = ImageCms.profileToProfile(Image.fromarray(pixels), opened, ImageCms.createProfile("sRGB"))
    assert np.abs(np.asarray(same).astype(int) - pixels).max() <= 1


def test_quality_matters():
    picture = images.load(noise(64, 64))
    for format in ("jpeg", "webp", "avif"):
        assert len(images.encode(picture, format, quality=30)) < len(images.encode(picture, format, quality=90))
    for wrong in (0, 101):
        with pytest.raises(UsageError, match="quality"):
            images.encode(picture, "jpeg", quality=wrong)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp", ".avif", ".tif", ".tiff"])
def test_save_by_suffix(tmp_path, suffix):
    path = tmp_path / "new folder" / f"näme with space{suffix}"
    images.save(images.load(smooth(20, 30)), path)
    with Image.open(path) as image:
        kind = image.format
    assert present(kind).lower() == images.FORMATS[suffix.lower()]
    assert images.load(path).size == (20, 30)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["out", "out.gif", "out.bmp", "out.png.txt", ".png"])
def test_unknown_suffix(tmp_path, name):
    with pytest.raises(OutputError, match=r"\.png, \.jpg"):
        images.check_output(tmp_path / name)
    with pytest.raises(OutputError):
        images.save(images.load(smooth(4, 4)), tmp_path / name)
    with pytest.raises(OutputError, match="choose"):
        images.encode(images.load(smooth(4, 4)), "gif")


def test_standard_output(monkeypatch):
    stream = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stream))
    images.save(images.load(noise(4, 5)), "-", bits=16)
    data = stream.getvalue()
    assert data.startswith(b"\x89PNG")
    assert data[24] == 16


def test_standard_output_is_no_terminal(monkeypatch):
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdout", terminal)
    with pytest.raises(OutputError, match="terminal"):
        images.check_output("-")


def test_row_23_folder(tmp_path, monkeypatch):
    images.check_output(tmp_path / "a" / "b" / "out.png")
    assert (tmp_path / "a" / "b").is_dir()
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(OutputError):
        images.check_output(tmp_path / "file" / "out.png")

    def denied(*_arguments, **_options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "mkstemp", denied)
    with pytest.raises(OutputError, match="Permission denied"):
        images.check_output(tmp_path / "out.png")


def test_row_24_output_exists(tmp_path):
    path = tmp_path / "out.png"
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match="--force"):
        images.check_output(path)
    with pytest.raises(OutputError, match="--force"):
        images.save(images.load(smooth(4, 4)), path)
    assert path.read_bytes() == b"precious"
    images.check_output(path, force=True)
    assert path.read_bytes() == b"precious"
    images.save(images.load(smooth(4, 4)), path, force=True)
    assert images.load(path).size == (4, 4)


@pytest.mark.parametrize("way", ["same", "relative", "symlink", "hard link", "missing"])
def test_row_24_output_is_an_input(tmp_path, monkeypatch, way):
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "photo.png"
    source.write_bytes(file_of(smooth(4, 4), "PNG"))
    output = {"same": source, "relative": "./photo.png"}.get(way, tmp_path / "other.png")
    if way == "symlink":
        output.symlink_to(source)
    elif way == "hard link":
        os.link(source, output)
    elif way == "missing":
        source.unlink()
        output = source
    with pytest.raises(OutputError, match="input"):
        images.check_output(output, inputs=["-", tmp_path / "unrelated.png", source])
    images.check_output(output, inputs=[source], force=True)


@pytest.mark.parametrize("format", ["png", "jpg", "tiff"])
def test_row_26_disk_full(tmp_path, monkeypatch, format):
    path = tmp_path / f"out.{format}"
    path.write_bytes(b"old")

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        images.save(images.load(smooth(8, 8)), path, force=True)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_row_28_rgba_to_jpeg(notices):
    color = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand(1, 3, 16, 16).contiguous()
    half = images.Picture(color, torch.full((1, 1, 16, 16), 0.5))
    found = images.load(images.encode(half, "jpeg")).pixels.mean(dim=(0, 2, 3)).tolist()
    assert found == pytest.approx([1, 0.5, 0.5], abs=0.01)
    assert len(notices) == 1
    assert "white" in notices[0]
    images.encode(images.Picture(color, torch.ones(1, 1, 16, 16)), "jpeg")
    assert len(notices) == 1


@pytest.mark.parametrize("size", [(4, 16384), (16384, 4)])
def test_row_28_webp_too_large(tmp_path, size):
    with pytest.raises(OutputError, match="16383"):
        images.check_output(tmp_path / "out.webp", size)
    with pytest.raises(OutputError, match="16383"):
        images.encode(images.Picture(torch.zeros(1, 3, *size)), "webp")
    images.check_output(tmp_path / "out.webp", (16383, 16383))
    images.check_output(tmp_path / "out.png", size)
    with pytest.raises(OutputError, match="65500"):
        images.check_output(tmp_path / "out.jpg", (4, 65501))


def test_bits_are_checked_before_computing(tmp_path):
    for name in ("out.png", "out.tif"):
        images.check_output(tmp_path / name, bits=16)
    for name in ("out.jpg", "out.webp", "out.avif"):
        with pytest.raises(OutputError, match="16 bits"):
            images.check_output(tmp_path / name, bits=16)
    with pytest.raises(UsageError):
        images.check_output(tmp_path / "out.png", bits=10)
