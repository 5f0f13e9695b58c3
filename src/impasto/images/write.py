"""Pictures out: PNG, JPEG, WebP, AVIF and TIFF, always sRGB and saying so, whole or not at all."""

import base64
import io
import os
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from impasto import files
from impasto.errors import OutputError, ResourceError, UsageError
from impasto.events import notice
from impasto.images import writers
from impasto.images.icc import srgb_profile
from impasto.images.picture import Picture, check_bits
from impasto.images.source import shown

FORMATS = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".avif": "avif",
    ".tif": "tiff",
    ".tiff": "tiff",
}
_MAX_SIDE = {"webp": 16383, "jpeg": 65500, "avif": 65535}
_DEEP = {"png", "tiff"}

_MAX_JPEG_XMP = 65502
"""The most bytes of XMP in a JPEG: a segment has 65,535, and its name and length take some."""


def save(
    picture: Picture,
    path: str | Path,
    *,
    bits: int = 8,
    quality: int = 95,
    metadata: str | None = None,
    force: bool = False,
) -> None:
    """Write a picture in the format of the suffix, or as PNG to standard output for `-`.

    metadata: JSON to embed, from `impasto.metadata.build`. Raises `OutputError` as `check_output` does, and when
    the disk is full (the file that was there is then intact), `ResourceError` when standard output takes no more.
    """
    check_output(path, picture.size, bits=bits, force=force)
    if _is_stdout(path):
        data = encode(picture, "png", bits=bits, quality=quality, metadata=metadata)
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # the reader had enough, which is no error of ours: the command line ends quietly
            raise
        except OSError as error:
            raise ResourceError(
                f"-: standard output could not be written ({error.strerror or error}); make room, or name a file"
            ) from None
        return
    data = encode(picture, _format(path), bits=bits, quality=quality, metadata=metadata)
    files.write_bytes(Path(path), data, follow=True, replace=force)


def encode(picture: Picture, format: str, *, bits: int = 8, quality: int = 95, metadata: str | None = None) -> bytes:
    """Return the bytes of a file: the same picture and options always give the same bytes.

    format: png, jpeg, webp, avif or tiff. quality: 1 to 100, for jpeg, webp (100 is lossless) and avif.
    A transparent picture is laid on white for jpeg, with a notice.
    Raises `OutputError` when the format cannot hold the picture, `UsageError` for a wrong option.
    """
    format = FORMATS.get(f".{format.lower()}", format.lower())
    if format not in FORMATS.values():
        raise OutputError(f"{format}: is not a format to write; choose one of {_choices()}")
    if not 1 <= quality <= 100:
        raise UsageError(f"quality={quality}: must be from 1 to 100")
    _check_fit(format, picture.size, bits, picture.name)
    profile = srgb_profile()
    if format == "png":
        return writers.png(picture.to_numpy(bits), profile, (files.RECIPE_KEYWORD, metadata) if metadata else None)
    xmp = _xmp(metadata) if metadata else None
    if format == "tiff":
        return writers.tiff(picture.to_numpy(bits), profile, xmp)
    options: dict[str, Any] = {"quality": quality, "icc_profile": profile}
    if xmp:
        options["xmp"] = xmp
    if format == "jpeg":
        if xmp and len(xmp) > _MAX_JPEG_XMP:
            raise OutputError(f"{picture.name}: the recipe is too long for a JPEG; save as PNG or leave it out")
        image = _on_white(picture)
        options |= {"subsampling": 0, "optimize": True}
    else:
        image = picture.to_pil()
        options |= {"subsampling": "4:4:4"} if format == "avif" else {"exact": True, "lossless": quality == 100}
    stream = io.BytesIO()
    try:
        image.save(stream, format.upper(), **options)
    except (OSError, ValueError, MemoryError, KeyError) as error:
        raise OutputError(f"{picture.name}: could not be written as {format.upper()} ({error})") from None
    return stream.getvalue()


def check_output(
    path: str | Path,
    size: tuple[int, int] | None = None,
    bits: int = 8,
    force: bool = False,
    inputs: Iterable[str | Path] = (),
) -> None:
    """Find out before computing whatever will prevent a picture of `size` = (height, width) from being saved.

    Raises `OutputError` for a suffix that names no format, a size or depth that the format cannot hold, a file
    that exists or is one of `inputs` (unless `force`), and a place that cannot be written.
    """
    name = shown(os.fspath(path))
    if _is_stdout(path):
        if sys.stdout is None:
            raise OutputError("-: standard output is closed; redirect it, or name a file")
        if sys.stdout.isatty():
            raise OutputError("-: standard output is a terminal; redirect it, or name a file")
        _check_fit("png", size, bits, name)
        return
    _check_fit(_format(path), size, bits, name)
    if not force:
        for source in inputs:
            if os.fspath(source) != "-" and _same_file(path, source):
                raise OutputError(f"{name}: is also an input; name another output or pass --force")
    files.check_output(Path(path), force=force)


def _is_stdout(path: str | Path) -> bool:
    return isinstance(path, str) and path == "-"


def _choices() -> str:
    return ", ".join(FORMATS)


def _format(path: str | Path) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise OutputError(
            f"{shown(os.fspath(path))}: {shown(suffix) or 'no suffix'} names no format to write; "
            f"end the name in one of {_choices()}"
        )
    return FORMATS[suffix]


def _check_fit(format: str, size: tuple[int, int] | None, bits: int, name: str) -> None:
    check_bits(bits)
    if bits == 16 and format not in _DEEP:
        raise OutputError(f"{name}: {format.upper()} has no 16 bits a channel; use .png or .tiff, or 8 bits")
    limit = _MAX_SIDE.get(format)
    if size and limit and max(size) > limit:
        raise OutputError(
            f"{name}: {size[1]} x {size[0]} is too large for {format.upper()}, which ends at {limit} pixels "
            "a side; use .png or .tiff, or a smaller size"
        )


def _same_file(one: str | Path, other: str | Path) -> bool:
    try:
        return Path(one).samefile(other)
    except (OSError, ValueError):
        return os.path.realpath(one) == os.path.realpath(other)


def _on_white(picture: Picture) -> Image.Image:
    if picture.alpha is None or picture.opaque:
        return Picture(picture.pixels, None, picture.name).to_pil()
    notice(f"{picture.name}: JPEG has no transparency; the picture is laid on white")
    alpha = picture.alpha.clamp(0, 1)
    return Picture(picture.pixels * alpha + (1 - alpha), None, picture.name).to_pil()


def _xmp(metadata: str) -> bytes:
    """Wrap JSON in an XMP packet (ISO 16684-1) that any reader of XMP can show."""
    tag, body = "recipe", metadata
    if len(metadata) > 30_000:
        tag, body = "packed", base64.b64encode(zlib.compress(metadata.encode(), 9)).decode()
    escaped = body.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:impasto="{files.RECIPE_NAMESPACE}">'
        f"<impasto:{tag}>{escaped}</impasto:{tag}>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()
