"""The laws that every statistic obeys: what makes mixing, guides and a narrow encoder one idea."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from impasto.errors import UsageError
from impasto.losses import STATISTICS, Statistic, Style, blend, statistic

NAMES = sorted(STATISTICS)
KEEPING = [name for name in NAMES if name != "sliced_wasserstein"]
"""Those that are exactly the same for features and their lift; a sliced distance is so on average."""

names = st.sampled_from(NAMES)
sides = st.integers(1, 6)
seeds = st.integers(0, 2**31)


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def correlated(channels: int, height: int, width: int, seed: int = 0) -> Tensor:
    mixed = torch.einsum("cd,bdhw->bchw", random(channels, channels, seed=seed), random(1, channels, height, width))
    return mixed + random(1, channels, 1, 1, seed=seed + 1)


def positive(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.05


def isometry(wide: int, narrow: int) -> Tensor:
    return torch.linalg.qr(random(wide, narrow, seed=9))[0]


def made(name: str, channels: int = 3, *, lifted: bool = False) -> Statistic:
    return statistic(name, lift=isometry(channels + 4, channels) if lifted else None, seed=5)


def finished(kind: Statistic, features: Tensor, guide: Tensor | None = None) -> Tensor:
    return kind.finish(kind.measure(features, guide))


@given(names, st.booleans(), st.integers(2, 6), sides, seeds, st.data())
def test_states_of_pieces_add_to_the_whole(name: str, lifted: bool, height: int, width: int, seed: int, data):
    f, kind = correlated(3, height, width, seed), made(name, lifted=lifted)
    other = finished(kind, correlated(3, 4, 5, seed + 7))
    cut = data.draw(st.integers(1, height - 1))
    for guide in (None, positive(height, width, seed=seed)):
        top = kind.measure(f[:, :, :cut], None if guide is None else guide[:cut])
        bottom = kind.measure(f[:, :, cut:], None if guide is None else guide[cut:])
        whole = kind.measure(f, guide)
        torch.testing.assert_close((top + bottom).total, whole.total)
        torch.testing.assert_close(kind.finish(top + bottom), kind.finish(whole))
        torch.testing.assert_close(kind.distance(top + bottom, other), kind.distance(whole, other))


@pytest.mark.parametrize("name", NAMES)
def test_pieces_with_and_without_a_guide_add(name: str) -> None:
    f, kind = correlated(3, 4, 6), made(name)
    both = kind.measure(f[:, :, :2]) + kind.measure(f[:, :, 2:], 2 * torch.ones(2, 6))
    weights = torch.cat([torch.ones(2, 6), 2 * torch.ones(2, 6)])
    torch.testing.assert_close(kind.finish(both), finished(kind, f, weights))


@given(names, st.booleans(), sides, sides, seeds, st.floats(0.01, 100))
def test_a_guide_of_one_weight_is_no_guide(name: str, lifted: bool, height: int, width: int, seed: int, weight: float):
    f, kind = correlated(3, height, width, seed), made(name, lifted=lifted)
    guide = torch.full((height, width), weight, dtype=f.dtype)
    torch.testing.assert_close(finished(kind, f, guide), finished(kind, f))
    other = finished(kind, correlated(3, 4, 5, seed + 7))
    torch.testing.assert_close(
        kind.distance(kind.measure(f, guide), other), kind.distance(kind.measure(f), other), rtol=1e-6, atol=1e-9
    )


@given(names, sides, sides, seeds, st.floats(0.01, 100))
def test_the_scale_of_a_guide_does_not_count(name: str, height: int, width: int, seed: int, scale: float) -> None:
    f, kind, guide = correlated(3, height, width, seed), made(name), positive(height, width, seed=seed)
    torch.testing.assert_close(finished(kind, f, scale * guide), finished(kind, f, guide))


@pytest.mark.parametrize("lifted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_binary_guide_is_a_crop(name: str, lifted: bool) -> None:
    f, kind = correlated(3, 6, 5), made(name, lifted=lifted)
    guide = torch.zeros(6, 5)
    guide[1:4, 2:] = 1
    inside = f[:, :, 1:4, 2:]
    other = finished(kind, correlated(3, 4, 4, 3))
    torch.testing.assert_close(finished(kind, f, guide), finished(kind, inside))
    found, expected = (kind.distance(kind.measure(*args), other) for args in ((f, guide), (inside,)))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)
    leaf = f.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(kind.distance(kind.measure(leaf, guide), other), leaf)
    assert float(gradient[..., guide == 0].abs().max()) == 0
    assert float(gradient[..., guide == 1].abs().min()) > 0


@given(names, sides, sides, seeds)
def test_does_not_see_where_things_are(name: str, height: int, width: int, seed: int) -> None:
    f, kind, guide = correlated(3, height, width, seed), made(name), positive(height, width, seed=seed)
    order = torch.randperm(height * width, generator=torch.Generator().manual_seed(seed))
    moved = f.flatten(2)[..., order].reshape(f.shape)
    torch.testing.assert_close(finished(kind, moved), finished(kind, f))
    moved_guide = guide.flatten()[order].reshape(guide.shape)
    torch.testing.assert_close(finished(kind, moved, moved_guide), finished(kind, f, guide))


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_wrong_with_the_style_itself(name: str, guided: bool) -> None:
    f, kind = correlated(3, 12, 15), made(name)
    guide = positive(12, 15) if guided else None
    target = finished(kind, f, guide)
    leaf = f.clone().requires_grad_()
    loss = kind.distance(kind.measure(leaf, guide), target)
    (gradient,) = torch.autograd.grad(loss, leaf)
    (away,) = torch.autograd.grad(kind.distance(kind.measure(leaf + 1, guide), target), leaf)
    # A table of 4096 quantiles holds 180 equal samples exactly, and unequal ones but for their edges.
    exact = 1e-4 if guided and name in ("histogram", "sliced_wasserstein") else 1e-12
    assert 0 <= float(loss.detach()) <= exact * kind.power(target)
    assert float(gradient.norm()) <= exact**0.5 * float(away.norm())


@pytest.mark.parametrize("lifted", [False, True])
@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_gradient_of_the_distance_through_measure(name: str, guided: bool, lifted: bool) -> None:
    kind = made(name, lifted=lifted)
    target = finished(kind, correlated(3, 6, 2, seed=1))
    guide = positive(4, 5, seed=2) if guided else None
    leaf = correlated(3, 4, 5).requires_grad_()
    assert float(torch.autograd.grad(kind.distance(kind.measure(leaf, guide), target), leaf)[0].abs().median()) > 1e-3
    assert gradcheck(lambda f: kind.distance(kind.measure(f, guide), target), (leaf,))


@pytest.mark.parametrize("lifted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_gradient_of_two_regions_together(name: str, lifted: bool) -> None:
    kind = made(name, lifted=lifted)
    guides = [positive(3, 3, seed=2), None, positive(3, 3, seed=3).round()]
    targets = [finished(kind, correlated(3, 6, 2, seed=seed)) for seed in (1, 2, 3)]
    leaf = correlated(3, 3, 3).requires_grad_()

    def together(f: Tensor) -> Tensor:
        states = kind.measure_each(f, guides)
        return torch.stack([kind.distance(s, t) for s, t in zip(states, targets, strict=True)]).sum()

    singly = [kind.distance(kind.measure(leaf, g), t) for g, t in zip(guides, targets, strict=True)]
    apart = torch.stack(singly).sum()
    torch.testing.assert_close(together(leaf), apart)
    found = torch.autograd.grad(together(leaf), leaf)[0]
    torch.testing.assert_close(found, torch.autograd.grad(apart, leaf)[0])
    assert gradcheck(together, (leaf,))


@given(st.sampled_from(KEEPING), st.integers(1, 4), st.integers(0, 5), seeds, st.booleans())
def test_a_lift_is_the_statistic_of_the_lifted_features(name: str, narrow: int, more: int, seed: int, guided: bool):
    lift = isometry(narrow + more, narrow)
    f, style = correlated(narrow, 5, 4, seed), correlated(narrow, 6, 3, seed + 3)
    guide = positive(5, 4, seed=seed) if guided else None
    small, large = statistic(name, lift=lift), statistic(name)
    wide, wide_style = (torch.einsum("nc,bchw->bnhw", lift, x) for x in (f, style))
    leaf = f.clone().requires_grad_()
    found = small.distance(small.measure(leaf, guide), finished(small, style))
    expected = large.distance(large.measure(wide, guide), finished(large, wide_style))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)
    assert small.power(finished(small, style)) == pytest.approx(large.power(finished(large, wide_style)), rel=1e-6)


@pytest.mark.parametrize("name", KEEPING)
def test_gradients_with_a_lift_are_those_of_the_lifted_features(name: str) -> None:
    lift = isometry(7, 3)
    style, leaf = correlated(3, 6, 3, 3), correlated(3, 5, 4).requires_grad_()
    small, large = statistic(name, lift=lift), statistic(name)
    found = small.distance(small.measure(leaf), finished(small, style))
    raise_up = lambda f: torch.einsum("nc,bchw->bnhw", lift, f)
    expected = large.distance(large.measure(raise_up(leaf)), finished(large, raise_up(style)))
    torch.testing.assert_close(*(torch.autograd.grad(loss, leaf)[0] for loss in (found, expected)))


@given(names, seeds, st.floats(0.1, 1e3))
def test_distances_over_their_power_do_not_see_the_scale_of_features(name: str, seed: int, scale: float) -> None:
    f, style, kind = correlated(3, 4, 5, seed), correlated(3, 5, 3, seed + 2), made(name)

    def relative(factor: float) -> float:
        target = finished(kind, factor * style)
        return float(kind.distance(kind.measure(factor * f), target)) / kind.power(target)

    assert relative(scale) == pytest.approx(relative(1.0), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_power_is_the_distance_of_nothing(name: str) -> None:
    kind, style = made(name), correlated(3, 20, 20)
    target = finished(kind, style)
    nothing = float(kind.distance(kind.measure(torch.zeros_like(style)), target))
    # The covariance's ridge, and the floor of a standard deviation, keep nothing from being quite nothing.
    assert nothing == pytest.approx(kind.power(target), rel=0.02)
    if name != "gram":
        assert kind.power(target) == pytest.approx(float(style.square().sum(1).mean()), rel=1e-3)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "gram"])
def test_a_shift_costs_its_square(name: str) -> None:
    kind, f = made(name), correlated(3, 20, 20)
    shift = random(1, 3, 1, 1, seed=8)
    loss = float(kind.distance(kind.measure(f + shift), finished(kind, f)))
    assert loss == pytest.approx(float(shift.square().sum()), rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_targets_blend(name: str) -> None:
    kind = made(name)
    one, other = (finished(kind, correlated(3, 6, 5, seed)) for seed in (1, 2))
    mixed = blend([one, other], [1, 3])
    torch.testing.assert_close(mixed, 0.25 * one + 0.75 * other)
    torch.testing.assert_close(mixed, blend([one, other], [10, 30]))
    near, far = (float(kind.distance(kind.measure(correlated(3, 6, 5, 2)), target)) for target in (mixed, one))
    assert near < far


@pytest.mark.parametrize("lifted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_features(name: str, lifted: bool) -> None:
    # Statistics are taken in float32: only the features themselves are coarse.
    kind = statistic(name, lift=isometry(7, 3).float() if lifted else None)
    f, guide = correlated(3, 40, 30).float(), positive(40, 30).bfloat16()
    target = finished(kind, correlated(3, 20, 30, 2).float())
    coarse = f.bfloat16().requires_grad_()
    for weight in (None, guide):
        state = kind.measure(coarse, weight)
        assert state.sums.dtype == state.total.dtype == torch.float32
        loss = kind.distance(state, target)
        assert float(loss.detach()) == pytest.approx(float(kind.distance(kind.measure(f, weight), target)), rel=0.01)
        (gradient,) = torch.autograd.grad(loss, coarse)
        assert gradient.dtype == torch.bfloat16
        assert bool(gradient.isfinite().all())


@pytest.mark.parametrize("lifted", [False, True])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_empty_regions_and_dead_layers_are_finite(name: str, lifted: bool, dtype: torch.dtype) -> None:
    kind = statistic(name, lift=isometry(7, 3).to(dtype) if lifted else None)
    alive, dead = random(1, 3, 4, 4, dtype=dtype), torch.zeros(1, 3, 4, 4, dtype=dtype)
    for style in (alive, dead):
        for guide in (None, torch.zeros(4, 4)):
            target = finished(kind, style, guide)
            assert bool(target.isfinite().all())
            assert kind.power(target) >= 0
            for picture in (alive, dead):
                for own in (None, torch.zeros(4, 4)):
                    leaf = picture.clone().requires_grad_()
                    loss = Style("relu1_1", kind, target, 1.0, own)(kind.measure(leaf, own))
                    (gradient,) = torch.autograd.grad(loss, leaf)
                    assert bool(loss.isfinite()), (name, guide, own)
                    assert bool(gradient.isfinite().all()), (name, guide, own)
                    if own is not None:
                        assert float(gradient.abs().max()) == 0


@pytest.mark.parametrize("name", NAMES)
def test_shapes_that_do_not_fit_are_refused(name: str) -> None:
    kind = made(name)
    with pytest.raises(ValueError, match=r"guide of \(5, 4\) does not fit features of \(4, 5\)"):
        kind.measure(random(1, 3, 4, 5), torch.ones(5, 4))
    with pytest.raises(ValueError, match="one picture, not of 2"):
        kind.measure(random(2, 3, 4, 5))


def test_registry() -> None:
    assert list(STATISTICS) == ["gram", "mean_std", "covariance", "histogram", "sliced_wasserstein"]
    for name in STATISTICS:
        kind = statistic(name)
        assert kind.name == name
        assert kind.calibration > 0
    assert statistic("gram").calibration == 1
    with pytest.raises(UsageError, match="unknown statistic 'grams'; choose from gram, mean_std"):
        statistic("grams")
