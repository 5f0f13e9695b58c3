"""Files of pixels: one function that opens any readable kind with Pillow's plugins, and tames them."""

import importlib
import io
import warnings
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from impasto.errors import ImageError
from impasto.events import notice
from impasto.images import bmps, boxes, convert, deep, pillow, png_parts, signals, tiff_colors, tiff_pixels, tiffs
from impasto.images.arrays import Arrays, check_pixels, upright
from impasto.images.headers import check_memory, needed
from impasto.images.source import shown

_ORIENTATION = 0x0112
_SEVERAL = "has several frames or pages; the first is used (impasto video paints clips)"
_PRIMARY = "has several pictures; the one that the file calls its primary is used"
_EXIF, _INTEROPERABILITY, _COLOR_SPACE = 0x8769, 0xA005, 0xA001


class _Tiff(TiffImageFile):
    """TIFF as it lies in the file: Pillow turns it upright by itself, which fails where EXIF is damaged."""

    def load_end(self) -> None:
        self._size = self._tile_size


_OPENERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    # The plugins' own classes, not Image.open: no other plugin is ever asked, so none can start a program.
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "AVIF": AvifImageFile,
    "TIFF": _Tiff,
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
}


def decode(data: bytes, kind: str, name: str, max_pixels: int, *, lenient: bool) -> Arrays:
    """Decode the first frame of a file of a known kind. Raises whatever Pillow raises, or `ImageError`."""
    notes: list[str] = []
    with pillow.session(max_pixels=max_pixels, truncated=lenient) as caught:
        try:
            special = _special(data, kind, name, max_pixels, lenient, notes)
            (rgb, alpha), upward = special or _usual(data, kind, name, max_pixels, lenient, notes)
        except Image.DecompressionBombError:
            raise ImageError(
                f"{name}: has more than {max_pixels:,} pixels, the limit; --max-pixels raises it"
            ) from None
        except ImageError as error:
            # Those from below know what is wrong, not with which file.
            raise error if str(error).startswith(name) else ImageError(f"{name}: {error}") from None
        notes += worth_saying(caught)
    for note in notes:
        notice(f"{name}: {note}")
    return upright(rgb, upward), None if alpha is None else upright(alpha, upward)


def _usual(data: bytes, kind: str, name: str, max_pixels: int, lenient: bool, notes: list[str]) -> tuple[Arrays, int]:
    """Decode with Pillow's plugins; also the orientation."""
    parts = png_parts.split(data) if kind == "PNG" else None
    opener = _opener(parts.pixels if parts else data, kind, name, lenient)
    try:
        image = opener()
    except SyntaxError as error:
        page = tiffs.read(io.BytesIO(data)) if kind == "TIFF" and "unknown" in str(error) else None
        if page is None:
            raise
        what = tiffs.describe(page.chain[0])
        raise ImageError(
            f"is a TIFF with {what}, which impasto does not read; save it as RGB of 8 or 16 bits"
        ) from None
    check_pixels(image.size, name, max_pixels)
    deep16 = bool(parts and parts.depth == 16)
    check_memory(image.size, needed(image.width * image.height, len(data), **traits(image, deep=deep16)), name)
    profile = png_parts.color(parts, notes) if parts else _color(image, data, kind, notes)
    upward = orientation(image, parts.exif if parts else image.info.get("exif"), notes)
    if parts.animated if parts else _has_more_frames(image, data, kind):
        notes.append(_PRIMARY if kind == "HEIC" else _SEVERAL)
    return _pixels(image, opener, kind, parts, profile, notes), upward


