"""One draft: a small painting of a recipe, measured, and given up after its coarse level where it falls behind."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from impasto.encoders import Encoder
from impasto.errors import ImpastoError, OutputError, WeightsError
from impasto.evaluation import Evaluator
from impasto.events import Progress
from impasto.executors import Executor, InProcess, Tell, Work
from impasto.images import Picture
from impasto.painting.api import begin_with
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene.inputs import Inputs
from impasto.scene.painting import Painting
from impasto.series.measuring import MeasuringEncoders, without_notices
from impasto.tuning.score import Scores, asked, score
from impasto.tuning.space import Point

SIZE = 256
"""Long side of drafts in pixels: the smallest at which strokes can be told from noise by eye."""
STEPS = 60
"""Steps of a draft that is optimised, half of them at its full size by gatys, a third by others: what separates recipes
has shown by then."""
FINISHING = 5
"""One in so many steps is finishing, as in a recipe's defaults."""
TWO_LEVELS = 128
"""Long side in pixels from which a draft begins at half its size: relu5_1 sees 156 pixels, so its first level lays out
forms and colours, and is enough to see which drafts fall behind."""

State = Literal["complete", "pruned", "failed", "stopped"]


@dataclass(frozen=True)
class Order:
    """What a draft is made of: nothing else is known where it is painted."""

    number: int
    point: Point
    recipe: Recipe
    """The draft's, which is smaller and shorter than the one that is searched."""
    path: Path
    floor: float | None = None
    """The least balanced score that the coarse level needs for the draft to go on; None: it goes on."""


@dataclass(frozen=True)
class Outcome:
    """How a draft went."""

    state: State
    scores: Scores | None = None
    coarse: float | None = None
    """The balanced score after the coarse level; None where there is but one level, or it is too small to measure."""
    seconds: float = 0.0
    note: str = ""
    """Why it failed."""


def draft_recipe(recipe: Recipe, size: int = SIZE, steps: int = STEPS) -> Recipe:
    """Return the recipe of a draft: `recipe` at `size` px with few steps, by petite where the encoder is automatic."""
    changes: dict[str, object] = {"size": min(size, recipe.size) if isinstance(recipe.size, int) else size}
    method = METHODS[recipe.method]
    if recipe.encoder == "auto" and "encoder" in method.settings:
        changes["encoder"] = "petite"
    if method.optimizes:
        changes["iterations"] = min(recipe.steps, steps)
        changes["finishing_steps"] = min(recipe.finishing, steps // FINISHING)
        if not recipe.levels and not method.coarsest:
            changes["levels"] = 2 if size >= TWO_LEVELS else 1
    return recipe.replace(**changes)


class Drafter:
    """Paints and measures drafts of one pair. Pictures are read and encoders loaded once.

    `like`: a reference whose statistics count as the style reached. Raises what `images.load` and encoders raise.
    """

    def __init__(
        self,
        content: Picture,
        style: Picture,
        like: Picture | None = None,
        encoder: str | Path | Encoder = "auto",
    ) -> None:
        self.content, self.style, self.like = content, style, like
        # One panel of layers for every search, whichever methods it is between.
        recipes = [Recipe(method=name) for name, method in METHODS.items() if method.optimizes]
        self._measuring = MeasuringEncoders(encoder, encoder, recipes)
        self._measuring.load()

    @property
    def setting(self) -> dict[str, object]:
        """What drafts are measured with: encoders by sha256 and layers, and the ids of the metrics."""
        return {**self._measuring.setting, "metrics": asked(like=self.like is not None)}

    def measure(self, picture: Picture) -> Scores:
        """Return the scores of a picture. Raises `ValueError` where a metric has no value."""
        evaluator: Evaluator = self._measuring.evaluator
        reference = self.style if self.like is None else self.like
        metrics = asked(like=self.like is not None)
        with without_notices():
            evaluation = evaluator.evaluate(picture, self.content, reference, metrics=metrics)
        return score(evaluation.values, like=self.like is not None)

    def paint(self, order: Order, watch: Callable[[Progress], object] | None = None) -> Outcome:
        """Paint a draft, measure it and save it. `watch` sees every step, and ends it by returning True.

        What is wrong with one draft alone is said in the outcome. Raises `OutputError` where nothing can be written and
        `WeightsError` where weights are missing: with those no other draft would fare better.
        """
        began, coarse = time.monotonic(), None
        try:
            with without_notices():
                painting = begin_with(Inputs(self.content, [self.style]), order.recipe)
                for progress in painting:
                    if watch is not None and watch(progress) is True:
                        return Outcome("stopped", seconds=time.monotonic() - began)
                    if progress.level == 0 and progress.levels > 1 and progress.step == progress.steps:
                        coarse = self._coarse(painting, progress)
                        if coarse is not None and order.floor is not None and coarse < order.floor:
                            return Outcome("pruned", None, coarse, time.monotonic() - began)
                result = painting.result()
            scores = self.measure(result.picture)
            result.save(order.path, force=True)
        except (OutputError, WeightsError):
            raise
        # torch tells of memory, and of much else, by RuntimeError; ValueError: a metric without a value.
        except (ImpastoError, MemoryError, RuntimeError, ValueError) as error:
            return Outcome("failed", None, coarse, time.monotonic() - began, " ".join(str(error).split()))
        return Outcome("complete", scores, coarse, time.monotonic() - began)

    def work(self, payload: Order, tell: Tell) -> Outcome:
        """Paint a draft for an executor of this process."""
        return self.paint(payload, tell)

    def _coarse(self, painting: Painting, progress: Progress) -> float | None:
        """Return the balanced score of the coarse level; None where it is too small to be measured."""
        try:
            return self.measure(painting.shown(progress)).mean()
        except (ImpastoError, ValueError):
            return None


class DraftWork:
    """A `Drafter` as executors have it: one in each process."""

    def __init__(self, content: Picture, style: Picture, like: Picture | None, encoder: str | Path | Encoder) -> None:
        self._drafter = Drafter(content, style, like, encoder)

    def __call__(self, payload: Order, tell: Tell) -> Outcome:
        """Paint a draft. What is told of each step has no picture, which would be sent between processes."""
        return self._drafter.paint(payload, lambda progress: tell(replace(progress, image=None)))


def paint_all(
    work: Callable[[], Work],
    orders: Iterable[Order],
    executor: Executor | None = None,
    watch: Callable[[Order, Progress], object] | None = None,
) -> Iterator[tuple[Order, Outcome]]:
    """Yield how each of the orders went, as they are ready: one after another here, without an executor.

    `watch` sees every step, and stops a draft by returning True. Raises what would befall all of them, as
    `Drafter.paint` does.
    """

    def see(_index: int, order: Order, progress: Progress) -> bool:
        return watch is not None and watch(order, progress) is True

    for done in (InProcess() if executor is None else executor).run(work, orders, watch=see):
        if isinstance(done.error, OutputError | WeightsError):
            raise done.error
        note = " ".join(str(done.error).split())
        failed = Outcome("failed", seconds=done.seconds, note=note)
        yield done.payload, failed if done.error is not None else done.value
