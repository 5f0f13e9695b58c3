"""From every kind of pixel that Pillow knows to float32 sRGB, with alpha apart."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from impasto.errors import ImageError
from impasto.images import icc

Floats = npt.NDArray[Any]
Color = bytes | icc.SimpleProfile | None
"""What a file says about its colours: a profile, something simpler, or nothing, which means sRGB."""
MAX_PROFILE_BYTES = 16 * 2**20
"""The most bytes of an ICC profile: printers' have up to a few million."""
_CHUNK = 1 << 18
"""Pixels whose colours are converted at a time: several copies of so many in floats are little memory."""

_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}


@dataclass(frozen=True)
class Scale:
    """What a file says about its whole numbers, where Pillow's mode does not say it."""

    highest: int | None = None
    unsigned: bool = False
    inverted: bool = False


def to_srgb(image: Image.Image, profile: Color, notes: list[str], scale: Scale) -> tuple[Floats, Floats | None]:
    """Convert a loaded Pillow picture of any mode to (H, W, 3) float32 sRGB and (H, W) alpha or None.

    `notes` receives a line for each thing the user should know. Raises `ImageError` for NaN or infinite pixels.
    """
    if image.mode.startswith("I;16"):
        samples = np.asarray(image).astype(np.uint16)
        key = image.info.get("transparency")
        alpha = (samples != key).astype(np.float32) if isinstance(key, int) else None
        gray = samples.astype(np.float32) / (scale.highest or 65535)
        return deep_to_srgb((1 - gray if scale.inverted else gray)[..., None], profile, notes), alpha
    if image.mode == "I":
        return deep_to_srgb(_whole(np.asarray(image), scale, notes)[..., None], profile, notes), None
    if image.mode == "F":
        return deep_to_srgb(_floats(np.asarray(image), notes)[..., None], profile, notes), None
    alpha = None
    if image.has_transparency_data:
        both = image.convert("RGBA")
        alpha = np.asarray(both.getchannel("A")).astype(np.float32) / 255
        if image.mode in ("LA", "La"):
            image = image.convert("LA").getchannel("L")
        elif image.mode not in ("L", "1"):
            image = both.convert("RGB")
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("RGB")
    return _eight_bits(image, profile, notes), alpha


def deep_to_srgb(values: Floats, profile: Color, notes: list[str]) -> Floats:
    """Convert (H, W, 1 or 3) float32 in [0, 1] to (H, W, 3) float32 sRGB, without going through 8 bits."""
    if isinstance(profile, icc.SimpleProfile):
        values = _by_rows(profile.to_srgb, np.broadcast_to(values, (*values.shape[:2], 3)))
    elif profile and not icc.is_srgb(profile):
        simple, space = icc.parse(profile), icc.color_space(profile)
        if simple is None and space == "RGB":
            wide = np.broadcast_to(values, (*values.shape[:2], 3))
            before = len(notes)
            converted = _eight_bits(Image.fromarray(np.round(wide * 255).astype(np.uint8)), profile, notes)
            if len(notes) == before:
                notes.append("its colour profile is a table, which is applied with 8 bits a channel")
                return converted
        elif simple is None or (space == "GRAY") != (len(simple.curves) == 1):
            notes.append("its colour profile is damaged or does not fit; sRGB is assumed")
        elif space == "GRAY" and values.shape[2] == 3:
            notes.append("its colour profile is for grey pictures; sRGB is assumed")
        else:
            values = values if space == "GRAY" else np.broadcast_to(values, (*values.shape[:2], 3))
            values = _by_rows(simple.to_srgb, values)
    return np.ascontiguousarray(np.broadcast_to(values, (*values.shape[:2], 3)), dtype=np.float32)


