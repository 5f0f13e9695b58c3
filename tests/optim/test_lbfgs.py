"""L-BFGS on problems whose minimum is known, beside torch's with strong Wolfe conditions."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch

from impasto.errors import InputError
from impasto.losses import LossReport
from impasto.optim.evaluate import Evaluator
from impasto.optim.solver import LARGEST_FIRST_MOVE, Lbfgs
from impasto.optim.state import State


class Counted:
    """Evaluates `scale` times a function of the point to (report, gradient), and counts how often."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor], scale: float = 1.0) -> None:
        self.function, self.scale, self.count = function, scale, 0

    def __call__(self, point: torch.Tensor) -> tuple[LossReport, torch.Tensor]:
        self.count += 1
        leaf = point.detach().requires_grad_()
        loss = self.scale * self.function(leaf)
        (gradient,) = torch.autograd.grad(loss, leaf)
        return LossReport(float(loss.detach()), {"all": float(loss.detach())}), gradient


def quadratic(size: int = 48, condition: float = 100.0, dtype: torch.dtype = torch.float64):
    """A bowl of known condition number with its minimum, 1.5, at a known place."""
    random = torch.Generator().manual_seed(0)
    turn, _ = torch.linalg.qr(torch.randn(size, size, generator=random, dtype=torch.float64))
    values = torch.logspace(0, math.log10(condition), size, dtype=torch.float64)
    matrix = (turn * values @ turn.T).to(dtype)
    minimum = torch.rand(size, generator=random, dtype=torch.float64).to(dtype)

    def function(x: torch.Tensor) -> torch.Tensor:
        d = x.flatten() - minimum
        return 0.5 * d @ matrix @ d + 1.5

    return function, minimum.reshape(1, 3, 4, size // 12)


def rosenbrock(x: torch.Tensor) -> torch.Tensor:
    """The chained form; minimum 0 at ones."""
    x = x.flatten()
    return (100 * (x[1:] - x[:-1].square()).square() + (1 - x[:-1]).square()).sum()


def run(solver: Lbfgs, evaluate: Evaluator, steps: int) -> list[float]:
    return [solver.step(evaluate).total for _ in range(steps)]


def test_finds_the_bottom_of_a_bowl() -> None:
    function, minimum = quadratic()
    solver = Lbfgs(torch.zeros_like(minimum))
    losses = run(solver, Counted(function), 120)
    assert losses[-1] == pytest.approx(1.5, abs=1e-12)
    torch.testing.assert_close(solver.point, minimum, rtol=0, atol=1e-6)


def test_never_goes_uphill() -> None:
    for function, start in ((quadratic()[0], torch.zeros(1, 3, 4, 4)), (rosenbrock, torch.full((1, 3, 1, 4), -0.5))):
        solver, evaluate = Lbfgs(start.double()), Counted(function)
        losses = [float(function(start.double())), *run(solver, evaluate, 100)]
        assert all(after <= before for before, after in itertools.pairwise(losses))
        assert losses[-1] < 0.5 * losses[0]


def test_solves_rosenbrocks_valley() -> None:
    start = torch.full((1, 3, 1, 4), -0.5, dtype=torch.float64)
    solver = Lbfgs(start)
    losses = run(solver, Counted(rosenbrock), 300)
    # The chained function has one more local minimum, near (-1, 1, 1, ...), where torch's solver may end too.
    assert losses[-1] < 1e-10 or losses[-1] == pytest.approx(3.986, abs=0.01)
    gradient = Counted(rosenbrock)(solver.point)[1]
    assert float(gradient.norm()) < 1e-4


@pytest.mark.parametrize("problem", ["bowl", "valley"])
def test_agrees_with_torch(problem: str) -> None:
    if problem == "bowl":
        function, minimum = quadratic()
        start = torch.zeros_like(minimum)
    else:
        function, start = rosenbrock, torch.full((1, 3, 1, 2), 1.3, dtype=torch.float64)
    point = start.clone().requires_grad_()
    oracle = torch.optim.LBFGS(
        [point], max_iter=500, history_size=12, line_search_fn="strong_wolfe", tolerance_change=0
    )

    def closure() -> torch.Tensor:
        oracle.zero_grad()
        loss = function(point)
        loss.backward()
        return loss

    oracle.step(closure)
    solver, evaluate = Lbfgs(start), Counted(function)
    losses = run(solver, evaluate, 200)
    assert losses[-1] == pytest.approx(float(function(point).detach()), abs=1e-10)
    torch.testing.assert_close(solver.point, point.detach(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("history", [1, 3, 12])
def test_direction_is_that_of_the_dense_update(history: int) -> None:
    # Nocedal & Wright 2006, eq. 6.17 with 7.20 as the first matrix, written out with whole matrices.
    function, minimum = quadratic()
    solver, evaluate = Lbfgs(torch.zeros_like(minimum), history=history), Counted(function)
    run(solver, evaluate, 8)
    assert len(solver._pairs) == min(history, 8)
    identity = torch.eye(48, dtype=torch.float64)
    pairs = []
    for s, y in solver._pairs.export():
        assert isinstance(s, torch.Tensor)
        assert isinstance(y, torch.Tensor)
        pairs.append((s, y))
    moved, changed = pairs[-1]
    inverse = (moved * changed).sum() / changed.square().sum() * identity
    for s, y in pairs:
        left = identity - torch.outer(s, y) / (s @ y)
        inverse = left @ inverse @ left.T + torch.outer(s, s) / (s @ y)
    gradient = evaluate(solver.point)[1]
    expected = -(inverse @ gradient.flatten()).reshape(gradient.shape)
    torch.testing.assert_close(solver._direction()[0], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("share", "taken"), [(-5.0, False), (0.0, False), (0.5, False), (2.0, True), (1e4, True)])
def test_armijo_condition(share: float, taken: bool) -> None:
    # The whole step lowers the loss by so many ten-thousandths of what the slope promises; shorter ones raise it.
    start = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    promised = LARGEST_FIRST_MOVE * start.numel()

    def evaluate(point: torch.Tensor) -> tuple[LossReport, torch.Tensor]:
        way = -float(point.mean()) / LARGEST_FIRST_MOVE
        lowered = share * 1e-4 * promised if way > 0.99 else -5e-4 * promised * (way > 0)
        return LossReport(1.0 - lowered, {}), torch.ones_like(point)

    solver = Lbfgs(start)
    solver.step(evaluate)
    assert torch.equal(solver.point, start) != taken


def test_one_evaluation_a_step_as_a_rule() -> None:
    function, minimum = quadratic(condition=1000)
    evaluate = Counted(function)
    run(Lbfgs(torch.zeros_like(minimum)), evaluate, 50)
    assert evaluate.count <= 65


def test_exact_after_as_many_pairs_as_dimensions() -> None:
    # In three dimensions a secant method with full memory needs only a handful of steps.
    matrix = torch.diag(torch.tensor([1.0, 5.0, 40.0], dtype=torch.float64))
    evaluate = Counted(lambda x: 0.5 * (x.flatten() - 0.01) @ matrix @ (x.flatten() - 0.01))
    solver = Lbfgs(torch.zeros(1, 3, 1, 1, dtype=torch.float64))
    assert run(solver, evaluate, 25)[-1] < 1e-16


def test_first_move_is_bounded_whatever_the_scale() -> None:
    for scale in (1e-8, 1.0, 1e12):
        function, minimum = quadratic()
        start = torch.zeros_like(minimum)
        solver = Lbfgs(start)
        solver.step(Counted(function, scale))
        moved = float((solver.point - start).abs().max())
        assert 0 < moved <= LARGEST_FIRST_MOVE * (1 + 1e-9)


def test_does_not_care_for_the_scale_of_the_loss() -> None:
    # In float32, as pictures are; powers of two leave every rounding as it was.
    function, minimum = quadratic(dtype=torch.float32)
    points = []
    for scale in (1.0, 2.0**-30, 2.0**40):
        solver = Lbfgs(torch.zeros_like(minimum))
        run(solver, Counted(function, scale), 20)
        points.append(solver.point)
    torch.testing.assert_close(points[1], points[0], rtol=0, atol=1e-3)
    torch.testing.assert_close(points[2], points[0], rtol=0, atol=1e-3)


def test_report_is_of_the_point_reached() -> None:
    function, minimum = quadratic()
    solver, evaluate = Lbfgs(torch.zeros_like(minimum)), Counted(function)
    for _ in range(15):
        report = solver.step(evaluate)
        assert solver.evaluated is solver.point
        assert report.total == float(function(solver.point))


def test_stands_still_at_the_bottom() -> None:
    function, minimum = quadratic()
    solver, evaluate = Lbfgs(minimum), Counted(function)
    assert run(solver, evaluate, 5) == [1.5] * 5
    assert torch.equal(solver.point, minimum)


def test_goes_on_in_float32_until_rounding_stops_it() -> None:
    function, minimum = quadratic(dtype=torch.float32)
    solver = Lbfgs(torch.zeros_like(minimum))
    losses = run(solver, Counted(function), 150)
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[-1] == pytest.approx(1.5, abs=1e-5)
    assert bool(torch.isfinite(solver.point).all())


def test_negative_curvature_is_left_out() -> None:
    # A hilltop to come down from: a pair from there would point uphill.
    evaluate = Counted(lambda x: torch.cos(20 * x).sum())
    solver = Lbfgs(torch.full((1, 3, 1, 1), 0.01, dtype=torch.float64))
    losses = run(solver, evaluate, 80)
    assert all(after <= before for before, after in itertools.pairwise(losses))
    assert losses[-1] == pytest.approx(-3.0, abs=1e-9)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nonsense_ahead_shortens_the_step(bad: float) -> None:
    # The loss is undefined beyond a wall that the minimum stands behind.
    function, minimum = quadratic()
    plain = Counted(function)

    def walled(point: torch.Tensor) -> tuple[LossReport, torch.Tensor]:
        report, gradient = plain(point)
        if float(point.max()) > 0.3:
            return LossReport(bad, {}), torch.full_like(gradient, bad)
        return report, gradient

    solver = Lbfgs(torch.zeros_like(minimum))
    losses = run(solver, walled, 40)
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < 0.8 * float(function(torch.zeros_like(minimum)))
    assert float(solver.point.max()) <= 0.3


def test_a_gradient_with_nan_is_nonsense_even_when_the_loss_is_not() -> None:
    def evaluate(point: torch.Tensor) -> tuple[LossReport, torch.Tensor]:
        return LossReport(1.0, {"all": 1.0}), torch.full_like(point, math.nan)

    start = torch.zeros(1, 3, 2, 2)
    solver = Lbfgs(start)
    assert math.isnan(solver.step(evaluate).total)
    assert torch.equal(solver.point, start)


def test_restart_forgets_and_takes_shorter_first_moves() -> None:
    function, minimum = quadratic()
    start = torch.zeros_like(minimum)
    solver, evaluate = Lbfgs(start), Counted(function)
    solver.step(evaluate)
    first = float((solver.point - start).abs().max())
    run(solver, evaluate, 10)
    solver.restart(start)
    assert torch.equal(solver.point, start)
    solver.step(evaluate)
    assert float((solver.point - start).abs().max()) == pytest.approx(first / 2)


def test_does_not_touch_the_point_it_was_given() -> None:
    function, minimum = quadratic()
    start = torch.zeros_like(minimum)
    run(Lbfgs(start), Counted(function), 10)
    assert not start.any()


def test_memory_is_bounded() -> None:
    # With two pairs it is slower than with twenty, but both arrive.
    function, minimum = quadratic(condition=1e4)
    after = {}
    for history in (2, 30):
        solver = Lbfgs(torch.zeros_like(minimum), history=history)
        after[history] = run(solver, Counted(function), 60)[-1] - 1.5
    assert after[30] < after[2]


def jumping(x: torch.Tensor) -> torch.Tensor:
    """A bowl in a hundred cells a unit, every second of which is a little higher; its gradient is that of the bowl."""
    function, _ = quadratic()
    return function(x) + 0.1 * (x.detach().mul(100).floor() % 2).sum()


def test_patience_goes_on_where_the_loss_jumps() -> None:
    function, minimum = quadratic()
    found = {}
    for patience in (1, 10):
        solver = Lbfgs(torch.zeros_like(minimum), patience=patience)
        losses, evaluate = [float(jumping(solver.point))], Counted(jumping)
        while len(losses) < 101 and not solver.stalled:  # as the loop does
            losses += run(solver, evaluate, 1)
        found[patience] = float(function(solver.point))

        # No step ends higher than the highest of the last so many.
        for step in range(1, len(losses)):
            assert losses[step] <= max(losses[max(0, step - patience) : step])
    assert found[10] < 1.501 < 1.6 < found[1]


def test_patience_goes_on_bit_for_bit_from_a_state() -> None:
    minimum, evaluate = quadratic()[1], Counted(jumping)
    whole = Lbfgs(torch.zeros_like(minimum), patience=10)
    run(whole, evaluate, 12)
    state = whole.state()
    other = Lbfgs(torch.zeros_like(minimum), patience=10)
    other.restore(state)
    assert run(whole, evaluate, 20) == run(other, evaluate, 20)
    assert torch.equal(whole.point, other.point)
    for wrong in ([], [0.0] * 11, [math.nan], "x", None):
        with pytest.raises(InputError, match="its recent should be"):
            other.restore(State(state.tensors, {**state.values, "recent": wrong}))


def test_a_loss_that_rises_for_good_is_judged_anew() -> None:
    minimum = torch.tensor([3.0, -2.0], dtype=torch.float64)
    lift = [0.0]

    def evaluate(point: torch.Tensor) -> tuple[LossReport, torch.Tensor]:
        away = point - minimum
        total = float(away.pow(4).sum()) + lift[0]
        return LossReport(total, {"content": total}), 4 * away.pow(3)

    solver = Lbfgs(torch.zeros_like(minimum), patience=10)
    for _ in range(4):
        solver.step(evaluate)
    # Now nothing is as low as any of the points before: without another look, it would stall here.
    lift[0] = 1000.0
    before = (solver.point - minimum).norm()
    for _ in range(30):
        solver.step(evaluate)
        assert not solver.stalled
    assert (solver.point - minimum).norm() < before / 2
