"""Adam beside torch's, and its learning rates."""

import itertools
import math

import pytest
import torch

from impasto.errors import UsageError
from impasto.losses import LossReport
from impasto.optim.solver import Adam, learning_rate
from impasto.recipe import Recipe

TARGET = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def loss_at(x: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    d = x - TARGET.to(x.dtype)
    return scale * (d.square() * (1 + 10 * TARGET.to(x.dtype))).sum() + scale * d[..., 0].pow(4).sum()


def evaluator(scale: float = 1.0):
    def evaluate(point):
        leaf = point.detach().requires_grad_()
        loss = loss_at(leaf, scale)
        (gradient,) = torch.autograd.grad(loss, leaf)
        return LossReport(float(loss.detach()), {}), gradient

    return evaluate


def test_is_torchs_adam() -> None:
    start = torch.zeros_like(TARGET)
    rate = learning_rate("linear", 0.04, 0.004, 12)
    point = start.clone().requires_grad_()
    oracle = torch.optim.Adam([point], lr=0.04, betas=(0.9, 0.999), eps=1e-12)
    solver, evaluate = Adam(start, rate), evaluator()
    for step in range(12):
        oracle.param_groups[0]["lr"] = rate(step)
        oracle.zero_grad()
        loss_at(point).backward()
        oracle.step()
        solver.step(evaluate)
        # Where a gradient is far below the largest, epsilon shows.
        torch.testing.assert_close(solver.point, point.detach(), rtol=0, atol=2e-7)


def test_first_step_is_the_rate_against_the_gradient() -> None:
    start = torch.zeros_like(TARGET)
    solver, evaluate = Adam(start, lambda _step: 0.01), evaluator()
    _, gradient = evaluate(start)
    solver.step(evaluate)
    torch.testing.assert_close(solver.point, -0.01 * gradient.sign(), rtol=0, atol=1e-6)


def test_report_is_of_the_point_it_left() -> None:
    solver, evaluate = Adam(torch.zeros_like(TARGET), lambda _step: 0.01), evaluator()
    for _ in range(4):
        before = solver.point
        report = solver.step(evaluate)
        assert solver.evaluated is before
        assert report.total == float(loss_at(before))
        assert not torch.equal(solver.point, before)


def test_arrives() -> None:
    solver, evaluate = Adam(torch.zeros_like(TARGET), learning_rate("linear", 0.05, 1e-4, 400)), evaluator()
    for _ in range(400):
        solver.step(evaluate)
    torch.testing.assert_close(solver.point, TARGET, rtol=0, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("exponent", [-40, -10, 40])
def test_does_not_care_for_the_scale_of_the_loss(dtype: torch.dtype, exponent: int) -> None:
    points = []
    for scale in (1.0, 2.0**exponent):
        solver, evaluate = Adam(torch.zeros_like(TARGET, dtype=dtype), lambda _step: 0.01), evaluator(scale)
        for _ in range(10):
            solver.step(evaluate)
        points.append(solver.point)
    torch.testing.assert_close(points[1], points[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_gradient_is_no_move(dtype: torch.dtype) -> None:
    # A start from the content, without style and total variation, is at the bottom already.
    start = torch.rand(1, 3, 4, 4, dtype=dtype)
    solver = Adam(start, lambda _step: 0.01)
    for _ in range(3):
        solver.step(lambda point: (LossReport(0.0, {}), torch.zeros_like(point)))
    assert torch.equal(solver.point, start)


def test_some_pixels_without_gradient_stay() -> None:
    start = torch.rand(1, 3, 2, 2)
    gradient = torch.zeros_like(start)
    gradient[..., 0] = 5.0
    solver = Adam(start, lambda _step: 0.01)
    solver.step(lambda _point: (LossReport(1.0, {}), gradient))
    assert torch.equal(solver.point[..., 1], start[..., 1])
    torch.testing.assert_close(solver.point[..., 0], start[..., 0] - 0.01, rtol=0, atol=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nonsense_is_reported_and_leaves_the_state_alone(bad: float) -> None:
    solver, evaluate = Adam(torch.zeros_like(TARGET), lambda _step: 0.01), evaluator()
    twin = Adam(torch.zeros_like(TARGET), lambda _step: 0.01)
    for which in (solver, twin):
        which.step(evaluate)
    assert math.isnan(solver.step(lambda point: (LossReport(bad, {}), torch.ones_like(point))).total)
    assert math.isnan(solver.step(lambda point: (LossReport(1.0, {}), torch.full_like(point, bad))).total)
    assert torch.equal(solver.point, twin.point)
    solver.step(evaluate)
    twin.step(evaluate)
    assert torch.equal(solver.point, twin.point)


def test_restart_forgets_and_halves_the_rate() -> None:
    solver, evaluate = Adam(torch.zeros_like(TARGET), lambda _step: 0.01), evaluator()
    for _ in range(5):
        solver.step(evaluate)
    start = torch.zeros_like(TARGET)
    solver.restart(start)
    _, gradient = evaluate(start)
    solver.step(evaluate)
    torch.testing.assert_close(solver.point, -0.005 * gradient.sign(), rtol=0, atol=1e-6)
    assert not start.any()


def test_learning_rate_of_the_cs229_preset() -> None:
    recipe = Recipe.from_preset("cs229")
    rate = learning_rate(recipe.schedule, recipe.learning_rate, recipe.learning_rate_end, recipe.steps)
    rates = [rate(step) for step in range(recipe.steps)]
    assert len(rates) == 1000
    assert (rates[0], rates[-1]) == (10.0, 1.0)
    falls = [before - after for before, after in itertools.pairwise(rates)]
    assert falls == pytest.approx([9 / 999] * 999)


def test_learning_rates() -> None:
    constant = learning_rate("constant", 0.5, 0.1, 10)
    assert {constant(step) for step in range(20)} == {0.5}
    linear = learning_rate("linear", 1.0, 0.0, 5)
    assert [linear(step) for step in range(7)] == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0, 0.0]
    assert learning_rate("linear", 1.0, 0.0, 1)(0) == 1.0
    assert learning_rate("linear", 1.0, 0.0, 0)(0) == 1.0
    with pytest.raises(UsageError, match="unknown schedule 'cosine'; choose from constant, linear"):
        learning_rate("cosine", 1.0, 0.0, 5)
