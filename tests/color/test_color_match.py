"""Colour matching by linear maps: moments, optimal transport, regions, and pictures with hardly any colour."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from impasto.color import METHODS, match
from impasto.color.match import GAIN, linear_map, transform
from impasto.color.regions import moments
from impasto.errors import UsageError
from impasto.images import load

LINEAR = ("sym", "pca", "chol")


def cloud(seed: int, height: int = 24, width: int = 20, spread: float = 1.0) -> Tensor:
    """Correlated colours inside [0, 1], whose deviations along oblique axes are 0.04, 0.07 and 0.12 times `spread`."""
    random = torch.Generator().manual_seed(seed)
    axes = torch.linalg.qr(torch.randn(3, 3, generator=random, dtype=torch.float64)).Q
    deviations = spread * torch.tensor([[0.04], [0.07], [0.12]], dtype=torch.float64)
    noise = deviations * torch.randn(3, height * width, generator=random, dtype=torch.float64)
    center = 0.4 + 0.2 * torch.rand(3, 1, generator=random, dtype=torch.float64)
    return (center + axes @ noise).clamp(0, 1).reshape(1, 3, height, width)


def statistics(pixels: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and covariance by numpy."""
    points = pixels.flatten(2)[0].double().numpy()
    flat = None if weights is None else weights.flatten().double().numpy()
    return (
        torch.from_numpy(np.average(points, axis=1, weights=flat)),
        torch.from_numpy(np.cov(points, ddof=0, aweights=flat)),
    )


def covariance(seed: int) -> Tensor:
    return statistics(cloud(seed))[1]


seeds = st.integers(0, 2**31)


