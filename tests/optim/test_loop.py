"""The loop when all goes well, and row 41 of the faults: NaN, explosions, and no way out of them."""

import math
from collections.abc import Callable

import pytest
import torch

from impasto.errors import DivergedError
from impasto.losses import LossReport
from impasto.optim.loop import EXPLOSION_FACTOR, MAX_RESTARTS, SETTLING_STEPS, Run
from impasto.optim.solver import Adam, Lbfgs, Solver

SOLVERS = ["adam", "lbfgs"]
START = torch.zeros(1, 3, 2, 2, dtype=torch.float64)


def solver(kind: str) -> Solver:
    return Adam(START, lambda _step: 0.02) if kind == "adam" else Lbfgs(START)


def bowl(point: torch.Tensor) -> tuple[LossReport, torch.Tensor]:
    value = float((point - 0.5).square().sum()) + 1.0
    return LossReport(value, {"all": value}), 2 * (point - 0.5)


class Faulty:
    """A bowl whose evaluations go wrong when `when(count)` says so; remembers what it was asked."""

    def __init__(self, when: Callable[[int], bool], value: float = math.nan) -> None:
        self.when, self.value = when, value
        self.asked: list[torch.Tensor] = []

    def __call__(self, point: torch.Tensor) -> tuple[LossReport, torch.Tensor]:
        self.asked.append(point.clone())
        report, gradient = bowl(point)
        if self.when(len(self.asked)):
            return LossReport(self.value, report.terms), gradient * self.value
        return report, gradient


def valley(point: torch.Tensor) -> tuple[LossReport, torch.Tensor]:
    """A long, curved valley, so that sixty steps of any solver are not enough."""
    leaf = point.detach().requires_grad_()
    x = leaf.flatten()
    loss = (100 * (x[1:] - x[:-1].square()).square() + (1 - x[:-1]).square()).sum()
    (gradient,) = torch.autograd.grad(loss, leaf)
    return LossReport(float(loss.detach()), {}), gradient


@pytest.mark.parametrize("kind", SOLVERS)
def test_yields_every_step_and_keeps_the_best(kind: str, notices: list[str]) -> None:
    run = Run(solver(kind), valley, 60)
    totals = [report.total for report in run]
    assert len(totals) == 60
    assert run.lowest == min(totals)
    assert run.sound
    assert valley(run.best)[0].total == run.lowest
    assert totals[-1] < totals[0]
    assert notices == []


def test_no_steps_keep_the_start() -> None:
    run = Run(solver("adam"), bowl, 0)
    assert list(run) == []
    assert torch.equal(run.best, START)
    assert run.sound


def test_best_is_kept_when_the_path_overshoots() -> None:
    # Adam at this rate swings past the minimum and back.
    run = Run(Adam(START, lambda _step: 0.3), bowl, 12)
    totals = [report.total for report in run]
    assert totals.index(min(totals)) not in (0, len(totals) - 1)
    assert bowl(run.best)[0].total == min(totals)


def test_stopping_midway_keeps_the_best_so_far() -> None:
    run = Run(solver("lbfgs"), bowl, 50)
    reports = iter(run)
    seen = [next(reports).total for _ in range(3)]
    reports.close()
    assert run.lowest == min(seen)
    assert bowl(run.best)[0].total == run.lowest


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", SOLVERS)
def test_nonsense_at_the_start_is_an_error(kind: str, value: float) -> None:
    with pytest.raises(DivergedError, match="not finite at the start"):
        list(Run(solver(kind), Faulty(lambda _count: True, value), 10))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nonsense_on_the_way_goes_back_to_the_best_and_finishes(value: float, notices: list[str]) -> None:
    faulty = Faulty(lambda count: count == 6, value)
    run = Run(solver("adam"), faulty, 80)
    totals = [report.total for report in run]
    assert all(math.isfinite(total) and total < EXPLOSION_FACTOR for total in totals)
    assert len(totals) == 79
    assert len(notices) == 1
    assert "back to the best picture" in notices[0]
    # The evaluation after the bad one is of the best point before it, and the rate is halved from there.
    assert torch.equal(faulty.asked[6], faulty.asked[4])
    torch.testing.assert_close((faulty.asked[7] - faulty.asked[6]).abs(), torch.full_like(START, 0.01))
    assert run.sound
    assert run.lowest == min(totals) == pytest.approx(1.0, abs=1e-2)


def test_an_explosion_goes_back_to_the_best(notices: list[str]) -> None:
    # The first steps tell what losses are usual, so it comes after them.
    faulty = Faulty(lambda count: count == SETTLING_STEPS + 6, 1e9)
    totals = [report.total for report in Run(solver("adam"), faulty, 80)]
    assert len(totals) == 79
    assert max(totals) < EXPLOSION_FACTOR
    assert len(notices) == 1
    assert torch.equal(faulty.asked[SETTLING_STEPS + 6], faulty.asked[SETTLING_STEPS + 4])


def test_a_rise_that_is_no_explosion_is_let_be(notices: list[str]) -> None:
    faulty = Faulty(lambda count: count == SETTLING_STEPS + 6, 100.0)
    assert len(list(Run(solver("adam"), faulty, 80))) == 80
    assert notices == []


def test_lbfgs_meets_nonsense_on_the_way_and_finishes() -> None:
    faulty = Faulty(lambda count: count in (3, 4, 5))
    run = Run(solver("lbfgs"), faulty, 40)
    totals = [report.total for report in run]
    assert all(math.isfinite(total) for total in totals)
    assert totals == sorted(totals, reverse=True)
    assert totals[-1] == pytest.approx(1.0, abs=1e-9)


