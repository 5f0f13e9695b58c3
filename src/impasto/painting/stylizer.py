"""`Stylizer`: one painting by optimisation, step by step, for those who want to watch."""

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import torch
from torch import Tensor

from impasto.checkpoint import Checkpoint, level_state
from impasto.encoders import Encoder
from impasto.errors import DivergedError, InputError, UsageError
from impasto.events import Progress, notice
from impasto.losses import Objective
from impasto.methods import base
from impasto.optim import parallel
from impasto.optim.loop import Run
from impasto.optim.memory import trim
from impasto.optim.pyramid import Level
from impasto.optim.resources import Resources
from impasto.optim.solver import Solver
from impasto.optim.tile_planner import Plan
from impasto.painting import budget, strength
from impasto.painting.level_builder import LevelBuilder
from impasto.painting.levels import plan_levels, tell_size
from impasto.painting.options import PaintingOptions, read_options
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.result import Result
from impasto.scene.inputs import Inputs
from impasto.scene.painting import Painting, PlannedLevel
from impasto.scene.resolve import (
    PictureLike,
    check_layers,
    encoder_of,
    multiple_of,
    of_texture,
    result_size,
    surrogate_of,
)


class Stylizer(Painting):
    """One painting by optimisation: iterate over it for `Progress`, ask for `result()` at any time.

    `content` None paints from the styles alone: a texture, or with `regions` a doodle in their shape. The keywords are
    those of `PaintingOptions`: `encoder`, `init_image`, `regions`, `content_landmarks`, `style_landmarks`,
    `max_pixels`, `allow_truncated`, `tile`, `memory` and `device`. Everything that can be refused is refused here,
    before any step.

    A picture that does not fit into memory is painted in tiles, each with the halo that belongs to it. The picture
    depends on `tile`, `memory` and `device` by no more than rounding. Where memory runs out after all, the painting
    goes on in smaller tiles.

    Processes of one `torch.distributed` group share the tiles: all of them paint the same picture, in step. Each has to
    iterate as far as the others; the first of them saves.

    Raises `ImpastoError`s: `ImageError` for inputs, `WeightsError` for the encoder, `UsageError` for settings
    that do not fit together.

    A painting that may be interrupted is saved between two steps, and gone on with by one that has the same inputs:

        for progress in stylizer:
            if progress.total_step % 100 == 0:
                stylizer.checkpoint().save("painting.checkpoint")

        checkpoint = Checkpoint.load("painting.checkpoint")
        stylizer = Stylizer("photo.jpg", "painting.jpg", checkpoint.recipe)
        stylizer.restore(checkpoint)
        for progress in stylizer: ...
    """

    resumable = True
    encoder: Encoder

    def __init__(
        self,
        content: PictureLike | None,
        styles: PictureLike | Sequence[PictureLike],
        recipe: Recipe | None = None,
        **options: Unpack[PaintingOptions],
    ) -> None:
        inputs, resources = read_options(content, styles, options)
        self._prepare(inputs, recipe or Recipe.parse({}), options.get("encoder"), resources)

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        recipe: Recipe,
        *,
        encoder: str | Path | Encoder | None = None,
        resources: Resources | None = None,
    ) -> "Stylizer":
        """Begin a painting of inputs that were put together already, with what the constructor raises."""
        painting = cls.__new__(cls)
        painting._prepare(inputs, recipe, encoder, resources or Resources.choose())
        return painting

    def _prepare(
        self, inputs: Inputs, recipe: Recipe, encoder: str | Path | Encoder | None, resources: Resources
    ) -> None:
        """Read the inputs, load the encoder and plan the levels; refuse what can be refused."""
        if METHODS[recipe.method].feed_forward:
            raise UsageError(f"{recipe.method} does not optimise, as a Stylizer does; use stylize, or impasto.begin")
        if inputs.content is None:
            recipe = of_texture(recipe)
        if (inputs.init is None) != (recipe.init != "file"):
            raise UsageError("init 'file' and init_image belong together; give both or neither")
        scene = inputs.scene(recipe)
        photo, regions = scene.content, scene.regions
        base.find(recipe.method).check(scene)
        strength.check(scene, recipe)
        self.encoder, resolved = encoder_of(recipe, encoder, resources.device)
        resolved = resolved.decided()
        check_layers(resolved, self.encoder)
        super().__init__(scene, resolved, result_size(photo, recipe, regions, self.encoder), resources, inputs.load)
        multiple = multiple_of(recipe, self.encoder)
        tell_size(scene, recipe, self.size, multiple)
        self.surrogate = surrogate_of(self.recipe, self.encoder, self.resources.device)
        """What takes the steps before the last ones, where that is not the encoder."""
        self.levels = plan_levels(scene, recipe, self.size, multiple=multiple, surrogate=self.surrogate is not None)
        self._builder = LevelBuilder(self.scene, self.levels, self.encoder, self.surrogate, self.resources)
        self.memory_bytes = budget.peak(self.plans, self.resources)
        self.steps = sum(level.steps for level in self.levels)
        self._level_init: Tensor | None = None
        """The picture (1, 3, H, W) that the level began with, where its terms depend on it."""
        self._at: level_state.Place | None = None
        self.content_weight: float | None = None
        """The content weight that the recipe's strength turned out to mean; None before it is known, or without one."""
        self._restored: tuple[Checkpoint, Solver] | None = None

    def __iter__(self) -> Generator[Progress, None, None]:
        """Paint, yielding one `Progress` a step; closing the iterator keeps the picture so far."""
        saved, restored = self._restored or (None, None)
        self._restored = None
        began = time.monotonic() - (saved.elapsed_s if saved else 0)
        if saved is None:
            self._reset()
        self._finished = False
        builder = self._builder
        self._find_weight()
        clock = budget.Clock(self.levels)
        taken = len(self._history)
        if restored is not None:
            point = restored.point
        else:
            point = builder.first_point(self.levels[0])
            self._image = self.levels[0].cropped(builder.view(self.levels[0])(point))
        view = builder.view(self.levels[saved.level if saved else 0])
        for level in self.levels[saved.level if saved else 0 :]:
            level_began = time.monotonic()
            if level.index and restored is None:
                self._at = None  # with the history of the level before, which can be larger than all else
                pixels = view.pixels(point).cpu()
                view = builder.view(level)
                point = builder.enlarged(pixels, self.levels[level.index - 1], view, level)
            if builder.method.remembers_init and restored is None:
                self._level_init = view(point)
            objective = builder.shared_objective(level, self._level_init)
            if saved is not None and restored is not None:
                level_state.restore(objective, saved.level_state, saved.step, level.size, builder.encoder_of(level))
            evaluate = builder.evaluator(level, view, objective)
            solver = builder.solver(point, level) if restored is None else restored
            run = Run(solver, evaluate, level.steps, averaged=self.recipe.averaged)
            before = 0
            if saved is not None and restored is not None:
                run.restore(saved.run)
                before, level_began, restored = saved.step, level_began - saved.level_s, None
            try:
                for step, report in enumerate(run, before + 1):
                    taken += 1
                    self._image = level.cropped(view(run.picture))
                    progress = Progress(
                        level=level.index,
                        levels=len(self.levels),
                        step=step,
                        steps=level.steps,
                        total_step=taken,
                        total_steps=self.steps,
                        loss=report.total,
                        losses=report.group(),
                        size=level.picture,
                        elapsed_s=(elapsed := time.monotonic() - began),
                        eta_s=clock.remaining(
                            level.index, step / level.steps, elapsed - self._timings.get("strength", 0)
                        ),
                        image=self._image,
                    )
                    self._history.append(_line(progress))
                    spent = time.monotonic() - level_began
                    self._at = level_state.Place(level, step, elapsed, spent, solver, run, objective)
                    point = solver.point  # where the level began takes memory, and is not gone back to any more
                    yield progress
            except DivergedError as error:
                if not level.index:
                    raise
                notice(f"{error}; the picture of the level before is kept")
                self._image = level.cropped(view(point))
                return
            point = run.picture
            self._image = level.cropped(view(point))
            height, width = level.picture
            self._timings[f"level {level.index} ({width}x{height})"] = time.monotonic() - level_began
            del solver, run, evaluate, objective
        self._finished = True
        self._timings["total"] = time.monotonic() - began

    def result(self) -> Result:
        """Return the picture so far, with the content weight that was found in its recipe."""
        result = super().result()
        if self.content_weight is None:
            return result
        return replace(result, recipe=self.recipe.model_copy(update={"content_weight": self.content_weight}))

    def _find_weight(self) -> None:
        """Find what the recipe's strength means for these pictures, once: frames of a film are painted alike."""
        asked = self.recipe.wanted_strength
        if asked is None or self.content_weight is not None:
            return
        began = time.monotonic()
        weight = strength.found_weight(self.scene, self.recipe, self.encoder, self.surrogate, self.resources)
        self._timings["strength"] = time.monotonic() - began
        self._weigh(weight)
        notice(f"strength {asked:g} is content_weight {weight:g} for these pictures")

    def _weigh(self, content_weight: float) -> None:
        self.content_weight = content_weight
        self._builder.weigh(content_weight)

    def checkpoint(self) -> Checkpoint:
        """Return the state after the last step, to be saved before the next one.

        Raises `UsageError` before the first step.
        """
        at = self._at
        if at is None:
            raise UsageError("a checkpoint is made between steps; take the first one")
        return Checkpoint(
            recipe=self.recipe,
            encoder={"name": self.encoder.name, "sha256": self.encoder.sha256},
            inputs=tuple(self.scene.inputs()),
            level=at.level.index,
            size=at.level.size,
            step=at.step,
            steps=self.steps,
            elapsed_s=at.elapsed_s,
            level_s=at.level_s,
            history=tuple(self.history),
            timings=dict(self.timings),
            solver=at.solver.state(),
            run=at.run.state(),
            engine=self._engine(),
            level_state=level_state.state(at.objective, self._level_init, self.content_weight),
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from `checkpoint` when iterated over; `result()` is its picture until then.

        Raises `InputError` when it is of other pictures, `WeightsError` when of other weights, `UsageError` when of
        another recipe: nothing else would end in the picture that was begun.
        """
        self._builder.adopt_tiles(checkpoint.engine.get("tiles"))
        checkpoint.check(self.recipe, self.encoder, self.scene.inputs(), self._engine())
        level = self.levels[checkpoint.level] if checkpoint.level < len(self.levels) else None
        if level is None or tuple(checkpoint.size) != level.size or checkpoint.step > level.steps:
            raise InputError("the checkpoint is of other sizes and steps than its recipe gives; paint again")
        solver = self._builder.solver(self._builder.first_point(level), level)
        solver.restore(checkpoint.solver)
        painted = self._builder.view(level)(solver.point)
        self._image = level.cropped(painted)
        if self._builder.method.remembers_init:
            self._level_init = checkpoint.level_state.tensor("image", painted)
        if self.recipe.wanted_strength is not None:
            self._weigh(level_state.content_weight(checkpoint.level_state))
        self._history = [dict(line) for line in checkpoint.history]
        self._timings = dict(checkpoint.timings)
        self._finished = False
        self._restored = checkpoint, solver

    @property
    def plans(self) -> tuple[Plan, ...]:
        """How each level is painted: in one piece or in tiles."""
        return self._builder.plans

    def objective(self, level: Level, init: Tensor | None = None) -> Objective:
        """Build the objective of one level: targets measured on pictures of the level's size.

        `init` is the picture (1, 3, H, W) that the level begins with, by default the first of a painting.
        """
        if self._builder.method.remembers_init and init is None:
            init = self._builder.view(level)(self._builder.first_point(level))
        return self._builder.objective(level, init)

    def seconds(self) -> float:
        """Estimate how long the painting will take, by timing the encoder for a moment."""
        return budget.seconds(self.levels, self.plans, self.scene, self._builder.encoder_of, self.resources.device)

    @property
    def weights(self) -> tuple[Mapping[str, str], ...]:
        """Name and sha256 of the encoder, and of what takes steps in its place."""
        used = [self.encoder] if self.surrogate is None else [self.encoder, self.surrogate]
        return tuple({"name": encoder.name, "sha256": encoder.sha256} for encoder in used)

    @property
    def tile(self) -> int | None:
        """Side of the tiles of the last level, in pixels; None: in one piece."""
        return self.plans[-1].tile

    @property
    def tiles(self) -> int:
        """How many tiles the last level is painted in."""
        return len(self.plans[-1].grid.tiles)

    @property
    def schedule(self) -> tuple[PlannedLevel, ...]:
        """The levels in which steps are taken."""
        return tuple(
            PlannedLevel(level.picture, level.steps, len(plan.grid.tiles), level.surrogate)
            for level, plan in zip(self.levels, self.plans, strict=True)
        )

    @property
    def pixel_steps(self) -> int:
        """Steps times pixels over all levels."""
        return sum(level.steps * level.size[0] * level.size[1] for level in self.levels)

    def _first_image(self) -> Tensor:
        first = self.levels[0]
        return first.cropped(self._builder.view(first)(self._builder.first_point(first)))

    def _release(self) -> None:
        trim()

    def _engine(self) -> dict[str, Any]:
        """Return what may show in the last bits of a picture, beside its recipe."""
        tiles = [plan.tile for plan in self.plans]
        device = str(self.resources.device)
        engine = {"torch": str(torch.__version__), "threads": torch.get_num_threads(), "tiles": tiles, "device": device}
        return engine | ({"processes": parallel.process_count()} if parallel.process_count() > 1 else {})


def _line(progress: Progress) -> dict[str, Any]:
    """Return what a history keeps of a step."""
    line = {"level": progress.level, "step": progress.step, "loss": progress.loss, "elapsed_s": progress.elapsed_s}
    return line | progress.losses