def _special(
    data: bytes, kind: str, name: str, max_pixels: int, lenient: bool, notes: list[str]
) -> tuple[Arrays, int] | None:
    """Decode what Pillow's plugins do not; also the orientation. None for all else."""
    if kind == "BMP" and (fields := bmps.fields(data)):
        check_pixels(fields.size, name, max_pixels)
        image = bmps.decode(data, fields, lenient=lenient)
        return convert.to_srgb(image, None, notes, convert.Scale()), 1
    tiff = tiffs.read(io.BytesIO(data)) if kind == "TIFF" else None
    if tiff is None:
        return None
    page = tiff.chain[0]
    layout = tiff_pixels.layout(page)
    wrapped = page.get(tiffs.COMPRESSION) == tiff_pixels.WEBP
    if min(page.size) < 1 or not (layout or wrapped):
        return None
    check_pixels(page.size, name, max_pixels)
    pixels = page.size[0] * page.size[1]
    alpha = page.get(tiffs.SAMPLES, 1) in (2, 4)
    working = 2 * layout.bytes_per_pixel * pixels if layout else 0
    check_memory(page.size, needed(pixels, len(data), alpha=alpha) + working, name)
    profile: convert.Color = tiffs.bytes_of(io.BytesIO(data), page, tiffs.PROFILE, convert.MAX_PROFILE_BYTES)
    profile = profile or tiff_colors.read(io.BytesIO(data), page, notes)
    if len(tiff.chain) > 1:
        notes.append(_SEVERAL)
    upward = page.get(_ORIENTATION, 1)
    upward = upward if 1 <= upward <= 8 else 1
    if layout:
        values, opacity = tiff_pixels.decode(data, page, layout, notes)
        return (convert.deep_to_srgb(values, profile, notes), opacity), upward
    return convert.to_srgb(tiff_pixels.webp(data, page), profile, notes, convert.Scale()), upward


def _opener(data: bytes, kind: str, name: str, lenient: bool) -> deep.Opener:
    if kind == "HEIC":
        try:
            heif: Any = importlib.import_module("pillow_heif")
        except ImportError:
            raise ImageError(f'{name}: is a HEIC picture; to read it, pip install "impasto[heif]"') from None
        # The class is used and not registered: registering would change Pillow for the whole process.
        return lambda: cast(ImageFile.ImageFile, heif.HeifImageFile(io.BytesIO(data)))
    if kind == "WEBP" and lenient:
        # libwebp wants the whole file before it decodes; zeros in place of what is missing give the rest.
        data += b"\0" * max(0, min(int.from_bytes(data[4:8], "little") + 8 - len(data), 2**26))
    if kind == "AVIF":
        return lambda: _open_avif(data)
    return lambda: _OPENERS[kind](io.BytesIO(data))


def _open_avif(data: bytes) -> ImageFile.ImageFile:
    try:
        return AvifImageFile(io.BytesIO(data))
    except Exception:  # the kind depends on who noticed, libavif or Pillow
        # Both give up on damaged EXIF before they look at the pixels: hide the item and try again.
        image = AvifImageFile(io.BytesIO(data.replace(b"Exif", b"Xxif")))
        warnings.warn("its EXIF data is damaged and ignored", stacklevel=1)
        return image


def orientation(image: Image.Image, raw: bytes | None, notes: list[str]) -> int:
    """Read the EXIF orientation, 1 to 8; damage adds a note and means 1.

    `raw` is the EXIF block where the caller has it: the JPEG plugin has read it already and hushed up its faults.
    """
    try:
        if raw:
            exif = Image.Exif()
            exif.load(raw)
        else:
            exif = image.getexif()
        value = exif.get(_ORIENTATION, 1)
    except Exception:  # parsing hostile EXIF raises as many kinds as decoding hostile pixels
        notes.append("its EXIF data is damaged and ignored")
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _color(image: Image.Image, data: bytes, kind: str, notes: list[str]) -> convert.Color:
    """Return what a file other than PNG says about its colours; a profile goes before everything else."""
    profile: bytes | None = image.info.get("icc_profile")
    if profile:
        return profile
    if kind == "TIFF" and image.mode in ("RGB", "RGBA") and (tiff := tiffs.read(io.BytesIO(data))):
        return tiff_colors.read(io.BytesIO(data), tiff.chain[0], notes)
    if kind in ("AVIF", "HEIC"):
        primary = boxes.read(io.BytesIO(data))
        if primary and primary.nclx:
            try:
                # Matrix and range are undone by the decoder.
                return signals.from_codes(*primary.nclx[:2], notes)
            except ValueError as error:
                notes.append(f"its colour signal (nclx) cannot be used ({error}) and is ignored")
    return signals.adobe_rgb() if kind == "JPEG" and image.mode == "RGB" and _says_adobe_rgb(image) else None


