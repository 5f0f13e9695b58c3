"""Methods that optimise: each frame begins with the one before, and is held to it (Ruder et al. 2016, section 5)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from impasto.images import Picture
from impasto.losses import Anchor
from impasto.scene.painting import After, Painting
from impasto.video.flow import Motion
from impasto.video.shot import Shot
from impasto.video.shot_painter import Painted, ShotPainter, feathered, likeness, recolored
from impasto.video.store import State

NEAR = 0.05
"""Distance in sRGB, root mean square, from the frame before at which the temporal term, with a weight of 1, is as large
as all others were when the first frame was finished: nobody sees half of it, and twice as much is a flicker."""
LONG_TERM = 8
"""Frames from one that is remembered to the next: Ruder et al. remember those 10, 20 and 40 before."""
REMEMBERED = 2
"""Frames that are remembered beside the one before. What was hidden for a while comes back as it was."""


@dataclass(frozen=True, eq=False)
class Past:
    """A frame that was painted: its number, the photograph at the painted size, and the painting, (1, 3, H, W) each."""

    number: int
    frame: Tensor
    image: Tensor


class OptimizedPainter(ShotPainter):
    """Paints every frame: the first from nothing, the others from the one before, moved along the flow."""

    def paint(self, shot: Shot, state: State | None) -> Iterator[Painted]:
        """Paint the frames of a shot, those that follow after `state` where there is one."""
        done = 0 if state is None else state.done
        past, scale = self._past(shot, state) if state is not None and done else ([], 0.0)
        photos = shot.photos(done)
        for number, photo in enumerate(photos, done):
            if not past:
                after = self.after(shot, number, photo)
                painting = self.first(photo)
                image = self.run(painting, photo, after)
                scale = self.loss_of(painting)
            else:
                painting = self.follower(photo)
                image = self._next(painting, shot, number, photo, past, scale)
            frame = self.small(photo, painting.size)
            past = self._remembered([*past, Past(number, frame, image)])
            tensors = {f"painted {one.number}": one.image for one in past}
            yield Painted(number, painting.finished_picture(image), self.state(number, tensors, {"loss": scale}))

    def _next(
        self, painting: Painting, shot: Shot, number: int, photo: Picture, past: list[Past], scale: float
    ) -> Tensor:
        frame = self.small(photo, painting.size)
        motions = [self.flow.motion(frame, one.frame) for one in reversed(past)]
        target, weights = long_term([(motion, one) for motion, one in zip(motions, reversed(past), strict=True)], frame)
        after = self.after(shot, number, photo, motions[0])
        return self.run(painting, photo, self.held(after, frame, target, weights, scale))

    def held(self, after: After, frame: Tensor, target: Tensor, weights: Tensor, scale: float) -> After:
        """Return `after` with a canvas that begins with `target` and is held to it, where `weights` say so.

        Where `weights` (1, 1, H, W) are 0, it begins with the photograph at the painted size, `frame`, in the colours
        of the rest: a few steps would leave it pale. `scale` is the loss of the first frame.
        """
        start = torch.lerp(
            recolored(frame, target, (weights > 0).float()), target, feathered((weights > 0).float())
        ).clamp(0, 1)
        factor = self.coherence.temporal_weight * scale / (NEAR**2 * 3 * frame[0, 0].numel())
        anchor = Anchor(target, weights, factor) if factor else None
        return replace(after, init=Picture(start.contiguous(), name="the frame before"), anchor=anchor)

    @staticmethod
    def loss_of(painting: Painting) -> float:
        """Return the loss that a painting ended with."""
        return float(painting.history[-1].get("loss", 0.0)) if painting.history else 0.0

    def _remembered(self, past: list[Past]) -> list[Past]:
        """Return the frames that the next one may depend on: the last, and some at longer distances."""
        kept = [one for one in past[:-1] if one.number % LONG_TERM == 0][-REMEMBERED:]
        return [*kept, past[-1]]

    def _past(self, shot: Shot, state: State) -> tuple[list[Past], float]:
        self.restore(state)
        numbers = sorted(int(name.split()[1]) for name in state.tensors if name.startswith("painted "))
        past = []
        for number in numbers:
            image = state.tensors[f"painted {number}"]
            frame = self.small(shot.photo(number), (image.shape[2], image.shape[3]))
            past.append(Past(number, frame, image))
        return past, float(state.numbers["loss"])


def long_term(motions: list[tuple[Motion, Past]], frame: Tensor) -> tuple[Tensor, Tensor]:
    """Return what frames before say of this one, the nearest first: a target (1, 3, H, W) and weights (1, 1, H, W).

    A frame further back counts where nearer ones do not show the thing (Ruder et al. 2016, eq. 9), so the weights of
    all sum to 1 at most.
    """
    total = torch.zeros_like(frame[:, :1])
    target = torch.zeros_like(frame)
    for motion, one in motions:
        weight = (likeness(motion, frame, one.frame) - total).clamp_min(0)
        target += weight * motion.warp(one.image)
        total = total + weight
    known = total > 0
    return torch.where(known, target / total.clamp_min(1e-6), frame), total
