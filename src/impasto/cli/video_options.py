"""The options of `impasto video` that are not about what to paint."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.errors import UsageError

if TYPE_CHECKING:
    from impasto.video.settings import Coherence, Range, Writing


@dataclass(frozen=True)
class VideoOptions:
    """Which frames, how they follow one another, and how the result is written."""

    start: Annotated[float, typer.Option("--from", min=0, metavar="SECONDS", help="Begin there.")] = 0.0
    end: Annotated[float | None, typer.Option("--to", min=0, metavar="SECONDS", help="End there.")] = None
    every: Annotated[int, typer.Option("--every", min=1, metavar="N", help="Paint every Nth frame, shown longer.")] = 1
    fps: Annotated[
        str | None,
        typer.Option("--fps", metavar="RATE", help="Frames a second, as 25 or 30000/1001; of a folder, its own."),
    ] = None
    codec: Annotated[
        str | None,
        typer.Option("--codec", metavar="NAME", help="h264, hevc, vp9, av1, mpeg4, ffv1, prores, mjpeg; else usual."),
    ] = None
    crf: Annotated[int | None, typer.Option("--crf", min=0, metavar="N", help="Rate factor: lower is better.")] = None
    no_audio: Annotated[bool, typer.Option("--no-audio", help="Leave the sound out.")] = False
    preview: Annotated[
        int, typer.Option("--preview", min=0, metavar="N", help="First save a sheet of N frames beside the output.")
    ] = 0
    smooth: Annotated[
        float, typer.Option("--smooth", min=0, max=0.99, help="Part of a frame that comes from the one before.")
    ] = 0.85
    keyframe: Annotated[
        int, typer.Option("--keyframe", min=0, metavar="N", help="Paint one frame of N; 0: as the method needs.")
    ] = 0
    temporal_weight: Annotated[
        float, typer.Option("--temporal-weight", min=0, help="Weight of the distance to the frames before.")
    ] = 1.0
    follow: Annotated[
        float, typer.Option("--follow", min=0.01, max=1, help="Steps of a frame after the first, over the first's.")
    ] = 0.3
    loop: Annotated[bool, typer.Option("--loop", help="Make the last frame lead to the first.")] = False
    independent: Annotated[bool, typer.Option("--independent", help="Paint each frame by itself.")] = False
    no_cuts: Annotated[bool, typer.Option("--no-cuts", help="Take the whole clip for one shot.")] = False
    jobs: Annotated[int, typer.Option("--jobs", min=1, metavar="N", help="Shots that are painted at once.")] = 1

    def coherence(self, passes: int) -> "Coherence":
        """Return how frames follow one another, in so many `passes` through a shot."""
        from impasto.video.settings import Coherence

        return Coherence(
            self.independent, self.smooth, self.keyframe, passes, self.temporal_weight, self.follow, self.loop
        )

    def part(self) -> "Range":
        """Return which frames are painted. Raises `UsageError` for none, or no rate."""
        from impasto.video.settings import Range

        return Range(self.start, self.end, self.every, rate_of(self.fps))

    def writing(self, force: bool) -> "Writing":
        """Return how the result is written."""
        from impasto.video.settings import Writing

        return Writing(self.codec, self.crf, not self.no_audio, force)


def rate_of(text: str | None) -> Fraction | None:
    """Return a rate as it is written: 25, 29.97 or 30000/1001. Raises `UsageError` for anything else."""
    if text is None:
        return None
    try:
        return Fraction(text).limit_denominator(100_000)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"--fps {text}: give frames a second, such as 25, 29.97 or 30000/1001") from None
