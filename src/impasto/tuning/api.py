"""The façade: `tune(content, style, folder=...)` searches, and paints what it found."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto.errors import UsageError
from impasto.events import Progress
from impasto.executors import processes
from impasto.recipe import Recipe
from impasto.scene.resolve import PictureLike
from impasto.tuning.budget import Budget
from impasto.tuning.draft import SIZE
from impasto.tuning.study import Trial
from impasto.tuning.tuning import Tuning


def tune(
    content: PictureLike,
    style: PictureLike,
    *,
    folder: str | Path,
    budget: str | int | Budget = 40,
    recipe: Recipe | None = None,
    preset: str | None = None,
    methods: Sequence[str] | None = None,
    fix: Mapping[str, Any] | None = None,
    like: PictureLike | None = None,
    size: int = SIZE,
    paint: str | None = "",
    workers: int | None = 1,
    on_draft: Callable[[Trial], object] | None = None,
    on_step: Callable[[Progress], object] | None = None,
    force: bool = False,
) -> Tuning:
    """Search for the recipe that suits a pair, by drafts into `folder`, and paint the best one at full size.

    The search is around `recipe`, or `preset`. `budget`: drafts, or a time such as "5min". `paint`: which of the
    choices `faithful`, `balanced` and `bold` is painted, "" the usual one, None none of them. `on_draft` sees every
    draft, and ends the search by returning True, as `on_step` does at every step. `workers`: processes that paint side
    by side; None: as many as there is room for. All else is as for `Tuning`, with
    what it raises; the same call again goes on where it was stopped.

    >>> tuning = tune("photo.jpg", "painting.jpg", folder="tuned", budget=40)  # doctest: +SKIP
    >>> tuning.recipe(tuning.chosen["bold"])  # doctest: +SKIP
    """
    if recipe is not None and preset is not None:
        raise UsageError("give a recipe or a preset, not both; `fix` holds single settings")
    tuning = Tuning(
        content,
        style,
        folder,
        budget=budget,
        recipe=recipe or Recipe.from_preset(preset),
        methods=methods,
        fix=fix,
        like=like,
        size=size,
        force=force,
    )
    try:
        with contextlib.ExitStack() as stack:
            executor = None if workers == 1 else stack.enter_context(processes(workers=workers))
            over = tuning.run(
                executor,
                on_draft=on_draft,
                watch=None if on_step is None else lambda _order, progress: on_step(progress),
            )
        tuning.finish()
        if paint is not None and over:
            tuning.paint(paint or None, on_step)
    finally:
        tuning.close()
    return tuning
