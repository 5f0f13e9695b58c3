"""Transparent photographs: what nobody sees decides nothing, in any method, and rims have no halo."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from impasto import images, stylize
from impasto.feedforward import FeedForward
from impasto.images import Picture
from impasto.painting.api import begin
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from tests.stylize_helpers import pixels, with_alpha

Pictures = Callable[..., Tensor]
FACE = [[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]]
NETWORKS = ("johnson", "texture_net")


def disc(height: int, width: int) -> Tensor:
    """An alpha (H, W) with a soft rim."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return (4 * (0.8 - (x**2 + y**2).sqrt())).clamp(0, 1)


def hiding(picture: Tensor, color: tuple[float, float, float] | None = None) -> Picture:
    """A picture (3, H, W) cut out as a disc, with `color` or noise where nothing is to be seen."""
    alpha = disc(*picture.shape[1:])
    hidden = torch.rand(picture.shape) if color is None else torch.tensor(color)[:, None, None]
    return with_alpha(torch.where(alpha > 0, picture, hidden), alpha)


def painted(method: str, content: Any, style: Any, **settings: Any) -> Tensor:
    plain: dict[str, Any] = {"method": method, "size": 48, "precision": "float32"} | settings
    if not METHODS[method].feed_forward:
        plain = {"encoder": "petite", "iterations": 2, "levels": 1} | plain
    if method == "portrait":
        plain |= {"content_landmarks": FACE, "style_landmarks": FACE}
    if method == "johnson":
        plain["network"] = "woodblock"
    return pixels(stylize(content, [] if method in NETWORKS else style, **plain))


@pytest.fixture
def photo(picture: Pictures) -> Tensor:
    return picture(60, 80, seed=4)[0]


@pytest.mark.parametrize("method", METHODS)
def test_hidden_colours_of_a_photograph_decide_nothing(method: str, photo: Tensor, style: Tensor) -> None:
    green, noise = (painted(method, hiding(photo, color), style) for color in ((0.0, 1.0, 0.0), None))
    assert torch.equal(green, noise)


@pytest.mark.parametrize(
    "settings",
    [
        {"color": "match"},
        {"color": "luminance", "color_strength": 0.5},
        {"color": "content"},
        {"size": 80, "init": "noise"},
        {"size": 100},
        {"init": "style"},
        {"levels": 2},
    ],
)
def test_nor_do_they_with_other_settings(settings: dict[str, Any], photo: Tensor, style: Tensor) -> None:
    green, noise = (painted("gatys", hiding(photo, color), style, **settings) for color in ((0.0, 1.0, 0.0), None))
    assert torch.equal(green, noise)


@pytest.mark.parametrize("method", [method for method in METHODS if method not in NETWORKS])
def test_nor_do_those_of_a_style(method: str, photo: Tensor, picture: Pictures) -> None:
    style = picture(70, 60, seed=9)[0]
    green, noise = (painted(method, photo, hiding(style, color)) for color in ((0.0, 1.0, 0.0), None))
    assert torch.equal(green, noise)


def test_nor_do_those_of_a_picture_to_start_from(photo: Tensor, style: Tensor, picture: Pictures) -> None:
    start = picture(60, 80, seed=9)[0]
    green, noise = (
        painted("gatys", photo, style, init="file", init_image=hiding(start, color))
        for color in ((0.0, 1.0, 0.0), None)
    )
    assert torch.equal(green, noise)


def test_nor_do_those_of_frames(photo: Tensor) -> None:
    recipe = Recipe.parse({"method": "johnson", "network": "woodblock", "size": 48, "precision": "float32"})
    painting = begin(photo, [], recipe)
    assert isinstance(painting, FeedForward)
    green, noise = (one.pixels for one in painting.frames([hiding(photo, (0.0, 1.0, 0.0)), hiding(photo)]))
    assert torch.equal(green, noise)


@pytest.mark.parametrize("method", ["gatys", "adain", "wct", "linear"])
def test_styles_are_asked_of_visible_parts_alone(method: str, picture: Pictures, style: Tensor) -> None:
    # Half of the photograph is flat and bright: where it is hidden, it has no part in the statistics of the rest.
    photo = picture(64, 64, seed=4)[0]
    alpha = (torch.arange(64) < 32).float().expand(64, 64)
    settings = {"size": 64, "content_weight": 0.0, "iterations": 20} if method == "gatys" else {"size": 64}
    opaque = painted(method, photo, style, **settings)
    cut = painted(method, with_alpha(photo, alpha), style, **settings)
    assert not torch.equal(opaque[..., :24], cut[..., :24])


@pytest.mark.parametrize("size", [(20, 24), (17, 31), (90, 110)])
def test_resizing_has_no_halo(size: tuple[int, int]) -> None:
    red = torch.tensor([0.8, 0.1, 0.2])[:, None, None].expand(3, 60, 80)
    resized = images.resize_picture(hiding(red, (0.0, 1.0, 0.0)), size)
    assert resized.alpha is not None
    assert torch.equal(resized.alpha, images.resize(disc(60, 80)[None, None], size))
    torch.testing.assert_close(resized.pixels, red[None, :, :1, :1].expand(1, 3, *size), atol=1e-4, rtol=0)


def test_half_transparent_colours_count_for_half() -> None:
    # Four pixels become one: colours 1 and 0 with alphas 1 and 1/3 are three parts to one.
    colors = torch.tensor([1.0, 0.0]).expand(3, 8, 2).repeat(1, 1, 4)
    alpha = torch.tensor([1.0, 1 / 3]).expand(8, 2).repeat(1, 4)
    resized = images.resize_picture(with_alpha(colors, alpha), (4, 4))
    torch.testing.assert_close(resized.pixels[..., 1:3], torch.full((1, 3, 4, 2), 0.75), atol=0.02, rtol=0)


def test_opaque_pictures_are_resized_as_ever(photo: Tensor) -> None:
    wanted = images.resize(photo[None], (31, 41))
    assert torch.equal(images.resize_picture(Picture(photo[None]), (31, 41)).pixels, wanted)
    assert torch.equal(images.resize_picture(with_alpha(photo, torch.ones(60, 80)), (31, 41)).pixels, wanted)
    solid = with_alpha(photo, (torch.arange(80) > 0).float().expand(60, 80))
    torch.testing.assert_close(images.resize_picture(solid, (31, 41)).pixels[..., 4:], wanted[..., 4:])


def test_filled_colours_go_on_smoothly(photo: Tensor) -> None:
    filled = images.fill_hidden(hiding(photo))
    alpha = disc(60, 80)
    assert torch.equal(filled.pixels[0][:, alpha > 0], photo[:, alpha > 0])
    assert float(filled.pixels.min()) >= 0
    assert float(filled.pixels.max()) <= float(photo.max())
    across = filled.pixels[0].diff(dim=1).abs().amax()
    assert float(across) <= 1.5 * float(photo.diff(dim=1).abs().amax())


def test_a_wholly_transparent_photograph_is_told(photo: Tensor, style: Tensor, notices: list[str]) -> None:
    clear = with_alpha(photo, torch.zeros(60, 80))
    seen = painted("adain", photo, style)
    assert torch.equal(painted("adain", clear, style), seen)
    told = [said for said in notices if "fully transparent" in said]
    assert told == ["cut-out: is fully transparent; its hidden colours are used"]
