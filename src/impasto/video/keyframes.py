"""Slow methods: some frames are painted, and moved along the flow to those between (as in Jamriška et al. 2019)."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from impasto.images import Picture
from impasto.scene.painting import After
from impasto.video.carried import Carried
from impasto.video.flow import Flow, Motion, composed, of_camera, reliability
from impasto.video.optimized import OptimizedPainter, Past, long_term
from impasto.video.settings import Coherence
from impasto.video.shot import Shot
from impasto.video.shot_painter import Begin, Painted, Watch, alike, feathered, likeness, recolored
from impasto.video.store import State

UNSURE = 0.05
"""Weight of a painted frame whose flow is not relied on but leads to what looks the same, or that looks the same where
the camera alone has moved, over one that is relied on: it counts where there is no other. A motion's edge sweeps over
much of a picture in ten frames, and flow beside it goes with what moves."""
SEEN = 0.05
"""`alike` from which it does: a difference of 0.14 in each channel of sRGB; what is filled stands out more."""

Fill = Callable[[Picture], Tensor]
"""Paints a frame (1, 3, H, W) quickly, for what no painted frame shows."""


class KeyframePainter(OptimizedPainter):
    """Paints one frame of `every`, and the last; between two of them, both are moved to each frame and blended.

    What neither shows is taken from a quick painting of the frame, in the colours of the others. `starts`: whether the
    method can begin with a picture; then a painted frame begins with the one before.
    """

    def __init__(
        self,
        begin: Begin,
        coherence: Coherence,
        carried: Carried,
        watch: Watch,
        *,
        every: int,
        starts: bool,
        fill: Fill,
    ) -> None:
        super().__init__(begin, coherence, carried, watch)
        self._every, self._starts, self._fill = every, starts, fill

    def paint(self, shot: Shot, state: State | None) -> Iterator[Painted]:
        """Paint the frames of a shot, those that follow after `state` where there is one."""
        done = 0 if state is None else state.done
        painted = keys(len(shot), self._every)
        begin = max((key for key in painted if key < done), default=0)
        photos = shot.photos(begin)
        photo = next(photos)
        if state is None or not done:
            after = self.after(shot, 0, photo)
            painting = self.first(photo)
            image = self.run(painting, photo, after)
            state = self.state(0, {"near": image}, {"loss": self.loss_of(painting)})
            yield Painted(0, painting.finished_picture(image), state)
            done = 1
        else:
            self.restore(state)
            self.first(photo)
        near = Past(begin, self._frame(photo, state.tensors["near"]), state.tensors["near"])
        for start, stop in pairwise(painted):
            if stop >= done:
                section = [next(photos) for _ in range(stop - start)]
                for frame in self._section(shot, section, near, state, max(start + 1, done)):
                    state = frame.state
                    yield frame
                near = Past(stop, self._frame(section[-1], near.image), state.tensors["near"])

    def _section(
        self, shot: Shot, photos: Sequence[Picture], near: Past, state: State, begin: int
    ) -> Iterator[Painted]:
        """Paint the frames after `near` to the next painted one, from number `begin` on."""
        start, stop = near.number, near.number + len(photos)
        frames = [near.frame, *(self._frame(photo, near.image) for photo in photos)]
        chain = Chain(self.flow, frames)
        carried = self.carried.state()
        afters = [
            self.after(shot, start + place, photo, step)
            for place, (photo, step) in enumerate(zip(photos, chain.steps, strict=True), 1)
        ]
        far = state.tensors.get("far")
        if far is None:
            far = self._key(photos[-1], afters[-1], near, chain, float(state.numbers["loss"]))
        numbers = dict(state.numbers)
        for number in range(begin, stop + 1):
            photo, after = photos[number - start - 1], afters[number - start - 1]
            image = far if number == stop else self._between(photo, number - start, near.image, far, chain)
            painting = self.first(photo)
            painting.take(photo, after=after)
            tensors = {"near": near.image, "far": far} | carried
            if number == stop:
                tensors = {"near": far} | self.carried.state()
            yield Painted(number, painting.finished_picture(image), State(number + 1, tensors, numbers))

    def _key(self, photo: Picture, after: After, near: Past, chain: "Chain", scale: float) -> Tensor:
        """Paint the frame at the end of a section, from that at its beginning where the method can."""
        if not self._starts:
            return self.run(self.first(photo), photo, after)
        painting = self.follower(photo)
        target, weights = long_term([(chain.to_near[-1], near)], chain.frames[-1])
        return self.run(painting, photo, self.held(after, chain.frames[-1], target, weights, scale))

    def _between(self, photo: Picture, place: int, near: Tensor, far: Tensor, chain: "Chain") -> Tensor:
        """Return the frame at `place` of a section, of the painted ones at both its ends."""
        part = place / (len(chain.frames) - 1)
        frame, back, forth = chain.frames[place], chain.to_near[place - 1], chain.to_far[place]
        total, sums, seen = torch.zeros_like(frame[:, :1]), torch.zeros_like(frame), torch.zeros_like(frame[:, :1])
        for motion, key, image, fraction in (
            (back, chain.frames[0], near, 1 - part),
            (forth, chain.frames[-1], far, part),
        ):
            sure = likeness(motion, frame, key)
            seen = torch.maximum(seen, motion.reliable)
            for way in (motion, of_camera(motion)):
                look = alike(way, frame, key)
                weight = fraction * (UNSURE * look + (sure if way is motion else 0))
                sums += weight * way.warp(image)
                total = total + weight
                seen = torch.maximum(seen, (look > SEEN).float())
        blended = sums / total.clamp_min(1e-6)
        seen = feathered(((seen > 0.5) & (total > 1e-6)).float())
        if float(seen.min()) >= 1:
            return blended
        return torch.lerp(recolored(self._fill(photo), blended, seen), blended, seen)

    def _frame(self, photo: Picture, image: Tensor) -> Tensor:
        return self.small(photo, (image.shape[2], image.shape[3]))


class Chain:
    """How each frame of a section leads to its first and to its last, along composed flows."""

    def __init__(self, flow: Flow, frames: Sequence[Tensor]) -> None:
        self.frames = list(frames)
        back = [flow.between(later, earlier) for earlier, later in pairwise(frames)]
        forth = [flow.between(earlier, later) for earlier, later in pairwise(frames)]
        self.steps = [Motion(one, reliability(one, other)) for one, other in zip(back, forth, strict=True)]
        """From each frame but the first to the one before."""
        self.to_near = composed(self.steps)
        """From each frame but the first to the first."""
        ahead = [Motion(one, reliability(one, other)) for one, other in zip(forth, back, strict=True)]
        self.to_far = composed(ahead[::-1])[::-1]
        """From each frame but the last to the last."""


def keys(count: int, every: int) -> list[int]:
    """Return the numbers of the frames that are painted: the first, the last, and others so that none is `every` away.

    They are spread evenly: a last frame beside another one would be painted for nothing.
    """
    sections = -(-(count - 1) // every)
    return [0] if not sections else [round(place * (count - 1) / sections) for place in range(sections + 1)]
