"""Faults: hand-made values and laws."""

import math
from dataclasses import replace

import pytest
import torch

from impasto import color
from impasto.evaluation import faces, luma, noise, places, spectrum
from impasto.evaluation.luma import lightness
from impasto.guides import Regions
from tests.evaluation.evaluation_helpers import case, pixels


def gray(values: torch.Tensor) -> torch.Tensor:
    """A picture (1, 3, H, W) whose lightness is `values` (H, W)."""
    return color.from_oklab(torch.stack([values, values * 0, values * 0])[None])


def test_noise_of_a_known_deviation_is_found() -> None:
    planes = torch.linspace(0.3, 0.6, 200).expand(200, 200)
    noisy = planes + 0.02 * torch.randn(200, 200)
    found, where = noise.noise(noisy[None, None], mapped=True)
    assert found == pytest.approx(0.02, rel=0.05)
    assert where is not None
    assert where.shape == (198, 198)
    assert noise.noise(planes[None, None].double(), mapped=False)[0] == pytest.approx(0, abs=1e-9)


def test_residual_noise_is_in_units_of_the_styles_own() -> None:
    style = gray(0.5 + 0.01 * torch.randn(96, 96))
    result = gray(0.5 + 0.03 * torch.randn(96, 96))
    assert noise.residual_noise(pixels(result, None, style)).value == pytest.approx(3, rel=0.1)
    assert noise.residual_noise(pixels(style, None, style)).value == pytest.approx(1)


def test_a_style_without_noise_is_taken_to_have_that_of_rounding() -> None:
    flat = torch.full((1, 3, 64, 64), 0.5)
    assert noise.residual_noise(pixels(flat, None, flat)).value == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("period", spectrum.PERIODS)
def test_a_weave_stands_out_at_its_period_along_its_axis(period: int) -> None:
    base = 0.5 + 0.05 * torch.randn(160, 200)
    x = torch.arange(200)
    woven = base + 0.05 * torch.cos(2 * math.pi * x / period)
    along = spectrum.spectra(woven).mean((2, 3))
    index = spectrum.PERIODS.index(period)
    assert float(along[0, index]) == float(along.max()) > 8
    assert float(along[1].max()) < 2
    turned = spectrum.spectra(woven.T).mean((2, 3))
    torch.testing.assert_close(turned.flip(0), along)
    assert float(spectrum.spectra(base).mean((2, 3)).max()) < 2


def test_how_far_a_line_stands_out_in_decibels() -> None:
    # Power of a cosine of amplitude a under a Hann window of n: (a n / 4)², over white noise of σ² n 3/8.
    a, sigma, side = 0.04, 0.05, spectrum.WEAVE_SIDE
    values = sigma * torch.randn(512, 512).double() + a * torch.cos(2 * math.pi * torch.arange(512) / 4)
    found = float(spectrum.spectra(values)[0, 1].mean())
    per_bin = sigma**2 * side * 3 / 8
    floor = noise.ROUNDING**2 * side * 3 / 8
    wanted = 10 * math.log10(((a * side / 4) ** 2 + per_bin + floor) / (per_bin + floor))
    assert found == pytest.approx(wanted, abs=0.5)


def colored(slope: float, side: int = 320) -> torch.Tensor:
    """Noise (H, W) whose power falls with the frequency to this power, around 0.5."""
    across = torch.fft.fftfreq(side, dtype=torch.float64)
    radius = (across[:, None] ** 2 + across**2).sqrt().clamp_min(1 / side)
    waves = torch.fft.fft2(torch.randn(side, side).double()) * radius ** (-slope / 2)
    plane = torch.fft.ifft2(waves).real
    return 0.5 + 0.1 * plane / plane.std()


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0, 3.0])
def test_pictures_whose_spectrum_is_a_power_law_have_no_pattern(slope: float) -> None:
    plane = colored(slope)
    found = spectrum.spectra(plane).mean((2, 3))
    assert float(found.abs().max()) < 1
    assert float(spectrum.fine_pattern(pixels(gray(plane.float()))).value or 0) < 1


def test_a_fine_pattern_without_a_fixed_phase_is_seen_and_blur_and_strokes_are_not() -> None:
    base = colored(2.0)
    across = torch.fft.fftfreq(320, dtype=torch.float64)
    radius = (across[:, None] ** 2 + across**2).sqrt()

    def strands(low: float, high: float) -> torch.Tensor:
        waves = torch.fft.fft2(torch.randn(320, 320).double()) * ((radius > 1 / high) & (radius < 1 / low))
        plane = torch.fft.ifft2(waves).real
        return 0.06 * plane / plane.std()

    def value(plane: torch.Tensor) -> float:
        found = spectrum.fine_pattern(pixels(gray(plane.float()))).value
        assert found is not None
        return found

    # Of the base's 0.1² a 7.3th is in each octave: strands add 10 lg (1 + 0.06² / (0.6 · 0.1² / 7.3)) = 7.3 dB.
    assert 5 < value(base + strands(3.3, 5)) < 7.5
    # A weave of the pooling grid is a line; strands are a band, of which the line of 4 px stands out by little.
    assert float(spectrum.spectra(base + strands(3.3, 5)).mean((2, 3)).max()) < 2.5
    assert value(base + strands(10, 20)) < 1
    assert value(luma.blurred(base[None, None].float(), 0.6)[0, 0]) < 1


