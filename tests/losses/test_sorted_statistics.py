"""Histograms and sliced distances: quantiles against NumPy, matching by hand, and what sorting may not change."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from impasto.losses import Histogram, Samples, SlicedWasserstein, State, blend, distributions
from impasto.losses.distributions import QUANTILES

histogram = Histogram()
seeds = st.integers(0, 2**31)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def row(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, 1, 1, -1)


def finished(f: Tensor, guide: Tensor | None = None) -> Tensor:
    return histogram.finish(histogram.measure(f, guide))


def loss(f: Tensor, target: Tensor, guide: Tensor | None = None) -> float:
    return float(histogram.distance(histogram.measure(f, guide), target))


def test_quantiles_by_hand() -> None:
    table = finished(row(3, 1, 4, 2))
    assert table.shape == (1, QUANTILES)
    quarter = QUANTILES // 4
    expected = torch.tensor([1.0, 2, 3, 4], dtype=torch.float64).repeat_interleave(quarter)[None]
    torch.testing.assert_close(table, expected)
    # A weight of three quarters of the whole fills three quarters of the table.
    weighted = finished(row(5, 2), torch.tensor([[1.0, 3.0]]))
    expected = torch.tensor([2.0, 2, 2, 5], dtype=torch.float64).repeat_interleave(quarter)[None]
    torch.testing.assert_close(weighted, expected)


@given(st.integers(1, 300), st.booleans(), seeds)
def test_quantiles_keep_the_mean_and_follow_numpy(count: int, weighted: bool, seed: int) -> None:
    f = random(1, 2, 1, count, seed=seed)
    weight = random(1, count, seed=seed + 1).abs() + 0.01 if weighted else None
    table = finished(f, weight).numpy()
    weights = np.ones(count) if weight is None else weight[0].numpy()
    for values, found in zip(f[0, :, 0].numpy(), table, strict=True):
        assert found.mean() == pytest.approx(np.average(values, weights=weights), abs=1e-9)
        assert (np.diff(found) >= -1e-9).all()
        # Within a share that no sample's edge crosses, the mean is that sample.
        order = np.argsort(values)
        edges = np.cumsum(weights[order]) / weights.sum()
        levels = np.arange(QUANTILES) / QUANTILES
        first, last = (
            np.searchsorted(edges, x).clip(max=count - 1) for x in (levels + 1e-9, levels + 1 / QUANTILES - 1e-9)
        )
        same = first == last
        np.testing.assert_allclose(found[same], values[order][first[same]], atol=1e-9)
        assert same.sum() >= QUANTILES - count


@given(st.integers(1, 400), st.integers(1, 400), seeds)
def test_matching_follows_numpy(count: int, other: int, seed: int) -> None:
    # R(F): the target's quantiles, interpolated between the middles of their shares, at the middles of the ranks.
    f, target = random(1, 2, 1, count, seed=seed), finished(random(1, 2, 1, other, seed=seed + 1))
    expected = 0.0
    for values, table in zip(f[0, :, 0].numpy(), target.numpy(), strict=True):
        wanted = np.interp((np.arange(count) + 0.5) / count, (np.arange(QUANTILES) + 0.5) / QUANTILES, table)
        expected += float(((np.sort(values) - wanted) ** 2).mean())
    assert loss(f, target) == pytest.approx(expected, rel=1e-9)


@given(st.integers(1, 200), seeds)
def test_weighted_matching_follows_numpy(count: int, seed: int) -> None:
    f, target = random(1, 2, 1, count, seed=seed), finished(random(1, 2, 1, 90, seed=seed + 1))
    guide = random(1, count, seed=seed + 2).abs() + 0.01
    weight = guide[0].numpy() / float(guide.sum())
    expected = 0.0
    for values, table in zip(f[0, :, 0].numpy(), target.numpy(), strict=True):
        order = np.argsort(values)
        middle = np.cumsum(weight[order]) - weight[order] / 2
        wanted = np.interp(middle, (np.arange(QUANTILES) + 0.5) / QUANTILES, table)
        expected += float((weight[order] * (values[order] - wanted) ** 2).sum())
    assert loss(f, target, guide) == pytest.approx(expected, rel=1e-9)


@given(st.integers(1, 1300), seeds)
def test_two_pictures_of_one_size_are_sorted_against_each_other(count: int, seed: int) -> None:
    # The exact one-dimensional Wasserstein-2 distance, as long as the table holds every sample.
    f, style = random(1, 2, 1, count, seed=seed), random(1, 2, 1, count, seed=seed + 1)
    expected = (f.sort(-1)[0] - style.sort(-1)[0]).square().mean(-1).sum()
    assert loss(f, finished(style)) == pytest.approx(float(expected), rel=1e-9)


def test_large_pictures_lose_little_in_the_table() -> None:
    f, style = random(1, 1, 100, 300).relu(), 1.5 * random(1, 1, 100, 300, seed=1).relu()
    expected = (f.flatten().sort()[0] - style.flatten().sort()[0]).square().mean()
    assert loss(f, finished(style)) == pytest.approx(float(expected), rel=1e-3)
    assert loss(style, finished(style)) < 1e-4 * histogram.power(finished(style))


@pytest.mark.parametrize("guided", [False, True])
def test_gradient_is_the_way_to_the_matched_value(guided: bool) -> None:
    # 2 w (F - R(F)) / Σw, with R(F) held constant.
    f, target = random(1, 2, 3, 4).requires_grad_(), finished(random(1, 2, 3, 4, seed=1))
    guide = random(3, 4, seed=2).abs() if guided else None
    (gradient,) = torch.autograd.grad(histogram.distance(histogram.measure(f, guide), target), f)
    weight = torch.ones(12, dtype=torch.float64) if guide is None else guide.flatten()
    for values, found, table in zip(f.detach()[0].flatten(1), gradient[0].flatten(1), target, strict=True):
        order = values.argsort()
        middle = (weight[order].cumsum(0) - weight[order] / 2) / weight.sum()
        wanted = np.interp(middle.numpy(), (np.arange(QUANTILES) + 0.5) / QUANTILES, table.numpy())
        expected = 2 * weight[order] * (values[order] - torch.from_numpy(wanted)) / weight.sum()
        torch.testing.assert_close(found[order], expected)


def test_a_step_down_the_gradient_arrives() -> None:
    # Half the number of positions times the gradient leads to R(F) itself, which has the style's sorted values.
    f, style = random(1, 3, 5, 6).requires_grad_(), random(1, 3, 5, 6, seed=1)
    (gradient,) = torch.autograd.grad(histogram.distance(histogram.measure(f), finished(style)), f)
    matched = f.detach() - 15 * gradient
    torch.testing.assert_close(matched.flatten(2).sort(-1)[0], style.flatten(2).sort(-1)[0])
    assert loss(matched, finished(style)) < 1e-20


def test_mixing_moves_the_values_instead_of_overlaying_them() -> None:
    low, high = (finished(torch.full((1, 1, 3, 3), end, dtype=torch.float64)) for end in (0.0, 4.0))
    mixed = blend([low, high], [3, 1])
    assert loss(torch.ones(1, 1, 2, 5, dtype=torch.float64), mixed) == pytest.approx(0, abs=1e-20)


def test_positions_of_no_weight_are_not_sorted() -> None:
    guide = torch.tensor([[0.0, 2.0, 0.5], [0.0, 0.0, 1.0]])
    state = histogram.measure(random(1, 2, 2, 3), guide)
    assert state.sums.shape == (2, 3)
    assert state.weights is not None
    assert state.weights.tolist() == [2.0, 0.5, 1.0]
    assert float(state.total) == 3.5
    assert histogram.measure(random(1, 2, 2, 3)).weights is None


def test_samples_only_add_to_samples() -> None:
    state = histogram.measure(random(1, 2, 2, 3))
    with pytest.raises(TypeError, match="samples"):
        state + State(state.sums, state.total)
    with pytest.raises(TypeError, match="samples"):
        histogram.finish(State(state.sums, state.total))


def test_gradient_with_respect_to_the_state() -> None:
    # What exact tiling would differentiate first.
    target = finished(random(1, 3, 4, 4, seed=1))
    state = histogram.measure(random(1, 3, 2, 4), random(2, 4, seed=2).abs())
    assert gradcheck(
        lambda s: histogram.distance(Samples(s, state.total, state.weights), target), (state.sums.requires_grad_(),)
    )


@pytest.mark.parametrize("lifted", [False, True])
def test_rows_are_independent_of_how_many_are_sorted_at_a_time(lifted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Histogram(torch.linalg.qr(random(7, 3))[0] if lifted else None)
    f, style = random(1, 3, 4, 5).requires_grad_(), random(1, 3, 6, 5, seed=1)

    def results() -> tuple[Tensor, Tensor, Tensor]:
        target = kind.finish(kind.measure(style))
        value = kind.distance(kind.measure(f), target)
        return target, value.detach(), torch.autograd.grad(value, f)[0]

    at_once = results()
    for chunk in (1, 45):
        monkeypatch.setattr(distributions, "CHUNK", chunk)
        for found, expected in zip(results(), at_once, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_directions_are_an_orthonormal_basis_of_the_seed() -> None:
    first = SlicedWasserstein(3).directions(8)
    torch.testing.assert_close(first @ first.T, torch.eye(8, dtype=torch.float64))
    assert torch.equal(first, SlicedWasserstein(3).directions(8))
    assert not torch.allclose(first.abs(), SlicedWasserstein(4).directions(8).abs(), atol=0.1)
    before = torch.get_rng_state()
    SlicedWasserstein(3).directions(8)
    assert torch.equal(torch.get_rng_state(), before)


def test_sliced_is_the_histogram_of_turned_features() -> None:
    sliced = SlicedWasserstein(3)
    f, style = random(1, 4, 5, 6), random(1, 4, 6, 6, seed=1)
    turn = lambda x: torch.einsum("dc,bchw->bdhw", sliced.directions(4), x)
    found = float(sliced.distance(sliced.measure(f), sliced.finish(sliced.measure(style))))
    assert found == pytest.approx(loss(turn(f), finished(turn(style))), rel=1e-9)


def test_sliced_sees_what_channels_cannot() -> None:
    # Two channels on the diagonal or against it: equal histograms of each, but not of their sum.
    x = random(1, 1, 8, 8)
    along, against = torch.cat([x, x], 1), torch.cat([x, -x], 1)
    symmetric = torch.cat([along, -along], 3), torch.cat([against, -against], 3)
    assert loss(symmetric[0], finished(symmetric[1])) < 1e-20
    sliced = SlicedWasserstein()
    target = sliced.finish(sliced.measure(symmetric[1]))
    assert float(sliced.distance(sliced.measure(symmetric[0]), target)) > 0.1 * sliced.power(target)


def test_sliced_of_lifted_features_is_the_same_on_average() -> None:
    # N times the mean over directions of the N channels is C times that over directions of the C.
    lift = torch.linalg.qr(random(6, 2))[0]
    f, style = random(1, 2, 6, 6) @ torch.diag(torch.arange(1.0, 7.0, dtype=torch.float64)), random(1, 2, 6, 6, seed=1)
    means = []
    for raise_up in (lambda x: x, lambda x: torch.einsum("nc,bchw->bnhw", lift, x)):
        found = []
        for seed in range(60):
            sliced = SlicedWasserstein(seed)
            target = sliced.finish(sliced.measure(raise_up(style)))
            found.append(float(sliced.distance(sliced.measure(raise_up(f)), target)))
        means.append(np.mean(found))
    assert means[0] == pytest.approx(means[1], rel=0.05)


def test_quantiles_without_weights_are_those_of_equal_ones() -> None:
    statistic = SlicedWasserstein()
    features = random(1, 5, 37, 41).float()
    plain = statistic.finish(statistic.measure(features))
    assert torch.equal(plain, statistic.finish(statistic.measure(features, torch.ones(37, 41))))
