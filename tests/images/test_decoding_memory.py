"""What cannot fit is refused by its header, before it is read or decoded; and want of memory is never called damage."""

import io
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from impasto import images, limits
from impasto.errors import ImageError, ResourceError
from impasto.images import decode, headers
from tests.images.image_helpers import SIGNATURE, chunk, file_of, png16, smooth

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF")


def one_bit_png(width, height):
    """A grey picture of one bit a pixel: large, in a small file."""
    rows = zlib.compress(bytes(height * (1 + (width + 7) // 8)))
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tiff_header(width, height):
    entries = struct.pack("<HHIHH", 256, 4, 1, width, 0) + struct.pack("<HHIHH", 257, 4, 1, height, 0)
    return b"II*\0" + struct.pack("<IH", 8, 2) + entries + struct.pack("<I", 0)


GIANTS = {
    "png": SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)),
    "jpg": b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(10) + b"\xff\xc0\0\x11\x08" + struct.pack(">HH", 60000, 60000) + b"\3",
    "gif": b"GIF89a" + struct.pack("<HH", 60000, 60000),
    "bmp": b"BM" + bytes(12) + struct.pack("<Iii", 40, 60000, -60000),
    "tif": tiff_header(60000, 60000),
    "webp": b"RIFF\0\0\0\x7fWEBPVP8X\x0a\0\0\0" + bytes(4) + (59999).to_bytes(3, "little") * 2,
}


@pytest.fixture
def free(monkeypatch):
    """Set how much memory there is said to be."""
    return lambda size: monkeypatch.setattr(limits, "available", lambda: size)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("size", [(5, 7), (300, 41)])
def test_headers_tell_the_size(format, size):
    data = file_of(smooth(*size), format)
    assert headers.read_size(io.BytesIO(data), format) == (size[1], size[0])


def test_headers_of_other_spellings():
    plain = smooth(5, 7)
    for options in ({"lossless": True}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}):
        assert headers.read_size(io.BytesIO(file_of(plain, "WEBP", **options)), "WEBP") == (7, 5)
    exif = file_of(plain, "JPEG", exif=b"Exif\0\0" + bytes(60000), progressive=True)
    assert headers.read_size(io.BytesIO(exif), "JPEG") == (7, 5)
    core = b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 7, 5, 1, 24)
    assert headers.read_size(io.BytesIO(core), "BMP") == (7, 5)
    heif = pytest.importorskip("pillow_heif", reason="needs the extra heif")
    stream = io.BytesIO()
    heif.from_pillow(Image.fromarray(smooth(64, 48))).save(stream)
    assert headers.read_size(stream, "HEIC") == (48, 64)


@pytest.mark.parametrize("format", FORMATS)
def test_cut_headers_are_left_to_the_decoder(format):
    data = file_of(smooth(5, 7), format)
    for length in range(min(len(data), 200)):
        assert headers.read_size(io.BytesIO(data[:length]), format) in {None, (7, 5)}


@pytest.mark.parametrize("kind", GIANTS)
def test_a_giant_header_in_a_file_of_2_gib_is_refused_at_once(tmp_path, kind):
    path = tmp_path / f"giant.{kind}"
    with path.open("wb") as stream:
        stream.write(GIANTS[kind])
        stream.truncate(2**31)
    start = time.perf_counter()
    with pytest.raises(ImageError, match=r"60000 x 60000 .*--max-pixels"):
        images.load(path)
    assert time.perf_counter() - start < 1


def test_a_huge_file_without_a_size_is_not_searched(tmp_path):
    path = tmp_path / "zeros.jpg"
    with path.open("wb") as stream:
        stream.write(b"\xff\xd8\xff\xe0\0\x10JFIF")
        stream.truncate(2**30)
    start = time.perf_counter()
    with pytest.raises(ImageError, match="does not say its size"):
        images.load(path, allow_truncated=True)
    assert time.perf_counter() - start < 1


def test_a_picture_that_cannot_fit_is_refused_before_decoding(tmp_path, monkeypatch, free):
    path = tmp_path / "large.png"
    path.write_bytes(one_bit_png(13000, 13000))
    monkeypatch.setattr(decode, "decode", lambda *_a, **_k: pytest.fail("it was decoded"))
    free(1 << 30)
    for source in (path, path.read_bytes()):
        with pytest.raises(ResourceError, match=r"13000 x 13000 .*GiB.* 1024 MiB are free") as caught:
            images.load(source)
        assert caught.value.exit_code == 5
        assert "\n" not in str(caught.value)


