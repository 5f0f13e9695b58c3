"""Soft edges: as wide as asked for, half at the edge, and still a partition of the picture."""

import pytest
import torch

from impasto import Recipe
from impasto.guides import Regions, feather
from impasto.scene.inputs import Inputs, Masks


def halves(height: int = 40, width: int = 100) -> torch.Tensor:
    """A left and a right region, (2, height, width)."""
    left = (torch.arange(width) < width // 2).float().expand(height, width)
    return torch.stack([left, 1 - left])


@pytest.mark.parametrize("width", [0.09, 0.21, 0.45])
def test_an_edge_is_as_wide_as_asked_for_and_half_at_its_middle(width: float) -> None:
    maps = feather(Regions(("a", "b"), halves(), (None,)), width).content
    row = maps[0, 20]
    assert (row[:-1] >= row[1:]).all(), "a region fades in one direction"
    assert float((row[49] + row[50]) / 2) == pytest.approx(0.5)
    soft = ((row > 1e-6) & (row < 1 - 1e-6)).sum()
    assert abs(int(soft) - 100 * width) <= 4
    assert torch.allclose(maps.sum(0), torch.ones(40, 100))


def test_three_means_of_three_pixels_are_their_product_by_hand() -> None:
    # (1, 1, 1)/3 three times is (1, 3, 6, 7, 6, 3, 1)/27.
    line = torch.zeros(1, 9, 9)
    line[0, :, 4] = 1
    row = feather(Regions(("a",), line, ()), 1.0).content[0, 4] * 27
    assert feather(Regions(("a",), line, ()), 0.1).content is line
    assert row.tolist() == pytest.approx([0, 1, 3, 6, 7, 6, 3, 1, 0], abs=1e-4)


def test_none_leaves_regions_as_they_are_and_styles_are_softened_too() -> None:
    regions = Regions(("a", "b"), halves(), (halves(30, 60), None))
    assert feather(regions, 0) is regions
    soft = feather(regions, 0.3)
    assert soft.styles[1] is None
    assert soft.styles[0] is not None
    assert 0.1 < float(soft.styles[0][0, 10, 32]) < 0.5


def test_a_painting_has_the_regions_of_its_recipe_softened_once() -> None:
    mask = torch.stack([halves()[0], torch.zeros(40, 100), halves()[1]])
    photo = torch.rand(3, 40, 100, generator=torch.Generator().manual_seed(1))
    recipe = Recipe.parse({"feather": 0.3, "encoder": "petite"})
    given = Inputs(photo, photo, masks=Masks(mask, mask))
    plain, soft = given.scene(recipe.replace(feather=0)), given.read(recipe).scene(recipe)
    assert plain.regions is not None
    assert soft.regions is not None
    assert torch.equal(soft.regions.content, feather(plain.regions, 0.3).content)
