"""What a painting of moving pictures has beside its recipe: which frames, how they follow one another, and the file.

Nothing here needs torch: what is wrong with a command line is told before that is loaded.
"""

from dataclasses import dataclass
from fractions import Fraction

from impasto.errors import UsageError

MAX_KEYFRAME = 250
"""Frames from one painted frame to the next at most: after ten seconds nothing of the first is left to be moved."""
MAX_RATE = 1000
"""Frames a second that nobody films with, and above which time stamps are taken for damaged."""


@dataclass(frozen=True)
class Coherence:
    """How a frame follows those before it. Raises `UsageError` for values that mean nothing."""

    independent: bool = False
    """Paint each frame by itself: what everything else here is measured against."""
    smooth: float = 0.85
    """Of a frame painted by networks, the fraction that comes from the frame before where that shows the same."""
    keyframe: int = 0
    """Paint one frame of so many, and move it along the flow to those between; 0: as the method needs, 1: each."""
    passes: int = 1
    """How often optimisation goes through a shot, forth and back."""
    temporal_weight: float = 1.0
    """Of the distance to the frames before, in the loss of methods that optimise."""
    follow: float = 0.3
    """Steps of a frame that begins with the one before, over those of the first."""
    loop: bool = False
    """Make the last frame lead to the first."""

    def __post_init__(self) -> None:
        if not 0 <= self.smooth < 1:
            raise UsageError(f"smooth {self.smooth}: must be from 0 to below 1")
        if not 0 <= self.keyframe <= MAX_KEYFRAME:
            raise UsageError(f"keyframe {self.keyframe}: must be from 0 to {MAX_KEYFRAME}")
        if self.passes < 1:
            raise UsageError(f"passes {self.passes}: must be at least 1")
        if not 0 <= self.temporal_weight <= 1000:
            raise UsageError(f"temporal_weight {self.temporal_weight}: must be from 0 to 1000")
        if not 0 < self.follow <= 1:
            raise UsageError(f"follow {self.follow}: must be above 0 and at most 1")


@dataclass(frozen=True)
class Range:
    """The part of a clip that is painted: seconds from its beginning, and how many frames of it."""

    start_s: float = 0.0
    end_s: float | None = None
    every: int = 1
    """Paint one frame of so many; it is shown in place of those that are left out."""
    fps: Fraction | None = None
    """Frames a second of the result, at even distances; None: as the clip's are."""

    def __post_init__(self) -> None:
        if self.start_s < 0 or (self.end_s is not None and self.end_s <= self.start_s):
            raise UsageError(f"from {self.start_s} s to {self.end_s} s: is no part of a clip; the end comes last")
        if self.every < 1:
            raise UsageError(f"every {self.every}: paint every frame (1), every second (2), and so on")
        if self.fps is not None and not 0 < self.fps <= MAX_RATE:
            raise UsageError(f"fps {self.fps}: a result has more than 0 and at most {MAX_RATE} frames a second")


@dataclass(frozen=True)
class Writing:
    """How a result is written."""

    codec: str | None = None
    """h264, hevc, vp9, av1, mpeg4, ffv1, prores, mjpeg, or libav's name of an encoder; None: the container's own."""
    crf: int | None = None
    """Constant rate factor, lower is better; None: one at which strokes keep their grain."""
    sound: bool = True
    """Whether the clip's sound is copied."""
    force: bool = False
    """Whether a result that is there is replaced."""