def test_standard_input_is_judged_before_the_rest_is_read(monkeypatch):
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size=-1):
            self.given += 1
            assert self.given < 3, "it was read on"
            return GIANTS["png"] + bytes(size - len(GIANTS["png"]))

    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"isatty": lambda _self: False, "buffer": Endless()})())
    with pytest.raises(ImageError, match="60000 x 60000"):
        images.load("-")


def test_alpha_and_depth_take_more(free):
    size = 400
    plain = headers.needed(size * size, 0)
    for data in (
        file_of(np.zeros((size, size, 4), np.uint8), "PNG"),
        png16(np.zeros((size, size, 3), np.uint16)),
        file_of(np.zeros((size, size), np.float32), "TIFF"),
    ):
        free(plain + 2 * len(data))
        with pytest.raises(ResourceError):
            images.load(data)
        free(2 * plain + 2 * len(data))
        assert images.load(data).size == (size, size)


def test_enough_memory_or_no_telling_passes(free):
    data = file_of(smooth(50, 60), "PNG")
    for size in (None, headers.needed(3000, 2 * len(data))):
        free(size)
        assert images.load(data).size == (50, 60)
    free(1000)
    for source in (data, Image.fromarray(smooth(50, 60))):
        with pytest.raises(ResourceError, match="memory"):
            images.load(source)


UNDER_A_LIMIT = """
import io, os, resource, sys
import numpy as np
from PIL import Image
from impasto import images, limits
from impasto.errors import ResourceError
limits.available = lambda: None  # so that it is tried
images.load(np.zeros((4, 4, 3), np.uint8))
for kind, mode in [("PNG", "RGBA"), ("JPEG", "RGB"), ("WEBP", "RGB"), ("AVIF", "RGB"), ("TIFF", "RGB"), ("BMP", "RGB"),
                   ("GIF", "P")]:
    stream = io.BytesIO()
    Image.new(mode, (2000, 2000)).save(stream, kind)
    for room in (6, 25, 60):
        child = os.fork()
        if not child:
            pages = int(open("/proc/self/statm").read().split()[0])
            most = pages * resource.getpagesize() + (room << 20)
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
            try:
                images.load(stream.getvalue(), allow_truncated=True)
            except ResourceError as error:
                os._exit(0 if "memory" in str(error) else 2)
            except BaseException as error:
                os.write(2, repr(error).encode())
                os._exit(3)
            os._exit(0)  # what was freed before was enough
        status = os.waitpid(child, 0)[1]
        if status:
            sys.exit(f"{kind} with {room} MiB: {status}")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs ulimit -v and /proc")
def test_memory_that_runs_out_is_never_called_damage():
    done = subprocess.run([sys.executable, "-c", UNDER_A_LIMIT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="needs ulimit -v and /proc")
def test_ulimit_counts_as_available():
    code = """
import resource
from impasto import limits
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (100 << 20), resource.RLIM_INFINITY))
assert 50 << 20 < limits.available() <= 101 << 20, limits.available()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_damaged_file_that_promises_much_is_no_work():
    header = struct.pack("<IiiHHIIiiII", 40, 10000, 10000, 1, 24, 0, 0, 0, 0, 0, 0)
    bmp = b"BM" + struct.pack("<IHHI", 57, 0, 0, 54) + header + b"abc"
    png = SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 10000, 10000, 8, 2, 0, 0, 0)) + b"\0\0\xff\xffIDATx"
    start = time.perf_counter()
    for data in (bmp, png):
        with pytest.raises(ImageError, match="too much so"):
            images.load(data, allow_truncated=True)
    assert time.perf_counter() - start < 1


def test_what_is_left_of_a_bitmap_is_used():
    data = file_of(smooth(40, 40), "BMP")
    assert images.load(data[: len(data) // 20], allow_truncated=True).truncated
    with pytest.raises(ImageError, match="too much so"):
        images.load(data[:54], allow_truncated=True)
