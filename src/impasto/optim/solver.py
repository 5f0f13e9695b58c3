"""Solvers behind one interface: they hold a point, take a step with an evaluator, and can be put back.

A solver never clamps inside L-BFGS: moving the point behind its back would make the pairs it remembers lies.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from impasto.errors import UsageError
from impasto.losses.objective import LossReport
from impasto.optim.evaluate import Evaluator
from impasto.optim.history import HistoryStorage, InMemory, Pairs, Vector
from impasto.optim.state import Pieces, State

LARGEST_FIRST_MOVE = 4 / 255
"""L-BFGS knows nothing of the scale of the problem at its first step; it moves no pixel further than this."""


class Solver(Protocol):
    """One way of taking steps. `point` is the current image (1, 3, H, W), `evaluated` that of the last report."""

    point: Tensor
    evaluated: Tensor

    @property
    def stalled(self) -> bool:
        """Return whether no step improves the picture any more."""

    def step(self, evaluate: Evaluator) -> LossReport:
        """Take one step; return the report of `evaluated`: the point reached (L-BFGS) or left (Adam)."""

    def restart(self, point: Tensor) -> None:
        """Go to `point`, forget what was learnt, and take smaller steps from here."""

    def state(self) -> State:
        """Return all that the next steps depend on; to be used before the next step, which changes it."""

    def restore(self, state: State) -> None:
        """Go on from `state`, bit for bit. Raises `InputError` for one that does not fit."""


class Lbfgs:
    """Limited-memory BFGS (Nocedal & Wright 2006, algorithm 7.5) with a backtracking line search.

    One evaluation a step as a rule: the unit step is taken when it meets the Armijo condition (ibid., eq. 3.6a);
    otherwise the step is shortened by the minimiser of the parabola through what is known, at most
    `SHORTENINGS` times. Pairs of negative curvature are left out. `storage` says how pairs are kept where pictures are
    large; while a step is evaluated there are then three tensors like the point: it, the trial, and the trial's
    gradient.

    With a `patience` above 1, a step may end as high as the highest of so many last points (Grippo, Lampariello &
    Lucidi 1986): for losses that jump, as those of patches do whose matches change. There a search that may only go
    down soon finds no step that does.
    """

    ARMIJO = 1e-4
    SHORTENINGS = 6

    def __init__(
        self, point: Tensor, *, history: int = 12, storage: HistoryStorage | None = None, patience: int = 1
    ) -> None:
        # Points are never changed in place: this one may be the caller's.
        self.point = self.evaluated = point.detach()
        self._pairs = Pairs(history, self.point, storage)
        self._gradient: Vector | None = None
        self._report: LossReport | None = None
        self._caution = 1.0
        self._failures = 0
        self._patience = patience
        self._recent: deque[float] = deque(maxlen=patience)

    @property
    def stalled(self) -> bool:
        """Return whether two line searches in a row, the second along the gradient, found nothing lower."""
        return self._failures >= 2

    def step(self, evaluate: Evaluator) -> LossReport:
        """Take one step downhill; where none is found, forget the curvature and report where we are."""
        if self._gradient is None or self._report is None:
            self._report, gradient = evaluate(self.point)
            self._gradient = InMemory(gradient.flatten())
            if not _sound(self._report, gradient):
                return _bad(self._report)
            self._recent.append(self._report.total)
            del gradient
        trial, slope = self._direction()
        if not slope < 0:
            self._pairs.clear()
            trial, slope = self._direction()
        if slope == 0:
            self._failures += 1
            return self._report
        # From here on, the direction is the trial less the point.
        trial.add_(self.point)
        length = 1.0
        for _ in range(self.SHORTENINGS + 1):
            report, gradient = evaluate(trial)
            if _sound(report, gradient) and report.total <= max(self._recent) + self.ARMIJO * length * slope:
                self._pairs.remember(self.point, trial, self._gradient, gradient)
                self.point = self.evaluated = trial
                self._report, self._gradient = report, InMemory(gradient.flatten())
                self._recent.append(report.total)
                self._failures = 0
                return report
            del gradient
            shorter = _shorter(self._report.total, report.total, length * slope)
            length *= shorter
            trial.sub_(self.point).mul_(shorter).add_(self.point)
        # Nothing along this direction improves: the curvature is stale, or this is the bottom within rounding.
        self._pairs.clear()
        self._caution *= 0.5
        self._failures += 1
        last_report = self._report
        if self._patience > 1:
            # The loss may have jumped since it was evaluated here: what it was is nothing to compare with.
            self._gradient = self._report = None
            self._recent.clear()
        return last_report

    def restart(self, point: Tensor) -> None:
        """Go to `point` without curvature, and start with half as long a move."""
        self.point = self.evaluated = point.detach()
        self._pairs.clear()
        self._gradient = self._report = None
        self._recent.clear()
        self._caution *= 0.5
        self._failures = 0

    def state(self) -> State:
        """Return the point, what is known of it, and the pairs; to be used before the next step, which changes them."""
        values: dict[str, Any] = {
            "caution": self._caution,
            "failures": self._failures,
            "pairs": len(self._pairs),
            "narrow": self._pairs.narrow,
        }
        tensors: dict[str, Tensor | Pieces] = {"point": self.point}
        if self._gradient is not None and self._report is not None:
            tensors["gradient"] = self._pairs.kept(self._gradient, self.point.dtype)
            values |= {"total": self._report.total, "terms": self._report.terms}
            if self._patience > 1:
                values["recent"] = list(self._recent)
        for index, (moved, changed) in enumerate(self._pairs.export()):
            tensors |= {f"moved {index}": moved, f"changed {index}": changed}
        return State(tensors, values)

    def restore(self, state: State) -> None:
        """Go on from `state`, whose pairs are kept as this solver keeps its own.

        Raises `InputError` for one that does not fit.
        """
        point = state.tensor("point", self.point)
        gradient = report = None
        if "gradient" in state.tensors:
            gradient = InMemory(state.tensor("gradient", point.flatten()))
            report = LossReport(state.number("total"), state.numbers("terms"))
        kept = torch.bfloat16 if state.values.get("narrow") is True else point.dtype
        shape = (point.numel(),)
        self._pairs.restore(
            [
                (state.kept(f"moved {index}", shape, kept), state.kept(f"changed {index}", shape, kept))
                for index in range(state.count("pairs", self._pairs.most))
            ]
        )
        self._caution, self._failures = state.number("caution"), state.count("failures")
        self.point = self.evaluated = point
        self._gradient, self._report = gradient, report
        self._recent.clear()
        if report is not None:
            self._recent.extend(state.listed("recent", self._patience) if self._patience > 1 else [report.total])

    def _direction(self) -> tuple[Tensor, float]:
        """Return where to go, a tensor of its own, and the slope that way; the gradient is put away."""
        if self._gradient is None:
            raise ValueError("a direction needs a gradient")
        gradient = self._pairs.fetch(self._gradient, self.point)
        if len(self._pairs):
            direction = gradient.neg().contiguous()
            self._pairs.apply(direction)
        else:
            largest = max(map(abs, _extremes(gradient)))
            factor = -self._caution * LARGEST_FIRST_MOVE / largest if largest > 0 else 0.0
            direction = (gradient * factor).contiguous()
        slope = self._pairs.dot(InMemory(gradient.flatten()), direction)
        self._gradient = self._pairs.park(gradient)
        return direction, slope


class Adam:
    """Adam (Kingma & Ba 2015) with a learning rate that depends on the step.

    `rate(step)` gives the rate of a step, counted from 0, in units of the image.
    """

    FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8
    stalled = False

    def __init__(self, point: Tensor, rate: Callable[[int], float]) -> None:
        self.point = self.evaluated = point.detach()
        self._rate, self._caution = rate, 1.0
        self._mean, self._square = torch.zeros_like(point), torch.zeros_like(point)
        self._step = self._since = 0

    def step(self, evaluate: Evaluator) -> LossReport:
        """Take one step; the report is of the point before it."""
        self.evaluated = self.point
        report, gradient = evaluate(self.point)
        if not _sound(report, gradient):
            return _bad(report)
        rate = self._caution * self._rate(self._step)
        self._step += 1
        self._since += 1
        self._mean.lerp_(gradient, 1 - self.FIRST)
        self._square.mul_(self.SECOND).addcmul_(gradient, gradient, value=1 - self.SECOND)
        del gradient
        root = (self._square / (1 - self.SECOND**self._since)).sqrt_()
        # Adam does not care for the scale of the loss, so neither may its epsilon.
        floor = max(self.EPSILON * float(root.max()), torch.finfo(root.dtype).tiny)
        move = torch.div(self._mean, root.add_(floor), out=root)
        self.point = move.mul_(-rate / (1 - self.FIRST**self._since)).add_(self.point)
        return report

    def restart(self, point: Tensor) -> None:
        """Go to `point` without moments, at half the rate."""
        self.point = self.evaluated = point.detach()
        self._mean.zero_()
        self._square.zero_()
        self._since = 0
        self._caution *= 0.5

    def state(self) -> State:
        """Return the point, the moments and the counts; to be used before the next step, which changes them."""
        tensors = {"point": self.point, "mean": self._mean, "square": self._square}
        return State(tensors, {"caution": self._caution, "step": self._step, "since": self._since})

    def restore(self, state: State) -> None:
        """Go on from `state`. Raises `InputError` for one that does not fit."""
        point = state.tensor("point", self.point)
        # They change in place: copies, since a state that never was in a file is another solver's own.
        mean, square = (state.tensor(name, point).clone() for name in ("mean", "square"))
        self._caution, self._step, self._since = state.number("caution"), state.count("step"), state.count("since")
        self.point = self.evaluated = point
        self._mean, self._square = mean, square


def learning_rate(schedule: str, start: float, end: float, steps: int) -> Callable[[int], float]:
    """Return the rate as a function of the step, from 0: `constant`, or `linear` from `start` to `end` at the last.

    Raises `UsageError` for another schedule.
    """
    if schedule == "constant":
        return lambda _step: start
    if schedule == "linear":
        return lambda step: start + (end - start) * min(1.0, step / max(1, steps - 1))
    raise UsageError(f"unknown schedule '{schedule}'; choose from constant, linear")


def _extremes(values: Tensor) -> tuple[float, float]:
    """Return the lowest and the highest, NaN where there is one; `abs` and `isfinite` would copy a picture."""
    low, high = torch.aminmax(values)
    return float(low), float(high)


def _sound(report: LossReport, gradient: Tensor) -> bool:
    return math.isfinite(report.total) and all(map(math.isfinite, _extremes(gradient)))


def _bad(report: LossReport) -> LossReport:
    return LossReport(math.nan, report.terms)


def _shorter(before: float, after: float, change: float) -> float:
    """Return the factor on the step: the parabola's minimum between a tenth and a half, a tenth after nonsense."""
    if not math.isfinite(after):
        return 0.1
    bend = after - before - change
    return min(0.5, max(0.1, -change / (2 * bend))) if bend > 0 else 0.5
