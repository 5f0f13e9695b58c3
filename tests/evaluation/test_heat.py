"""Heat maps: darkest where nothing is wrong, and the lightest colour at the value that is said."""

import pytest
import torch

from impasto.evaluation.heat import RAMP, UNDER, heat
from impasto.images import Picture


def test_a_map_goes_from_dark_to_light_over_the_result() -> None:
    result = Picture(torch.zeros(1, 3, 40, 60))
    values = torch.linspace(0, 2, 60).expand(40, 60)
    shown = heat(result, values)
    assert shown.picture.size == (40, 60)
    assert shown.highest == pytest.approx(2, rel=0.03)
    light = shown.picture.pixels[0].sum(0)[0]
    assert bool((light.diff() >= -1e-6).all())
    assert float(light[0]) == 0
    assert float(light[-1]) == pytest.approx((1 - UNDER) * sum(RAMP[-1]), rel=1e-3)


def test_a_map_of_nothing_shows_the_result_in_grey() -> None:
    result = Picture(torch.full((1, 3, 16, 16), 0.5))
    shown = heat(result, torch.zeros(4, 4))
    assert shown.highest == 0
    assert float(shown.picture.pixels.mean()) == pytest.approx(UNDER * 0.5, rel=1e-3)


def test_single_places_do_not_darken_all_others() -> None:
    values = torch.ones(50, 50)
    values[0, 0] = 1000
    assert heat(Picture(torch.zeros(1, 3, 50, 50)), values).highest == pytest.approx(1)
