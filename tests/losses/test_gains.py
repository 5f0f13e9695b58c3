"""Gain maps: known values and laws."""

import pytest
import torch

from impasto.losses import gains


def filled(value: float) -> torch.Tensor:
    return torch.full((1, 2, 6, 8), value, dtype=torch.float64)


@pytest.mark.parametrize(("example", "gain"), [(10.0, 5.0), (0.1, 0.7), (2.0, 2 / 1.0001), (1.0, 1 / 1.0001)])
def test_known_gains(example: float, gain: float) -> None:
    assert gains.ratio(filled(example), filled(1.0)) == pytest.approx(gain)
    assert round(2 / 1.0001, 4) == 1.9998


@pytest.mark.parametrize(("example", "gain"), [(10.0, 2.8), (0.1, 0.9), (2.0, 2 / 1.0001**0.5)])
def test_known_energies(example: float, gain: float) -> None:
    # Of constant maps, the window changes nothing.
    assert gains.energy(filled(example), filled(1.0), window=1.5).numpy() == pytest.approx(gain)


def test_features_that_are_k_times_as_strong_have_a_gain_of_k() -> None:
    photo = torch.rand(1, 3, 5, 7, dtype=torch.float64) + 1
    for factor in (0.8, 1.0, 3.0):
        assert gains.ratio(factor * photo, photo).numpy() == pytest.approx(factor, rel=2e-4)
        assert gains.energy(1.5 * photo, photo).numpy() == pytest.approx(1.5, rel=2e-4)


def test_equal_pictures_keep_their_features() -> None:
    photo = torch.rand(1, 4, 5, 7, dtype=torch.float64)
    photo[:, 0] = 0
    assert torch.allclose(gains.apply_gains(photo, photo, gains.ratio), photo, atol=1e-4)


def test_what_features_are_multiplied_by_stays_within_the_limits() -> None:
    photo, example = torch.rand(2, 1, 4, 9, 9, dtype=torch.float64).mul(10).unbind()
    found = gains.apply_gains(photo, example, gains.ratio) / photo
    assert float(found.min()) >= 0.7 - 1e-12
    assert float(found.max()) <= 5 + 1e-12
    assert float(found.max() - found.min()) > 1


def test_gains_cannot_create_what_is_not_there() -> None:
    assert not gains.apply_gains(filled(0.0), filled(3.0), gains.ratio).any()


def test_a_share_is_that_part_of_the_way() -> None:
    photo, example = filled(1.0), filled(2.0)
    share = torch.zeros(1, 1, 6, 8, dtype=torch.float64)
    share[..., 4:] = 0.5
    found = gains.apply_gains(photo, example, gains.ratio, strength=share)
    assert torch.equal(found[..., :4], photo[..., :4])
    assert found[..., 4:].numpy() == pytest.approx(1 + 0.5 * (2 / 1.0001 - 1))


def test_through_a_lift_the_target_is_that_of_nominal_features() -> None:
    # ‖Q x - T‖² has its least at x = Qᵀ T, with T = P + (G - 1) max(P, 0).
    lift = torch.linalg.qr(torch.randn(80, 6, dtype=torch.float64))[0]
    photo, example = torch.randn(2, 1, 6, 4, 5, dtype=torch.float64).unbind()
    there, wanted = (torch.einsum("nc,bchw->bnhw", lift, each) for each in (photo, example))
    positive = there.clamp_min(0)
    target = there + positive * (gains.ratio(wanted.clamp_min(0), positive) - 1)
    expected = torch.einsum("nc,bnhw->bchw", lift, target)
    assert torch.allclose(gains.apply_gains(photo, example, gains.ratio, lift=lift), expected, atol=1e-12)
    # Another lift of the same plane: what is nominal decides, not the coordinates.
    turn = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))[0]
    turned = [torch.einsum("dc,bchw->bdhw", turn, each) for each in (photo, example, expected)]
    again = gains.apply_gains(turned[0], turned[1], gains.ratio, lift=lift @ turn.T)
    assert torch.allclose(again, turned[2], atol=1e-12)


def test_no_gain_gives_the_very_features() -> None:
    lift = torch.linalg.qr(torch.randn(40, 5))[0]
    photo = torch.randn(1, 5, 4, 4)
    assert torch.equal(
        gains.apply_gains(photo, torch.randn_like(photo), lambda one, _other: torch.ones_like(one), lift=lift), photo
    )


@pytest.mark.parametrize("lift", [None, torch.eye(9)[:, :4]])
def test_narrow_features_lose_no_more_than_their_rounding(lift: torch.Tensor | None) -> None:
    photo, example = torch.rand(2, 1, 4, 9, 9).bfloat16().unbind()
    wide = gains.apply_gains(photo.float(), example.float(), gains.ratio, lift=lift)
    narrow = gains.apply_gains(photo, example, gains.ratio, lift=lift)
    assert narrow.dtype == torch.bfloat16
    assert torch.equal(narrow, wide.bfloat16())


def test_the_window_is_a_mean() -> None:
    maps = torch.rand(1, 2, 40, 40, dtype=torch.float64)
    point = torch.zeros_like(maps)
    point[..., 20, 20] = 1
    assert float(gains.gaussian_blur(point, 2.0).sum()) == pytest.approx(2)
    # Density of a Gaussian of deviation 2 at its middle, in both directions.
    assert float(gains.gaussian_blur(point, 2.0)[0, 0, 20, 20]) == pytest.approx(1 / (2 * torch.pi * 4), rel=0.01)
    assert gains.gaussian_blur(filled(3.0), 4.0).numpy() == pytest.approx(3)