@pytest.mark.parametrize("method", LINEAR)
@given(seeds)
def test_mean_and_covariance_become_the_targets(method: str, seed: int) -> None:
    source, target = cloud(seed), cloud(seed + 1, 17, 31)
    mean, spread = statistics(transform(source, target, method))
    aim_mean, aim_spread = statistics(target)
    torch.testing.assert_close(mean, aim_mean, rtol=0, atol=1e-9)
    torch.testing.assert_close(spread, aim_spread, rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", LINEAR)
@given(seeds)
def test_matrix_carries_one_covariance_to_the_other(method: str, seed: int) -> None:
    source, target = covariance(seed), covariance(seed + 1)
    matrix = linear_map(source, target, method)
    torch.testing.assert_close(matrix @ source @ matrix.T, target, rtol=1e-9, atol=1e-12)


@given(seeds)
def test_sym_is_symmetric_positive_definite(seed: int) -> None:
    matrix = linear_map(covariance(seed), covariance(seed + 1), "sym")
    assert torch.equal(matrix, matrix.T)
    assert float(torch.linalg.eigvalsh(matrix).min()) > 0


@given(seeds)
def test_chol_is_lower_triangular(seed: int) -> None:
    matrix = linear_map(covariance(seed), covariance(seed + 1), "chol")
    assert float(matrix.triu(1).abs().max()) == 0
    assert float(matrix.diagonal().min()) > 0


@given(seeds)
def test_pca_is_a_product_of_symmetric_roots(seed: int) -> None:
    source, target = covariance(seed), covariance(seed + 1)
    matrix = linear_map(source, target, "pca")
    values, vectors = torch.linalg.eigh(source)
    root = (vectors * values.sqrt()) @ vectors.T
    torch.testing.assert_close(matrix @ root, (matrix @ root).T, rtol=1e-9, atol=1e-12)


def test_hand_computed_matrix() -> None:
    # Uncoupled channels: each is scaled by the ratio of deviations, in every form.
    source, target = torch.tensor([0.01, 0.04, 0.09]).double().diag(), torch.tensor([0.04, 0.01, 0.09]).double().diag()
    for method in LINEAR:
        torch.testing.assert_close(linear_map(source, target, method), torch.tensor([2.0, 0.5, 1.0]).double().diag())


@given(seeds)
def test_sym_moves_colours_least(seed: int) -> None:
    source, target = cloud(seed), cloud(seed + 1)
    moved = {method: float((transform(source, target, method) - source).square().mean()) for method in LINEAR}
    assert moved["sym"] <= min(moved.values()) + 1e-12
    # ... and by what the Wasserstein distance of Gaussians says.
    (mean, spread), (aim_mean, aim_spread) = statistics(source), statistics(target)
    values, vectors = torch.linalg.eigh(spread)
    root = (vectors * values.sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ aim_spread @ root).clamp_min(0).sqrt().sum()
    distance = (mean - aim_mean).square().sum() + spread.trace() + aim_spread.trace() - 2 * cross
    assert 3 * moved["sym"] == pytest.approx(float(distance), abs=1e-9)


@pytest.mark.parametrize("method", ["pca", "chol"])
def test_sym_moves_clearly_less_somewhere(method: str) -> None:
    def moved(seed: int, method: str) -> float:
        return float((transform(cloud(seed), cloud(seed + 1), method) - cloud(seed)).square().mean())

    assert min(moved(seed, "sym") / moved(seed, method) for seed in range(10)) < 0.97


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_picture_matched_to_itself_stays(method: str, dtype: torch.dtype) -> None:
    source = cloud(1).to(dtype)
    found = match(source, source, method)
    assert found.dtype == dtype
    torch.testing.assert_close(found, source, rtol=0, atol=1e-6 if dtype == torch.float32 else 1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_does_not_see_where_pixels_are(method: str) -> None:
    source, target = cloud(1), cloud(2, 16, 16)
    order = torch.randperm(source[0, 0].numel())

    def shuffled(pixels: Tensor, order: Tensor) -> Tensor:
        return pixels.flatten(2)[..., order].reshape(pixels.shape)

    found = match(source, target, method)
    torch.testing.assert_close(match(shuffled(source, order), target, method), shuffled(found, order))
    other = shuffled(target, torch.randperm(256))
    torch.testing.assert_close(match(source, other, method), found)


@pytest.mark.parametrize("method", METHODS)
def test_does_not_see_the_targets_size(method: str) -> None:
    source, target = cloud(1), cloud(2, 10, 10)
    # Sums of other lengths round otherwise, which a histogram's ranks can turn into some millionths.
    once, often = (match(source, each, method) for each in (target, target.repeat(1, 1, 3, 2)))
    torch.testing.assert_close(often, once, atol=1e-4, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_strength(method: str) -> None:
    source, target = cloud(1).float(), cloud(2).float()
    whole = match(source, target, method)
    assert torch.equal(match(source, target, method, strength=0), source)
    torch.testing.assert_close(match(source, target, method, strength=0.25), 0.75 * source + 0.25 * whole)
    assert torch.equal(whole, transform(source, target, method).clamp(0, 1))
    assert float(whole.min()) >= 0
    assert float(whole.max()) <= 1


@pytest.mark.parametrize("method", METHODS)
def test_maps_of_ones_are_no_maps(method: str) -> None:
    source, target = cloud(1, 12, 18), cloud(2, 20, 10)
    whole = transform(source, target, method)
    ones = {"source_maps": torch.ones(1, 12, 18), "target_maps": torch.ones(1, 20, 10)}
    torch.testing.assert_close(transform(source, target, method, **ones), whole)
    # Two regions of one half each are the whole too.
    halves = {name: 0.5 * maps.repeat(2, 1, 1) for name, maps in ones.items()}
    torch.testing.assert_close(transform(source, target, method, **halves), whole)


@pytest.mark.parametrize("method", METHODS)
def test_each_region_takes_the_colours_of_its_own(method: str) -> None:
    source = torch.cat([cloud(1), cloud(2)], dim=3)
    target = torch.cat([cloud(3), cloud(4)], dim=2)
    source_maps, target_maps = torch.zeros(2, 24, 40), torch.zeros(2, 48, 20)
    source_maps[0, :, :20], source_maps[1, :, 20:] = 1, 1
    target_maps[0, :24], target_maps[1, 24:] = 1, 1
    found = transform(source, target, method, source_maps=source_maps, target_maps=target_maps)
    for part, seeds in ((found[..., :20], (1, 3)), (found[..., 20:], (2, 4))):
        torch.testing.assert_close(statistics(part)[0], statistics(cloud(seeds[1]))[0], rtol=0, atol=1e-9)
        torch.testing.assert_close(part, transform(cloud(seeds[0]), cloud(seeds[1]), method))
    # With the regions of the target exchanged, the colours are too.
    crossed = transform(source, target, method, source_maps=source_maps, target_maps=target_maps.flip(0))
    torch.testing.assert_close(crossed[..., :20], transform(cloud(1), cloud(4), method))


@pytest.mark.parametrize("method", LINEAR)
def test_soft_maps_weigh_the_statistics(method: str) -> None:
    source, target = cloud(1), cloud(2)
    random = torch.Generator().manual_seed(5)
    ours, theirs = (torch.rand(24, 20, generator=random, dtype=torch.float64) for _ in range(2))
    mean, spread = moments(target.flatten(2)[0], theirs.flatten())
    expected_mean, expected_spread = statistics(target, theirs)
    torch.testing.assert_close(mean[:, 0], expected_mean)
    torch.testing.assert_close(spread, expected_spread)
    maps = {"source_maps": torch.stack([ours, 1 - ours]), "target_maps": torch.stack([theirs, 1 - theirs])}
    found = transform(source, target, method, **maps)
    # By hand: the two maps, blended.
    total = torch.zeros_like(source)
    for our, their in zip(*maps.values(), strict=True):
        (our_mean, our_spread), (their_mean, their_spread) = statistics(source, our), statistics(target, their)
        matrix = linear_map(our_spread, their_spread, method)
        mapped = matrix @ (source.flatten(2)[0] - our_mean[:, None]) + their_mean[:, None]
        total += our * mapped.reshape(source.shape)
    torch.testing.assert_close(found, total)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("share", [0.0, 5e-4])
def test_a_region_that_one_picture_lacks_gets_the_whole(method: str, share: float) -> None:
    source, target = cloud(1), cloud(2)
    half = torch.zeros(24, 20)
    half[:, :10] = 1
    lacking = torch.full((24, 20), share)
    maps = {"source_maps": torch.stack([half, 1 - half]), "target_maps": torch.stack([1 - lacking, lacking])}
    found = transform(source, target, method, **maps)
    whole = transform(source, target, method)
    torch.testing.assert_close(found[..., 10:], whole[..., 10:])
    assert not torch.allclose(found[..., :10], whole[..., :10])
    other_way = transform(source, target, method, source_maps=maps["target_maps"], target_maps=maps["source_maps"])
    assert bool(torch.isfinite(other_way).all())


def test_a_target_without_maps_lends_all_of_itself() -> None:
    source, target = cloud(1), cloud(2)
    maps = torch.zeros(2, 24, 20)
    maps[0, :, :10], maps[1, :, 10:] = 1, 1
    found = transform(source, target, "sym", source_maps=maps)
    for part in (found[..., :10], found[..., 10:]):
        torch.testing.assert_close(statistics(part)[0], statistics(target)[0])
    whole = transform(source, target, "sym", target_maps=maps)
    assert torch.equal(whole, transform(source, target, "sym"))


def test_pixels_of_no_region_stay() -> None:
    maps = torch.zeros(1, 24, 20)
    maps[:, :12] = 1
    found = transform(cloud(1), cloud(2), "sym", source_maps=maps)
    assert torch.equal(found[:, :, 12:], cloud(1)[:, :, 12:])
    assert not torch.allclose(found[:, :, :12], cloud(1)[:, :, :12])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_flat_pictures(method: str, dtype: torch.dtype) -> None:
    rich, black = cloud(1).to(dtype), torch.zeros(1, 3, 5, 4, dtype=dtype)
    orange = black + torch.tensor([0.9, 0.5, 0.1], dtype=dtype).reshape(1, 3, 1, 1)
    mean = rich.mean((2, 3), keepdim=True)
    for flat in (black, orange, orange[..., :1, :1]):
        torch.testing.assert_close(match(flat, rich, method), mean.expand_as(flat), rtol=0, atol=1e-5)
        found = match(rich, flat, method)
        torch.testing.assert_close(found, flat[..., :1, :1].expand_as(found), rtol=0, atol=1e-4)
        torch.testing.assert_close(match(flat, flat, method), flat, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_grey_pictures(method: str, dtype: torch.dtype) -> None:
    gray = cloud(1)[:, :1].expand(-1, 3, -1, -1).to(dtype)
    rich = cloud(2).to(dtype)
    to_gray = match(rich, gray, method)
    assert float((to_gray - to_gray.mean(1, keepdim=True)).abs().max()) < (1e-3 if method == "histogram" else 1e-4)
    torch.testing.assert_close(match(gray, gray, method), gray, rtol=0, atol=1e-6)
    colored = transform(gray, rich, method)
    torch.testing.assert_close(colored.mean((2, 3)), rich.mean((2, 3)), rtol=0, atol=1e-5)
    # A grey picture has one direction: it becomes a range of tints, never wider than the target, and never flat.
    assert 0.5 * float(rich.std((2, 3)).max()) < float(colored.std((2, 3)).max()) < 1.2 * float(rich.std((2, 3)).max())


@pytest.mark.parametrize("method", LINEAR)
@pytest.mark.parametrize("noise", [0.0, 1e-6, 1 / 255])
def test_the_noise_of_a_grey_picture_is_not_stretched_without_bound(method: str, noise: float) -> None:
    # Without a cap, chroma noise of one grey level becomes as strong as the target's chroma: 50 times and more.
    gray = cloud(1)[:, :1].expand(-1, 3, -1, -1) + noise * torch.randn(1, 3, 24, 20, dtype=torch.float64)
    target = cloud(2, spread=2.5)
    source = statistics(gray)[1]
    matrix = linear_map(source, statistics(target)[1], method)
    _, directions = torch.linalg.eigh(source)
    assert float((matrix @ directions).norm(dim=0).max()) <= GAIN * (1 + 1e-5)
    if method == "sym":
        assert torch.equal(matrix, matrix.T)
        assert float(torch.linalg.eigvalsh(matrix).min()) > -1e-9
    # What comes out is never more than the target has.
    left = statistics(target)[1] - matrix @ source @ matrix.T
    assert float(torch.linalg.eigvalsh(left).min()) > -1e-8


@pytest.mark.parametrize("method", METHODS)
def test_a_nearly_flat_picture_does_not_become_confetti(method: str) -> None:
    noise = torch.randn(1, 3, 24, 20, dtype=torch.float64)
    flat = (0.5 + noise / 255 / 2).clamp(0, 1)
    target = cloud(2, spread=2.5)
    found = transform(flat, target, method)
    assert float(target.std((2, 3)).min()) > 0.1
    assert float(found.std((2, 3)).max()) < 2 * GAIN * float(flat.std((2, 3)).max())


def test_unusual_gain_within_bounds_is_exact() -> None:
    # A contrast of a seventh is a faded picture, not noise: it is stretched all the way.
    source = 0.5 + (cloud(1) - 0.5) / 7
    mean, spread = statistics(transform(source, cloud(1), "sym"))
    torch.testing.assert_close(mean, statistics(cloud(1))[0])
    torch.testing.assert_close(spread, statistics(cloud(1))[1])


@pytest.mark.parametrize("method", METHODS)
def test_real_pictures(method: str, shared: Path) -> None:
    def pixels(name: str) -> Tensor:
        return load(shared / "images" / name).pixels[:, :, ::6, ::6]

    lion, night, pencil = (
        pixels("content/lion.jpg"),
        pixels("style/van_gogh_starry_night.jpg"),
        pixels("style/pencil_abbey.jpg"),
    )
    for source in (lion, pencil, night):
        found = match(source, night, method)
        assert bool(torch.isfinite(found).all())
        torch.testing.assert_close(found.mean((2, 3)), night.mean((2, 3)), rtol=0, atol=0.02)
        # Grey stays a function of grey: no confetti. Chroma differs only where lightness does.
        if source is lion:
            spread = torch.stack([found[0, :, lion[0, 0] == level].std(1) for level in lion[0, 0, ::9, ::9].unique()])
            assert float(spread.nan_to_num().max()) < 1e-5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"method": "symm"}, "sym, pca, chol, histogram"),
        ({"strength": 1.5}, "strength=1.5"),
        ({"strength": float("nan")}, "strength=nan"),
        ({"source": torch.zeros(3, 4, 4)}, "source"),
        ({"target": torch.zeros(1, 1, 4, 4)}, "target"),
        ({"target": torch.zeros(1, 3, 0, 4)}, "target"),
        ({"source_maps": torch.ones(1, 4, 5)}, "source_maps"),
        ({"target_maps": torch.ones(4, 4)}, "target_maps"),
        ({"source_maps": -torch.ones(1, 4, 4)}, "source_maps"),
        ({"source_maps": torch.ones(2, 4, 4), "target_maps": torch.ones(3, 4, 4)}, "2 and 3 regions"),
    ],
)
def test_refuses(change: dict[str, object], says: str) -> None:
    options: dict[str, object] = {"source": torch.rand(1, 3, 4, 4), "target": torch.rand(1, 3, 4, 4), **change}
    run: Callable[..., Tensor] = match
    with pytest.raises(UsageError, match=says):
        run(**options)
