"""Sizes after the content: the content's own, and percentages of it, by every way to paint."""

import pytest
import torch

from impasto.encoders.vgg import Vgg
from impasto.errors import RecipeError, UsageError
from impasto.painting.api import begin, stylize
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.scene.inputs import Masks
from tests.stylize_helpers import gone_on_with, halves


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (512, 512),
        ("512", 512),
        (512.0, 512),
        ("content", "content"),
        (" content ", "content"),
        ("200%", "200%"),
        ("62.5 %", "62.5%"),
    ],
)
def test_a_recipe_takes_pixels_the_content_and_percentages(given: object, kept: object) -> None:
    recipe = Recipe.parse({"size": given})
    assert recipe.size == kept
    assert type(recipe.size) is type(kept)
    assert Recipe.parse(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    "given", ["contents", "%", "0%", "-50%", "1e3%", "nan%", 15, "15", 65_537, True, "1e3", "9" * 40, "2x"]
)
def test_what_is_no_size_is_refused_with_what_is_one(given: object) -> None:
    with pytest.raises(RecipeError, match=r"recipe key 'size': must be pixels from 16 to 65536, content, or a perc"):
        Recipe.parse({"size": given})


@pytest.mark.parametrize(("size", "painted"), [("content", (48, 64)), ("200%", (96, 128)), ("50%", (24, 32))])
def test_a_painting_has_the_size_of_its_content_and_its_recipe_says_so(
    size: str, painted: tuple[int, int], content: torch.Tensor, style: torch.Tensor, tiny_encoder: Vgg, quick: Recipe
) -> None:
    recipe = quick.replace(size=size, levels=1, iterations=1)
    result = stylize(content, style, recipe, encoder=tiny_encoder)
    assert result.picture.size == painted
    assert result.recipe.size == size
    # The pixels are those of the same number of pixels.
    again = stylize(content, style, recipe.replace(size=max(painted)), encoder=tiny_encoder)
    assert torch.equal(result.picture.pixels, again.picture.pixels)


def test_methods_of_one_pass_know_the_sizes_too(content: torch.Tensor, style: torch.Tensor) -> None:
    recipe = Recipe.parse({"method": "adain", "size": "150%", "precision": "float32"})
    assert stylize(content, style, recipe).picture.size == (72, 96)


def test_an_interrupted_painting_goes_on_at_the_contents_size(
    content: torch.Tensor, style: torch.Tensor, tiny_encoder: Vgg, quick: Recipe
) -> None:
    recipe = quick.replace(size="content", levels=1)

    def painting() -> Stylizer:
        return Stylizer(content, style, recipe, encoder=tiny_encoder)

    resumed = gone_on_with(painting, 2)
    unbroken = painting()
    for _ in unbroken:
        pass
    assert resumed.recipe.size == "content"
    assert torch.equal(resumed.picture.pixels, unbroken.result().picture.pixels)


def test_a_doodle_has_its_masks_size_and_a_texture_has_none_to_follow(style: torch.Tensor, tiny_encoder: Vgg) -> None:
    mask = torch.stack([halves(40, 56)[0]] * 3)
    recipe = Recipe.parse({"size": "content", "precision": "float32", "region_styles": {"black": 1, "white": 1}})
    assert begin(None, style, recipe, encoder=tiny_encoder, regions=Masks(mask)).size == (40, 56)
    with pytest.raises(UsageError, match="size 'content': a texture has no content"):
        begin(None, style, Recipe.parse({"size": "content"}), encoder=tiny_encoder)


def test_a_percentage_beyond_the_largest_size_is_refused(
    content: torch.Tensor, style: torch.Tensor, tiny_encoder: Vgg
) -> None:
    with pytest.raises(UsageError, match="would be 128000 pixels long, and results have 65536 at most"):
        begin(content, style, Recipe.parse({"size": "200000%"}), encoder=tiny_encoder)
