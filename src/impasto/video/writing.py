"""How the result of a painting of moving pictures is written."""

from dataclasses import dataclass


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