def _by_rows(convert: Callable[[Floats], Floats], values: Floats) -> Floats:
    """Apply a conversion of colours to (H, W, C), some rows at a time."""
    converted = np.empty(values.shape, values.dtype)
    step = max(1, _CHUNK // values.shape[1])
    for top in range(0, len(values), step):
        converted[top : top + step] = convert(values[top : top + step])
    return converted


def _eight_bits(image: Image.Image, profile: Color, notes: list[str]) -> Floats:
    values: Floats = np.asarray(_apply_profile(image, profile, notes)).astype(np.float32)
    values /= 255
    return values


def _apply_profile(image: Image.Image, profile: Color, notes: list[str]) -> Image.Image:
    """Convert L, RGB, CMYK or LAB to 8-bit RGB; without a usable profile, plainly."""
    if image.mode == "LAB":
        # TIFF's L*a*b* has the D50 white of profiles (TIFF 6.0, section 23); it needs no other profile.
        return _transform(image, ImageCms.createProfile("LAB"))
    if isinstance(profile, icc.SimpleProfile):
        return _simply(image.convert("RGB"), profile)
    if not profile or icc.is_srgb(profile):
        return image.convert("RGB")
    space = icc.color_space(profile)
    if image.mode == "L" and space == "RGB":
        image = image.convert("RGB")
    if len(profile) > MAX_PROFILE_BYTES or not space:
        notes.append("its colour profile is damaged; sRGB is assumed")
    elif _SPACES[image.mode] != space:
        notes.append(f"its colour profile is for {space} and the pixels are {image.mode}; sRGB is assumed")
    elif simple := icc.parse(profile):
        return _simply(image, simple)
    else:
        try:
            return _transform(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
        except Exception:  # littlecms reports damage as OSError, PyCMSError, ValueError ...
            notes.append("its colour profile is damaged; sRGB is assumed")
    return image.convert("RGB")


def _simply(image: Image.Image, profile: icc.SimpleProfile) -> Image.Image:
    """Convert L or RGB by curves and a matrix: exactly as pictures are whose colours are told without a profile."""
    samples = np.asarray(image)
    samples = samples[..., None] if samples.ndim == 2 else samples
    return Image.fromarray(np.broadcast_to(_by_rows(profile.bytes_to_srgb, samples), (*samples.shape[:2], 3)))


def _transform(image: Image.Image, profile: Any) -> Image.Image:
    target = ImageCms.ImageCmsProfile(io.BytesIO(icc.srgb_profile()))
    result = ImageCms.profileToProfile(image, profile, target, outputMode="RGB")
    if result is None:
        raise ValueError("no transform")
    return result


def _whole(values: npt.NDArray[Any], scale: Scale, notes: list[str]) -> Floats:
    """Scale 32-bit whole numbers: by 65535 where none is larger, else by the largest their type can hold."""
    values = values.view(np.uint32) if scale.unsigned else values
    return _unit(values, scale.highest or (2**32 - 1 if scale.unsigned else 2**31 - 1), notes)


def scaled(values: npt.NDArray[Any], notes: list[str]) -> Floats:
    """Scale samples of any type to float32 in [0, 1]: whole numbers by the largest of their type, below 0 is black.

    Raises `ImageError` for NaN or infinite floats.
    """
    if np.issubdtype(values.dtype, np.floating):
        return _floats(values, notes)
    highest = int(np.iinfo(values.dtype).max)
    if highest > 65535:
        return _unit(values, highest, notes)
    floats = values.astype(np.float32)
    floats /= highest
    return np.maximum(floats, 0, out=floats)


def _unit(values: npt.NDArray[Any], highest: int, notes: list[str]) -> Floats:
    values = values.astype(np.float64)
    if highest > 65535 and float(values.max()) <= 65535:
        highest = 65535
    notes.append(f"whole-number pixels: {highest} is taken for white")
    return np.clip(values / highest, 0, 1).astype(np.float32)


def _floats(values: npt.NDArray[Any], notes: list[str]) -> Floats:
    """Take floats as sRGB in [0, 1]; where some exceed 1, divide all by the largest. Negative is black."""
    if not np.isfinite(values).all():
        raise ImageError("has NaN or infinite pixels; mend it in the program that wrote it")
    highest = float(values.max())
    if highest > 1:
        notes.append(f"floating-point pixels go up to {highest:g}, which is taken for white")
        values = values / highest
    clipped: Floats = np.clip(values, 0, 1).astype(np.float32)
    return clipped
