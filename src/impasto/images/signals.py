"""Colours that a file states by numbers and not by a profile: code points (ITU-T H.273), primaries and exponents.

Each becomes the matrix and the curves that a colour profile of the same colours has, in the same fixed-point numbers,
so that equal pictures give equal pixels whichever way they say what they mean.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from impasto.images import icc

Floats = icc.Floats
Point = tuple[float, float]
Primaries = tuple[Point, Point, Point, Point]
"""Chromaticities (x, y) of red, green, blue and white."""

WHITE_NITS = 203.0
"""Luminance of diffuse white in HDR pictures, in cd/m² (ITU-R BT.2408, section 2.1): it becomes the white of sRGB."""
_PEAK_NITS = 1000.0
"""Of the display that HLG is made for (BT.2100); its system gamma is then 1.2."""
_HLG_GAMMA = 1.2
"""The system gamma of HLG on that display (BT.2100, table 5)."""

SAME = 0.002
"""Primaries that are nearer than this to sRGB's, in x and y, are sRGB's: files round them to three digits."""
_D65, _C = (0.3127, 0.3290), (0.310, 0.316)
SRGB: Primaries = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65)
_ADOBE: Primaries = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060), _D65)
_SMPTE: Primaries = ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65)
_PRIMARIES: dict[int, Primaries] = {
    1: SRGB,
    2: SRGB,  # not specified
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: _SMPTE,
    7: _SMPTE,
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    10: ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1 / 3, 1 / 3)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
"""By the code points of H.273, table 2."""

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])
_UNIT = 0.45455
"""The exponent that PNG writers state for sRGB (PNG, section 11.3.2.5): with sRGB's primaries it means that curve."""


def _power(exponent: float) -> icc.Curve:
    return lambda x: np.maximum(x, 0) ** exponent


def _bt709(x: Floats) -> Floats:
    return np.where(x < 0.081242858, x / 4.5, ((np.maximum(x, 0) + 0.0992968268) / 1.0992968268) ** (1 / 0.45))


def _smpte240(x: Floats) -> Floats:
    return np.where(x < 0.0913, x / 4, ((np.maximum(x, 0) + 0.1115) / 1.1115) ** (1 / 0.45))


