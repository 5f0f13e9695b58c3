"""Feed-forward methods: each frame has a part of the one before."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from impasto.images import Picture
from impasto.video.flow import Motion
from impasto.video.local_mean import local_mean
from impasto.video.shot import Shot, ahead
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
        coarse, wanted_coarse = local_mean(rest, side), local_mean(wanted, side)
        around = max(AROUND, side)
        energies = [local_mean(detail.square(), around) for detail in (wanted - wanted_coarse, rest - coarse)]
        gain = (energies[0] / energies[1].clamp_min(1e-8)).clamp(1, MAX_GAIN**2).sqrt()
        total += gain * (rest - coarse)
        rest, wanted = coarse, wanted_coarse
    return _turned(total + rest, _AXES.T)


def _turned(image: Tensor, axes: Tensor) -> Tensor:
    return torch.einsum("ij,bjhw->bihw", axes.to(image), image)


@dataclass(frozen=True, eq=False)
class Seen:
    """A photograph, what leads from it back to the one before, and how surely that shows the same (1, 1, H, W)."""

    photo: Picture
    motion: Motion | None
    likeness: Tensor


class SmoothPainter(ShotPainter):
    """Paints every frame, and takes a part of it from the frame before.

    Of each frame, `smooth` is the frame before as it was painted, moved along the flow, where that shows the same.
    Frames are blended before colours are put back, and in float32. Flow is found in another thread while the frame
    before is painted, which it does not depend on.

    The style is measured once, the photograph in each frame: maps that are made of one frame leave a change of light in
    the others (`adain`), and a whitening takes what it does not know far out of the style (`wct`).
    """

    flow_meanwhile = True

    def paint(self, shot: Shot, state: State | None) -> Iterator[Painted]:
        """Paint the frames of a shot, those that follow after `state` where there is one."""
        done = 0 if state is None else state.done
        before: Tensor | None = None
        if state is not None and done:
            before = state.tensors["painted"]
            self.restore(state)
        photos = shot.photos(max(0, done - 1))
        with self.waiting.running():
            opening = next(photos)
        painting = self.first(opening)
        seen = self.waiting.over(ahead(lambda: self._seen(chain([opening], photos), painting.size)))
        if before is not None:
            next(seen)
        for number, one in enumerate(seen, done):
            after = self.after(shot, number, one.photo, one.motion)
            image = self.run(painting, one.photo, after)
            if before is not None and one.motion is not None and self.coherence.smooth:
                image = blended(image, one.motion.warp(before), self.coherence.smooth * one.likeness)
            before = image
            yield Painted(number, painting.finished_picture(image), self.state(number, {"painted": image}))

    def _seen(self, photos: Iterator[Picture], size: tuple[int, int]) -> Iterator[Seen]:
        """Return each photograph with what leads back to the one before it."""
        before: Tensor | None = None
        for photo in photos:
            frame = self.small(photo, size)
            if before is None:
                yield Seen(photo, None, torch.zeros(1, 1, 1, 1))
            else:
                motion = self.flow.motion(frame, before)
                yield Seen(photo, motion, likeness(motion, frame, before))
            before = frame
