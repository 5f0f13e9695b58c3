"""Small shared tools of the painters: noise, blur, colour play, papers and profiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Array = NDArray[Any]  # float32 throughout; NumPy types its ufuncs too loosely to say so
Rng = np.random.Generator


def resize(field: Array, height: int, width: int) -> Array:
    """Bicubic resize of one (h, w) float field."""
    image = Image.fromarray(np.ascontiguousarray(field, np.float32))
    return np.array(image.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def noise(rng: Rng, height: int, width: int, cell: float, octaves: int = 4, gain: float = 0.5,
          stretch: tuple[float, float] = (1.0, 1.0)) -> Array:  # fmt: skip
    """Fractal value noise of zero mean and unit deviation; `cell` is the coarsest cell in pixels.

    `stretch` lengthens the cells along (y, x), which gives wood grain and brushed streaks.
    """
    total = np.zeros((height, width), np.float32)
    weight = 1.0
    for _ in range(octaves):
        rows = max(2, min(height, round(height / (cell * stretch[0])))) + 3
        cols = max(2, min(width, round(width / (cell * stretch[1])))) + 3
        grid = rng.standard_normal((rows, cols)).astype(np.float32)
        # Crop away a margin of the enlarged grid, where the interpolation repeats the border.
        big = resize(grid, round(height * rows / (rows - 2)) + 2, round(width * cols / (cols - 2)) + 2)
        top, left = (big.shape[0] - height) // 2, (big.shape[1] - width) // 2
        total += weight * big[top : top + height, left : left + width]
        weight *= gain
        cell = max(1.0, cell / 2)
    return np.asarray((total - total.mean()) / (total.std() + 1e-6), np.float32)


def blur(field: Array, radius: float) -> Array:
    """Three box blurs with repeated borders: close to a Gaussian of that deviation, on (h, w) or (h, w, c)."""
    half = max(0, round(radius))
    if half == 0:
        return field
    out = field
    for _ in range(3):
        for axis in (0, 1):
            pad = [(0, 0)] * out.ndim
            pad[axis] = (half + 1, half)
            sums = np.cumsum(np.pad(out, pad, mode="edge"), axis=axis, dtype=np.float64)
            length = sums.shape[axis]
            upper = np.take(sums, range(2 * half + 1, length), axis=axis)
            lower = np.take(sums, range(length - 2 * half - 1), axis=axis)
            out = ((upper - lower) / (2 * half + 1)).astype(np.float32)
    return out


def smoothstep(low: float, high: float, value: Array) -> Array:
    """Hermite ramp from 0 at `low` to 1 at `high` (which may be the smaller one)."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def rgb(*codes: str) -> Array:
    """Hex codes as an (n, 3) array in [0, 1]."""
    return np.array([[int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in codes], np.float32)


def ramp(colors: Array, position: Array) -> Array:
    """Piecewise linear palette lookup: position in [0, 1], any shape, to colours with a last axis of 3."""
    place = np.clip(position, 0, 1) * (len(colors) - 1)
    low = np.minimum(place.astype(np.int64), len(colors) - 2)
    part = (place - low)[..., None]
    return np.asarray(colors[low] * (1 - part) + colors[low + 1] * part, np.float32)


_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float32)
_FROM_YIQ = np.linalg.inv(_TO_YIQ).astype(np.float32)


def jitter(rng: Rng, colors: Array, hue: float, chroma: float, light: float) -> Array:
    """Vary (n, 3) colours as a hand mixing paint does: hue in radians, chroma and light as deviations."""
    yiq = colors @ _TO_YIQ.T
    count = len(colors)
    turn = rng.normal(0, hue, count).astype(np.float32)
    scale = np.exp(rng.normal(0, chroma, count)).astype(np.float32)
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    i, q = yiq[:, 1], yiq[:, 2]
    y = yiq[:, 0] + rng.normal(0, light, count).astype(np.float32)
    out = np.stack([y, cos * i - sin * q, sin * i + cos * q], axis=1) @ _FROM_YIQ.T
    return np.asarray(np.clip(out, 0, 1), np.float32)


def mix(base: Array, color: Array, mask: Array) -> Array:
    """Lay a colour (3,) or picture (h, w, 3) over `base` through a (h, w) mask."""
    return np.asarray(base + (color - base) * mask[..., None], np.float32)


def grid(height: int, width: int) -> tuple[Array, Array]:
    """Coordinates in thousandths of the width: x in [0, 1000], y in [0, 1000 * height / width]."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x * (1000 / width), y * (1000 / width)


def relief(picture: Array, height: Array, strength: float, gloss: float = 0.0) -> Array:
    """Light a paint surface from the upper left; `height` in pixels of thickness, `gloss` adds highlights."""
    dx, dy = np.gradient(height, axis=1), np.gradient(height, axis=0)
    slope = -(dx * 0.6 + dy * 0.8)
    lit = 1 + np.tanh(slope * strength) * 0.38
    out = picture * lit[..., None]
    if gloss:
        shine = np.clip(slope * strength - 0.55, 0, 1) ** 2 * gloss
        out = out + shine[..., None] * (1 - out)
    return np.asarray(np.clip(out, 0, 1), np.float32)


def paper(rng: Rng, height: int, width: int, unit: float) -> Array:
    """Paper tooth of zero mean and about unit deviation: fine grain on soft hollows, no weave."""
    fine = noise(rng, height, width, 3.4 * unit, 2, 0.7)
    soft = noise(rng, height, width, 9 * unit, 3, 0.7)
    wide = noise(rng, height, width, 40 * unit, 2, 0.6)
    return np.asarray(0.62 * fine + 0.55 * soft + 0.2 * wide, np.float32)


def to_image(picture: Array, width: int) -> Image.Image:
    """Clip, dither-free round and reduce an oversampled (h, w, 3) picture to `width` pixels."""
    full = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
    height = round(full.height * width / full.width)
    return full.resize((width, height), Image.Resampling.LANCZOS)


def srgb_profile() -> bytes:
    """An sRGB ICC profile whose creation date is fixed, so the same picture gives the same file."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data[24:36] = b"\x07\xd0\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"
    return bytes(data)
