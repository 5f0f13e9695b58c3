"""From what the user names to a clip: a film, a folder of frames, or a picture that moves."""

import stat
from fractions import Fraction
from pathlib import Path

from impasto import images
from impasto.errors import InputError
from impasto.files import absence
from impasto.images import DEFAULT_MAX_PIXELS
from impasto.video.clip import Clip
from impasto.video.film import Film
from impasto.video.folder import Folder
from impasto.video.moving import Moving


def open_clip(path: str | Path, *, rate: Fraction | None = None, max_pixels: int = DEFAULT_MAX_PIXELS) -> Clip:
    """Return the clip in a file or folder; `rate` is that of a folder's frames.

    Raises `InputError` where there is none, it cannot be read, or what is there does not move.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return Folder(path, rate, max_pixels=max_pixels)
        if not stat.S_ISREG(mode):
            raise InputError(f"{path}: is not a regular file; name a film, or a folder of its frames")
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty (0 bytes); get another copy")
        with path.open("rb") as stream:
            picture = images.is_picture(stream.read(1024))
        return Moving(path, max_pixels=max_pixels) if picture else Film(path, max_pixels=max_pixels)
    except FileNotFoundError:
        raise InputError(f"{path}: {absence(path)}") from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); check the name"
        ) from None
