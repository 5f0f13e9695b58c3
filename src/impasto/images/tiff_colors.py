"""What a TIFF without a profile says of its colours: primaries, white and curves (TIFF 6.0, section 20)."""

import struct
from typing import Any, BinaryIO

import numpy as np

from impasto.images import icc, signals, tiffs

_RGB = 2
_WHITE, _PRIMARIES, _TRANSFER = 318, 319, 301
_RATIONAL, _SHORT = 5, 3
_MAX_CURVE_BYTES = 3 * 2 * 65536
"""Of three curves for samples of 16 bits."""


def read(stream: BinaryIO, page: tiffs.Directory, notes: list[str]) -> icc.SimpleProfile | None:
    """Return what the tags mean; None where that is sRGB, or they say nothing.

    Curves alone are of sRGB's primaries, primaries alone have sRGB's curve: what is not said is what all programs take
    it for. Tags without a meaning add a note, and are ignored.
    """
    if page.get(tiffs.PHOTOMETRIC, -1) != _RGB or not {_PRIMARIES, _TRANSFER} & page.entries.keys():
        return None
    try:
        points, curves = _points(stream, page), _curves(stream, page)
        usual = points is None or np.abs(np.array(points) - np.array(signals.SRGB)).max() < signals.SAME
        matrix = icc.SRGB_TO_XYZ if usual or points is None else signals.to_xyz(points)
    except (ValueError, ZeroDivisionError) as error:
        notes.append(f"its colour tags cannot be used ({error}); sRGB is assumed")
        return None
    profile = icc.SimpleProfile(curves or (icc.SRGB_CURVE,) * 3, matrix)
    return None if profile.is_srgb() else profile


def _points(stream: BinaryIO, page: tiffs.Directory) -> signals.Primaries | None:
    if _PRIMARIES not in page.entries:
        return None
    colors = _fractions(stream, page, _PRIMARIES, 6)
    white = _fractions(stream, page, _WHITE, 2) if _WHITE in page.entries else signals.SRGB[3]
    red, green, blue = zip(colors[::2], colors[1::2], strict=True)
    return red, green, blue, (white[0], white[1])


def _fractions(stream: BinaryIO, page: tiffs.Directory, tag: int, count: int) -> tuple[float, ...]:
    entry, value = page.entries[tag], tiffs.bytes_of(stream, page, tag, 8 * count)
    if value is None or (entry.type, entry.count) != (_RATIONAL, count):
        raise ValueError(f"tag {tag} is not {count} fractions")
    numbers = struct.unpack(f"{page.order}{2 * count}I", value)
    return tuple(over / under for over, under in zip(numbers[::2], numbers[1::2], strict=True))


def _curves(stream: BinaryIO, page: tiffs.Directory) -> tuple[icc.Curve, ...] | None:
    if _TRANSFER not in page.entries:
        return None
    entry, value = page.entries[_TRANSFER], tiffs.bytes_of(stream, page, _TRANSFER, _MAX_CURVE_BYTES)
    levels = 2 ** page.get(tiffs.BITS, 8)
    if value is None or entry.type != _SHORT or entry.count not in (levels, 3 * levels):
        raise ValueError(f"tag {_TRANSFER} has not a number for each level")
    table = np.frombuffer(value, f"{page.order}u2").astype(np.float64).reshape(-1, levels) / 65535
    if (np.diff(table) < 0).any():
        raise ValueError("its curves fall")
    return tuple(_curve(line) for line in (table if len(table) == 3 else np.repeat(table, 3, axis=0)))


def _curve(line: Any) -> icc.Curve:
    places = np.linspace(0, 1, len(line))
    return lambda x: np.interp(x, places, line).astype(x.dtype)
