"""Feed-forward methods: the statistics of a shot are frozen, and each frame has a part of the one before."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.video.shot import Shot
from impasto.video.shot_painter import Painted, ShotPainter, likeness
from impasto.video.store import State

DETAIL = (3, 9, 27)
"""Pixels of what counts as detail, from fine to coarse: strokes and dabs that are laid otherwise in each frame."""
AROUND = 15
"""Pixels over which the contrast of detail is taken at least: a few strokes."""
_AXES = torch.tensor(
    [[3**-0.5, 3**-0.5, 3**-0.5], [2**-0.5, 0.0, -(2**-0.5)], [6**-0.5, -2 * 6**-0.5, 6**-0.5]], dtype=torch.float32
)
"""Lightness, and two differences of colours, of unit length: colours change more from frame to frame than lightness."""
MAX_GAIN = 2.0
"""By which the contrast of detail is raised at most: where hardly any is left, it is noise."""


def blended(image: Tensor, carried: Tensor, weight: Tensor) -> Tensor:
    """Return a frame (1, 3, H, W) of which the part `weight` (1, 1, H, W) is `carried` from the frame before.

    Strokes that differ from frame to frame would be averaged away, and the picture go soft. So what is detail has the
    contrast that it has in `image`, about each place (as textures are blended by Heitz & Neyret 2018). Detail that is
    new in each frame then has the correlation s / sqrt(s² + (1-s)²) from one to the next, of a `weight` s: 0.92 of 0.7.
    """
    rest, wanted = _turned(torch.lerp(image, carried, weight), _AXES), _turned(image, _AXES)
    total = torch.zeros_like(image)
    for side in DETAIL:
        coarse, wanted_coarse = _mean(rest, side), _mean(wanted, side)
        around = max(AROUND, side)
        energies = [_mean(detail.square(), around) for detail in (wanted - wanted_coarse, rest - coarse)]
        gain = (energies[0] / energies[1].clamp_min(1e-8)).clamp(1, MAX_GAIN**2).sqrt()
        total += gain * (rest - coarse)
        rest, wanted = coarse, wanted_coarse
    return _turned(total + rest, _AXES.T)


def _turned(image: Tensor, axes: Tensor) -> Tensor:
    return torch.einsum("ij,bjhw->bihw", axes.to(image), image)


def _mean(image: Tensor, side: int) -> Tensor:
    return F.avg_pool2d(image, side, 1, side // 2, count_include_pad=False)


class SmoothPainter(ShotPainter):
    """Paints every frame, with statistics that are measured once for a shot, in the middle of it.

    Of each frame, `smooth` is the frame before as it was painted, moved along the flow, where that shows the same.
    Frames are blended before colours are put back, and in float32.
    """

    def paint(self, shot: Shot, state: State | None) -> Iterator[Painted]:
        """Paint the frames of a shot, those that follow after `state` where there is one."""
        done = 0 if state is None else state.done
        middle = 0 if self.masks is not None else len(shot) // 2
        reference = shot.photo(middle)
        painting = self.first(reference)
        painting.freeze(reference, self.after(shot, middle))
        photos = shot.photos(max(0, done - 1))
        before: tuple[Tensor, Tensor] | None = None
        if state is not None and done:
            before = self.small(next(photos), painting.size), state.tensors["painted"]
            self.restore(state)
        for number, photo in enumerate(photos, done):
            frame = self.small(photo, painting.size)
            motion = None if before is None else self.flow.motion(frame, before[0])
            image = self.run(painting, photo, self.after(shot, number, motion))
            if before is not None and motion is not None and self.coherence.smooth:
                weight = self.coherence.smooth * likeness(motion, frame, before[0])
                image = blended(image, motion.warp(before[1]), weight)
            before = frame, image
            yield Painted(number, painting.finished_picture(image), self.state(number, {"painted": image}))
