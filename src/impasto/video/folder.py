"""Frames in a folder, a file each, in the order of their numbers."""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from impasto import files, images
from impasto.errors import ImageError, InputError
from impasto.images import DEFAULT_MAX_PIXELS, Picture
from impasto.video.clip import ClipInfo, Shown
from impasto.video.selection import USUAL_RATE

_NUMBER = re.compile(r"(\d+)")


def in_order(names: list[str]) -> list[str]:
    """Return names in the order of their numbers: `frame 2` comes before `frame 10`."""
    return sorted(names, key=lambda name: [int(part) if part.isdigit() else part for part in _NUMBER.split(name)])


def frame_number(name: str) -> int | None:
    """Return the last number in a name without its suffix; None where there is none."""
    numbers = _NUMBER.findall(Path(name).stem)
    return int(numbers[-1]) if numbers else None


def numbers_of(folder: Path, names: list[str], frames: Sequence[Path], what: str) -> list[int]:
    """Return of which frame of a clip, from 0, each of the files in a folder is.

    A file belongs to the frame with the same name, where the clip is a folder of `frames` and any file is called so;
    else to the one whose number, counted from 1, is the last in its own name. Raises `InputError` for one of no frame;
    `what` the files are is for the message.
    """
    stems = {path.stem: number for number, path in enumerate(frames)}
    if not any(Path(name).stem in stems for name in names):
        stems = {}
    numbers = []
    for name in names:
        counted = frame_number(name)
        number = stems.get(Path(name).stem, None if counted is None or stems else counted - 1)
        if number is None or number < 0:
            raise InputError(f"{folder / name}: is of no frame; name {what} as their frames, or by numbers from 1")
        numbers.append(number)
    return numbers


class Folder:
    """The pictures of a folder as a clip, at `rate` frames a second; all have the size of the first."""

    def __init__(self, path: Path, rate: Fraction | None = None, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> None:
        self.path, self._rate, self._max_pixels = path, rate or USUAL_RATE, max_pixels
        try:
            names = [
                entry.name
                for entry in path.iterdir()
                if entry.suffix.lower() in files.PICTURE_SUFFIXES and not entry.name.startswith(".")
            ]
        except OSError as error:
            raise InputError(
                f"{path}: cannot be looked into ({error.strerror or error}); name another folder"
            ) from None
        if not names:
            raise InputError(f"{path}: has no pictures; name a film, or a folder of its frames")
        self._paths = tuple(path / name for name in in_order(names))
        self._info: ClipInfo | None = None

    @property
    def info(self) -> ClipInfo:
        """Return what is known of the frames: the first of them is read for its size."""
        if self._info is None:
            step = 1 / self._rate
            shown = tuple(Shown(number * step, step) for number in range(len(self._paths)))
            size = self._load(self._paths[0]).size
            self._info = ClipInfo(self.path.name, size, shown, paths=self._paths)
        return self._info

    def scan(self) -> Iterator[Picture]:
        """Read all frames."""
        return self.frames()

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Picture]:
        """Read the frames from number `start` to before number `stop`.

        Raises `ImageError` for a frame that cannot be read, or of another size than the first.
        """
        size = self.info.size
        for path in self._paths[start:stop]:
            picture = self._load(path)
            if picture.size != size:
                raise ImageError(
                    f"{path.name}: is {picture.size[1]}x{picture.size[0]} px and the first frame {size[1]}x{size[0]}; "
                    "frames of one clip have one size"
                )
            yield picture

    def _load(self, path: Path) -> Picture:
        return images.load(path, max_pixels=self._max_pixels)
