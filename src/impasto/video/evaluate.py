"""Measuring a painted clip: how steady it is, and what single frames of it keep and reach."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto._version import __version__
from impasto.errors import UsageError
from impasto.evaluation import METRICS, Evaluator
from impasto.images import DEFAULT_MAX_PIXELS
from impasto.recipe import unknown
from impasto.scene.resolve import PictureLike
from impasto.video.metrics import CLIP_METRICS, ClipMetric, measure, of_frames
from impasto.video.shots import ShotFinder
from impasto.video.source import open_clip

SAMPLED = 5
"""Frames that the metrics of single pictures are taken of: their means differ little between frames of a shot."""


@dataclass(frozen=True)
class ClipEvaluation:
    """What was measured of a clip."""

    values: Mapping[str, float | None]
    """By the metrics' ids: those of the clip, and the means over frames of those of pictures."""
    frames: int
    shots: tuple[tuple[int, int], ...]
    sampled: tuple[int, ...] = ()
    """The numbers of the frames that the metrics of pictures were taken of."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """By the metrics' ids, of those without a value."""

    def record(self) -> dict[str, Any]:
        """Return everything, as JSON can hold it."""
        return {
            "frames": self.frames,
            "impasto": __version__,
            "reasons": dict(self.reasons),
            "sampled": list(self.sampled),
            "shots": [list(shot) for shot in self.shots],
            "values": dict(self.values),
        }


def evaluate_clip(
    result: str | Path,
    content: str | Path,
    styles: Sequence[PictureLike],
    evaluator: Evaluator | None = None,
    *,
    metrics: Sequence[str] | None = None,
    sampled: int = SAMPLED,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> ClipEvaluation:
    """Measure the painted clip `result` against the photographed one, frame by frame, and against its styles.

    Flow and shots are those of the photographs. `metrics`: ids or names; None: those of clips, and those of pictures
    where there is an `evaluator`, over `sampled` frames from all of the clip. Raises `UsageError` for clips of other
    lengths and for unknown metrics, and what reading them raises.
    """
    of_clip, of_pictures = choose_for_clip(metrics, pictures=evaluator is not None)
    painted = [frame.pixels for frame in open_clip(result, max_pixels=max_pixels).frames()]
    finder, photographed = ShotFinder(), []
    for picture in open_clip(content, max_pixels=max_pixels).frames():
        finder.look(picture)
        photographed.append(picture.pixels)
    if len(painted) != len(photographed):
        raise UsageError(
            f"{Path(result).name}: has {len(painted)} frames and {Path(content).name} {len(photographed)}; give the "
            "part that was painted"
        )
    shots = finder.shots
    cases = [of_frames(painted[start:stop], photographed[start:stop]) for start, stop in shots]
    values: dict[str, float | None] = {metric.id: measure(cases, metric) for metric in of_clip}
    reasons = {metric.id: f"needs a shot of {metric.frames} frames" for metric in of_clip if values[metric.id] is None}
    numbers: tuple[int, ...] = ()
    if evaluator is not None and of_pictures:
        count = min(sampled, len(painted))
        numbers = tuple(sorted({round((place + 0.5) * len(painted) / count - 0.5) for place in range(count)}))
        values |= _of_pictures(evaluator, [(painted[n], photographed[n]) for n in numbers], styles, of_pictures)
    return ClipEvaluation(values, len(painted), shots, numbers, reasons)


def choose_for_clip(metrics: Sequence[str] | None, *, pictures: bool) -> tuple[list[ClipMetric], list[str]]:
    """Return the metrics of clips and the ids of those of pictures that are asked for. Raises `UsageError`."""
    if metrics is None:
        return list(CLIP_METRICS.values()), [key for key in METRICS if pictures and "seams" not in key]
    names = {key.rpartition("/")[0]: key for key in (*CLIP_METRICS, *METRICS)}
    chosen = []
    for name in metrics:
        key = names.get(name, name)
        if key not in CLIP_METRICS and key not in METRICS:
            raise UsageError(unknown(name, dict.fromkeys(names), "metric"))
        chosen.append(key)
    return [CLIP_METRICS[key] for key in chosen if key in CLIP_METRICS], [key for key in chosen if key in METRICS]


def _of_pictures(
    evaluator: Evaluator, frames: Sequence[tuple[Tensor, Tensor]], styles: Sequence[PictureLike], wanted: list[str]
) -> dict[str, float | None]:
    """Return the means of metrics over frames; None where any frame has no value."""
    evaluations = [
        evaluator.evaluate(painted.clamp(0, 1)[0], photo.clamp(0, 1)[0], list(styles), metrics=wanted)
        for painted, photo in frames
    ]
    means: dict[str, float | None] = {}
    for key in wanted:
        per_frame = [evaluation.values.get(key) for evaluation in evaluations]
        known = [value for value in per_frame if value is not None]
        means[key] = sum(known) / len(known) if len(known) == len(per_frame) else None
    return means
