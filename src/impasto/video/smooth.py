"""Feed-forward methods: the statistics of a shot are frozen, and each frame has a part of the one before."""

from collections.abc import Iterator

import torch
from torch import Tensor

from impasto.video.shot import Shot
from impasto.video.shot_painter import Painted, ShotPainter, likeness
from impasto.video.store import State


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
                image = torch.lerp(image, motion.warp(before[1]), weight)
            before = frame, image
            yield Painted(number, painting.finished_picture(image), self.state(number, {"painted": image}))
