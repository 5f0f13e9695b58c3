"""Files made by hand, so that the decoder is not tested with the encoder it was written beside."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def noise(height, width, channels=3, dtype=np.uint8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(dtype).max + 1, (height, width, channels), dtype=dtype)


def smooth(height, width):
    """A gentle colour gradient, kind to lossy formats."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [255 * x / max(1, width - 1), 255 * y / max(1, height - 1), 128 + 0 * x]
    return np.stack(planes, axis=-1).round().astype(np.uint8)


def file_of(image, format, **options):
    stream = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(stream, format, **options)
    return stream.getvalue()


def filter_row(kind, row, above, step):
    """One PNG row by the book, byte by byte (PNG specification, section 9.2)."""
    out = bytearray([kind])
    for i, byte in enumerate(row):
        left = row[i - step] if i >= step else 0
        up = above[i]
        corner = above[i - step] if i >= step else 0
        if kind == 4:
            estimate = left + up - corner
            distances = abs(estimate - left), abs(estimate - up), abs(estimate - corner)
            guess = (left, up, corner)[distances.index(min(distances))]
        else:
            guess = (0, left, up, (left + up) // 2)[kind]
        out.append((byte - guess) & 255)
    return bytes(out)


def _scan(samples, kinds):
    step = samples.shape[2] * 2
    above = bytes(samples.shape[1] * step)
    out = b""
    for i, line in enumerate(samples.astype(">u2")):
        row = line.tobytes()
        out += filter_row(kinds[i % len(kinds)], row, above, step)
        above = row
    return out


def png16(samples, *, kinds=(0,), interlaced=False, extra=()):
    """(H, W, C) uint16 as PNG with the given filters; `extra` chunks go before the pixels."""
    height, width, channels = samples.shape
    color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, int(interlaced))
    if interlaced:
        starts = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        passes = [samples[y::dy, x::dx] for y, x, dy, dx in starts]
        raw = b"".join(_scan(part, kinds) for part in passes if part.size)
    else:
        raw = _scan(samples, kinds)
    body = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b"")]
    return SIGNATURE + b"".join(body)


def png_with(data, *chunks):
    """Put chunks after a PNG's header."""
    return data[:33] + b"".join(chunks) + data[33:]


def fixed(*values):
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def icc_profile(tags, space=b"RGB ", pcs=b"XYZ ", kind=b"mntr"):
    """An ICC version 2 profile from a dict of tags."""
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + b"\0" * 78,
        b"cprt": b"text\0\0\0\0CC0\0",
        b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249),
        **tags,
    }
    at = 132 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for key, data in tags.items():
        table += key + struct.pack(">II", at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s", at + len(body), b"\0" * 4, 0x02400000, kind, space, pcs)
    header += struct.pack(">6H4s", 2024, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28 + fixed(0.9642, 1, 0.8249)
    return header.ljust(128, b"\0") + table + body


def matrix_profile(columns, gamma=None, curve=None):
    curve = curve or b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {key: b"XYZ \0\0\0\0" + fixed(*xyz) for key, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
    return icc_profile({**tags, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


SRGB_CURVE = b"para\0\0\0\0\0\3\0\0" + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
# Published D50-adapted primaries.
DISPLAY_P3 = matrix_profile(
    [(0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)], curve=SRGB_CURVE
)
ADOBE_RGB = matrix_profile(
    [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)], gamma=2.19921875
)
GRAY_LINEAR = icc_profile({b"kTRC": b"curv\0\0\0\0\0\0\0\0"}, space=b"GRAY")


def cmyk_profile(corners):
    """A CMYK profile that knows the 16 corners: {(c, m, y, k): (L, a, b)} and interpolates between."""
    nodes = b""
    for index in range(16):
        lightness, a, b = corners[tuple(index >> shift & 1 for shift in (3, 2, 1, 0))]
        nodes += bytes([round(lightness * 2.55), round(a + 128), round(b + 128)])
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + ramp * 4 + nodes + ramp * 3
    return icc_profile({b"A2B0": table}, space=b"CMYK", pcs=b"Lab ", kind=b"prtr")
