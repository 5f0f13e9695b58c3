"""Colour profiles: the sRGB profile that every output carries, and exact conversion of simple profiles.

Pillow's ImageCms has 8 bits a channel. Most profiles of pictures with 16 (Adobe RGB, Display P3, ProPhoto) are
three curves and a matrix (ICC.1:2022, sections 9.2 and 10.6, 10.18), which is little enough to do here in floats.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]
Curve = Callable[[Floats], Floats]

# sRGB primaries adapted to the profile connection space's D50 white (Bradford), rows X, Y, Z of (R, G, B).
SRGB_TO_XYZ = np.array(
    [
        [0.43606567, 0.38514709, 0.14306641],
        [0.22248840, 0.71687317, 0.06060791],
        [0.01391602, 0.09707642, 0.71409607],
    ]
)
# Bradford adaptation from D65 to D50, which version 4 profiles state.
_CHAD = (
    *(1.04788208, 0.02291870, -0.05021667),
    *(0.02958679, 0.99047852, -0.01707458),
    *(-0.00924683, 0.01507568, 0.75167847),
)


def encode_srgb(linear: Floats) -> Floats:
    """Apply the sRGB transfer curve (IEC 61966-2-1) to linear light, clipped to [0, 1]."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


_SRGB_TAG = b"para\0\0\0\0\0\3\0\0" + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def _text(text: str) -> bytes:
    words = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(words), 28) + words


def srgb_profile() -> bytes:
    """Build a minimal version 4 sRGB profile: the same bytes always, unlike those that carry a date."""
    curve = _SRGB_TAG
    columns = [b"XYZ \0\0\0\0" + _fixed(*SRGB_TO_XYZ[:, i]) for i in range(3)]
    tags = {
        b"desc": _text("sRGB"),
        b"cprt": _text("CC0"),
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(0.96420288, 1.0, 0.82490540),
        b"chad": b"sf32\0\0\0\0" + _fixed(*_CHAD),
        b"rXYZ": columns[0],
        b"gXYZ": columns[1],
        b"bXYZ": columns[2],
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body, places = b"", b"", dict[bytes, int]()
    start = 128 + 4 + 12 * len(tags)
    for key, data in tags.items():
        if data not in places:
            places[data] = start + len(body)
            body += data + b"\0" * (-len(data) % 4)
        table += key + struct.pack(">II", places[data], len(data))
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"\0" * 4, 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2024, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28
    header += _fixed(0.96420288, 1.0, 0.82490540)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


@dataclass(frozen=True)
class SimpleProfile:
    """A profile of curves and a matrix (three curves) or of one curve (grey)."""

    curves: tuple[Curve, ...]
    to_xyz: Floats | None
    rendering: Callable[[Floats], Floats] | None = None
    """What is done to linear light before the matrix."""

    def to_srgb(self, values: Floats) -> Floats:
        """Convert (..., 3) or, for grey, (..., 1) in [0, 1] to sRGB; colours outside its gamut are clipped."""
        return self.encoded(np.stack([curve(values[..., i]) for i, curve in enumerate(self.curves)], axis=-1))

    def bytes_to_srgb(self, samples: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Convert (..., 3) or (..., 1) of 8 bits to the nearest 8 bits of sRGB."""
        steps = np.arange(256, dtype=np.float32) / np.float32(255)
        with np.errstate(all="ignore"):
            tables = [curve(steps).astype(np.float32) for curve in self.curves]
        linear = np.stack([table[samples[..., i]] for i, table in enumerate(tables)], axis=-1)
        return np.round(self.encoded(linear) * 255).astype(np.uint8)

    def encoded(self, linear: Floats) -> Floats:
        """Convert linear light of this profile's colours to sRGB."""
        with np.errstate(all="ignore"):
            if self.rendering:
                linear = self.rendering(linear)
            if self.to_xyz is not None:
                linear = linear @ (np.linalg.inv(SRGB_TO_XYZ) @ self.to_xyz).T.astype(linear.dtype)
            # Damaged curves make no numbers.
            return encode_srgb(np.nan_to_num(linear))

    def is_srgb(self) -> bool:
        """Return whether colours stay as they are, to less than an 8-bit step: then converting only adds noise."""
        if self.to_xyz is None:
            return False
        steps = np.linspace(0, 1, 9)
        grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
        with np.errstate(all="ignore"):
            return bool(np.abs(self.to_srgb(grid) - grid).max() < 0.003)


def color_space(profile: bytes) -> str:
    """Return the data colour space that a profile declares: `RGB`, `GRAY`, `CMYK`, `Lab` ... or empty."""
    return profile[16:20].decode("ascii", "replace").strip() if profile[36:40] == b"acsp" else ""


def parse(profile: bytes) -> SimpleProfile | None:
    """Read a matrix or grey profile; None where it is damaged, or of another kind (tables, CMYK)."""
    try:
        tags = _tags(profile)
        space = color_space(profile)
        if space == "GRAY":
            return SimpleProfile((_curve(tags[b"kTRC"]),), None)
        if space != "RGB" or profile[20:24] != b"XYZ " or b"A2B0" in tags:
            return None
        columns = [struct.unpack(">3i", tags[key][8:20]) for key in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = tuple(_curve(tags[key]) for key in (b"rTRC", b"gTRC", b"bTRC"))
        return SimpleProfile(curves, np.array(columns).T / 65536)
    except (KeyError, ValueError, IndexError, struct.error):
        return None


def is_srgb(profile: bytes) -> bool:
    """Return whether a profile maps colours to themselves."""
    simple = parse(profile)
    return simple is not None and simple.is_srgb()


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack(">I", profile[128:132])
    if count > 200:
        raise ValueError("too many tags")
    tags = {}
    for i in range(count):
        key, offset, size = struct.unpack(">4sII", profile[132 + 12 * i : 144 + 12 * i])
        tags[key] = profile[offset : offset + size]
    return tags


def _curve(tag: bytes) -> Curve:
    if tag[:4] == b"curv":
        (count,) = struct.unpack(">I", tag[8:12])
        if count == 0:
            return lambda x: x
        points = np.frombuffer(tag[12 : 12 + 2 * count], ">u2").astype(np.float32)
        if len(points) != count:
            raise ValueError("cut-off curve")
        if count == 1:
            gamma = float(points[0]) / 256
            return lambda x: x**gamma
        return lambda x: np.interp(x, np.linspace(0, 1, count), points / 65535).astype(x.dtype)
    if tag[:4] != b"para":
        raise ValueError("unknown curve")
    (kind,) = struct.unpack(">H", tag[8:10])
    numbers = (1, 3, 4, 5, 7)[kind]
    values = [value / 65536 for value in struct.unpack(f">{numbers}i", tag[12 : 12 + 4 * numbers])]
    g, a, b, c, d, e, f = values + [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0][numbers:]
    if kind in (1, 2):
        # Y = (aX + b)^g + c from -b/a on, and c below it.
        d, e, f, c = (-b / a if a else 0.0), c, c, 0.0

    def parametric(x: Floats) -> Floats:
        powers = np.maximum(a * x + b, 0) ** g + e
        result: Floats = np.where(x >= d, powers, c * x + f).astype(x.dtype)
        return result

    return parametric


SRGB_CURVE: Curve = _curve(_SRGB_TAG)
"""From sRGB to linear light, in the numbers that profiles have."""
