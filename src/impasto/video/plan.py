"""What is to be painted of a clip, found before anything is: its frames, their times, its shots, and the result."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path

from impasto.errors import UsageError
from impasto.images import Picture
from impasto.recipe import Recipe
from impasto.scene.resolve import result_size
from impasto.video.clip import Clip, Shown
from impasto.video.film_writer import Sound
from impasto.video.output import ClipFormat
from impasto.video.selection import Selected, select
from impasto.video.settings import Range, Writing
from impasto.video.shot import Shot
from impasto.video.shots import ShotFinder

Seen = Callable[[int], None]
"""Is told how many frames were looked at."""


@dataclass(frozen=True, eq=False)
class ClipPlan:
    """The frames of the result, in shots."""

    clip: Clip
    selected: tuple[Selected, ...]
    shots: tuple[tuple[int, int], ...]
    """The first frame of the result in each shot, and the one after its last."""
    size: tuple[int, int]
    """(height, width) in pixels that each frame is painted at."""

    @property
    def shown(self) -> tuple[Shown, ...]:
        """Return when each frame of the result is shown."""
        return tuple(frame.shown for frame in self.selected)

    def photo(self, number: int) -> Picture:
        """Return the photograph of a frame of the result; all of the clip before it is decoded for that."""
        index = self.selected[number].index
        return next(iter(self.clip.frames(index, index + 1)))

    def shot(self, number: int) -> Shot:
        """Return a shot by its number."""
        start, stop = self.shots[number]
        return Shot(self.clip, [frame.index for frame in self.selected[start:stop]])

    def format(self, path: Path, writing: Writing, part: Range) -> ClipFormat:
        """Return what is written to `path`."""
        info = self.clip.info
        copied = None
        if writing.sound and info.sound:
            copied = Sound(self.clip.path, Fraction(part.start_s).limit_denominator(10**6), self.shown[-1].end)
        return ClipFormat(path, self.size, self.shown, info, writing.codec, writing.crf, copied, writing.force)


def plan_clip(clip: Clip, recipe: Recipe, part: Range, *, cuts: bool = True, seen: Seen | None = None) -> ClipPlan:
    """Read a clip through once, and return what is to be painted of it; with `cuts`, in its shots.

    Raises what reading it does, and `UsageError` for a part that it does not have.
    """
    finder = ShotFinder() if cuts else None
    size: tuple[int, int] | None = None
    for number, picture in enumerate(clip.scan()):
        if size is None:
            size = result_size(picture, recipe)
        if finder is not None:
            finder.look(picture)
        if seen is not None:
            seen(number + 1)
    info = clip.info
    if size is None or not len(info):
        raise UsageError(f"{info.name}: has no frames; there is nothing to paint")
    selected = select(info.shown, part, info.name)
    spans = ((0, len(info)),) if finder is None else finder.shots
    shot_of = {index: number for number, (start, stop) in enumerate(spans) for index in range(start, stop)}
    shots, at = [], 0
    for _, frames in groupby(selected, key=lambda frame: shot_of.get(frame.index, 0)):
        count = len(list(frames))
        shots.append((at, at + count))
        at += count
    return ClipPlan(clip, selected, tuple(shots), size)
