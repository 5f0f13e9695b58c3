"""What paints a shot: one interface for every way, and what all of them do alike."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import images
from impasto.events import Progress
from impasto.images import Picture
from impasto.scene.painting import After, Painting
from impasto.video.carried import Carried
from impasto.video.clock import Clock
from impasto.video.flow import Flow, Motion, inside
from impasto.video.local_mean import local_mean
from impasto.video.settings import Coherence
from impasto.video.shot import Shot
from impasto.video.store import State

LIKENESS = 50.0
"""Lai et al. 2018, eq. 5: where a frame differs from the one before, moved to it, by squares of colours (sRGB, summed
over channels), the latter counts by exp(-LIKENESS times that): a change of light or of what is seen is no flicker."""
FEATHER = 3
"""Pixels over which what is reliable is faded out, so that its border does not show."""
SIMILAR = 3
"""Pixels over which two frames are compared where the flow is not relied on: one alone is alike by chance."""

Begin = Callable[[Picture, bool], Painting]
"""Begins a painting of a photograph; of one that begins with a picture given later, where the second says so."""
Watch = Callable[[Progress], None]
"""Sees each step of a frame; stops it by raising."""


@dataclass(frozen=True, eq=False)
class Painted:
    """A finished frame of a shot, and the state after it, from which the next one follows."""

    number: int
    picture: Picture
    state: State


class ShotPainter(ABC):
    """Paints shots, one after another."""

    flow_meanwhile = False
    """Whether flow is found in another thread while a frame is painted."""

    def __init__(self, begin: Begin, coherence: Coherence, carried: Carried, watch: Watch) -> None:
        self.coherence, self.carried, self.flow = coherence, carried, Flow()
        self.waiting = Clock()
        """Of frames, with their flow where that is found meanwhile."""
        self._begin, self._watch = begin, watch
        self._paintings: dict[tuple[bool, bool], Painting] = {}

    @abstractmethod
    def paint(self, shot: Shot, state: State | None) -> Iterator[Painted]:
        """Paint the frames of a shot, those that follow after `state` where there is one."""

    def first(self, photo: Picture) -> Painting:
        """Return what paints a frame from nothing; what is carried to it was asked for before."""
        return self._painting(photo, False)

    def follower(self, photo: Picture) -> Painting:
        """Return what paints a frame from a picture to begin with."""
        return self._painting(photo, True)

    def _painting(self, photo: Picture, after: bool) -> Painting:
        # A picture whose face is aligned is planned without a margin, and one without a face is not.
        key = after, self.carried.faces is not None and self.carried.faces.now is not None
        if key not in self._paintings:
            self._paintings[key] = self._begin(photo, after)
        return self._paintings[key]

    def run(self, painting: Painting, photo: Picture, after: After) -> Tensor:
        """Paint one frame; return it (1, 3, H, W), float32 on the CPU, before colours are put back."""
        painting.take(photo, after=after)
        for progress in painting:
            self._watch(progress)
        image = painting.image
        if image is None:
            raise RuntimeError("a painting took no step")
        return image.detach().float().cpu().clone()

    def after(self, shot: Shot, number: int, photo: Picture, motion: Motion | None = None) -> After:
        """Return what a frame has of those before it: where its regions and its face are now."""
        return self.carried.after(shot.indices[number], photo, motion)

    def state(self, number: int, tensors: dict[str, Tensor], numbers: dict[str, float] | None = None) -> State:
        """Return the state after frame `number`."""
        return State(number + 1, tensors | self.carried.state(), numbers or {})

    def restore(self, state: State) -> None:
        """Take regions and face up where a state left them."""
        self.carried.restore(state.tensors)

    def aside(self, shot: Shot) -> float:
        """Return the seconds of `paint` that were not spent on painting: frames waited for, and flow."""
        return self.waiting.seconds if self.flow_meanwhile else shot.waiting.seconds + self.flow.seconds

    def small(self, photo: Picture, size: tuple[int, int]) -> Tensor:
        """Return a frame (1, 3, H, W) at the size that is painted, which flow is found at."""
        return images.resize(photo.pixels, size).clamp(0, 1)


def likeness(motion: Motion, frame: Tensor, before: Tensor) -> Tensor:
    """Return (1, 1, H, W) in [0, 1]: how surely the frame `before`, moved by `motion`, shows the same as `frame`."""
    away = (frame - motion.warp(before)).square().sum(1, keepdim=True)
    return feathered(motion.reliable) * torch.exp(-LIKENESS * away)


def alike(motion: Motion, frame: Tensor, before: Tensor) -> Tensor:
    """Return (1, 1, H, W) in [0, 1]: how much the frame `before`, moved by `motion`, looks like `frame`.

    Whatever is said of the flow: beside a thing that moves, much is taken for hidden that looks the same.
    """
    away = local_mean((frame - motion.warp(before)).square().sum(1, keepdim=True), SIMILAR)
    return inside(motion.backward)[None, None] * torch.exp(-LIKENESS * away)


def feathered(weights: Tensor) -> Tensor:
    """Return weights (1, 1, H, W) that fall to 0 before the border of where they are 0, and are nowhere larger."""
    least = -F.max_pool2d(-weights, FEATHER, 1, FEATHER // 2)
    return F.avg_pool2d(least, FEATHER, 1, FEATHER // 2, count_include_pad=False).minimum(weights)


def recolored(picture: Tensor, other: Tensor, weights: Tensor) -> Tensor:
    """Return `picture` with the mean and spread of the colours of `other`, (1, 3, H, W), taken where `weights` are."""
    total = weights.sum()
    if float(total) < 1:
        return picture
    means = [(image * weights).sum((2, 3), keepdim=True) / total for image in (picture, other)]
    spreads = [
        ((image - mean).square() * weights).sum((2, 3), keepdim=True).div(total).sqrt()
        for image, mean in zip((picture, other), means, strict=True)
    ]
    return (picture - means[0]) * (spreads[1] / spreads[0].clamp_min(1e-3)) + means[1]
