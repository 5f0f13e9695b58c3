"""The way from one style to the next: a series of paintings of one photograph."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.events import Progress
from impasto.executors import Executor, InProcess, ordered
from impasto.executors.painter import Painter
from impasto.executors.sizing import share
from impasto.guides import Regions
from impasto.recipe import Recipe
from impasto.result import Result
from impasto.scene.inputs import Inputs
from impasto.scene.resolve import PictureLike
from impasto.series.grid import Job
from impasto.series.paint_work import Order, Painted, maker

SHARE = 0.3
"""Steps of a frame that starts from the one before, over those of the first."""


def shares(frame: int, frames: int, styles: int) -> tuple[float, ...]:
    """Return the style weights of `frame` (from 0): a straight way through all styles, two at a time."""
    place = frame / (frames - 1) * (styles - 1)
    return tuple(max(0.0, 1 - abs(place - index)) for index in range(styles))


def blend(
    content: PictureLike,
    styles: Sequence[PictureLike],
    frames: int,
    recipe: Recipe | None = None,
    *,
    encoder: str | Path | Encoder | None = None,
    regions: Regions | None = None,
    coherent: bool = True,
    executor: Executor | None = None,
    on_progress: Callable[[int, Progress], object] | None = None,
) -> Iterator[Result]:
    """Paint `content` in `frames` mixtures from the first of `styles` to the last.

    With `coherent`, each frame starts from the one before, so that strokes stay where they are: what an animation
    needs. Without, every frame is painted for itself, as `stylize` would, and an `executor` may paint several at once.
    `on_progress` sees the number of the frame and each step, and stops all by returning True: what is yielded are whole
    frames alone.

    Raises `UsageError` for fewer than two styles or frames, and for an `executor` of frames that wait for one another.
    """
    recipe = recipe or Recipe.parse({})
    if len(styles) < 2 or frames < 2:
        raise UsageError("a blend needs two styles and two frames at least")
    if recipe.layer_style_weights or recipe.style_weights:
        raise UsageError("a blend sets the share of each style itself; leave style_weights and layer_style_weights out")
    if executor is not None and coherent:
        raise UsageError("frames that start from the one before are painted one after another; leave the executor out")
    executor = executor or InProcess()
    near, painter = isinstance(executor, InProcess), Painter()
    before: Result | None = None

    def orders() -> Iterator[Order]:
        for frame in range(frames):
            settings = recipe.replace(style_weights=shares(frame, frames, len(styles)))
            inputs = Inputs(content, list(styles), masks=regions)
            if before is not None and coherent:
                steps = max(1, round(SHARE * recipe.steps))
                settings = settings.replace(init="file", levels=1, iterations=steps)
                inputs = replace(inputs, init=before.picture)
            if not near:
                inputs, settings = painter.portable(inputs, settings), painter.exact(settings)
            yield Order(Job(inputs, settings, encoder))

    def watch(index: int, _order: Order, progress: Progress) -> object:
        return on_progress is not None and on_progress(index, progress)

    memory = None if executor.workers == 1 else share(executor.workers)
    for outcome in ordered(executor.run(maker(executor, painter, memory), orders(), watch=watch)):
        if outcome.error is not None:
            raise outcome.error
        painted: Painted = outcome.value
        if painted.state != "unfinished" and painted.result is not None:
            before = painted.result
            yield before
