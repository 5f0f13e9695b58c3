"""The margin that is painted around a picture and cut off."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from impasto.encoders import Vgg
from impasto.guides import Regions
from impasto.optim.pyramid import Level, with_margin
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.recipe.recipe import LATER
from tests.stylize_helpers import Paint, gone_on_with, halves, pixels

ASSETS = Path(__file__).resolve().parents[2] / "assets"


def test_a_level_is_its_picture_in_its_margin() -> None:
    (level,) = with_margin([Level(0, (64, 96), 1)], 16)
    assert (level.size, level.margin, level.picture) == ((80, 112), 8, (64, 96)), "an eighth of the short side at most"
    assert with_margin([Level(0, (400, 300), 1)], 16)[0].size == (432, 332)
    numbers = torch.arange(80 * 112.0).view(1, 1, 80, 112)
    assert level.cropped(numbers).shape == (1, 1, 64, 96)
    assert float(level.cropped(numbers)[0, 0, 0, 0]) == 8 * 112 + 8


def test_the_photograph_and_its_regions_go_on_mirrored(tiny_encoder: Vgg, content: Tensor, style: Tensor) -> None:
    regions = Regions(("left", "right"), halves(48, 64, 0.25), (halves(56, 40),))
    recipe = Recipe.parse({"size": 64, "levels": 1, "margin": 5})
    scene_of = Stylizer(content, style, recipe, encoder=tiny_encoder, regions=regions)
    (level,) = scene_of.levels[-1:]
    photo = scene_of.scene.photo(level)
    assert torch.equal(level.cropped(photo)[0], content)
    assert torch.equal(photo[0, :, 5:-5, 0], content[:, :, 5])
    maps = scene_of.scene.maps(level)
    assert maps is not None
    assert maps.shape == (2, 58, 74)
    assert torch.equal(level.cropped(maps), halves(48, 64, 0.25))


@pytest.mark.parametrize("method", ["gatys", "mrf", "nnst", "strotss"])
def test_what_is_saved_has_the_size_asked_for(paint: Paint, content: Tensor, style: Tensor, method: str) -> None:
    with_one, without = (paint(content, style, method=method, margin=margin) for margin in (6, 0))
    assert with_one.picture.size == without.picture.size == (48, 64)
    assert not torch.equal(pixels(with_one), pixels(without))


def test_every_step_shows_the_picture_alone(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> None:
    stylizer = Stylizer(content, style, quick.replace(margin=8), encoder=tiny_encoder)
    for progress in stylizer:
        assert tuple(progress.image.shape[2:]) == progress.size == stylizer.levels[progress.level].picture
    assert [level.size for level in stylizer.schedule] == [(24, 32), (48, 64)]


def test_it_goes_on_bit_for_bit(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> None:
    recipe = quick.replace(margin=8)
    whole = Stylizer(content, style, recipe, encoder=tiny_encoder)
    for _ in whole:
        pass
    for taken in (1, 4, 5):
        again = gone_on_with(lambda: Stylizer(content, style, recipe, encoder=tiny_encoder), taken)
        assert torch.equal(pixels(again), pixels(whole.result()))


def test_a_margin_grows_with_its_picture(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> None:
    # A ramp stays the same ramp at twice the size: nothing is shifted by the margins.
    stylizer = Stylizer(content, style, quick.replace(margin=3, init="noise"), encoder=tiny_encoder)
    before, level = stylizer.levels
    assert (before.margin, level.margin) == (3, 3)

    def ramp(at: Level, step: float) -> Tensor:
        columns = (torch.arange(at.size[1]) - at.margin + 0.5) * step + 0.2
        return columns.expand(1, 3, at.size[0], at.size[1]).contiguous()

    grown = stylizer.scene.enlarge(ramp(before, 0.01), before, level)
    assert tuple(grown.shape[2:]) == level.size
    inside = (slice(None), slice(None), slice(8, -8), slice(8, -8))
    torch.testing.assert_close(grown[inside], ramp(level, 0.005)[inside], rtol=0, atol=3e-3)


def test_the_same_level_again_keeps_all_of_it(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> None:
    stylizer = Stylizer(content, style, quick.replace(margin=6, levels=1), encoder=tiny_encoder)
    (level,) = stylizer.levels[-1:]
    painted = torch.rand(1, 3, *level.size)
    assert torch.equal(stylizer.scene.enlarge(painted, level, level), painted)


def test_what_repeats_has_none(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> None:
    stylizer = Stylizer(content, style, quick.replace(margin=8, tileable=True), encoder=tiny_encoder)
    assert {level.margin for level in stylizer.levels} == {0}


def frame_and_inside(content: Tensor, painting: str, width: int, gap: int, **settings: Any) -> tuple[Tensor, Tensor]:
    """Paint, and return the levels in the frame of so many pixels, and those `gap` pixels further in."""
    stylizer = Stylizer(content, ASSETS / "styles" / painting, Recipe.parse({"encoder": "petite", **settings}))
    for _ in stylizer:
        pass
    levels = pixels(stylizer.result())[0].mean(0)
    frame = torch.ones_like(levels, dtype=torch.bool)
    frame[width:-width, width:-width] = False
    deep = width + gap
    return levels[frame], levels[deep:-deep, deep:-deep]


@pytest.mark.slow
def test_even_content_gets_no_frame() -> None:
    white = torch.ones(3, 120, 160)

    def step_at_border(margin: int) -> float:
        settings = {"size": 160, "precision": "float32", "margin": margin, "init_noise": 0}
        frame, inside = frame_and_inside(white, "watercolour.jpg", 8, 8, **settings)
        return float((frame.mean() - inside.mean()).abs())

    # 0.5 to 0.71, by the processor.
    assert step_at_border(15) < 0.8 * step_at_border(0)


@pytest.mark.slow
def test_forms_begin_inside_an_even_photograph_too() -> None:
    gray = torch.full((3, 192, 192), 0.5)

    def liveliness_inside(noise: float) -> float:
        frame, inside = frame_and_inside(gray, "woodblock.jpg", 24, 0, size=192, iterations=30, init_noise=noise)
        return float(inside.std() / frame.std())

    # 0.56 to 0.70 without noise, by the processor, and 0.87 to 0.89 with four levels of it.
    assert liveliness_inside(Recipe().init_noise) > liveliness_inside(0) + 0.1


def test_only_a_start_from_an_even_photograph_has_noise(
    tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor
) -> None:
    noisy = quick.replace(init_noise=4.0, margin=0, levels=1)
    stylizer = Stylizer(content, style, noisy, encoder=tiny_encoder)
    (level,) = stylizer.levels[-1:]
    assert torch.equal(stylizer.scene.init_canvas(level)[0], content), "it is even nowhere"
    even = torch.full_like(content, 0.5)
    difference = (Stylizer(even, style, noisy, encoder=tiny_encoder).scene.init_canvas(level)[0] - even).abs()
    assert 3 / 255 < float(difference.max()) <= 4.001 / 255
    chosen = Stylizer(content, style, noisy.replace(init="file"), encoder=tiny_encoder, init_image=even)
    assert torch.equal(chosen.scene.init_canvas(level)[0], even), "a chosen start is as it is"


@pytest.mark.parametrize("method", ["gatys", "mrf", "wct"])
def test_recipes_recorded_before_there_was_one_have_none(method: str) -> None:
    values = Recipe.parse({"method": method}).model_dump()
    for key in LATER:
        del values[key]
    old = {**values, "statistics": {"gram": 1.0}, "size": 99}
    assert Recipe.parse(old).margin == (16 if method == "wct" else 0), "wct knows no margin, and keeps the default"
    assert Recipe.parse(old).size == 99
    assert Recipe.parse(old).init_noise == (4 if method == "wct" else 0)
    assert Recipe.parse(old).statistics == ({"gram": 1.0} if method == "gatys" else Recipe().statistics)
    assert Recipe.parse({"method": method, "size": 99}).margin == 16, "a recipe that names a few keys has the defaults"
