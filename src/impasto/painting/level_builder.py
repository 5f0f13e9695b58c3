"""What each level of a painting by optimisation is painted with: its first point, objective, evaluator and solver."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from torch import Tensor

from impasto.encoders import Encoder
from impasto.encoders.vgg import Vgg
from impasto.losses import Objective
from impasto.losses.objective import LossReport
from impasto.methods import base
from impasto.optim import parallel
from impasto.optim.canvas import View
from impasto.optim.evaluate import Evaluator, Viewed
from impasto.optim.memory import retry_smaller, trim
from impasto.optim.pyramid import Level
from impasto.optim.resources import Resources
from impasto.optim.solver import Solver
from impasto.optim.tile_planner import Plan
from impasto.painting import budget
from impasto.painting.levels import solver_of
from impasto.painting.objective import ObjectiveBuilder
from impasto.scene import Scene

SHRINKS = 3
"""How often a painting takes smaller tiles because memory ran out."""


class LevelBuilder:
    """Builds the parts of each of the `levels`, within the memory there is: where it runs out, in smaller tiles.

    The `encoder` compares features, or the `surrogate` in its place at the levels that say so. Raises what
    `budget.plan` does.
    """

    def __init__(
        self,
        scene: Scene,
        levels: Sequence[Level],
        encoder: Encoder,
        surrogate: Encoder | None,
        resources: Resources,
    ) -> None:
        self.method = base.find(scene.recipe.method)
        self._scene, self._encoder, self._surrogate, self._resources = scene, encoder, surrogate, resources
        self._levels = tuple(levels)
        self._objectives = self._builders()
        self.plans: tuple[Plan, ...] = budget.plan(levels, scene, encoder, resources)
        """How each level is painted: in one piece or in tiles."""
        self._shrunk = 0

    def encoder_of(self, level: Level) -> Encoder:
        """Return what compares features at a level."""
        return self._surrogate if level.surrogate and self._surrogate is not None else self._encoder

    def weigh(self, content_weight: float) -> None:
        """Build the objectives to come with another content weight than the recipe's."""
        self._scene = self._scene.under(self._scene.recipe.model_copy(update={"content_weight": content_weight}))
        self._objectives = self._builders()

    def adopt_tiles(self, tiles: object) -> None:
        """Plan the `tiles` of an earlier process, one for each level, where those need no more memory."""
        self.plans = budget.adopt(self.plans, tiles, self._scene, self._encoder)

    def view(self, level: Level) -> View:
        """Return the way from the canvas of a level to the picture that is evaluated, on the device."""
        view = self._scene.view(level)
        if view.kept is None or view.photo is None:
            return view
        return replace(view, kept=self._on_device(view.kept), photo=self._on_device(view.photo))

    def first_point(self, level: Level) -> Tensor:
        """Return the canvas that a painting begins with, where `level` is the first."""
        return self._on_device(self.view(level).canvas(self._scene.init_canvas(level)))

    def enlarged(self, pixels: Tensor, before: Level, view: View, level: Level) -> Tensor:
        """Return the canvas that a level begins with, of what was painted (1, C, h, w) at the level `before`."""
        return self._on_device(view.canvas(self._scene.enlarge(pixels, before, level)))

    def objective(self, level: Level, init: Tensor | None) -> Objective:
        """Build the objective of a level: targets measured on pictures of the level's size.

        `init` is the picture (1, 3, H, W) that the level begins with, which some methods depend on.
        """
        return self._objectives[level.surrogate].objective(level, self.plans[level.index].tile, init)

    def shared_objective(self, level: Level, init: Tensor | None) -> Objective:
        """Build the objective in all processes together, in smaller tiles where memory runs out."""
        shrink = partial(self._shrink, level.index)
        objective = retry_smaller(lambda: parallel.run_on_all(lambda: self.objective(level, init)), shrink)
        trim()
        return objective

    def evaluator(self, level: Level, view: View, objective: Objective) -> Evaluator:
        """Return what measures the loss and its gradient at a canvas, and tells the objective that it counted."""
        shrink, encode = partial(self._shrink, level.index), self.encoder_of(level)
        if self._scene.recipe.tileable:
            # A canvas that repeats goes on at its other side; the paintings it is compared with do not.
            encode = encode.padded("circular")
        if isinstance(encode, Vgg) and encode.precision is not None:
            encode = encode.narrowed(objective.summed_layers)

        def evaluate(image: Tensor) -> tuple[LossReport, Tensor]:
            # The grid of now: it may have become one of smaller tiles.
            report, gradient = retry_smaller(
                lambda: parallel.tiled_evaluator(encode, objective, self.plans[level.index].grid)(image), shrink
            )
            objective.advance()
            return report, gradient

        return evaluate if view.plain else Viewed(evaluate, view)

    def solver(self, point: Tensor, level: Level) -> Solver:
        """Return the recipe's solver of a level, which begins at `point`."""
        storage = self.plans[level.index].storage
        return solver_of(self._scene.recipe, point, level, storage, self.method.patience)

    def _builders(self) -> dict[bool, ObjectiveBuilder]:
        """Return what builds the objectives of levels, by whether the surrogate compares features there."""
        last, device = self._levels[-1].picture, self._resources.device
        return {
            level.surrogate: ObjectiveBuilder(self._scene, self.encoder_of(level), last, device)
            for level in self._levels
        }

    def _on_device(self, tensor: Tensor) -> Tensor:
        # Contiguous, as what comes out of a checkpoint is: another layout could change the last bits of a sum.
        return tensor.to(self._resources.device).contiguous()

    def _shrink(self, index: int) -> bool:
        """Plan smaller tiles from level `index` on; say whether there are any."""
        may_shrink = self._shrunk < SHRINKS and self._resources.tile != "off"
        plans = budget.smaller(self.plans, index, self._scene, self._encoder) if may_shrink else None
        if plans is None:
            return False
        self.plans, self._shrunk = plans, self._shrunk + 1
        return True
