"""Pictures in and out: decoding at one boundary, resizing, and writing whole files."""

from impasto.images.animation import ANIMATIONS, animation_frames, read_animation, save_animation, save_frames
from impasto.images.decode import DEFAULT_MAX_PIXELS, PictureLike, load
from impasto.images.picture import Picture
from impasto.images.sheet import Tile, contact_sheet
from impasto.images.sizing import crop_to_aspect, extend, fit_size, resize
from impasto.images.source import is_picture
from impasto.images.transparency import fill_hidden, resize_picture, visible
from impasto.images.write import FORMATS, check_output, encode, save

__all__ = [
    "ANIMATIONS",
    "DEFAULT_MAX_PIXELS",
    "FORMATS",
    "Picture",
    "PictureLike",
    "Tile",
    "animation_frames",
    "check_output",
    "contact_sheet",
    "crop_to_aspect",
    "encode",
    "extend",
    "fill_hidden",
    "fit_size",
    "is_picture",
    "load",
    "read_animation",
    "resize",
    "resize_picture",
    "save",
    "save_animation",
    "save_frames",
    "visible",
]
