"""OKLab: known values, round trips, and fitting into sRGB at constant lightness and hue."""

import math
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from impasto.color import from_oklab, to_oklab
from impasto.color.oklab import CHUNK, from_linear, to_linear


def color(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, 3, 1, 1)


def some_colors(low: float = 0.0, high: float = 1.0, side: int = 64, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(1, 3, side, side, generator=random, dtype=torch.float64)


def hue_turn(one: Tensor, other: Tensor) -> Tensor:
    """The length of the cross product of a, b over the length of `other`'s: chroma times the sine of the turn."""
    return (one[:, 1] * other[:, 2] - one[:, 2] * other[:, 1]).abs() / other[:, 1:].norm(dim=1).clamp_min(1e-12)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        # Ottosson's table and the values that CSS Color 4 gives for the sRGB primaries.
        ((1, 1, 1), (1, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 1, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 1), (0.45201, -0.03246, -0.31153)),
    ],
)
def test_known_colours(rgb: tuple[float, ...], lab: tuple[float, ...]) -> None:
    torch.testing.assert_close(to_oklab(color(*rgb)), color(*lab), rtol=0, atol=6e-6)
    torch.testing.assert_close(from_oklab(color(*lab)), color(*rgb), rtol=0, atol=3e-4)


def test_known_light() -> None:
    light = to_linear(torch.tensor([0.5, 0.02, 0.0, 1.0, -0.5], dtype=torch.float64))
    expected = torch.tensor([0.2140411, 0.02 / 12.92, 0.0, 1.0, -0.2140411], dtype=torch.float64)
    torch.testing.assert_close(light, expected, rtol=0, atol=1e-7)


def test_curve_is_continuous_where_its_two_parts_meet() -> None:
    # The decoded steps of the knot differ by rounding and slope only, in both directions.
    knot = torch.tensor([0.04045 - 1e-9, 0.04045 + 1e-9], dtype=torch.float64)
    assert float(to_linear(knot).diff()) < 1e-8
    torch.testing.assert_close(from_linear(to_linear(knot)), knot, rtol=0, atol=1e-12)


def test_greys_have_no_colour_and_the_cube_root_of_their_light() -> None:
    ramp = torch.linspace(0, 1, 256, dtype=torch.float64).reshape(1, 1, 16, 16)
    lab = to_oklab(ramp.expand(-1, 3, -1, -1))
    torch.testing.assert_close(lab[:, :1], to_linear(ramp).pow(1 / 3), rtol=0, atol=1e-14)
    assert float(lab[:, 1:].abs().max()) < 1e-15


@pytest.mark.parametrize(("low", "high", "single"), [(0.0, 1.0, 1e-6), (-0.2, 1.3, 3e-6)])
def test_round_trip(low: float, high: float, single: float) -> None:
    # Outside the gamut L, a and b, stored in float32, are larger and coarser.
    pixels = some_colors(low, high)
    torch.testing.assert_close(from_oklab(to_oklab(pixels)), pixels, rtol=0, atol=1e-12)
    back = from_oklab(to_oklab(pixels.float()))
    assert back.dtype == torch.float32
    torch.testing.assert_close(back, pixels.float(), rtol=0, atol=single)


def test_corners_of_the_gamut_come_back() -> None:
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3).T.reshape(1, 3, 2, 4)
    for fit in (False, True):
        torch.testing.assert_close(from_oklab(to_oklab(corners), fit=fit), corners, rtol=0, atol=1e-6)


def test_negative_light_keeps_its_sign() -> None:
    pixels = color(-0.1, -0.3, -0.02)
    assert float(to_oklab(pixels)[0, 0]) < 0
    torch.testing.assert_close(to_oklab(-pixels), -to_oklab(pixels))


def test_shapes_batches_and_pieces() -> None:
    # More pixels than one chunk, and two pictures: each pixel is on its own.
    side = math.isqrt(CHUNK) + 7
    pixels = torch.cat([some_colors(side=side, seed=seed) for seed in (1, 2)])
    lab = to_oklab(pixels)
    assert lab.shape == pixels.shape
    for row in (0, side // 2, side - 1):
        torch.testing.assert_close(lab[1:, :, row : row + 1], to_oklab(pixels[1:, :, row : row + 1]))


def test_input_is_left_alone_and_needs_no_graph() -> None:
    pixels = some_colors().requires_grad_()
    before = pixels.detach().clone()
    lab = to_oklab(pixels)
    copy = lab.clone()
    from_oklab(lab, fit=True)
    assert not lab.requires_grad
    assert torch.equal(pixels.detach(), before)
    assert torch.equal(lab, copy)


@given(st.floats(1, 6), st.integers(0, 2**31))
def test_fit_keeps_lightness_and_hue(more: float, seed: int) -> None:
    lab = to_oklab(some_colors(seed=seed, side=24))
    lab[:, 1:] *= more
    fitted = from_oklab(lab, fit=True)
    assert float(fitted.min()) >= 0
    assert float(fitted.max()) <= 1
    after = to_oklab(fitted)
    torch.testing.assert_close(after[:, 0], lab[:, 0], rtol=0, atol=1e-9)
    assert float(hue_turn(after, lab).max()) < 1e-9
    # Chroma is never increased, and the direction is the same, not the opposite.
    assert bool((after[:, 1:].norm(dim=1) <= lab[:, 1:].norm(dim=1) + 1e-9).all())
    assert bool(((after[:, 1:] * lab[:, 1:]).sum(1) >= -1e-12).all())


def test_fit_reduces_no_more_than_it_must() -> None:
    lab = to_oklab(some_colors(0.1, 0.9))
    lab[:, 1:] *= 5
    outside = ((from_oklab(lab) < 0) | (from_oklab(lab) > 1)).any(1)
    assert outside.double().mean() > 0.9
    fitted = to_oklab(from_oklab(lab, fit=True))
    fitted[:, 1:] *= 1.001
    beyond = from_oklab(fitted)
    assert bool(((beyond < 0) | (beyond > 1)).any(1)[outside].all())


def test_fit_leaves_what_can_be_shown() -> None:
    pixels = some_colors()
    torch.testing.assert_close(from_oklab(to_oklab(pixels), fit=True), pixels, rtol=0, atol=1e-12)


def test_fit_beyond_black_and_white_is_black_and_white() -> None:
    lab = torch.cat([color(1.2, 0.1, -0.1), color(-0.1, 0.1, 0.1), color(1, 0.2, 0), color(0, 0, 0.2)], dim=3)
    fitted = from_oklab(lab, fit=True)[0, :, 0].T.tolist()
    for found, expected in zip(fitted, ([1.0] * 3, [0.0] * 3, [1.0] * 3, [0.0] * 3), strict=True):
        assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
def test_four_million_pixels_take_seconds() -> None:
    lab = to_oklab(torch.rand(1, 3, 2048, 2048))
    lab[:, 1:] *= 3
    start = time.process_time()
    from_oklab(lab, fit=True)
    assert time.process_time() - start < 15  # 1.5 s on a quiet machine
