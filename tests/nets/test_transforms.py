"""Whitening, colouring and AdaIN: the laws they must keep, on full and on deficient features."""

from functools import reduce
from operator import add

import pytest
import torch
from torch import Tensor

from impasto.errors import UsageError
from impasto.nets.transforms import (
    Affine,
    Moments,
    adain,
    guided,
    mix,
    regional,
    scaling,
    wct,
    whiten_color,
    whitening,
)

CHANNELS = 6


def features(seed: int, height: int = 12, width: int = 15, dtype: torch.dtype = torch.float64) -> Tensor:
    """Correlated, skewed, with a mean: as unlike white noise as six channels get."""
    random = torch.Generator().manual_seed(seed)
    mixing = torch.randn(CHANNELS, CHANNELS, generator=random, dtype=torch.float64)
    noise = torch.rand(CHANNELS, height * width, generator=random, dtype=torch.float64) ** 2
    return (mixing @ noise + torch.randn(CHANNELS, 1, generator=random)).reshape(1, CHANNELS, height, width).to(dtype)


def moments(f: Tensor, inside: Tensor | None = None) -> tuple[Tensor, Tensor]:
    flat = f[0].flatten(1) if inside is None else f[0][:, inside]
    return flat.mean(1), torch.cov(flat, correction=0)


def assert_moments(f: Tensor, style: Tensor, inside: Tensor | None = None, tolerance: float = 1e-9) -> None:
    for found, wanted in zip(moments(f, inside), moments(style), strict=True):
        assert float((found - wanted).abs().max()) <= tolerance * float(wanted.abs().max())


def test_measured_moments_are_those_of_the_positions() -> None:
    f = features(1)
    mean, covariance = moments(f)
    found = Moments.measure(f)
    assert torch.allclose(found.mean, mean, rtol=1e-12)
    assert torch.allclose(found.covariance, covariance, rtol=1e-9)
    assert torch.allclose(found.deviation, covariance.diagonal().sqrt(), rtol=1e-2)
    assert not found.empty


def test_moments_by_hand() -> None:
    # Two channels at two positions: (1, 3) and (2, -2).
    found = Moments.measure(torch.tensor([1.0, 3.0, 2.0, -2.0]).reshape(1, 2, 1, 2))
    assert found.mean.tolist() == [2.0, 0.0]
    assert found.covariance.tolist() == [[1.0, -2.0], [-2.0, 4.0]]
    weighted = Moments.measure(torch.tensor([1.0, 3.0]).reshape(1, 1, 1, 2), torch.tensor([[3.0, 1.0]]))
    assert weighted.mean.tolist() == [1.5]
    assert weighted.covariance.tolist() == [[0.75]]


def test_moments_of_tiles_add_to_those_of_the_whole() -> None:
    f, guide = features(1), torch.rand(12, 15, dtype=torch.float64)
    parts = [(slice(0, 5), slice(0, 9)), (slice(5, 12), slice(0, 9)), (slice(0, 12), slice(9, 15))]
    tiles = [Moments.measure(f[..., y, x], guide[y, x]) for y, x in parts]
    together, whole = reduce(add, tiles), Moments.measure(f, guide)
    assert torch.allclose(together.covariance, whole.covariance, rtol=1e-10)
    style = Moments.measure(features(2))
    painted = whiten_color(f, whole, style, 0.8)
    for y, x in parts:
        assert torch.allclose(whiten_color(f[..., y, x], together, style, 0.8), painted[..., y, x], rtol=1e-9)


def test_small_features_keep_their_small_eigenvalues() -> None:
    # Half-precision features are summed in float64: a mean a thousand times the spread is no trouble.
    f = features(1, dtype=torch.float32) + 1000
    assert torch.allclose(Moments.measure(f).covariance, moments(f.double())[1], rtol=1e-6)
    assert Moments.measure(f.bfloat16()).mean.dtype == torch.float64


@pytest.mark.parametrize(("seed", "other"), [(1, 2), (3, 4), (5, 6)])
def test_wct_gives_the_moments_of_the_style(seed: int, other: int) -> None:
    content, style = features(seed), features(other, 9, 20)
    assert_moments(wct(content, style), style)
    # What a picture's features are stored in.
    assert_moments(wct(content.float(), style.float()).double(), style, tolerance=1e-5)


def test_wct_of_itself_changes_nothing() -> None:
    f = features(1)
    assert torch.allclose(wct(f, f), f, rtol=1e-9, atol=1e-9)


