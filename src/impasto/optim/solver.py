"""Solvers behind one interface: they hold a point, take a step with an evaluator, and can be put back.

A solver never clamps inside L-BFGS: moving the point behind its back would make the pairs it remembers lies.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from impasto.errors import UsageError
from impasto.losses.objective import LossReport
from impasto.optim.evaluate import Evaluator

LARGEST_FIRST_MOVE = 4 / 255
"""L-BFGS knows nothing of the scale of the problem at its first step; it moves no pixel further than this."""


class Solver(Protocol):
    """One way of taking steps. `point` is the current image (1, 3, H, W), `judged` the one last reported on."""

    point: Tensor
    judged: Tensor

    @property
    def stalled(self) -> bool:
        """Whether no step improves the picture any more."""

    def step(self, evaluate: Evaluator) -> LossReport:
        """Take one step; give the report of `judged`: the point reached (L-BFGS) or left (Adam)."""

    def restart(self, point: Tensor) -> None:
        """Go to `point`, forget what was learnt, and take smaller steps from here."""


class Lbfgs:
    """Limited-memory BFGS (Nocedal & Wright 2006, algorithm 7.5) with a backtracking line search.

    One evaluation a step as a rule: the unit step is taken when it meets the Armijo condition (ibid., eq. 3.6a);
    otherwise the step is shortened by the minimiser of the parabola through what is known, at most
    `SHORTENINGS` times. Pairs of negative curvature are left out.
    """

    ARMIJO = 1e-4
    SHORTENINGS = 6

    def __init__(self, point: Tensor, *, history: int = 12) -> None:
        self.point = self.judged = point.detach().clone()
        self._pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=history)
        self._gradient: Tensor | None = None
        self._report: LossReport | None = None
        self._caution = 1.0
        self._failures = 0

    @property
    def stalled(self) -> bool:
        """Whether two line searches in a row, the second along the gradient, found nothing lower."""
        return self._failures >= 2

    def step(self, evaluate: Evaluator) -> LossReport:
        """Take one step downhill; where none is found, forget the curvature and report where we are."""
        if self._gradient is None or self._report is None:
            self._report, self._gradient = evaluate(self.point)
            if not _sound(self._report, self._gradient):
                return _bad(self._report)
        direction = self._direction(self._gradient)
        slope = _dot(self._gradient, direction)
        if not slope < 0:
            self._pairs.clear()
            direction = self._direction(self._gradient)
            slope = _dot(self._gradient, direction)
        if slope == 0:
            self._failures += 1
            return self._report
        length = 1.0
        for _ in range(self.SHORTENINGS + 1):
            trial = self.point + length * direction
            report, gradient = evaluate(trial)
            if _sound(report, gradient) and report.total <= self._report.total + self.ARMIJO * length * slope:
                self._remember(trial - self.point, gradient - self._gradient)
                self.point = self.judged = trial
                self._report, self._gradient = report, gradient
                self._failures = 0
                return report
            length *= _shorter(self._report.total, report.total, length * slope)
        # Nothing along this direction improves: the curvature is stale, or this is the bottom within rounding.
        self._pairs.clear()
        self._caution *= 0.5
        self._failures += 1
        return self._report

    def restart(self, point: Tensor) -> None:
        """Go to `point` without curvature, and start with half as long a move."""
        self.point = self.judged = point.detach().clone()
        self._pairs.clear()
        self._gradient = self._report = None
        self._caution *= 0.5
        self._failures = 0

    def _direction(self, gradient: Tensor) -> Tensor:
        if not self._pairs:
            largest = float(gradient.abs().max())
            return gradient * (-self._caution * LARGEST_FIRST_MOVE / largest if largest > 0 else 0.0)
        direction = -gradient
        factors = []
        for moved, changed, curvature in reversed(self._pairs):
            factor = _dot(moved, direction) / curvature
            factors.append(factor)
            direction.add_(changed, alpha=-factor)
        _, changed, curvature = self._pairs[-1]
        direction.mul_(curvature / _dot(changed, changed))
        for (moved, changed, curvature), factor in zip(self._pairs, reversed(factors), strict=True):
            direction.add_(moved, alpha=factor - _dot(changed, direction) / curvature)
        return direction

    def _remember(self, moved: Tensor, changed: Tensor) -> None:
        curvature = _dot(moved, changed)
        if curvature > 1e-10 * _dot(changed, changed) ** 0.5 * _dot(moved, moved) ** 0.5:
            self._pairs.append((moved, changed, curvature))


class Adam:
    """Adam (Kingma & Ba 2015) with a learning rate that depends on the step.

    `rate(step)` gives the rate of a step, counted from 0, in units of the image.
    """

    FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8
    stalled = False

    def __init__(self, point: Tensor, rate: Callable[[int], float]) -> None:
        self.point = self.judged = point.detach().clone()
        self._rate, self._caution = rate, 1.0
        self._mean, self._square = torch.zeros_like(point), torch.zeros_like(point)
        self._step = self._since = 0

    def step(self, evaluate: Evaluator) -> LossReport:
        """Take one step; the report is of the point before it."""
        self.judged = self.point
        report, gradient = evaluate(self.point)
        if not _sound(report, gradient):
            return _bad(report)
        rate = self._caution * self._rate(self._step)
        self._step += 1
        self._since += 1
        self._mean.lerp_(gradient, 1 - self.FIRST)
        self._square.mul_(self.SECOND).addcmul_(gradient, gradient, value=1 - self.SECOND)
        mean = self._mean / (1 - self.FIRST**self._since)
        root = (self._square / (1 - self.SECOND**self._since)).sqrt_()
        # Adam does not care for the scale of the loss, so neither may its epsilon.
        floor = max(self.EPSILON * float(root.max()), torch.finfo(root.dtype).tiny)
        self.point = self.point - rate * mean / (root + floor)
        return report

    def restart(self, point: Tensor) -> None:
        """Go to `point` without moments, at half the rate."""
        self.point = self.judged = point.detach().clone()
        self._mean.zero_()
        self._square.zero_()
        self._since = 0
        self._caution *= 0.5


def learning_rate(schedule: str, start: float, end: float, steps: int) -> Callable[[int], float]:
    """Give the rate as a function of the step, from 0: `constant`, or `linear` from `start` to `end` at the last.

    Raises `UsageError` for another schedule.
    """
    if schedule == "constant":
        return lambda step: start
    if schedule == "linear":
        return lambda step: start + (end - start) * min(1.0, step / max(1, steps - 1))
    raise UsageError(f"unknown schedule '{schedule}'; choose from constant, linear")


def _dot(a: Tensor, b: Tensor) -> float:
    return float(torch.dot(a.flatten(), b.flatten()))


def _sound(report: LossReport, gradient: Tensor) -> bool:
    return math.isfinite(report.total) and bool(torch.isfinite(gradient).all())


def _bad(report: LossReport) -> LossReport:
    return LossReport(math.nan, report.terms)


def _shorter(before: float, after: float, change: float) -> float:
    """Give the factor on the step: the parabola's minimum between a tenth and a half, a tenth after nonsense."""
    if not math.isfinite(after):
        return 0.1
    bend = after - before - change
    return min(0.5, max(0.1, -change / (2 * bend))) if bend > 0 else 0.5