def test_a_dead_border_and_a_mirrored_one_are_seen() -> None:
    plane = (0.5 + 0.1 * torch.randn(96, 96)).clamp(0, 1)
    usual = noise.frame(plane)
    dead = plane.clone()
    for rows in (slice(0, 8), slice(-8, None)):
        dead[rows] = 0.5
        dead[:, rows] = 0.5
    assert noise.frame(dead) > usual + 3
    inner = plane[8:-8, 8:-8]
    for mode, more in (("reflect", 0.6), ("symmetric", 0.6)):
        index = torch.arange(-8, 88)
        index = index.abs() if mode == "reflect" else torch.where(index < 0, -index - 1, index)
        index = torch.where(index > 79, 158 - index if mode == "reflect" else 159 - index, index)
        assert noise.frame(inner[index][:, index]) > usual + more


def test_a_frame_that_is_half_as_rough_is_one_octave() -> None:
    plane = torch.zeros(64, 64)
    plane[:, ::2] = 0.2
    assert noise.frame(plane) == pytest.approx(0, abs=1e-6)
    plane[:8] *= 0.5
    plane[-8:] *= 0.5
    # Two of the four sides; the others have what is at the corners: 16 of 64 rows with half.
    sides = abs(math.log2((0.1 + noise.EPSILON) / (0.2 + noise.EPSILON)))
    assert noise.frame(plane) == pytest.approx((2 * sides) / 4, abs=0.02)


def test_clipped_values_are_counted() -> None:
    picture = torch.full((1, 3, 32, 32), 0.5)
    picture[:, 0, :8] = 1.0
    picture[:, 1, :, :8] = 0.0
    found = noise.clipping(pixels(picture))
    assert found.value == pytest.approx(0.25 * 2 / 3)
    assert found.map is not None
    assert float(found.map[0, 0]) == pytest.approx(2 / 3)
    assert noise.clipping(pixels(picture.clamp(0.01, 0.99))).value == 0


def test_seams_of_tiles_with_a_step() -> None:
    ramp = torch.arange(96.0).expand(1, 3, 96, 96) / 960
    assert places.seams(pixels(ramp, tile=48)).value == pytest.approx(1)
    stepped = ramp + 0.05 * (torch.arange(96) >= 48)
    # Columns step by 1/960 and by 0.05 more at the one edge; rows, at theirs, by nothing: means over both edges.
    usual, edge = 1 / 960, 1 / 960 + 0.05
    epsilon = noise.EPSILON
    found = places.seams(pixels(stepped, tile=48))
    assert found.value == pytest.approx((edge / 2 + epsilon) / (usual / 2 + epsilon), rel=1e-4)
    assert found.map is not None
    assert float(found.map[:, 47:49].min()) == pytest.approx(0.05, abs=1e-6)
    assert float(found.map[:, 60:].max()) == 0
    assert places.seams(pixels(stepped, tile=40)).value == pytest.approx(1, rel=0.5)
    assert places.seams(pixels(ramp, tile=96)).value is None


def halves(side: int) -> torch.Tensor:
    found = torch.zeros(2, side, side)
    found[0, :, : side // 2] = found[1, :, side // 2 :] = 1
    return found


def test_boundaries_of_regions_are_compared_with_the_contents() -> None:
    features = torch.rand(1, 3, 16, 16) + 0.5
    same = replace(case(features, features, features), regions=Regions(("a", "b"), halves(32), (None,)))
    assert places.region_boundary(same).value == pytest.approx(0, abs=1e-6)
    halo = features.clone()
    halo[..., 6:10] *= 2  # energy four times as high in a band of as many pixels: two octaves, half of the mean
    seen = replace(case(halo, features, features), regions=same.regions)
    assert places.region_boundary(seen).value == pytest.approx(1, abs=0.15)
    alone = replace(same, regions=Regions(("a",), torch.ones(1, 32, 32), (None,)))
    assert places.region_boundary(alone).value is None


NAMES = ("eye_left", "eye_right", "mouth_top", "chin")
POINTS = torch.tensor([[0.3, 0.4], [0.7, 0.4], [0.5, 0.7], [0.5, 0.9]], dtype=torch.float64)


def test_the_shift_of_landmarks_is_in_distances_between_the_eyes() -> None:
    made = case(torch.rand(1, 4, 16, 16), torch.rand(1, 4, 16, 16))
    moved = POINTS.clone()
    moved[2, 1] += 0.1  # a quarter of the eyes' distance of 0.4, of one in four points
    given = replace(made, landmarks={"content": POINTS, "result": moved}, names=NAMES)
    assert faces.face_shift(given).value == pytest.approx(0.25 / 4)


def test_landmarks_are_found_where_the_features_went() -> None:
    features = torch.randn(1, 8, 8, 8).repeat_interleave(1, 2)
    made = replace(case(features, features), landmarks={"content": POINTS}, names=NAMES)
    found = faces.face_shift(made)
    assert found.value == 0
    assert "looked for" in found.note
    # A neuron of relu3_1 is 4 of 32 pixels; the eyes are 12.8 px apart, and all points move by one neuron.
    shifted = replace(case(features.roll(1, 3), features), landmarks={"content": POINTS}, names=NAMES)
    assert faces.face_shift(shifted).value == pytest.approx(4 / 12.8, abs=0.08)


def test_faces_are_compared_at_eyes_and_mouth_without_style() -> None:
    features = torch.randn(1, 6, 12, 12)
    scaled = 3 * features + torch.rand(1, 6, 1, 1)
    made = replace(case(scaled, features), landmarks={"content": POINTS}, names=NAMES)
    assert faces.face_features(made).value == pytest.approx(0, abs=1e-5)
    other = replace(case(-features, features), landmarks={"content": POINTS}, names=NAMES)
    assert faces.face_features(other).value == pytest.approx(2, abs=1e-5)
    chin = replace(made, names=("a", "b", "c", "chin"))
    assert faces.face_features(chin).value is None


def test_lightness_of_greys() -> None:
    values = torch.rand(8, 8)
    torch.testing.assert_close(lightness(gray(values))[0, 0], values, atol=1e-4, rtol=0)