def test_strength_nothing_changes_nothing_and_half_is_half_way() -> None:
    content, style = features(1), features(2)
    assert torch.allclose(wct(content, style, 0.0), content, rtol=1e-12, atol=1e-12)
    assert torch.allclose(wct(content, style, 0.5), 0.5 * content + 0.5 * wct(content, style), rtol=1e-9, atol=1e-9)


def test_wct_by_hand() -> None:
    # Uncorrelated channels: each is shifted and scaled. Deviations 1 and 2 become 3 and 0.5.
    one = torch.tensor([[-1.0, 1.0, -1.0, 1.0], [-2.0, -2.0, 2.0, 2.0]]).double()
    style = torch.tensor([[3.0], [0.5]]).double() * one / torch.tensor([[1.0], [2.0]]) + 10
    painted = wct(one.reshape(1, 2, 2, 2), style.reshape(1, 2, 2, 2))
    assert torch.allclose(painted.reshape(2, 4), style, rtol=1e-9)


def test_scale_of_features_does_not_matter() -> None:
    content, style = features(1), features(2)
    content[:, 2] = content[:, 1]
    for factor in (1e-4, 1e4):
        found = wct(factor * content, factor * style)
        assert torch.allclose(found, factor * wct(content, style), rtol=1e-6, atol=1e-6 * factor)


@pytest.mark.parametrize("side", ["content", "style", "both"])
def test_deficient_features_stay_finite(side: str) -> None:
    content, style = features(1), features(2)
    for name, f in (("content", content), ("style", style)):
        if side in (name, "both"):
            f[:, 3] = 0
            f[:, 4] = 2 * f[:, 1]
            f[:, 5] = 7
    painted = wct(content, style)
    assert bool(painted.isfinite().all())
    mean, covariance = moments(painted)
    wanted_mean, wanted = moments(style)
    assert torch.allclose(mean, wanted_mean, rtol=1e-6)
    if side != "content":
        # No direction that the style lacks is made up.
        assert float(covariance[3].abs().max()) < 1e-6 * float(wanted.trace())
    # What neither has is not blown up either: rounding below the cut stays below it.
    assert float(painted.abs().max()) < 50


@pytest.mark.parametrize("size", [(1, 1), (1, 2)])
def test_fewer_positions_than_channels(size: tuple[int, int]) -> None:
    content, style = features(1, *size), features(2)
    painted = wct(content, style)
    assert bool(painted.isfinite().all())
    assert torch.allclose(painted.mean((2, 3)), style.mean((2, 3)), rtol=1e-6)
    assert bool(wct(style, content).isfinite().all())
    assert bool(adain(content, style).isfinite().all())


def test_constant_features_on_both_sides() -> None:
    flat = torch.full((1, CHANNELS, 4, 4), 2.0, dtype=torch.float64)
    for transform in (wct, adain):
        assert torch.allclose(transform(flat, 3 * flat), 3 * flat)
        assert torch.allclose(transform(0 * flat, 0 * flat), 0 * flat)


