"""The way from one style to the next: a series of paintings of one photograph."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.events import Progress
from impasto.guides import Regions
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.result import Result
from impasto.scene.resolve import PictureLike

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
    on_progress: Callable[[int, Progress, Stylizer], None] | None = None,
) -> Iterator[Result]:
    """Paint `content` in `frames` mixtures from the first of `styles` to the last.

    With `coherent`, each frame starts from the one before, so that strokes stay where they are: what an animation
    needs. Without, every frame is painted for itself, as `stylize` would. `on_progress` sees the number of the frame,
    each step, and the painting in progress; stopping the iteration keeps the frames so far.

    Raises `UsageError` for fewer than two styles or frames.
    """
    recipe = recipe or Recipe.parse({})
    if len(styles) < 2 or frames < 2:
        raise UsageError("a blend needs two styles and two frames at least")
    if recipe.layer_style_weights or recipe.style_weights:
        raise UsageError("a blend sets the share of each style itself; leave style_weights and layer_style_weights out")
    before: Result | None = None
    for frame in range(frames):
        settings = recipe.replace(style_weights=shares(frame, frames, len(styles)))
        start = None
        if before is not None and coherent:
            steps = max(1, round(SHARE * recipe.iterations))
            settings = settings.replace(init="file", levels=1, iterations=steps)
            start = before.picture
        stylizer = Stylizer(content, list(styles), settings, encoder=encoder, init_image=start, regions=regions)
        encoder = stylizer.encoder
        for progress in stylizer:
            if on_progress is not None:
                on_progress(frame, progress, stylizer)
        before = stylizer.result()
        yield before
