"""Distribution transfer: exact one-dimensional transport, and how near the whole comes to its target."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.exposure import match_histograms
from torch import Tensor

from impasto.color import match
from impasto.color.histogram import gather, rotations, transfer, transport
from impasto.color.match import transform
from impasto.images import load


def moons(seed: int, side: int = 48) -> Tensor:
    """Colours round a bent line: nothing that mean and covariance describe. Seeds turn it."""
    random = torch.Generator().manual_seed(seed)
    angle = 3 * torch.rand(side * side, generator=random, dtype=torch.float64) ** 2
    noise = 0.06 * torch.randn(3, side * side, generator=random, dtype=torch.float64)
    line = torch.stack([angle.cos(), angle.sin(), (2 * angle).sin()])
    return (0.5 + 0.3 * rotations(seed + 1)[seed] @ line + noise).clamp(0, 1).reshape(1, 3, side, side)


def sliced_distance(one: Tensor, other: Tensor) -> float:
    """Root of the mean squared distance of quantiles along 64 directions, none of them used by the transfer."""
    random = torch.Generator().manual_seed(99)
    directions = torch.randn(64, 3, generator=random, dtype=torch.float64)
    directions /= directions.norm(dim=1, keepdim=True)
    places = (torch.arange(500) + 0.5).double() / 500
    quantiles = [
        torch.from_numpy(np.quantile((directions @ x.flatten(2)[0]).numpy(), places.numpy(), axis=1))
        for x in (one, other)
    ]
    return float((quantiles[0] - quantiles[1]).square().mean().sqrt())


def ones(values: Tensor) -> Tensor:
    return torch.ones_like(values[..., 0, :] if values.dim() > 1 else values)


def test_hand_computed_transport() -> None:
    values, aims = torch.tensor([5.0, 1.0, 3.0]).double(), torch.tensor([20.0, 10.0, 30.0]).double()
    assert transport(values, aims, ones(values), ones(aims)).tolist() == pytest.approx([30, 10, 20])
    # Four aims for two values: each takes the mean of its half. And a value of weight 3 covers three quarters.
    aims = torch.tensor([1.0, 2.0, 3.0, 10.0]).double()
    values = torch.tensor([0.0, 1.0]).double()
    assert transport(values, aims, ones(values), ones(aims)).tolist() == pytest.approx([1.5, 6.5])
    assert transport(values, aims, torch.tensor([3.0, 1.0]).double(), ones(aims)).tolist() == pytest.approx([2, 10])
    # Two aims for four values: each serves two.
    values = torch.tensor([7.0, 4.0, 6.0, 5.0]).double()
    assert transport(values, aims[:2], ones(values), ones(aims[:2])).tolist() == pytest.approx([2, 1, 2, 1])


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**31))
def test_transport_is_monotone_and_keeps_the_mean(count: int, aim_count: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    values, weights, aims, aim_weights = (
        torch.rand(n, generator=random, dtype=torch.float64) + 1e-3 for n in (count, count, aim_count, aim_count)
    )
    moved = transport(values, aims, weights, aim_weights)
    assert bool((moved[values.argsort()].diff() >= -1e-12).all())
    assert float((moved * weights).sum() / weights.sum()) == pytest.approx(
        float((aims * aim_weights).sum() / aim_weights.sum()), abs=1e-9
    )
    assert float(moved.min()) >= float(aims.min())
    assert float(moved.max()) <= float(aims.max())


@given(st.integers(1, 60), st.integers(0, 2**31))
def test_equal_numbers_are_sorted_onto_one_another(count: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    values, aims = torch.randn(2, count, generator=random, dtype=torch.float64)
    moved = transport(values, aims, ones(values), ones(aims))
    torch.testing.assert_close(moved.sort().values, aims.sort().values)
    torch.testing.assert_close(moved.argsort(), values.argsort())


@given(st.integers(1, 30), st.integers(0, 2**31))
def test_whole_weights_are_repetitions(count: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    values, aims = torch.randn(2, count, generator=random, dtype=torch.float64)
    times = torch.randint(1, 4, (count,), generator=random)
    moved = transport(values, aims, ones(values), times.double())
    torch.testing.assert_close(
        moved, transport(values, aims.repeat_interleave(times), ones(values), ones(aims.repeat_interleave(times)))
    )


def test_agrees_with_scikit_image() -> None:
    random = np.random.default_rng(0)
    values, aims = random.normal(size=(40, 50)), random.gamma(2.0, size=(40, 50))
    expected = match_histograms(values, aims)
    found = transport(*(torch.from_numpy(x.ravel().copy()) for x in (values, aims)), *[torch.ones(2000).double()] * 2)
    assert np.abs(found.numpy().reshape(40, 50) - expected).max() < 1e-9
    # Of another size quantiles are interpolated there and averaged here: the same but for the longest tail.
    aims = random.gamma(2.0, size=(90, 70))
    expected = match_histograms(values, aims)
    found = transport(
        torch.from_numpy(values.ravel().copy()),
        torch.from_numpy(aims.ravel().copy()),
        torch.ones(2000).double(),
        torch.ones(6300).double(),
    )
    difference = np.abs(found.numpy().reshape(40, 50) - expected)
    assert np.median(difference) < 5e-3


def test_tiny_weights_stay_within_the_aims() -> None:
    values, aims = torch.rand(100).double(), 1 + torch.rand(100).double()
    weights = torch.where(torch.arange(100) % 2 > 0, 1e-17, 1.0).double()
    moved = transport(values, aims, weights, ones(aims))
    assert float(moved.min()) >= float(aims.min())
    assert float(moved.max()) <= float(aims.max())


def test_rotations_are_orthogonal_and_always_the_same() -> None:
    found = rotations(20)
    torch.testing.assert_close(found @ found.mT, torch.eye(3).double().expand(20, 3, 3))
    torch.manual_seed(7)
    state = torch.get_rng_state()
    assert torch.equal(rotations(20), found)
    assert torch.equal(torch.get_rng_state(), state)
    # No axis is preferred: the mean of the squares of entries is a third.
    torch.testing.assert_close(rotations(4000).square().mean(0), torch.full((3, 3), 1 / 3).double(), rtol=0, atol=0.02)


def test_transfer_converges_to_the_target() -> None:
    source, target = moons(0), moons(1, 60)
    points, aims = source.flatten(2)[0], target.flatten(2)[0]
    distances = [
        sliced_distance(transfer(points, ones(points), aims, ones(aims), rounds).reshape(source.shape), target)
        for rounds in (1, 4, 12, 40)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[2] < 0.1 * sliced_distance(source, target)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_comes_much_nearer_to_the_target_than_sym(seed: int) -> None:
    source, target = moons(seed), moons(seed + 3, 60)
    linear, whole = (sliced_distance(transform(source, target, method), target) for method in ("sym", "histogram"))
    assert whole < 0.4 * linear
    torch.testing.assert_close(
        transform(source, target, "histogram").mean((2, 3)), target.mean((2, 3)), rtol=0, atol=1e-9
    )


def test_comes_much_nearer_with_real_pictures(shared: Path) -> None:
    def pixels(name: str) -> Tensor:
        return load(shared / "images" / name).pixels[:, :, ::10, ::10].double()

    for source, target in (
        ("style/munch_scream.jpg", "content/chicago.jpg"),
        ("content/lion.jpg", "style/van_gogh_starry_night.jpg"),
    ):
        linear, whole = (
            sliced_distance(match(pixels(source), pixels(target), method), pixels(target))
            for method in ("sym", "histogram")
        )
        assert whole < 0.6 * linear


def test_equal_colours_stay_equal() -> None:
    # Half the picture is one colour; a shuffle of ranks would spread it over half the target.
    source, target = moons(0), moons(1)
    source[:, :, :24] = source[:, :, :1, :1]
    found = match(source, target, "histogram")
    flat = found[:, :, :24].flatten(2)
    torch.testing.assert_close(flat, flat[..., :1].expand_as(flat), rtol=0, atol=1e-9)


def test_neighbouring_colours_stay_neighbours() -> None:
    # A sky of nearly one colour, with noise of a grey level, beside a range of others.
    source, target = moons(0), moons(1)
    noise = torch.randn(1, 3, 32, 48, dtype=torch.float64) / 255
    source[:, :, 16:] = torch.tensor([0.6, 0.7, 0.8]).reshape(1, 3, 1, 1) + noise
    points, aims = source.flatten(2)[0], target.flatten(2)[0]
    torn = transfer(points, ones(points), aims, ones(aims)).reshape(source.shape)[:, :, 16:]
    found = transform(source, target, "histogram")[:, :, 16:]
    assert float(torn.std((2, 3)).max()) > 0.1
    assert float(found.std((2, 3)).max()) < 0.03


def test_gather_keeps_weight_and_mean() -> None:
    points = moons(0).flatten(2)[0]
    weights = torch.rand(points.shape[1], dtype=torch.float64)
    weights[::3] = 0
    cells, share = gather(points, weights)
    assert cells.shape[1] < points.shape[1]
    assert float(share.sum()) == pytest.approx(1)
    assert float(share.min()) > 0
    torch.testing.assert_close(cells @ share, points @ weights / weights.sum())
    # Colours far enough apart are kept as they are.
    few = torch.tensor([[0.0, 0.5, 1.0], [0.0, 0.5, 1.0], [0.2, 0.2, 0.9]]).double()
    cells, share = gather(few, None)
    torch.testing.assert_close(cells.sort(1).values, few.sort(1).values)
    torch.testing.assert_close(share, torch.full((3,), 1 / 3).double())


def test_is_the_same_each_time() -> None:
    assert torch.equal(match(moons(0), moons(1), "histogram"), match(moons(0), moons(1), "histogram"))
