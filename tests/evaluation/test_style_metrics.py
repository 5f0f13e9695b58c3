"""Style reached: hand-made values, laws, and libraries that compute the same."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from impasto.evaluation import palette, styles
from impasto.evaluation.parts import parts
from impasto.guides import Regions
from tests.evaluation.evaluation_helpers import case, pixels
from tests.type_helpers import present

CONTENT = torch.ones(1, 2, 2, 2)


def maps(*places: tuple[float, ...]) -> torch.Tensor:
    """Features (1, C, 1, M) of places that are given one by one."""
    return torch.tensor(places, dtype=torch.float64).T[None, :, None]


def test_gram_distance_of_two_places() -> None:
    # Ĝ = diag(1/2, 1/2), Â = diag(1, 0): (1/4 + 1/4) / (1/2 + 1).
    found = styles.gram_distance(case(maps((1, 0), (0, 1)), CONTENT, maps((1, 0), (1, 0))))
    assert found.value == pytest.approx(0.5 / 1.5)


def test_sliced_wasserstein_of_a_shift() -> None:
    # A shift by v costs |v|² along any basis; powers are those of places: 0 and (3² + 4²).
    found = styles.sliced_wasserstein(case(maps(*[(3.0, 4.0)] * 5), CONTENT, maps(*[(0.0, 0.0)] * 5)))
    assert found.value == pytest.approx(25 / 25)
    nearer = styles.sliced_wasserstein(case(maps(*[(3.0, 4.0)] * 5), CONTENT, maps(*[(3.0, 3.0)] * 5)))
    assert nearer.value == pytest.approx(1 / (25 + 18), rel=1e-4)


def test_frechet_of_two_gaussians() -> None:
    # Means 0; variances 1 and 9 along one axis, 4 and 4 along the other: (3 - 1)² = 4, over 5 + 13.
    one = maps((1, 2), (-1, 2), (1, -2), (-1, -2))
    other = maps((3, 2), (-3, 2), (3, -2), (-3, -2))
    assert styles.frechet(case(one, CONTENT, other)).value == pytest.approx(4 / 18, abs=1e-3)


def test_frechet_is_that_of_pot(tiny_encoder: Any, picture: Any) -> None:
    ot = pytest.importorskip("ot")
    one, other = (tiny_encoder(picture(64, 64, seed), ["relu3_1"])["relu3_1"].double() for seed in (1, 2))
    found = styles.frechet(case(one, CONTENT, other)).value
    flat = [features.flatten(2)[0].T.numpy() for features in (one, other)]
    means, covariances = [f.mean(0) for f in flat], [np.cov(f.T, bias=True) for f in flat]
    squared = ot.gaussian.bures_wasserstein_distance(means[0], means[1], covariances[0], covariances[1]) ** 2
    power = sum((f**2).sum(1).mean() for f in flat)
    assert found == pytest.approx(squared / power, rel=0.02)


def test_sliced_wasserstein_is_that_of_pot_along_the_same_axes() -> None:
    ot = pytest.importorskip("ot")
    from impasto.losses import SlicedWasserstein

    one, other = torch.randn(400, 3, dtype=torch.float64), 2 * torch.randn(400, 3, dtype=torch.float64) + 1
    basis = SlicedWasserstein().directions(3)
    squared = sum(ot.wasserstein_1d((one @ axis).numpy(), (other @ axis).numpy(), p=2) for axis in basis)
    found = styles.sliced_wasserstein(case(one.T[None, :, None], CONTENT, other.T[None, :, None])).value
    power = float(one.square().sum(1).mean() + other.square().sum(1).mean())
    assert found == pytest.approx(squared / power, rel=1e-3)


@pytest.mark.parametrize("metric", [styles.gram_distance, styles.sliced_wasserstein, styles.frechet])
def test_statistics_do_not_see_where_and_are_symmetric(metric: Any) -> None:
    one, other = torch.rand(1, 4, 8, 8), torch.rand(1, 4, 8, 8) + 0.5
    mixed = one.flatten(2)[:, :, torch.randperm(64)].view_as(one)
    assert metric(case(mixed, CONTENT, one)).value == pytest.approx(0, abs=1e-4)
    there, back = metric(case(one, CONTENT, other)).value, metric(case(other, CONTENT, one)).value
    assert there == pytest.approx(back, abs=1e-4)
    assert 0 < there < 1
    between = metric(case(one, CONTENT, one, other)).value
    assert 0 < between < there


def test_regions_are_compared_each_with_its_own() -> None:
    # Left is as the style's right and the other way round: the whole agrees, regions do not.
    left, right = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    left[:, 0, :, :2] = left[:, 1, :, 2:] = 1
    right[:, 1, :, :2] = right[:, 0, :, 2:] = 1
    halves = torch.zeros(2, 32, 32)
    halves[0, :, :16] = halves[1, :, 16:] = 1
    whole = case(left, CONTENT, right)
    assert styles.gram_distance(whole).value == pytest.approx(0)
    regions = replace(whole, regions=Regions(("left", "right"), halves, (halves,)))
    assert present(styles.gram_distance(regions).value) > 0.85  # neurons on the line belong to both
    swapped = replace(whole, regions=Regions(("left", "right"), halves, (halves.flip(0),)))
    assert styles.gram_distance(swapped).value == pytest.approx(0, abs=1e-9)


def test_each_region_has_a_value_of_its_own_and_their_mean_by_area_is_the_whole() -> None:
    own, theirs = torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 8, 8)
    own[:, 0] = theirs[:, 0] = 1
    theirs[:, :, :, 2:] = theirs[:, :, :, 2:].flip(1)  # the quarter on the left agrees, the rest is at right angles
    quarter = torch.zeros(2, 32, 32)
    quarter[0, :, :8] = quarter[1, :, 8:] = 1
    made = replace(case(own, CONTENT, theirs), regions=Regions(("sky", "sea"), quarter, (quarter,)))
    for metric in (styles.gram_distance, styles.sliced_wasserstein, styles.frechet):
        found = metric(made)
        assert list(found.regions) == ["sky", "sea"]
        assert found.regions["sky"] < 0.1 < 0.7 < found.regions["sea"]
        assert found.value == pytest.approx(0.25 * found.regions["sky"] + 0.75 * found.regions["sea"])
        assert metric(replace(made, regions=None)).regions == {}


def test_colours_of_a_region_are_compared_with_those_of_its_style() -> None:
    red, blue = (torch.tensor(color)[:, None, None].expand(3, 32, 16) for color in ((0.9, 0.2, 0.1), (0.1, 0.2, 0.9)))
    halves = torch.zeros(2, 32, 32)
    halves[0, :, :16] = halves[1, :, 16:] = 1
    result, style = torch.cat([red, blue], 2)[None], torch.cat([blue, red], 2)[None]
    made = pixels(result, None, style, regions=Regions(("left", "right"), halves, (halves,)))
    found = styles.color_histogram(made)
    assert found.value == pytest.approx(0, abs=1e-6)
    assert min(found.regions.values()) > 0.9
    turned = pixels(result, None, style, regions=Regions(("left", "right"), halves, (halves.flip(0),)))
    assert max(styles.color_histogram(turned).regions.values()) == pytest.approx(0, abs=1e-6)


def test_a_region_takes_the_styles_that_show_it() -> None:
    halves = torch.zeros(2, 32, 32)
    halves[0, :, :8] = halves[1, :, 8:] = 1
    nothing = torch.stack([torch.zeros(32, 32), torch.ones(32, 32)])
    made = replace(case(CONTENT, CONTENT, CONTENT, CONTENT), regions=Regions(("a", "b"), halves, (nothing, None)))
    first, second = parts(made)
    assert (first.weight, [index for index, _, _ in first.styles]) == (0.25, [1])
    assert (second.weight, [weight for _, weight, _ in second.styles]) == (0.75, [0.5, 0.5])


def test_global_effects_of_a_gram_and_a_histogram() -> None:
    # Gram matrices at right angles, and channels with one level each, another one for red: (0 + 2/3) / 2.
    made = case(maps((1, 0)), CONTENT, maps((0, 1)))
    made.result.pixels[:] = torch.tensor([0.1, 0.5, 0.7])[:, None, None]
    made.result.pixels[0, 0, 0, 0] = 0  # what the encoder is told by
    made.styles[0].pixels[:] = torch.tensor([0.2, 0.5, 0.7])[:, None, None]
    found = styles.global_effects(made).value
    assert found == pytest.approx(1 / 3, abs=1e-3)


def test_local_patterns_of_the_style_itself_are_all_there() -> None:
    features = torch.rand(1, 6, 9, 9)
    assert styles.local_patterns(case(features, CONTENT, features)).value == pytest.approx(1)
    # One patch everywhere: alike enough, but of all there are, one is used.
    flat = features[:, :, :3, :3].repeat(1, 1, 3, 3)
    assert present(styles.local_patterns(case(flat, CONTENT, features)).value) < 0.95


def test_local_patterns_of_one_patch() -> None:
    # At right angles to all of the style, everywhere: likeness 0, and one of 4 (of relu3_1) or 9 (of relu4_1) in use.
    ours, theirs = torch.zeros(1, 2, 5, 5), torch.zeros(1, 2, 5, 5)
    ours[:, 0], theirs[:, 1] = 1, 1
    found = styles.local_patterns(case(ours, CONTENT, theirs))
    assert found.value == pytest.approx(((0 + 1 / 4) / 2 + (0 + 1 / 9) / 2) / 2)
    assert found.map is not None
    assert float(found.map.min()) == pytest.approx(1)


def test_histograms_of_channels_and_their_sum() -> None:
    gray = torch.full((1, 3, 4, 4), 0.5)
    counts = palette.channels(gray)
    assert counts.shape == (3, 128)
    assert counts[:, 64].tolist() == [1, 1, 1]
    assert palette.channels(torch.rand(1, 3, 80, 80)).sum(1).tolist() == pytest.approx([1, 1, 1])


def test_hellinger_of_hand_made_histograms() -> None:
    one, other = torch.tensor([1.0, 0.0]).double(), torch.tensor([0.5, 0.5]).double()
    assert palette.hellinger(one, other) == pytest.approx(math.sqrt(1 - math.sqrt(0.5)))
    assert palette.hellinger(one, one) == 0
    assert palette.hellinger(one, one.flip(0)) == 1


def test_ratios_of_a_grey_picture_lie_in_the_middle() -> None:
    found = palette.ratios(torch.full((1, 3, 8, 8), 0.5))
    assert float(found.sum()) == pytest.approx(1)
    # log 1 = 0 lies between the bins 31 and 32 of 64: all four around the middle have the most, and alike.
    middle = found[:, 31:33, 31:33]
    assert float(middle.min()) == pytest.approx(float(middle.max()))
    assert float(found.max()) == pytest.approx(float(middle.max()))


def test_colours_do_not_see_where_nor_how_bright_all_is(picture: Any) -> None:
    photo = picture(40, 40, 1)
    assert styles.color_histogram(pixels(photo, None, photo.flip(2, 3))).value == pytest.approx(0, abs=1e-3)
    assert present(styles.color_histogram(pixels(0.5 * photo, None, photo)).value) < 0.05
    assert present(styles.color_histogram(pixels(photo.flip(1), None, photo)).value) > 0.2
