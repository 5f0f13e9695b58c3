"""The one place where other people's bytes become pixels."""

import hashlib
import io
import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile
from torch import Tensor

from impasto.errors import ImageError, ImpastoError, ResourceError, UsageError
from impasto.events import notice
from impasto.images import headers, pillow, signals, tiffs
from impasto.images.arrays import Arrays, check_pixels, from_array, to_tensors, upright
from impasto.images.container import decode, is_out_of_memory, orientation, reason, traits, worth_saying
from impasto.images.convert import Scale, to_srgb
from impasto.images.picture import Picture
from impasto.images.source import READABLE, check_kind, misnamed, read_file, read_stdin, shown

DEFAULT_MAX_PIXELS = 200_000_000
"""The most pixels of a picture that is decoded unless the caller says otherwise: more than any camera's, and they take
some 5 GB."""


class Stored(Protocol):
    """A file that lies elsewhere than in a folder, such as a `zipfile.Path` or a `shards.Member`."""

    def read_bytes(self) -> bytes:
        """Return the file's bytes."""


PictureLike = str | Path | bytes | Image.Image | npt.NDArray[Any] | Tensor | Picture | Stored

_SALVAGEABLE = {"JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"}


def load(source: PictureLike, *, max_pixels: int = DEFAULT_MAX_PIXELS, allow_truncated: bool = False) -> Picture:
    """Decode a picture: upright, sRGB, float32, alpha apart.

    source: a file's name, `-` for standard input, the bytes of a file or what reads them (`Stored`), a Pillow
    picture, a (H, W), (H, W, 3) or (H, W, 4) array, or a (3 or 4, H, W) tensor with or without a batch of one.
    Whole-number arrays are scaled by their type's largest value; floats are in [0, 1]. `max_pixels` is compared with
    the header before decoding.
    With `allow_truncated`, a cut-off or damaged file gives what can be read of it.

    Raises `ImageError` for whatever is wrong with the picture, and `ResourceError` where there is not enough memory to
    decode it, before that is tried.
    """
    if isinstance(source, Picture):
        return source
    if max_pixels < 1:
        raise UsageError(f"max_pixels={max_pixels}: must be at least 1")
    name = _name(source)
    try:
        if isinstance(source, Image.Image):
            return _in_memory(_from_pillow(source, name, max_pixels), name)
        if isinstance(source, np.ndarray | Tensor):
            return _in_memory(from_array(source, name), name)
        if isinstance(source, bytes):
            data = source
        elif isinstance(source, str) and source == "-":
            data = read_stdin(max_pixels)
        elif isinstance(source, str | Path):
            data = read_file(source, name, max_pixels)
        elif hasattr(source, "read_bytes"):
            data = source.read_bytes()
        else:
            raise ImageError(f"{name}: a {type(source).__name__} is not a picture; give a file, bytes or array")
        return _from_bytes(data, name, max_pixels, allow_truncated)
    except ImpastoError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise _out_of_memory(name) from None
        raise ImageError(f"{name}: cannot be read as a picture ({reason(error)})") from None


def _out_of_memory(name: str) -> ResourceError:
    return ResourceError(
        f"{name}: there is not enough memory to decode it; make the picture smaller in another program, "
        "or free some memory"
    )


def _name(source: object) -> str:
    if isinstance(source, str | Path):
        return shown(os.fspath(source))
    if hasattr(source, "read_bytes"):
        return shown(str(source))
    kinds = {Image.Image: "Pillow picture", np.ndarray: "array", Tensor: "tensor"}
    return next((name for kind, name in kinds.items() if isinstance(source, kind)), "bytes")


def _from_bytes(data: bytes, name: str, max_pixels: int, allow_truncated: bool) -> Picture:
    kind = check_kind(data[:1024], name)
    if misnamed(Path(name).suffix, kind):
        notice(f"{name}: is really a {kind} picture and is read as one")
    headers.check(io.BytesIO(data), kind, name, max_pixels, len(data))
    truncated = False
    try:
        arrays = decode(data, kind, name, max_pixels, lenient=False)
    except ImpastoError:
        raise
    except Exception as error:
        if is_out_of_memory(error) or not headers.fits(data, kind):
            raise _out_of_memory(name) from None
        problem = f"{name}: is damaged or cut off ({reason(error)})"
        if kind not in _SALVAGEABLE:
            raise ImageError(f"{problem}; get another copy") from None
        if not allow_truncated:
            raise ImageError(f"{problem}; --allow-truncated uses what can be read") from None
        arrays = _salvaged(data, kind, name, max_pixels, problem)
        notice(f"{problem}; what could be read is used")
        truncated = True
    pixels, alpha = to_tensors(arrays)
    base = shown(Path(name).name) or name
    return Picture(pixels, alpha, base, hashlib.sha256(data).hexdigest(), truncated)


def _salvaged(data: bytes, kind: str, name: str, max_pixels: int, problem: str) -> Arrays:
    """Decode what is left of a damaged file. Raises `ImageError` where that is next to nothing."""
    beyond = ImageError(f"{problem}, too much so for --allow-truncated; get another copy")
    if headers.hopeless(data, kind):
        raise beyond
    try:
        return decode(data, kind, name, max_pixels, lenient=True)
    except ImpastoError:
        raise
    except Exception as error:
        raise _out_of_memory(name) if is_out_of_memory(error) else beyond from None


def _from_pillow(image: Image.Image, name: str, max_pixels: int) -> Arrays:
    if isinstance(image, ImageFile.ImageFile) and image.format not in (*READABLE, "MPO", "HEIF"):
        # Loading e.g. an EPS that Image.open returned would start Ghostscript.
        raise ImageError(f"{name}: is of the format {image.format}, which impasto does not read")
    if isinstance(image, TiffImageFile) and image.tell() == 0 and image.tag_v2.get(tiffs.SUBFILE, 0) & 1:
        raise ImageError(f"{name}: {headers.SMALL_COPY}")
    check_pixels(image.size, name, max_pixels)
    headers.check_memory(image.size, headers.needed(image.width * image.height, 0, **traits(image)), name)
    notes: list[str] = []
    with pillow.session(max_pixels=max_pixels, truncated=False) as caught:
        # TIFF is turned upright by Pillow itself, which also drops the tag, while it loads.
        image.load()
        turn = orientation(image, None, notes)
        try:
            color = image.info.get("icc_profile") or signals.from_pillow(image.info, notes)
            rgb, alpha = to_srgb(image, color, notes, Scale())
        except ImageError as error:
            raise ImageError(f"{name}: {error}") from None
        notes += worth_saying(caught)
    for note in notes:
        notice(f"{name}: {note}")
    return upright(rgb, turn), None if alpha is None else upright(alpha, turn)


def _in_memory(arrays: Arrays, name: str) -> Picture:
    pixels, alpha = to_tensors(arrays)
    digest = hashlib.sha256(pixels.numpy().tobytes())
    if alpha is not None:
        digest.update(alpha.numpy().tobytes())
    return Picture(pixels, alpha, name, digest.hexdigest())
