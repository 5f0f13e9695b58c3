"""What a clip is, whatever file or folder it comes from: its frames, and when each of them is shown."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from impasto.images import Picture


@dataclass(frozen=True)
class Shown:
    """When a frame is shown, in seconds: from `start`, counted from the first frame of the clip, for `duration`."""

    start: Fraction
    duration: Fraction

    @property
    def end(self) -> Fraction:
        """Return when the next frame is shown."""
        return self.start + self.duration


@dataclass(frozen=True)
class Colors:
    """How a film's colours are coded, by the code points of ITU-T H.273; 2 is unspecified."""

    matrix: int = 2
    """The coefficients of luma: 1 is BT.709; 5 and 6 are BT.601; 9 is BT.2020."""
    primaries: int = 2
    transfer: int = 2
    full_range: bool = False
    """Whether black is 0 and white the largest value; else they are 16 and 235 of 255."""
    range_told: bool = False
    """Whether the file says so."""


@dataclass(frozen=True)
class ClipInfo:
    """What is known of a clip after all of it was looked at."""

    name: str
    """For messages: the base name, never a path."""
    size: tuple[int, int]
    """(height, width) in pixels, upright."""
    shown: tuple[Shown, ...]
    """When each frame is shown, in order."""
    bits: int = 8
    """Of each channel."""
    colors: Colors = field(default=Colors())
    time_base: Fraction | None = None
    """The unit of its time stamps in seconds, where it is a film."""
    sound: bool = False
    """Whether it has audio streams."""
    loops: bool = False
    """Whether it is an animation that plays for ever."""
    paths: tuple[Path, ...] = ()
    """The file of each frame, where it is a folder."""

    def __len__(self) -> int:
        return len(self.shown)

    @property
    def duration(self) -> Fraction:
        """Return the seconds from the first frame to the end of the last."""
        return self.shown[-1].end if self.shown else Fraction(0)

    @property
    def rate(self) -> Fraction:
        """Return the frames a second on average; 0 where there are none."""
        return len(self.shown) / self.duration if self.duration else Fraction(0)


class Clip(Protocol):
    """A clip that can be read through, more than once."""

    path: Path

    def scan(self) -> Iterator[Picture]:
        """Read all frames; afterwards `info` is known."""

    @property
    def info(self) -> ClipInfo:
        """Return what `scan` found; it is scanned first where that was not done yet."""

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Picture]:
        """Read the frames from number `start` to before number `stop`."""