def test_styles_are_mixed_before_the_strength() -> None:
    content, one, other = features(1), features(2), features(3)
    mixed = wct(content, [one, other], 0.6, weights=[3, 1])
    by_hand = 0.6 * (0.75 * wct(content, one) + 0.25 * wct(content, other)) + 0.4 * content
    assert torch.allclose(mixed, by_hand, rtol=1e-9, atol=1e-9)
    assert torch.allclose(wct(content, [one, other], weights=[1, 0]), wct(content, one), rtol=1e-9, atol=1e-9)
    assert torch.allclose(wct(content, [one, one, one]), wct(content, one), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("weights", [[1.0], [0.0, 0.0], [2.0, -1.0], [1.0, float("nan")]])
def test_weights_that_mix_nothing(weights: list[float]) -> None:
    with pytest.raises(UsageError, match="2 styles"):
        mix([Affine(torch.ones(2), torch.zeros(2))] * 2, weights)


def halves() -> Tensor:
    guides = torch.zeros(2, 12, 15, dtype=torch.float64)
    guides[0, :, :7] = 1
    guides[1, :, 9:] = 1
    return guides


def test_regions_are_transformed_by_themselves() -> None:
    content, style, guides = features(1), features(2, 10, 10), halves()
    of_style = torch.zeros(2, 10, 10, dtype=torch.float64)
    of_style[0, :4], of_style[1, 4:] = 1, 1
    painted = wct(content, style, guides=guides, style_guides=[of_style])
    assert_moments(painted, style[..., :4, :], guides[0] > 0)
    assert_moments(painted, style[..., 4:, :], guides[1] > 0)
    # Exactly what transforming the cut-out pieces gives, and nothing between them.
    assert torch.allclose(painted[..., :7], wct(content[..., :7], style[..., :4, :]), rtol=1e-9, atol=1e-9)
    assert torch.equal(painted[..., 7:9], content[..., 7:9])
    # Without guides of the style, all of it serves each region.
    assert_moments(wct(content, style, guides=guides), style, guides[0] > 0)


def test_soft_guides_blend() -> None:
    content, soft = features(1), torch.full((1, 12, 15), 0.25, dtype=torch.float64)
    style = features(2)
    painted = wct(content, style, guides=soft)
    assert torch.allclose(painted, 0.25 * wct(content, style) + 0.75 * content, rtol=1e-9, atol=1e-9)


def test_a_region_that_is_empty_on_either_side_stays_as_it_is() -> None:
    content, style, guides = features(1), features(2), halves()
    of_style = torch.zeros(2, 12, 15, dtype=torch.float64)
    of_style[0] = 1
    painted = wct(content, style, guides=guides, style_guides=[of_style])
    assert torch.equal(painted[..., 9:], content[..., 9:])
    assert_moments(painted, style, guides[0] > 0)
    guides[0] = 0
    assert torch.equal(wct(content, style, guides=guides, style_guides=[of_style]), content)


def test_a_style_without_the_region_leaves_it_to_the_others() -> None:
    content, one = Moments.measure(features(1)), Moments.measure(features(2))
    nothing = Moments.measure(features(3), torch.zeros(12, 15))
    assert nothing.empty
    alone = guided(content, [one])
    found = guided(content, [one, nothing], weights=[1, 5])
    assert torch.equal(found.matrix, alone.matrix)
    assert torch.equal(found.offset, alone.offset)


def test_guides_of_another_shape() -> None:
    with pytest.raises(UsageError, match=r"\(1, 3, 3\)"):
        regional(features(1), [Affine(torch.ones(CHANNELS), torch.zeros(CHANNELS))], torch.ones(1, 3, 3))


def test_maps_of_both_kinds_mix() -> None:
    f = features(1)
    diagonal = Affine(torch.arange(1.0, 7.0).double(), torch.ones(CHANNELS).double())
    square = Affine(diagonal.matrix.diag(), diagonal.offset)
    assert torch.allclose(diagonal(f), square(f), rtol=1e-12)
    assert torch.allclose(diagonal.weakened(0.3)(f), square.weakened(0.3)(f), rtol=1e-12)
    assert square(f.float()).dtype == torch.float32


def test_adain_gives_means_and_deviations_of_the_style() -> None:
    content, style = features(1), features(2, 7, 30)
    painted = adain(content, style)
    assert torch.allclose(painted.mean((2, 3)), style.mean((2, 3)), rtol=1e-9)
    # Up to the floor under the variance, a hundred-thousandth of the power.
    assert torch.allclose(painted.std((2, 3), correction=0), style.std((2, 3), correction=0), rtol=1e-3)
    assert torch.allclose(adain(content, content), content)
    assert torch.equal(adain(content, style, 0.0), content)


def test_adain_by_hand() -> None:
    content = torch.tensor([-1.0, 1.0]).double().reshape(1, 1, 1, 2)
    style = torch.tensor([4.0, 10.0]).double().reshape(1, 1, 1, 2)
    assert torch.allclose(adain(content, style), style, rtol=1e-3)
    assert torch.allclose(adain(content, style, 0.5), torch.tensor([1.5, 5.5]).double(), rtol=1e-3)


def test_adain_of_a_batch_is_that_of_each_picture() -> None:
    contents, styles = torch.cat([features(1), features(2)]), torch.cat([features(3), features(4)])
    strength = torch.tensor([1.0, 0.25])
    painted = adain(contents, styles, strength)
    for index in range(2):
        one = slice(index, index + 1)
        assert torch.allclose(painted[one], adain(contents[one], styles[one], float(strength[index])), rtol=1e-9)


def test_scaling_from_moments_is_adain() -> None:
    content, style = features(1), features(2)
    painted = scaling(Moments.measure(content), Moments.measure(style))(content)
    assert torch.allclose(painted, adain(content, style), rtol=1e-9, atol=1e-9)


def test_transforms_have_gradients() -> None:
    content, style = features(1, 3, 4).requires_grad_(), features(2, 3, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda c, s: adain(c, s, 0.7), (content, style))
    fixed = whitening(Moments.measure(content.detach()), Moments.measure(style.detach()))
    assert torch.autograd.gradcheck(fixed, (content,))
