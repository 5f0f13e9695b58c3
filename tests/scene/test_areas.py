"""Which style paints which region, worked out by hand on a few masks."""

import pytest
import torch

from impasto.guides import Regions
from impasto.images import Picture
from impasto.recipe import Recipe
from impasto.scene import Scene
from impasto.scene.areas import Area, area_scales, areas, style_weights, unnamed_area

PICTURE = Picture(torch.rand(1, 3, 32, 48), name="picture")


def thirds(height: int = 32, width: int = 48, shown: tuple[int, ...] = (0, 1, 2)) -> torch.Tensor:
    """Three regions side by side, (3, H, W), of which a mask shows some."""
    maps = torch.zeros(3, height, width)
    for number in shown:
        maps[number, :, number * width // 3 : (number + 1) * width // 3] = 1
    return maps


def scene(styles: tuple[torch.Tensor | None, ...] | None, **settings: object) -> Scene:
    regions = None if styles is None else Regions(("sky", "road", "house"), thirds(), styles)
    count = 2 if styles is None else len(styles)
    return Scene(Recipe.parse({"size": 48, **settings}), PICTURE, [PICTURE] * count, regions)


def test_without_masks_all_styles_paint_the_whole() -> None:
    assert areas(scene(None)) == (Area(0, "", 1.0, 1.0, (0, 1)),)
    assert unnamed_area(scene(None)) is None


def test_a_style_paints_what_its_mask_shows_and_one_without_paints_everything() -> None:
    found = areas(scene((thirds(shown=(0, 2)), None), region_weights={"road": 3.0}, region_scales={"house": 0.5}))
    assert found == (
        Area(0, "sky", 1.0, 1.0, (0, 1)),
        Area(1, "road", 3.0, 1.0, (1,)),
        Area(2, "house", 1.0, 0.5, (0, 1)),
    )


def test_a_region_with_a_style_of_its_own_has_no_other_even_where_masks_show_it() -> None:
    found = areas(scene((thirds(), thirds(shown=(0, 1, 2))), region_styles={"road": 2}))
    assert [area.styles for area in found] == [(0, 1), (1,), (0, 1)]


def test_what_stays_a_photograph_is_no_area_and_numbers_are_those_of_the_masks() -> None:
    found = areas(scene((None, None), keep=["sky"]))
    assert [(area.number, area.name) for area in found] == [(1, "road"), (2, "house")]


def test_what_no_mask_names_comes_after_all_regions() -> None:
    assert unnamed_area(scene((thirds(), None))) == Area(3, "", 1.0, 1.0, (0, 1))


@pytest.mark.parametrize(
    ("settings", "layer", "weights"),
    [
        ({}, "relu1_1", (1.0, 1.0)),
        ({"style_weights": [1, 3]}, "relu1_1", (1.0, 3.0)),
        ({"style_weights": [1, 3], "layer_style_weights": {"relu1_1": [2, 0]}}, "relu1_1", (2.0, 0.0)),
        ({"style_weights": [1, 3], "layer_style_weights": {"relu1_1": [2, 0]}}, "relu2_1", (1.0, 3.0)),
    ],
)
def test_styles_are_mixed_by_layer_or_at_all(settings: dict[str, object], layer: str, weights: tuple) -> None:
    assert style_weights(scene(None, **settings), layer) == weights


def test_scales_come_once_with_the_recipes_own() -> None:
    masks = (None, None)
    assert area_scales(scene(masks)) == (1.0,)
    assert area_scales(scene(masks, region_scales={"sky": 2.0, "road": 0.5, "house": 0.5})) == (0.5, 1.0, 2.0)
