"""The loop: steps of a solver at one level, with the best point kept and trouble met."""

import math
from collections.abc import Generator

from torch import Tensor

from impasto.errors import DivergedError
from impasto.events import notice
from impasto.losses.objective import LossReport
from impasto.optim.evaluate import Evaluator
from impasto.optim.solver import Solver
from impasto.optim.state import Pieces, State

MAX_RESTARTS = 4
"""The times that a run goes back to its best point before it gives up: each halves the steps, and a sixteenth did no
better."""
EXPLOSION_FACTOR = 1e3
"""A loss this many times the highest of the first `SETTLING_STEPS` steps is an explosion, not a step uphill."""
SETTLING_STEPS = 10
"""The steps whose highest loss counts as usual. The first alone would not do: a start from the content has no content
loss at all."""


class Run:
    """Take `steps` steps, yielding a report after each; `best` is the best point so far, `picture` what it ends with.

    `averaged` is the fraction of the steps, the last ones, the mean of whose points is the picture.

    NaN, infinities and explosions go back to the best point with smaller steps, `MAX_RESTARTS` times at most.

    Raises `DivergedError` when the very first evaluation is not finite.
    """

    def __init__(self, solver: Solver, evaluate: Evaluator, steps: int, *, averaged: float = 0.0) -> None:
        self._solver, self._evaluate, self._steps = solver, evaluate, steps
        self.best: Tensor = solver.point
        self.lowest = math.inf
        self.sound = True
        """False once the run gave up: the solver's point is then not to be trusted, `best` is."""
        self._step = self._retries = 0
        self._usual = 0.0
        self._first = (1 - averaged) * steps
        """The step from which the mean is taken."""
        self._mean: Tensor | None = None
        self._count = 0

    @property
    def picture(self) -> Tensor:
        """Return the mean of the last points, or the last one where none is taken; the best once the run gave up."""
        if not self.sound:
            return self.best
        return self._solver.point if self._mean is None else self._mean

    def state(self) -> State:
        """Return what the next steps depend on beside the solver's own state."""
        tensors: dict[str, Tensor | Pieces] = {} if self.best is self._solver.point else {"best": self.best}
        counts = {"step": self._step, "retries": self._retries}
        if self._mean is not None:
            tensors["mean"], counts["averaged"] = self._mean, self._count
        return State(tensors, {"lowest": self.lowest, "usual": self._usual, **counts})

    def restore(self, state: State) -> None:
        """Go on from `state`, once the solver was put back. Raises `InputError` for one that does not fit."""
        point = self._solver.point
        self.best = state.tensor("best", point) if "best" in state.tensors else point
        self.lowest, self._usual = state.number("lowest"), state.number("usual")
        self._step, self._retries = state.count("step", self._steps), state.count("retries", MAX_RESTARTS)
        # It changes in place: a copy, since a state that never was in a file is another run's own.
        self._mean = state.tensor("mean", point).clone() if "mean" in state.tensors else None
        self._count = 0 if self._mean is None else state.count("averaged", self._steps)

    def __iter__(self) -> Generator[LossReport, None, None]:
        while self._step < self._steps:
            if self._solver.stalled:
                taken = f"{self._step} of {self._steps}"
                notice(f"no step improves the picture any more after {taken}; going on from there")
                return
            step = self._step
            self._step += 1
            report = self._solver.step(self._evaluate)
            exploded = step >= SETTLING_STEPS and report.total > EXPLOSION_FACTOR * self._usual > 0
            if exploded or not math.isfinite(report.total):
                if self.lowest == math.inf:
                    raise DivergedError(
                        "the loss is not finite at the start; check the weights of the terms and the encoder's weights"
                    )
                self._retries += 1
                if self._retries > MAX_RESTARTS:
                    self.sound = False
                    notice(f"the loss did not stay finite; stopped at step {step} and kept the best picture so far")
                    return
                notice(f"the loss was {report.total:.3g} at step {step}; back to the best picture, with smaller steps")
                self._solver.restart(self.best)
                self._mean, self._count = None, 0
                continue
            if step < SETTLING_STEPS:
                self._usual = max(self._usual, report.total)
            if report.total <= self.lowest:
                self.lowest, self.best = report.total, self._solver.evaluated
            if step >= self._first:
                self._average(self._solver.point)
            yield report

    def _average(self, point: Tensor) -> None:
        self._count += 1
        if self._mean is None:
            self._mean = point.clone()
        else:
            self._mean.lerp_(point, 1 / self._count)
