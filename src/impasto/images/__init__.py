"""Pictures in and out: decoding at one boundary, resizing, and writing whole files."""

from impasto.images.decode import DEFAULT_MAX_PIXELS, Source, load
from impasto.images.picture import Picture
from impasto.images.sizing import crop_to_aspect, fit_size, resize
from impasto.images.write import FORMATS, check_output, encode, save

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "FORMATS",
    "Picture",
    "Source",
    "check_output",
    "crop_to_aspect",
    "encode",
    "fit_size",
    "load",
    "resize",
    "save",
]
