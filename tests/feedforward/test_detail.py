"""The photograph's finest detail over what was painted: by hand, within bounds, and none of the rest."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto.feedforward.detail import DEVIATION, add_detail
from impasto.painting.api import stylize
from impasto.recipe import Recipe

ASSETS = Path(__file__).resolve().parents[2] / "assets"


def test_without_an_amount_nothing_changes(picture: Callable[..., Tensor]) -> None:
    painted = picture(24, 30, seed=1) * 3 - 1
    before = painted.clone()
    add_detail(painted, picture(24, 30, seed=2), 0.0)
    assert torch.equal(painted, before)


def test_even_areas_and_wide_forms_bring_nothing() -> None:
    """A slope of light, and colours of one lightness."""
    slope = torch.linspace(0.2, 0.8, 40).expand(1, 3, 40, 40)
    painted = torch.full((1, 3, 40, 40), 0.5)
    add_detail(painted, slope, 1.0)
    inner = painted[..., 8:-8, 8:-8]
    torch.testing.assert_close(inner, torch.full_like(inner, 0.5), atol=3e-3, rtol=0)


def test_a_line_comes_back_by_what_the_blur_took() -> None:
    """A grey line of one pixel: its height less the peak of a Gaussian of unit sum."""
    photo = torch.full((1, 3, 31, 31), 0.25)
    photo[..., 15] = 0.75
    painted = torch.full((1, 3, 31, 31), 0.5)
    add_detail(painted, photo, 0.5)
    peak = 1 / sum(2.718281828459045 ** (-((place / DEVIATION) ** 2) / 2) for place in range(-5, 6))
    # `gray` gives grey values back as they are.
    assert float(painted[0, 0, 15, 15]) == pytest.approx(0.5 + 0.5 * 0.5 * (1 - peak), abs=2e-3)
    assert torch.equal(painted[:, 0], painted[:, 2]), "light and dark alone"


def test_it_stays_a_picture() -> None:
    painted = torch.ones(1, 3, 20, 20)
    photo = torch.zeros(1, 3, 20, 20)
    photo[..., ::2, ::3] = 1
    add_detail(painted, photo, 1.0)
    assert float(painted.max()) <= 1
    assert float(painted.min()) >= 0


def sharpness(picture: Tensor) -> float:
    light = picture.mean(1)
    return float(light.diff(dim=-1).abs().mean() + light.diff(dim=-2).abs().mean())


@pytest.mark.parametrize("method", ["nnst_fast", "reshuffle"])
def test_more_of_it_is_sharper(method: str) -> None:
    painted_by_amount = []
    for amount in (0.0, 0.5, 1.0):
        recipe = Recipe.parse({"method": method, "size": 96, "precision": "float32", "detail": amount})
        painted = stylize(ASSETS / "photos" / "cat.jpg", ASSETS / "styles" / "watercolour.jpg", recipe=recipe)
        painted_by_amount.append(painted.picture.pixels)
    none, half, whole = painted_by_amount
    assert sharpness(none) < sharpness(half) < sharpness(whole)
    # What is wider than the detail is the painting's.
    coarse = [torch.nn.functional.avg_pool2d(pixels, 16) for pixels in (none, whole)]
    torch.testing.assert_close(coarse[1], coarse[0], atol=0.02, rtol=0)


def test_a_recipe_from_before_has_none() -> None:
    """Recipes that pictures carry name every setting but those that came later."""
    recorded = Recipe.parse({"method": "nnst_fast"}).model_dump(mode="json")
    del recorded["detail"]
    assert Recipe.parse(recorded).detail == 0
    assert Recipe.parse({"method": "nnst_fast"}).detail > 0
