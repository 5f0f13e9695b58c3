"""Mean, standard deviation and covariance: hand-computed values, and an independent Wasserstein distance."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from impasto.losses import Covariance, MeanStd, State, blend
from impasto.losses.moments import RIDGE

covariance, mean_std = Covariance(), MeanStd()
seeds = st.integers(0, 2**31)


def gaussian(mean: Tensor, sigma: Tensor) -> State:
    """The state of one position whose mean and covariance are these."""
    one = torch.ones(1, dtype=mean.dtype)
    stacked = torch.cat([mean, one])
    moments = torch.outer(stacked, stacked)
    moments[:-1, :-1] += sigma
    return State(moments, one[0])


def distance(one: State, other: State) -> float:
    return float(covariance.distance(one, covariance.finish(other)))


def spd(size: int, seed: int) -> Tensor:
    half = torch.randn(size, size + 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return half @ half.T


def test_wasserstein_known_value() -> None:
    # (1 - 2)² + (2 - 3)² = 2 as a sum; methods.md section 13 has the mean over two channels, 1.
    zero = torch.zeros(2, dtype=torch.float64)
    one, other = (gaussian(zero, torch.tensor(d, dtype=torch.float64).diag()) for d in ([1.0, 4.0], [4.0, 9.0]))
    assert distance(one, other) / 2 == pytest.approx(1, abs=13 * RIDGE)
    assert distance(other, one) / 2 == pytest.approx(1, abs=13 * RIDGE)


@given(st.lists(st.tuples(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(-3, 3)), min_size=1, max_size=6))
def test_diagonal_covariances_differ_by_their_roots(rows: list[tuple[float, float, float]]) -> None:
    a, b, shift = torch.tensor(rows, dtype=torch.float64).T
    found = distance(gaussian(shift, a.diag()), gaussian(torch.zeros_like(a), b.diag()))
    expected = float((a.sqrt() - b.sqrt()).square().sum() + shift.square().sum())
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-3 * float(b.sum()))


@given(st.integers(1, 6), seeds)
def test_wasserstein_of_any_two_gaussians(size: int, seed: int) -> None:
    # tr (Σ'^½ Σ Σ'^½)^½ is the sum of the roots of the eigenvalues of ΣΣ', which needs no root of a matrix.
    one, other = spd(size, seed), spd(size, seed + 1)
    means = torch.randn(2, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    ridge = RIDGE * other.trace() * torch.eye(size)
    fidelity = torch.linalg.eigvals((one + ridge) @ (other + ridge)).real.clamp_min(0).sqrt().sum()
    expected = (means[0] - means[1]).square().sum() + (one + other + 2 * ridge).trace() - 2 * fidelity
    assert distance(gaussian(means[0], one), gaussian(means[1], other)) == pytest.approx(float(expected), rel=1e-6)


def test_the_best_coupling_of_samples_is_not_below_it() -> None:
    # The Gaussian distance is a lower bound of the transport cost of samples with those moments (Gelbrich 1990).
    random = torch.Generator().manual_seed(1)
    x, y = (torch.randn(1, 3, 5, 1, generator=random, dtype=torch.float64) for _ in range(2))
    bound = float(covariance.distance(covariance.measure(x), covariance.finish(covariance.measure(y))))
    cost = torch.cdist(x[0, :, :, 0].T, y[0, :, :, 0].T).square()
    import itertools

    best = min(float(cost[range(5), order].mean()) for order in itertools.permutations(range(5)))
    assert 0 < bound <= best * (1 + 1e-3)


def test_gradient_is_the_optimal_map() -> None:
    # ∂W/∂Σ = 1 - Σ'^½ (Σ'^½ Σ Σ'^½)^-½ Σ'^½; for diagonals 1 - √(b/a).
    a, b = (torch.tensor(d, dtype=torch.float64) for d in ([1.0, 4.0], [4.0, 9.0]))
    zero = torch.zeros(2, dtype=torch.float64)
    state = gaussian(zero, a.diag())
    sums = state.sums.clone().requires_grad_()
    loss = covariance.distance(State(sums, state.total), covariance.finish(gaussian(zero, b.diag())))
    (gradient,) = torch.autograd.grad(loss, sums)
    torch.testing.assert_close(gradient[:2, :2], (1 - (b / a).sqrt()).diag(), rtol=0, atol=1e-3)


@pytest.mark.parametrize("channels", [64, 256])
def test_float32_features_are_precise_enough(channels: int) -> None:
    # Correlated, with a large mean, as after a ReLU: eigenvalues from 1 down to 1e-4 of the largest.
    random = torch.Generator().manual_seed(0)
    spread = torch.logspace(0, -2, channels, dtype=torch.float64)
    turn = torch.linalg.qr(torch.randn(channels, channels, generator=random, dtype=torch.float64))[0]

    def features(scale: float) -> Tensor:
        white = torch.randn(channels, 40 * 30, generator=random, dtype=torch.float64)
        return (turn @ (scale * spread[:, None] * white) + 1.0).reshape(1, channels, 40, 30)

    f, style = features(1.0), features(1.3)
    results = []
    for dtype in (torch.float64, torch.float32):
        leaf = f.to(dtype).requires_grad_()
        loss = covariance.distance(covariance.measure(leaf), covariance.finish(covariance.measure(style.to(dtype))))
        results.append((float(loss.detach()), torch.autograd.grad(loss, leaf)[0].double()))
    (exact, slope), (found, rough) = results
    assert found == pytest.approx(exact, rel=1e-3)
    assert float((rough - slope).norm() / slope.norm()) < 1e-2


def test_covariances_blend_as_raw_moments() -> None:
    # Half of two point masses at ±1: mean 0 and variance 1, the spread between them included.
    zero = torch.zeros(1, 1, dtype=torch.float64)
    ends = [gaussian(torch.tensor([end], dtype=torch.float64), zero) for end in (-1.0, 1.0)]
    mixed = blend([covariance.finish(end) for end in ends], [1, 1])
    expected = gaussian(torch.zeros(1, dtype=torch.float64), zero + 1)
    torch.testing.assert_close(mixed, covariance.finish(expected))


def test_mean_std_known_values() -> None:
    # Channels (1, 3) and (0, 4): means 2, 2, deviations 1, 2.
    f = torch.tensor([[1.0, 3.0], [0.0, 4.0]], dtype=torch.float64).reshape(1, 2, 1, 2)
    found = mean_std.finish(mean_std.measure(f))
    torch.testing.assert_close(found, torch.tensor([[2.0, 2.0], [1.0, 2.0]], dtype=torch.float64), rtol=0, atol=1e-5)
    zero = mean_std.finish(mean_std.measure(torch.zeros_like(f)))
    assert float(mean_std.distance(mean_std.measure(f), zero)) == pytest.approx(13, rel=1e-5)
    # With weights 3 and 1: means 1.5 and 1, variances 0.75 and 3.
    weighted = mean_std.finish(mean_std.measure(f, torch.tensor([[3.0, 1.0]])))
    expected = torch.tensor([[1.5, 1.0], [0.75**0.5, 3**0.5]], dtype=torch.float64)
    torch.testing.assert_close(weighted, expected, rtol=0, atol=1e-5)


@given(st.integers(1, 4), st.integers(2, 6), st.integers(1, 6), seeds)
def test_mean_std_is_that_of_torch(channels: int, height: int, width: int, seed: int) -> None:
    f = torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 1
    flat = f.flatten(2)[0]
    expected = torch.stack([flat.mean(1), flat.std(1, correction=0)])
    torch.testing.assert_close(mean_std.finish(mean_std.measure(f)), expected, rtol=1e-4, atol=1e-4)


def test_mean_std_with_a_lift_needs_no_wide_features() -> None:
    lift = torch.linalg.qr(torch.randn(9, 3, dtype=torch.float64))[0]
    f = torch.randn(1, 3, 5, 4, dtype=torch.float64)
    state = MeanStd(lift).measure(f)
    assert state.sums.shape == (4, 4)
    wide = torch.einsum("nc,bchw->bnhw", lift, f)
    expected = mean_std.finish(mean_std.measure(wide))
    torch.testing.assert_close(MeanStd(lift).finish(state), expected)
