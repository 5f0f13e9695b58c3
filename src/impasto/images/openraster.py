"""Pictures in layers, as OpenRaster (freedesktop.org, version 0.0.6), which Krita, GIMP and MyPaint open and write."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from impasto.errors import UsageError
from impasto.images.picture import Picture
from impasto.images.sizing import fit_size
from impasto.images.transparency import resize_picture
from impasto.images.write import encode

MIMETYPE = "image/openraster"
THUMBNAIL = 256
"""The long side of the small picture that file managers show, pixels: the most that the format allows."""
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The date of what is in the archive: the same picture gives the same bytes."""


@dataclass(frozen=True)
class Layer:
    """One layer, as large as the picture."""

    name: str
    picture: Picture
    visible: bool = True


def openraster(layers: Sequence[Layer], merged: Picture) -> bytes:
    """Return the bytes of an OpenRaster file with `layers`, the uppermost first, that look like `merged` together.

    Raises `UsageError` for no layer, and for layers that are not all of one size.
    """
    sizes = {layer.picture.size for layer in layers} | {merged.size}
    if not layers or len(sizes) > 1:
        raise UsageError("an OpenRaster file has one layer or more, all of one size")
    height, width = merged.size
    stack = [
        f'  <layer name={quoteattr(layer.name)} src="data/layer{number}.png" x="0" y="0" opacity="1.0" '
        f'visibility="{"visible" if layer.visible else "hidden"}" composite-op="svg:src-over"/>'
        for number, layer in enumerate(layers)
    ]
    lines = ["<?xml version='1.0' encoding='UTF-8'?>", f'<image version="0.0.6" w="{width}" h="{height}">']
    text = "\n".join([*lines, " <stack>", *stack, " </stack>", "</image>"]) + "\n"
    small = merged
    if max(height, width) > THUMBNAIL:
        small = resize_picture(merged, fit_size((height, width), THUMBNAIL))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        # Stored, and first: it is by these bytes that programs tell the format.
        _add(archive, "mimetype", MIMETYPE.encode())
        _add(archive, "stack.xml", text.encode(), packed=True)
        for number, layer in enumerate(layers):
            _add(archive, f"data/layer{number}.png", encode(layer.picture, "png"))
        _add(archive, "mergedimage.png", encode(merged, "png"))
        _add(archive, "Thumbnails/thumbnail.png", encode(small, "png"))
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes, *, packed: bool = False) -> None:
    entry = zipfile.ZipInfo(name, LONG_AGO)
    entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)
