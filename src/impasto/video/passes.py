"""Methods that optimise, in several passes forth and back through a shot (Ruder et al. 2016, section 5.3)."""

from collections.abc import Iterator

import torch
from torch import Tensor

from impasto.scene.painting import After
from impasto.video.optimized import OptimizedPainter
from impasto.video.shot import Shot
from impasto.video.shot_painter import Painted, feathered, likeness
from impasto.video.store import State

BLEND = 0.5
"""Of what a pass begins a frame with, the part of the neighbour it has just painted; the rest is the pass before."""


class PassesPainter(OptimizedPainter):
    """Paints a shot `passes` times, forth and back in turn, so that a frame follows those after it, too.

    The first pass paints each frame by itself. From the second half of the passes on, a frame is held to the neighbour.
    A pass through a frame is not kept for a process that is killed: the shot begins anew.
    """

    def paint(self, shot: Shot, state: State | None) -> Iterator[Painted]:
        """Paint the frames of a shot; those that `state` says are finished are painted again, and not yielded."""
        passes = self.coherence.passes
        photos = list(shot.photos())
        painting = self.first(photos[0])
        images: list[Tensor] = []
        afters: list[After] = []
        frames = [self.small(photo, painting.size) for photo in photos]
        scale = 0.0
        for number, photo in enumerate(photos):
            motion = self.flow.motion(frames[number], frames[number - 1]) if number else None
            afters.append(self.after(shot, number, motion))
            images.append(self.run(painting, photo, afters[-1]))
            scale = scale or self.loss_of(painting)
        for later in range(1, passes):
            # Back first: the last frame of a pass is the first of the next, and is good already.
            order = range(len(photos))[:: -1 if later % 2 else 1]
            before: int | None = None
            for number in order:
                target, weights = images[number], torch.zeros_like(frames[number][:, :1])
                if before is not None:
                    motion = self.flow.motion(frames[number], frames[before])
                    weights = likeness(motion, frames[number], frames[before])
                    target = torch.lerp(target, motion.warp(images[before]), BLEND * feathered(weights))
                held = self.held(afters[number], images[number], target, weights, scale)
                if 2 * later < passes:
                    held = After(held.regions, held.init)
                follower = self.follower(photos[number])
                images[number] = self.run(follower, photos[number], held)
                before = number
        done = 0 if state is None else state.done
        for number in range(done, len(photos)):
            painting.take(photos[number], after=afters[number])
            yield Painted(number, painting.finished_picture(images[number]), State(number + 1))
