"""Animations in: GIF, APNG, WebP and AVIF that move."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

from impasto import images
from impasto.errors import InputError
from impasto.images import DEFAULT_MAX_PIXELS, Picture
from impasto.video.clip import ClipInfo, Shown


class Moving:
    """A picture that moves, as a clip; each frame is shown as long as the file says."""

    def __init__(self, path: Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> None:
        self.path, self._max_pixels = path, max_pixels
        animation = images.read_animation(path, max_pixels=max_pixels)
        if animation is None:
            raise InputError(f"{path.name}: does not move; impasto paint paints a still picture")
        self._loops = animation.loops
        self._info: ClipInfo | None = None

    @property
    def info(self) -> ClipInfo:
        """Return what `scan` found; it is scanned first where that was not done yet."""
        if self._info is None:
            for _ in self.scan():
                pass
        if self._info is None:
            raise InputError(f"{self.path.name}: could not be read through; get another copy")
        return self._info

    def scan(self) -> Iterator[Picture]:
        """Read all frames; afterwards `info` is known. Raises what `images.animation_frames` does."""
        shown: list[Shown] = []
        size = (0, 0)
        for picture, span in images.animation_frames(self.path, max_pixels=self._max_pixels):
            shown.append(Shown(shown[-1].end if shown else Fraction(0), span))
            size = picture.size
            yield picture
        self._info = ClipInfo(self.path.name, size, tuple(shown), loops=self._loops)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Picture]:
        """Read the frames from number `start` to before number `stop`."""
        every = images.animation_frames(self.path, max_pixels=self._max_pixels)
        return (picture for picture, _ in islice(every, start, stop))