def _says_adobe_rgb(image: Image.Image) -> bool:
    """Return whether EXIF says that colours are no sRGB but DCF's optional space, which is Adobe RGB."""
    try:
        exif = image.getexif()
        return exif.get_ifd(_EXIF).get(_COLOR_SPACE) == 0xFFFF and exif.get_ifd(_INTEROPERABILITY).get(1) == "R03"
    except Exception:  # as in `orientation`, which says so
        return False


def _has_more_frames(image: ImageFile.ImageFile, data: bytes, kind: str) -> bool:
    try:
        # A GIF looks for its second frame by reading on: let another object do it.
        counted = GifImageFile(io.BytesIO(data)) if kind == "GIF" else image
        return bool(getattr(counted, "is_animated", False))
    except Exception:  # damage after the first frame is no concern of ours
        return True


def _pixels(
    image: ImageFile.ImageFile,
    opener: deep.Opener,
    kind: str,
    parts: png_parts.PngParts | None,
    profile: convert.Color,
    notes: list[str],
) -> Arrays:
    scale = convert.Scale()
    if isinstance(image, TiffImageFile):
        scale, bits = _tiff_scale(image)
        if bits == 16 and image.mode in ("RGB", "RGBA", "CMYK"):
            notes.append("has 16 bits a channel, of which 8 are used")
    if parts and parts.depth == 16 and (samples := deep.planes(opener)) is not None:
        return _deep(samples, image.info.get("transparency"), profile, notes)
    if image.mode == "CMYK" and kind == "JPEG" and "adobe" not in image.info:
        # Adobe writes inverted ink, and Pillow takes all four-channel JPEGs for Adobe's.
        image.tile = [tile._replace(args=("CMYK", "")) for tile in image.tile]
    key = image.info.get("transparency")
    if parts and image.mode == "L" and parts.depth in (2, 4) and isinstance(key, int):
        # Pillow stretches the samples to 8 bits and leaves the transparent value as it was.
        image.info["transparency"] = key * 255 // (2**parts.depth - 1)
    frame = image.tile[0].extents if kind == "GIF" and image.tile else None
    image.load()
    rgb, alpha = convert.to_srgb(image, profile, notes, scale)
    if frame and tuple(frame) != (0, 0, *image.size):
        # What the first frame leaves free of the canvas shows nothing, whatever colour Pillow fills it with.
        inside = np.zeros(rgb.shape[:2], np.float32)
        inside[frame[1] : frame[3], frame[0] : frame[2]] = 1
        alpha = inside if alpha is None else alpha * inside
    return rgb, alpha


def _tiff_scale(image: TiffImageFile) -> tuple[convert.Scale, int]:
    tags = image.tag_v2
    bits = next(iter(tags.get(258, (1,))))
    signed = 2 in tuple(tags.get(339, (1,)))
    highest = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    scale = convert.Scale(highest, unsigned=bits == 32 and not signed, inverted=tags.get(262) == 0)
    return scale, bits


def _deep(samples: npt.NDArray[Any], key: object, profile: convert.Color, notes: list[str]) -> Arrays:
    colors = 1 if samples.shape[2] == 2 else 3
    alpha = None
    if samples.shape[2] in (2, 4):
        alpha = samples[..., -1].astype(np.float32) / 65535
    elif isinstance(key, tuple):
        alpha = (samples != np.array(key)).any(axis=-1).astype(np.float32)
    values = samples[..., :colors].astype(np.float32) / 65535
    return convert.deep_to_srgb(values, profile, notes), alpha


def worth_saying(caught: list[warnings.WarningMessage]) -> list[str]:
    """Return Pillow's warnings, once each; not those about a size that was checked already, nor about Pillow itself."""
    skipped = (Image.DecompressionBombWarning, DeprecationWarning, ResourceWarning)
    kept = [reason(entry.message) for entry in caught if not issubclass(entry.category, skipped)]
    return list(dict.fromkeys(kept))


def reason(error: Exception | Warning | str) -> str:
    """Say another library's exception or warning in one short line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return shown(text[:160])


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error says that there was not enough memory."""
    # Codecs and torch tell of memory in words.
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in ("out of memory", "alloc"))


def traits(image: Image.Image, *, deep: bool = False) -> dict[str, bool]:
    """Tell what of a picture decides on the memory that decoding takes."""
    wide = deep or image.mode in ("I", "F") or image.mode.startswith("I;")
    return {"alpha": image.has_transparency_data, "deep": wide}
