"""Methods that optimise, in several passes forth and back through a shot (Ruder et al. 2016, section 5.3)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import torch

from impasto import images
from impasto.errors import InputError
from impasto.images import Picture
from impasto.scene.painting import After
from impasto.video.carried import Carried
from impasto.video.optimized import OptimizedPainter
from impasto.video.settings import Coherence
from impasto.video.shot import Shot
from impasto.video.shot_painter import Begin, Painted, Watch, feathered, likeness
from impasto.video.store import State

BLEND = 0.5
"""Of what a pass begins a frame with, the part of the neighbour it has just painted; the rest is the pass before."""


class Scratch(Protocol):
    """Keeps each frame of a shot between two passes, so that as many as there are need not be in memory."""

    def save(self, number: int, state: State) -> None:
        """Keep frame `number` in place of what was kept of it before."""

    def load(self, number: int) -> State | None:
        """Return what was kept of frame `number`; None where that is nothing."""

    def clear(self) -> None:
        """Forget all frames."""


class InMemory:
    """A scratch for a shot that is painted without a store."""

    def __init__(self) -> None:
        self._states: dict[int, State] = {}

    def save(self, number: int, state: State) -> None:
        """Keep frame `number` in place of what was kept of it before."""
        self._states[number] = state

    def load(self, number: int) -> State | None:
        """Return what was kept of frame `number`; None where that is nothing."""
        return self._states.get(number)

    def clear(self) -> None:
        """Forget all frames."""
        self._states.clear()


class PassesPainter(OptimizedPainter):
    """Paints a shot `passes` times, forth and back in turn, so that a frame follows those after it, too.

    The first pass paints each frame by itself. From the second half of the passes on, a frame is held to the neighbour.
    Each frame of each pass is kept in the `scratch`, and a process that was killed goes on with the next.
    """

    def __init__(
        self, begin: Begin, coherence: Coherence, carried: Carried, watch: Watch, scratch: Scratch | None = None
    ) -> None:
        super().__init__(begin, coherence, carried, watch)
        self._scratch = scratch or InMemory()

    def paint(self, shot: Shot, state: State | None) -> Iterator[Painted]:
        """Paint the frames of a shot; those that `state` says are finished are not yielded."""
        self._first_pass(shot)
        for later in range(1, self.coherence.passes):
            # Back first: the last frame of a pass is the first of the next, and is good already.
            order = range(len(shot))[:: -1 if later % 2 else 1]
            before: int | None = None
            for number in order:
                self._again(shot, number, before, later)
                before = number
        done = 0 if state is None else state.done
        for number, photo in enumerate(shot.photos(done), done):
            kept = self._kept(number)
            painting = self.first(photo)
            painting.take(photo, after=self._after(kept))
            yield Painted(number, painting.finished_picture(kept.tensors["painted"]), State(number + 1))
        self._scratch.clear()

    def _first_pass(self, shot: Shot) -> None:
        """Paint each frame by itself that was not yet."""
        done = next((number for number in range(len(shot)) if self._scratch.load(number) is None), len(shot))
        before = None if not done else self._kept(done - 1)
        scale = 0.0 if before is None else float(before.numbers["loss"])
        for number, photo in enumerate(shot.photos(done), done):
            if before is None:
                after = self.after(shot, number, photo)
                painting = self.first(photo)
                frame = self.small(photo, painting.size)
            else:
                self.restore(before)
                painting = self.first(photo)
                frame = self.small(photo, painting.size)
                after = self.after(shot, number, photo, self.flow.motion(frame, before.tensors["frame"]))
            image = self.run(painting, photo, after)
            scale = scale or self.loss_of(painting)
            alpha = {} if photo.alpha is None else {"alpha": images.resize(photo.alpha, painting.size)}
            tensors = {"frame": frame, "painted": image} | alpha | self.carried.state()
            before = State(1, tensors, {"loss": scale})
            self._scratch.save(number, before)

    def _again(self, shot: Shot, number: int, neighbor: int | None, later: int) -> None:
        """Paint frame `number` in pass `later`, after its neighbour there, unless that was done."""
        kept = self._kept(number)
        if kept.done > later:
            return
        frame, image, scale = kept.tensors["frame"], kept.tensors["painted"], float(kept.numbers["loss"])
        after = self._after(kept)
        target, weights = image, torch.zeros_like(frame[:, :1])
        if neighbor is not None:
            other = self._kept(neighbor)
            motion = self.flow.motion(frame, other.tensors["frame"])
            weights = likeness(motion, frame, other.tensors["frame"])
            target = torch.lerp(target, motion.warp(other.tensors["painted"]), BLEND * feathered(weights))
        held = self.held(after, image, target, weights, scale)
        if 2 * later < self.coherence.passes:
            held = replace(held, anchor=None)
        photo = Picture(frame, kept.tensors.get("alpha"), name=f"frame {shot.indices[number]}")
        painted = self.run(self.follower(photo), photo, held)
        self._scratch.save(number, State(later + 1, {**kept.tensors, "painted": painted}, kept.numbers))

    def _kept(self, number: int) -> State:
        kept = self._scratch.load(number)
        if kept is None:
            raise InputError(f"frame {number}: was kept between two passes, and cannot be read; paint the clip again")
        return kept

    def _after(self, kept: State) -> After:
        """Return where regions and face are in a frame that was kept."""
        self.restore(kept)
        return self.carried.now()
