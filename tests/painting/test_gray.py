"""Grey in, grey out: a photograph and paintings without colour give a picture without colour, by every method."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from impasto.encoders.vgg import Vgg
from impasto.images import Picture
from impasto.painting.api import begin, stylize
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from tests.stylize_helpers import with_alpha


def gray(pixels: torch.Tensor, alpha: torch.Tensor | None = None) -> Picture:
    """The green of (3, H, W) in all channels."""
    found = pixels[1].expand(1, 3, -1, -1).contiguous()
    return Picture(found, alpha, name="grey")


def channels_apart(pixels: torch.Tensor) -> float:
    """Most that two channels of a pixel differ."""
    return float((pixels.amax(1) - pixels.amin(1)).max())


def painted(content: Any, style: Any, method: str = "gatys", **settings: Any) -> torch.Tensor:
    steps = {} if METHODS[method].feed_forward else {"iterations": 3, "levels": 1, "encoder": "petite"}
    recipe = Recipe.parse({"method": method, "size": 48, "precision": "float32", **steps, **settings})
    return stylize(content, style, recipe).picture.pixels


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.styles])
def test_a_grey_photograph_in_a_grey_style_stays_grey(method: str, content: torch.Tensor, style: torch.Tensor) -> None:
    found = painted(gray(content), gray(style), method)
    assert channels_apart(found) == 0
    assert float(found.std()) > 0.01


@pytest.mark.parametrize(
    "settings",
    [
        {"init": "noise"},
        {"init": "style"},
        {"color": "match"},
        {"color": "content"},
        {"color": "luminance"},
        {"method": "wct", "refine": 2},
        {"solver": "adam", "levels": 2},
    ],
)
def test_whatever_start_colours_and_solver(
    settings: dict[str, Any], content: torch.Tensor, style: torch.Tensor
) -> None:
    assert channels_apart(painted(gray(content), gray(style), **settings)) == 0


def test_a_texture_of_grey_paintings_is_grey_and_of_coloured_ones_is_not(style: torch.Tensor) -> None:
    assert channels_apart(painted(None, [gray(style)])) == 0
    assert channels_apart(painted(None, [gray(style), style])) > 0.01


def test_any_colour_that_is_given_is_used(content: torch.Tensor, style: torch.Tensor) -> None:
    assert channels_apart(painted(gray(content), style)) > 0.01
    assert channels_apart(painted(content, gray(style))) > 0.01
    assert channels_apart(painted(gray(content), [gray(style), style])) > 0.01


def test_a_level_of_255_between_channels_is_rounding_and_two_are_colour(
    content: torch.Tensor, style: torch.Tensor
) -> None:
    photo = gray(content)
    one, two = (replace(photo, pixels=photo.pixels.clone()) for _ in range(2))
    one.pixels[0, 0, 3, 4] += 1 / 255
    two.pixels[0, 0, 3, 4] += 2 / 255
    assert channels_apart(painted(one, gray(style), "wct")) == 0
    assert channels_apart(painted(two, gray(style), "wct")) > 0.01


def test_colours_that_are_hidden_are_none(content: torch.Tensor, style: torch.Tensor) -> None:
    alpha = torch.ones(content.shape[1:])
    alpha[:20, :20] = 0
    hidden = with_alpha(torch.where(alpha > 0, gray(content).pixels[0], content), alpha)
    assert channels_apart(painted(hidden, gray(style))) == 0
    assert channels_apart(painted(gray(content), hidden)) == 0


def test_each_frame_is_judged_by_itself(content: torch.Tensor, style: torch.Tensor) -> None:
    recipe = Recipe.parse({"method": "adain", "size": 48, "precision": "float32"})
    painting = begin(gray(content), gray(style), recipe)
    frames = list(painting.frames([gray(content), content]))
    assert channels_apart(frames[0].pixels) == 0
    assert channels_apart(frames[1].pixels) > 0.01


def test_a_start_of_another_shape_is_said_to_be_stretched(
    content: torch.Tensor, style: torch.Tensor, tiny_encoder: Vgg, notices: list[str]
) -> None:
    recipe = Recipe.parse({"size": 64, "iterations": 1, "init": "file", "precision": "float32"})

    def begun(height: int, width: int) -> list[str]:
        notices.clear()
        start = Picture(torch.rand(1, 3, height, width), name="sketch.png")
        begin(content, style, recipe, encoder=tiny_encoder, init_image=start)
        return list(notices)

    stretched = "sketch.png: is 40x48 px, of another shape than the result (64x48 px), and is stretched to it"
    assert begun(48, 40) == [stretched]
    # Rounding to whole pixels is no other shape.
    assert begun(24, 32) == begun(97, 128) == begun(96, 129) == []
