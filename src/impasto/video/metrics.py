"""How steady painted clips are: numbers with a name, a version and a direction, as those of single pictures have."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from impasto import images
from impasto.video.flow import Flow, Motion, composed

FAR = 10
"""Frames between those that the longer warp error compares (Lai et al. 2018)."""


@dataclass(eq=False)
class ClipCase:
    """A painted shot and the photographed one, frame by frame at one size, (1, 3, H, W) each, sRGB in [0, 1]."""

    painted: Sequence[Tensor]
    photographed: Sequence[Tensor]
    flow: Flow = field(default_factory=Flow)
    _motions: dict[tuple[int, int], Motion] = field(default_factory=dict)

    def motion(self, frame: int, reference: int) -> Motion:
        """Return what leads from a photographed frame to another, found once; over several, frame by frame.

        Flow over many frames at once would be lost where things move far.
        """
        if (frame, reference) not in self._motions:
            step = 1 if reference > frame else -1
            if abs(reference - frame) > 1:
                ahead = [self.motion(at, at + step) for at in range(frame, reference, step)]
                self._motions[frame, reference] = composed(ahead[::-1])[-1]
            else:
                motion = self.flow.motion(self.photographed[frame], self.photographed[reference])
                self._motions[frame, reference] = motion
        return self._motions[frame, reference]


@dataclass(frozen=True)
class ClipMetric:
    """A number that says one thing of a clip. Its `id` ends in a version, which changes with the definition."""

    id: str
    direction: Literal["higher", "lower"]
    summary: str
    compute: Callable[[ClipCase], list[tuple[float, float]]]
    """Returns sums and their weights, which add up over shots: the value is one over the other."""
    frames: int
    """That a shot needs at least."""

    @property
    def name(self) -> str:
        """Return the id without its version."""
        return self.id.rpartition("/")[0]


def warp_error(case: ClipCase, apart: int) -> list[tuple[float, float]]:
    """Measure by how much frames that are so many `apart` differ where they show the same (Lai et al. 2018, eq. 8).

    Of each pair, squared distances summed over channels, of the earlier frame and the later one moved to it, over
    pixels where the photographs' flow is reliable.
    """
    parts = []
    for frame in range(len(case.painted) - apart):
        motion = case.motion(frame, frame + apart)
        away = (case.painted[frame] - motion.warp(case.painted[frame + apart])).square().sum(1, keepdim=True)
        parts.append((float((away * motion.reliable).sum()), float(motion.reliable.sum())))
    return parts


def flicker(case: ClipCase) -> list[tuple[float, float]]:
    """Measure what changes in a frame and changes back in the next: the energy of the highest frequencies in time.

    The second difference along the flow, (O(t-1) - 2 O(t) + O(t+1)) / 4, squared and summed over channels, where both
    neighbours show the same: white noise of variance v in each channel has 3 · 6/16 v, and a steady change none.
    """
    parts = []
    for frame in range(1, len(case.painted) - 1):
        before, after = case.motion(frame, frame - 1), case.motion(frame, frame + 1)
        seen = before.reliable * after.reliable
        moved = before.warp(case.painted[frame - 1]) + after.warp(case.painted[frame + 1])
        energy = ((moved - 2 * case.painted[frame]) / 4).square().sum(1, keepdim=True)
        parts.append((float((energy * seen).sum()), float(seen.sum())))
    return parts


CLIP_METRICS: dict[str, ClipMetric] = {
    metric.id: metric
    for metric in (
        ClipMetric(
            "warp_error/1",
            "lower",
            "squared distance from one frame to the next, where they show the same",
            lambda case: warp_error(case, 1),
            2,
        ),
        ClipMetric(
            "warp_error_far/1",
            "lower",
            f"the same of frames that are {FAR} apart",
            lambda case: warp_error(case, FAR),
            FAR + 1,
        ),
        ClipMetric("flicker/1", "lower", "energy of what changes and changes back, along the flow", flicker, 3),
    )
}
"""By id."""


def measure(cases: Sequence[ClipCase], metric: ClipMetric) -> float | None:
    """Return a metric of a clip of several shots; None where no shot has frames enough, or shows anything twice."""
    parts = [part for case in cases if len(case.painted) >= metric.frames for part in metric.compute(case)]
    total = sum(weight for _, weight in parts)
    return sum(value for value, _ in parts) / total if total else None


def of_frames(painted: Sequence[Tensor], photographed: Sequence[Tensor]) -> ClipCase:
    """Return a case of frames at the painted size, to which photographs are brought."""
    size = (painted[0].shape[2], painted[0].shape[3])
    return ClipCase(painted, [images.resize(frame, size).clamp(0, 1) for frame in photographed])