def _pq(x: Floats) -> Floats:
    """Return light relative to white (SMPTE ST 2084)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = np.maximum(x, 0).astype(np.float64) ** (1 / m2)
    light: Floats = 10000 / WHITE_NITS * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return light


def _hlg(x: Floats) -> Floats:
    """Return the light of the scene in [0, 1] (BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    wide = np.maximum(x, 0).astype(np.float64)
    return np.where(wide <= 0.5, wide**2 / 3, (np.exp((wide - c) / a) + b) / 12)


_CURVES: dict[int, icc.Curve] = {
    **dict.fromkeys((1, 6, 11, 12, 14, 15), _bt709),
    **dict.fromkeys((2, 13), icc.SRGB_CURVE),
    4: _power(2.2),
    5: _power(2.8),
    7: _smpte240,
    8: lambda x: x,
    9: lambda x: np.where(x > 0, 10.0 ** (2 * (x - 1)), 0),
    10: lambda x: np.where(x > 0, 10.0 ** (2.5 * (x - 1)), 0),
    16: _pq,
    17: lambda x: 52.37 / 48 * np.maximum(x, 0) ** 2.6,
    18: _hlg,
}
"""By the code points of H.273, table 3: from samples to linear light."""
_HDR = {16: "PQ", 18: "HLG"}


def from_codes(primaries: int, transfer: int, notes: list[str]) -> icc.SimpleProfile | None:
    """Return what code points of H.273 mean; None where that is sRGB.

    A high dynamic range adds a note: white is at 203 cd/m², and what is brighter is cut off. Raises `ValueError` for
    code points without a meaning.
    """
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        raise ValueError(f"colour primaries {primaries} with transfer {transfer} are not known")
    if transfer in _HDR:
        notes.append(
            f"is a picture of high dynamic range ({_HDR[transfer]}); white is taken at {WHITE_NITS:g} cd/m2, "
            "and what is brighter is cut off"
        )
    rendering = _hlg_display(_PRIMARIES[primaries]) if transfer == 18 else None
    profile = icc.SimpleProfile((_CURVES[transfer],) * 3, to_xyz(_PRIMARIES[primaries]), rendering)
    return None if profile.is_srgb() else profile


def from_numbers(gamma: float | None, primaries: Primaries | None) -> icc.SimpleProfile | None:
    """Return what PNG's gAMA (the exponent of encoding) and cHRM mean, either of which may be absent; None for sRGB.

    Raises `ValueError` for numbers without a meaning.
    """
    if gamma is not None and not 0.05 <= gamma <= 10:
        raise ValueError(f"an exponent of {gamma:g}")
    usual = primaries is None or np.abs(np.array(primaries) - np.array(SRGB)).max() < SAME
    if usual and (gamma is None or abs(gamma - _UNIT) < 0.001):
        return None
    curve = icc.SRGB_CURVE if gamma is None else _power(1 / gamma) if abs(gamma - 1) > 1e-6 else _CURVES[8]
    profile = icc.SimpleProfile((curve,) * 3, to_xyz(SRGB if usual or primaries is None else primaries))
    return None if profile.is_srgb() else profile


def from_pillow(info: dict[str | tuple[int, int], Any], notes: list[str]) -> icc.SimpleProfile | None:
    """Return what a PNG that Pillow opened says about its colours beside a profile."""
    places = info.get("chromaticity")
    try:
        if "srgb" in info:
            return None
        points = [(places[i], places[i + 1]) for i in (2, 4, 6, 0)] if places else None
        return from_numbers(info.get("gamma"), (points[0], points[1], points[2], points[3]) if points else None)
    except (ValueError, TypeError, IndexError):
        notes.append("its colours (gAMA, cHRM) cannot be used; sRGB is assumed")
        return None


def adobe_rgb() -> icc.SimpleProfile:
    """Return Adobe RGB (1998), which cameras name by a mark in EXIF instead of a profile (DCF 2.0, option R03)."""
    return icc.SimpleProfile((_power(563 / 256),) * 3, to_xyz(_ADOBE))


def narrowed(profile: icc.SimpleProfile | None, bits: int) -> icc.SimpleProfile:
    """Return the same for samples of a narrow (video) range, where 16 is black and 235 is white of 8 bits."""
    base = profile or icc.SimpleProfile((icc.SRGB_CURVE,) * 3, icc.SRGB_TO_XYZ)
    unit = (2**bits - 1) / 2 ** (bits - 8)

    def widened(curve: icc.Curve) -> icc.Curve:
        return lambda x: curve(np.clip((x * unit - 16) / 219, 0, 1).astype(x.dtype))

    return icc.SimpleProfile(tuple(map(widened, base.curves)), base.to_xyz, base.rendering)


def _light(primaries: Primaries) -> npt.NDArray[np.float64]:
    """Return the matrix from linear RGB to XYZ under the primaries' own white."""
    columns = np.array([(x, y, 1 - x - y) for x, y in primaries[:3]]).T
    x, y = primaries[3]
    try:
        amounts = np.linalg.solve(columns, np.array([x / y, 1, (1 - x - y) / y]))
    except (np.linalg.LinAlgError, ZeroDivisionError):
        raise ValueError("primaries on one line") from None
    if not np.isfinite(amounts).all() or (amounts <= 0).any() or np.abs(amounts).max() > 100:
        raise ValueError("primaries that cannot make their white")
    return columns * amounts


def to_xyz(primaries: Primaries) -> npt.NDArray[np.float64]:
    """Return the matrix that a colour profile has: adapted to D50 by Bradford, in steps of 1/65536."""
    if primaries == SRGB:
        return icc.SRGB_TO_XYZ
    own = _light(primaries)
    white = _BRADFORD @ own.sum(axis=1)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ _D50 / white) @ _BRADFORD @ own
    rounded: npt.NDArray[np.float64] = np.round(adapted * 65536) / 65536
    return rounded


def _hlg_display(primaries: Primaries) -> Callable[[Floats], Floats]:
    """Return the step from the scene's light to the display's, relative to white (BT.2100, table 5, OOTF)."""
    luminance = _light(primaries)[1]

    def shown(scene: Floats) -> Floats:
        bright = np.maximum(scene @ luminance, 1e-9)[..., None]
        light: Floats = _PEAK_NITS / WHITE_NITS * bright ** (_HLG_GAMMA - 1) * scene
        return light

    return shown
