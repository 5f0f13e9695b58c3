"""Clips out: a film, an animation, or a folder of frames, after the name of the output."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from impasto import files, images
from impasto.errors import OutputError, UsageError
from impasto.events import notice
from impasto.images import Picture
from impasto.video.clip import ClipInfo, Shown
from impasto.video.film_writer import CONTAINERS, FilmFormat, Sound, check_film, write_film
from impasto.video.selection import USUAL_RATE

DIGITS = 6
"""Of a frame's number in a folder: a film of a day has two million."""


@dataclass(frozen=True)
class ClipFormat:
    """What is written: the file, how films are coded, and the sound that goes with it."""

    path: Path
    size: tuple[int, int]
    """(height, width) of the frames in pixels."""
    shown: tuple[Shown, ...]
    """When each frame is shown."""
    source: ClipInfo
    """The clip that was painted: colours and time stamps are coded as its are."""
    codec: str | None = None
    crf: int | None = None
    sound: Sound | None = None
    force: bool = False

    @property
    def kind(self) -> str:
        """Return film, animation or folder. Raises `OutputError` for a name that says none of these."""
        suffix = self.path.suffix.lower()
        if suffix in CONTAINERS:
            return "film"
        if suffix in images.ANIMATIONS:
            return "animation"
        if not suffix or self.path.is_dir():
            return "folder"
        known = ", ".join([*CONTAINERS, *images.ANIMATIONS])
        raise OutputError(f"{self.path}: ends in no clip that impasto writes ({known}), and is no folder for frames")

    @property
    def film(self) -> FilmFormat:
        """Return how a film is coded."""
        length = self.shown[-1].end
        return FilmFormat(
            self.size,
            self.codec,
            self.crf,
            self.source.bits,
            self.source.colors,
            self.source.time_base,
            len(self.shown) / length if length else USUAL_RATE,
        )

    @property
    def bits(self) -> int:
        """Return the bits of a channel in which frames are kept until they are written."""
        return 16 if self.source.bits > 8 else 8

    def check(self, inputs: Iterable[Path] = ()) -> None:
        """Find out before anything is painted whatever will prevent the clip from being written.

        Raises `OutputError` for a name of no known kind, a file that is there or is one of `inputs` (unless `force`), a
        place that cannot be written, a container that cannot hold codec or sound; `UsageError` for settings of films
        where no film is written.
        """
        kind = self.kind
        if kind != "film" and (self.codec is not None or self.crf is not None):
            raise UsageError(f"{self.path.name}: is no film, and has no codec or crf; leave them out")
        if kind == "folder":
            self._check_folder()
            return
        same = [source for source in inputs if source.exists() and self.path.exists() and self.path.samefile(source)]
        if same:
            raise OutputError(f"{self.path}: is also an input; name another output")
        files.check_output(self.path, force=self.force)
        if kind == "film":
            check_film(self.path, self.film, self.sound)
            if any(side % 2 for side in self.size):
                notice(
                    f"{self.path.name}: {self.size[1]}x{self.size[0]} px are odd, which films keep as 4:4:4 only; some "
                    "players do not know that: a --size that gives even sides is safer"
                )
        elif self.sound is not None:
            notice(f"{self.path.name}: an animation has no sound; that of the source is left out")

    def _check_folder(self) -> None:
        if self.path.is_dir() and any(self.path.iterdir()) and not self.force:
            raise OutputError(f"{self.path}: has files already; pass --force to replace those of the same names")
        files.check_output(self.path / self.frame_name(0), force=True)

    def frame_name(self, number: int) -> str:
        """Return the name of a frame's file in a folder; those of a folder that was painted keep their names."""
        paths = self.source.paths
        if len(paths) == len(self.shown):
            return f"{paths[number].stem}.png"
        return f"frame-{number + 1:0{DIGITS}}.png"

    def write(self, pictures: Iterable[Picture], beside: Path | None = None) -> None:
        """Write the clip, whole or not at all; of a folder, each frame so. Raises `OutputError` where it fails.

        `beside` is a folder for a film that is not whole yet.
        """
        kind = self.kind
        if kind == "film":
            write_film(self.path, pictures, self.shown, self.film, self.sound, force=self.force, beside=beside)
        elif kind == "animation":
            spans = [Fraction(at.duration) for at in self.shown]
            images.save_frames(list(pictures), self.path, spans, loops=self.loops, force=self.force)
        else:
            for number, picture in enumerate(pictures):
                images.save(picture, self.path / self.frame_name(number), bits=self.bits, force=True)

    @property
    def loops(self) -> bool:
        """Return whether an animation plays for ever: as the one that was painted did, films too."""
        return self.source.loops or self.source.time_base is not None or bool(self.source.paths)


def preview_sheet(pictures: Sequence[Picture], shown: Sequence[Shown], name: str) -> Picture:
    """Return a contact sheet of some painted frames, each with its time."""
    tiles = [images.Tile(picture, f"{float(at.start):.2f} s") for picture, at in zip(pictures, shown, strict=True)]
    width = max(1, round(len(tiles) ** 0.5 + 0.49))
    rows = [tiles[first : first + width] for first in range(0, len(tiles), width)]
    return images.contact_sheet(rows, title=name)