def test_nonsense_without_end_stops_with_the_best(notices: list[str]) -> None:
    run = Run(solver("adam"), Faulty(lambda count: count > 5), 1000)
    totals = [report.total for report in run]
    assert len(totals) == 5
    assert not run.sound
    assert bowl(run.best)[0].total == run.lowest == min(totals)
    assert len(notices) == MAX_RESTARTS + 1
    assert "kept the best picture" in notices[-1]


@pytest.mark.usefixtures("notices")
def test_retries_are_bounded_over_the_whole_run() -> None:
    # Trouble that comes back every tenth evaluation is not met for ever.
    run = Run(solver("adam"), Faulty(lambda count: count % 10 == 0), 1000)
    totals = [report.total for report in run]
    assert len(totals) < 60
    assert not run.sound
    assert all(math.isfinite(total) for total in totals)


def test_a_perfect_start_is_not_an_explosion_away(notices: list[str]) -> None:
    # The first loss is 0, and a thousand times nothing is nothing: any step would look like an explosion.
    losses = iter([0.0, *[1e-9] * 50])

    def evaluate(point: torch.Tensor) -> tuple[LossReport, torch.Tensor]:
        return LossReport(next(losses), {}), torch.full_like(point, 1e-3)

    run = Run(solver("adam"), evaluate, 20)
    assert len(list(run)) == 20
    assert run.sound
    assert notices == []


def test_a_stalled_line_search_is_said(notices: list[str]) -> None:
    # After the third evaluation every direction leads uphill, whatever the gradient claims.
    count = 0

    def evaluate(point: torch.Tensor) -> tuple[LossReport, torch.Tensor]:
        nonlocal count
        count += 1
        value = 1.0 if count < 4 else 2.0 + count
        return LossReport(value, {}), torch.ones_like(point)

    run = Run(Lbfgs(START), evaluate, 200)
    totals = [report.total for report in run]
    assert all(total <= 1.0 for total in totals)
    assert len(notices) == 1
    assert run.sound
    assert count < 50, "bounded: not seven evaluations for each of two hundred steps"


def points(run: Run, solver: Solver) -> list[torch.Tensor]:
    """Return copies of the points of all steps."""
    return [solver.point.clone() for _ in run]


@pytest.mark.parametrize(("steps", "last"), [(60, 30), (9, 4), (2, 1), (1, 0)])
@pytest.mark.parametrize("kind", SOLVERS)
def test_the_picture_is_the_mean_of_the_last_half(kind: str, steps: int, last: int) -> None:
    taking = solver(kind)
    run = Run(taking, valley, steps, averaged=0.5)
    assert torch.equal(run.picture, START)
    passed = points(run, taking)
    assert len(passed) == steps
    wanted = torch.stack(passed[-last:]).mean(0) if last else passed[-1]
    torch.testing.assert_close(run.picture, wanted, rtol=1e-12, atol=1e-14)
    assert last < 2 or not torch.equal(run.picture, passed[-1])
    # The solver never sees it.
    alone = solver(kind)
    assert all(map(torch.equal, points(Run(alone, valley, steps), alone), passed))


@pytest.mark.parametrize("kind", SOLVERS)
def test_nothing_is_averaged_unless_it_is_asked_for(kind: str) -> None:
    taking = solver(kind)
    run = Run(taking, valley, 20)
    for _ in run:
        assert run.picture is taking.point
    assert run.picture is taking.point
    assert "mean" not in run.state().tensors


def test_all_steps_may_count() -> None:
    taking = solver("adam")
    run = Run(taking, bowl, 10, averaged=1.0)
    torch.testing.assert_close(torch.stack(points(run, taking)).mean(0), run.picture, rtol=1e-12, atol=1e-14)


@pytest.mark.usefixtures("notices")
def test_going_back_drops_the_mean() -> None:
    # The points before the trouble were on the way to it.
    taking = solver("adam")
    run = Run(taking, Faulty(lambda count: count == 16), 20, averaged=0.5)
    passed = points(run, taking)
    assert len(passed) == 19
    torch.testing.assert_close(run.picture, torch.stack(passed[-4:]).mean(0), rtol=1e-12, atol=1e-14)


@pytest.mark.usefixtures("notices")
def test_a_run_that_gave_up_ends_with_its_best() -> None:
    run = Run(solver("adam"), Faulty(lambda count: count > 15), 20, averaged=0.5)
    assert len(list(run)) == 15
    assert not run.sound
    assert run.picture is run.best


@pytest.mark.parametrize("kind", SOLVERS)
def test_the_mean_goes_on_from_any_step(kind: str) -> None:
    # Each goes on beside the one it is of, which changes its own mean meanwhile.
    taking = solver(kind)
    run, others = Run(taking, valley, 12, averaged=0.5), []
    for _ in run:
        again = solver(kind)
        again.restore(taking.state())
        other = Run(again, valley, 12, averaged=0.5)
        other.restore(run.state())
        others.append((other, run.picture.clone()))
    for other, picture in others:
        assert torch.equal(other.picture, picture)
        list(other)
        assert torch.equal(other.picture, run.picture)


def test_a_state_of_before_there_was_a_mean_still_loads() -> None:
    taking = solver("adam")
    run = Run(taking, bowl, 8)
    reports = iter(run)
    next(reports)
    state = run.state()
    assert set(state.values) == {"lowest", "usual", "step", "retries"}
    other = Run(taking, bowl, 8)
    other.restore(state)
    assert other.picture is taking.point
