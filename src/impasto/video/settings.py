"""How frames follow one another: what a painting of moving pictures has beside its recipe."""

from dataclasses import dataclass

from impasto.errors import UsageError

MAX_KEYFRAME = 250


@dataclass(frozen=True)
class Coherence:
    """How a frame follows those before it. Raises `UsageError` for values that mean nothing."""

    independent: bool = False
    """Paint each frame by itself: what everything else here is measured against."""
    smooth: float = 0.7
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
