"""Loops that close: the last frames of a clip lead to its first."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from impasto.images import Picture
from impasto.video.shot import Shot
from impasto.video.shot_painter import Painted, ShotPainter
from impasto.video.store import State

FRAMES = 8
"""Frames over which the end of a loop is led to its beginning: a third of a second, in which a change is no jump."""


def paint_loop(painter: ShotPainter, shot: Shot, state: State | None) -> Iterator[Painted]:
    """Paint a shot whose last frame leads to its first.

    Its last frames are painted before the first, which so follows from them, and again at the end, where each is
    blended with what it was before: more and more, so that the last is the very one that the first follows from.
    """
    count = min(FRAMES, len(shot) // 2)
    if not count:
        yield from painter.paint(shot, state)
        return
    earlier = {}
    if state is not None:
        earlier = {name: tensor for name, tensor in state.tensors.items() if name.startswith("loop ")}
        state = replace(state, tensors={name: one for name, one in state.tensors.items() if name not in earlier})
        # Frames of before the first are counted by the painter, and not by the caller.
        state = replace(state, done=int(state.numbers["loop"]))
    for painted in painter.paint(shot.looped(count), state):
        number = painted.number - count
        if number < 0:
            earlier[f"loop {len(shot) + number}"] = painted.picture.pixels
            continue
        picture = painted.picture
        if (before := earlier.get(f"loop {number}")) is not None:
            part = (number - len(shot) + count + 1) / count
            picture = Picture(torch.lerp(picture.pixels, before, part), picture.alpha, name=picture.name)
        numbers = {**painted.state.numbers, "loop": float(painted.state.done)}
        yield Painted(number, picture, State(number + 1, {**painted.state.tensors, **earlier}, numbers))
