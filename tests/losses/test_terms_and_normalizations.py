"""Terms and named normalisations: known values (methods.md section 13) and the exact conversions (section 1)."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.losses import NORMALIZATIONS, Content, Gamut, Gram, Style, TotalVariation
from impasto.losses.normalization import power

gram = Gram()
seeds = st.integers(0, 2**31)
widths = st.integers(1, 6)
sides = st.integers(1, 6)


def pair(channels: int, height: int, width: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    shape = (1, channels, height, width)
    return tuple(torch.randn(shape, generator=random, dtype=torch.float64) for _ in range(2))  # type: ignore[return-value]


def content(name: str, target: torch.Tensor, weight: float = 1.0) -> Content:
    factor = NORMALIZATIONS[name].content(target.shape[1], target[0, 0].numel(), power(target))
    return Content("relu4_2", target, weight * factor)


def style(name: str, target_features: torch.Tensor, weight: float = 1.0) -> Style:
    target = gram.finish(gram.measure(target_features))
    return Style("relu1_1", gram, target, weight * NORMALIZATIONS[name].style(len(target), power(target)))


def style_loss(name: str, f: torch.Tensor, target: torch.Tensor, weight: float = 1.0) -> float:
    return float(style(name, target, weight)(gram.measure(f)))


def test_style_known_values() -> None:
    f = torch.tensor([[1.0, 0.0], [0.0, 2.0]]).reshape(1, 2, 1, 2)
    nothing = torch.zeros_like(f)
    assert style_loss("gatys", f, nothing) == 0.265625
    assert style_loss("zhao", f, nothing) == 0.265625
    assert style_loss("johnson", f, nothing, weight=100) == 26.5625
    assert 26.5625 == 400 / 2**2 * 0.265625
    # resolution_invariant, roles exchanged: against the target diag(.5, 2), nothing is wrong by all of it.
    assert style_loss("resolution_invariant", nothing, f) == 1.0


def test_content_known_values() -> None:
    target = torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(1, 2, 1, 2)
    f = target + torch.tensor([1.0, 0.0, -2.0, 0.0]).reshape(1, 2, 1, 2)
    # Σd² = 5, N = 2, M = 2, ΣP² = 30.
    expected = {"gatys": 2.5, "zhao": 5 / 16, "johnson": 5 / 4, "resolution_invariant": 5 / 30}
    for name, value in expected.items():
        assert float(content(name, target)(f)) == pytest.approx(value, rel=1e-6), name


@given(widths, sides, sides, seeds, st.floats(1e-6, 1e3))
def test_content_conversions(channels: int, height: int, width: int, seed: int, alpha: float) -> None:
    f, target = pair(channels, height, width, seed)
    values = channels * height * width
    mse = torch.nn.functional.mse_loss(f, target)
    gatys = float(content("gatys", target, alpha)(f))
    assert gatys == pytest.approx(alpha * 0.5 * float((f - target).square().sum()), rel=1e-9)
    assert gatys == pytest.approx(alpha * values / 2 * float(mse), rel=1e-9)
    assert float(content("johnson", target, alpha)(f)) == pytest.approx(alpha * float(mse), rel=1e-9)
    assert float(content("zhao", target, alpha)(f)) == pytest.approx(alpha * float(mse) / 4, rel=1e-9)
    relative = (f - target).square().sum() / target.square().sum()
    assert float(content("resolution_invariant", target, alpha)(f)) == pytest.approx(alpha * float(relative), rel=1e-9)


@given(widths, sides, sides, sides, seeds)
def test_style_conversions(channels: int, height: int, width: int, other: int, seed: int) -> None:
    # The painting has another number of positions than the picture.
    f, _ = pair(channels, height, width, seed)
    _, target = pair(channels, other, width, seed + 1)
    flat, flat_target = f.flatten(2)[0], target.flatten(2)[0]
    raw = flat @ flat.T / flat.shape[1]
    raw_target = flat_target @ flat_target.T / flat_target.shape[1]
    error = float((raw - raw_target).square().sum()) / (4 * channels**2)
    mse = float(torch.nn.functional.mse_loss(raw / channels, raw_target / channels))
    assert style_loss("gatys", f, target) == pytest.approx(error, rel=1e-9)
    assert style_loss("zhao", f, target) == pytest.approx(error, rel=1e-9)
    assert style_loss("johnson", f, target, weight=100) == pytest.approx(100 * mse, rel=1e-9)
    assert 100 * mse == pytest.approx(400 / channels**2 * error, rel=1e-9)


@given(widths, sides, sides, seeds)
def test_gatys_is_the_papers_equation_for_pictures_of_one_size(channels: int, height: int, width: int, seed: int):
    f, target = pair(channels, height, width, seed)
    positions = height * width
    g, a = (x.flatten(2)[0] @ x.flatten(2)[0].T for x in (f, target))
    expected = float((g - a).square().sum()) / (4 * channels**2 * positions**2)
    assert style_loss("gatys", f, target) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", sorted(NORMALIZATIONS))
def test_identical_pictures_have_no_loss_and_no_gradient(name: str) -> None:
    f, _ = pair(4, 5, 6, 0)
    leaf = f.clone().requires_grad_()
    loss = content(name, f)(leaf) + style(name, f)(gram.measure(leaf))
    assert float(loss.detach()) == 0.0
    (gradient,) = torch.autograd.grad(loss, leaf)
    assert float(gradient.abs().max()) == 0.0


@given(widths, sides, sides, seeds)
def test_style_loss_does_not_see_order_or_tiling(channels: int, height: int, width: int, seed: int) -> None:
    f, target = pair(channels, height, width, seed)
    expected = style_loss("gatys", f, target)
    order = torch.randperm(height * width, generator=torch.Generator().manual_seed(seed))
    shuffled = f.flatten(2)[..., order].reshape(f.shape)
    assert style_loss("gatys", shuffled, target) == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert style_loss("gatys", f, target.repeat(1, 1, 2, 3)) == pytest.approx(expected, rel=1e-9, abs=1e-15)


@given(widths, sides, sides, seeds, st.floats(0.1, 1e3))
def test_relative_errors_do_not_see_the_scale_of_features(
    channels: int, height: int, width: int, seed: int, scale: float
) -> None:
    # Another encoder's units: every feature times a constant.
    f, target = pair(channels, height, width, seed)
    name = "resolution_invariant"
    before = float(content(name, target)(f)), style_loss(name, f, target)
    after = float(content(name, scale * target)(scale * f)), style_loss(name, scale * f, scale * target)
    assert after == pytest.approx(before, rel=1e-6)


def upsampled(f: torch.Tensor) -> torch.Tensor:
    return f.repeat_interleave(2, -1).repeat_interleave(2, -2)


@given(widths, sides, sides, seeds)
def test_preview_and_final_are_the_same_problem(channels: int, height: int, width: int, seed: int) -> None:
    # Twice the size, every neuron four times: what is summed over positions grows fourfold, relative errors stay.
    f, target = pair(channels, height, width, seed)
    large, large_target = upsampled(f), upsampled(target)
    for name, growth in (("resolution_invariant", 1), ("johnson", 1), ("zhao", 1), ("gatys", 4)):
        small = float(content(name, target)(f))
        assert float(content(name, large_target)(large)) == pytest.approx(growth * small, rel=1e-9), name
        assert style_loss(name, large, large_target) == pytest.approx(style_loss(name, f, target), rel=1e-9)


def test_total_variation_known_values() -> None:
    image = torch.tensor([[0.0, 1.0], [2.0, 4.0]]).reshape(1, 1, 2, 2)
    assert float(TotalVariation("l1", 1.0)(image)) == 8.0
    assert float(TotalVariation("l2", 1.0)(image)) == 18.0
    # anishathalye's mean(dx²) + mean(dy²): here two differences each way.
    assert float(TotalVariation("l2", 0.5)(image)) == 9.0
    # Three equal channels count three times.
    assert float(TotalVariation("l1", 1.0)(image.expand(1, 3, 2, 2))) == 24.0


def test_total_variation_ignores_constants_and_single_pixels() -> None:
    for kind in ("l1", "l2"):
        term = TotalVariation(kind, 1.0)
        assert float(term(torch.full((1, 3, 5, 4), 0.3))) == 0.0
        assert float(term(torch.rand(1, 3, 1, 1))) == 0.0
        row = torch.tensor([0.0, 1.0, 3.0]).reshape(1, 1, 1, 3)
        assert float(term(row)) == (3.0 if kind == "l1" else 5.0)


def test_total_variation_factors() -> None:
    pixels = 12 * 7
    factors = {
        ("gatys", "l1"): 255.0,
        ("gatys", "l2"): 255.0**2,
        ("zhao", "l1"): 255.0,
        ("zhao", "l2"): 255.0**2,
        ("johnson", "l1"): 255.0,
        ("johnson", "l2"): 0.5 * 255.0**2,
        ("resolution_invariant", "l1"): 1 / pixels,
        ("resolution_invariant", "l2"): 1 / pixels,
    }
    for (name, kind), factor in factors.items():
        assert NORMALIZATIONS[name].variation(kind, pixels) == factor
    # γ Σ|differences| over grey levels is what the report's γ multiplies.
    image = torch.randint(0, 256, (1, 3, 12, 7), generator=torch.Generator().manual_seed(0)).double()
    levels = float(image.diff(dim=-1).abs().sum() + image.diff(dim=-2).abs().sum())
    term = TotalVariation("l1", 1e-5 * NORMALIZATIONS["gatys"].variation("l1", pixels))
    assert float(term(image / 255)) == pytest.approx(1e-5 * levels, rel=1e-12)


def test_targets_of_nothing_give_finite_factors() -> None:
    # A constant black picture can leave a layer without any activation.
    nothing = torch.zeros(1, 3, 4, 4)
    name = "resolution_invariant"
    assert float(content(name, nothing)(nothing)) == 0.0
    assert style_loss(name, nothing, nothing) == 0.0
    assert torch.isfinite(content(name, nothing)(torch.ones_like(nothing)))


def test_power_does_not_overflow() -> None:
    assert power(torch.full((1, 1, 1, 2), 1e20)) == pytest.approx(2e40, rel=1e-6)
    assert power(torch.full((1, 1, 1, 2), 300.0, dtype=torch.float16)) == 180_000.0


def test_names_in_a_report() -> None:
    f = torch.ones(1, 1, 1, 1)
    assert content("gatys", f).name == "content relu4_2"
    assert style("gatys", f).name == "style relu1_1"
    assert TotalVariation("l1", 1.0).name == "tv"


# The gradient of all channels together, and the colours that can be shown.


def test_vector_variation_is_the_length_of_the_gradient() -> None:
    # One edge of height 1 in all three channels: sqrt(3) a pixel along it, whichever way it runs.
    image = torch.zeros(1, 3, 4, 6, dtype=torch.float64)
    image[..., 3:] = 1
    term = TotalVariation("vector", 2.0)
    assert float(term(image)) == pytest.approx(2 * 4 * 3**0.5, rel=2e-3)
    assert float(term(image)) == pytest.approx(float(term(image.transpose(2, 3))), rel=1e-12)
    assert float(term(torch.full_like(image, 0.3))) == 0


def test_huber_variation_squares_small_lengths_and_takes_large_ones_as_they_are() -> None:
    ramp = torch.linspace(0, 1, 5, dtype=torch.float64).expand(1, 3, 6, 5)
    huber = TotalVariation("huber", 1.0)
    # A shade a hundredth as steep costs a ten thousandth, where it falls by little.
    shades = [float(huber(height * ramp)) for height in (1e-2, 1e-4)]
    assert shades[0] / shades[1] == pytest.approx(1e4, rel=0.01)
    edge = torch.zeros(1, 3, 4, 6, dtype=torch.float64)
    edge[..., 3:] = 1
    assert float(huber(edge)) == pytest.approx(4 * ((3 + 0.05**2) ** 0.5 - 0.05), rel=1e-12)
    # A shade of one grey level a pixel costs a quarter of what it costs as a length, and so is not broken into steps.
    shade = edge.new_tensor([0.0, 1 / 255, 2 / 255]).expand(1, 3, 6, 3)
    assert float(huber(shade)) < 0.25 * float(TotalVariation("vector", 1.0)(shade))


def test_vector_variation_asks_the_channels_to_share_their_edges() -> None:
    together = torch.zeros(1, 3, 3, 8, dtype=torch.float64)
    together[..., 4:] = 1
    apart = together.clone()
    for channel in range(3):
        apart[0, channel] = 0
        apart[0, channel, :, 2 + 2 * channel :] = 1
    assert float(TotalVariation("l1", 1.0)(together)) == float(TotalVariation("l1", 1.0)(apart))
    assert float(TotalVariation("vector", 1.0)(together)) < 0.6 * float(TotalVariation("vector", 1.0)(apart))


def test_vector_variation_and_gamut_have_the_right_gradients() -> None:
    image = (1.6 * torch.rand(1, 3, 5, 4, dtype=torch.float64) - 0.3).requires_grad_()
    flat = torch.full((1, 3, 5, 4), 0.5, dtype=torch.float64, requires_grad=True)
    for term in (TotalVariation("vector", 0.7), TotalVariation("huber", 0.7), Gamut(3.0)):
        assert torch.autograd.gradcheck(term, image)
        (gradient,) = torch.autograd.grad(term(flat), flat)
        assert torch.equal(gradient, torch.zeros_like(flat))


def test_gamut_counts_what_clipping_would_take_away() -> None:
    image = torch.tensor([-0.5, 0.0, 0.4, 1.0, 1.25], dtype=torch.float64).reshape(1, 1, 1, 5)
    assert float(Gamut(2.0)(image)) == pytest.approx(2 * (0.25 + 0.0625))
    assert float(Gamut(2.0)(image.clamp(0, 1))) == 0
