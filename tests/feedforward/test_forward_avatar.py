"""`avatar`: strength, mixed styles, regions with norms of their own, tiles, and files that are not for it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto.errors import UsageError, WeightsError
from impasto.feedforward import FeedForward
from impasto.guides import Regions
from impasto.nets import store
from impasto.painting.api import begin
from impasto.recipe import Recipe

Paint = Callable[..., FeedForward]
Picture = Callable[..., Tensor]


def picture(painting: FeedForward) -> Tensor:
    """What was painted, before colours are put back."""
    assert painting.image is not None
    return painting.image


def test_a_painting_says_how_it_was_made_and_is_made_again(painted: Paint, content: Tensor, style: Tensor) -> None:
    result = painted("avatar").result()
    assert result.picture.size == (48, 64)
    assert float(result.picture.pixels.std()) > 0.02
    assert [weights["name"] for weights in result.weights] == ["petite", "avatar"]
    again = begin(content, style, Recipe.parse(result.recipe.to_json()))
    for _ in again:
        pass
    assert torch.equal(result.picture.pixels, again.result().picture.pixels)
    assert again.result().metadata == result.metadata


def test_strength_and_style_decide_what_is_painted(painted: Paint, other_style: Tensor) -> None:
    plain = picture(painted("avatar", alpha=0.5))
    assert not torch.allclose(plain, picture(painted("avatar", alpha=1.0)), atol=1e-3)
    assert not torch.allclose(plain, picture(painted("avatar", styles=other_style, alpha=0.5)), atol=1e-3)


def test_a_share_of_nothing_leaves_a_style_out(painted: Paint, style: Tensor, other_style: Tensor) -> None:
    one, other = (picture(painted("avatar", styles=styles)) for styles in (style, other_style))
    both = [style, other_style]
    torch.testing.assert_close(picture(painted("avatar", styles=both, style_weights=(2, 0))), one, atol=1e-6, rtol=0)
    torch.testing.assert_close(picture(painted("avatar", styles=both, style_weights=(0, 3))), other, atol=1e-6, rtol=0)
    assert not torch.allclose(picture(painted("avatar", styles=both)), one, atol=1e-3)


@pytest.mark.parametrize("masked", [False, True])
def test_tiles_are_parts_of_the_whole(painted: Paint, picture_of: Picture, masked: bool) -> None:
    photo, styles = picture_of(203, 301, seed=4), [picture_of(200, 160, seed=5), picture_of(90, 80, seed=6)]
    options: dict[str, object] = {"size": 301, "style_scale": 0.9}
    if masked:
        left = torch.linspace(0, 1, 301).expand(203, 301)
        regions = Regions(("left", "right"), torch.stack([left, 1 - left]), (None, None))
        options |= {"regions": regions, "region_styles": {"left": 1, "right": 2}}
    in_one = painted("avatar", photo, styles, tile="off", **options)
    in_tiles = painted("avatar", photo, styles, tile=200, **options)
    assert in_tiles.tile == 200
    torch.testing.assert_close(picture(in_tiles), picture(in_one), atol=1e-4, rtol=0)


def test_a_region_of_all_is_the_picture_without_regions(painted: Paint, style: Tensor, other_style: Tensor) -> None:
    maps = torch.stack([torch.ones(48, 64), torch.zeros(48, 64)])
    regions = Regions(("all", "none"), maps, (None, None))
    styles = [style, other_style]
    masked = painted("avatar", styles=styles, regions=regions, region_styles={"all": 2, "none": 1})
    torch.testing.assert_close(picture(masked), picture(painted("avatar", styles=other_style)), atol=1e-5, rtol=0)


def test_regions_are_painted_by_their_own_styles(painted: Paint, style: Tensor, other_style: Tensor) -> None:
    left = torch.zeros(48, 64)
    left[:, :32] = 1
    regions = Regions(("left", "right"), torch.stack([left, 1 - left]), (None, None))
    options = {"styles": [style, other_style], "regions": regions}
    one, other = (
        picture(painted("avatar", region_styles={"left": 1, "right": number}, **options)) for number in (1, 2)
    )
    off = (one - other).abs().mean((0, 1, 2))
    # Norms are measured over the whole picture, so that the left side knows a little of what the right one is.
    assert float(off[48:].mean()) > 1.3 * float(off[:16].mean())


def test_what_is_kept_stays_a_photograph(painted: Paint, content: Tensor) -> None:
    left = torch.zeros(48, 64)
    left[:, :32] = 1
    regions = Regions(("left", "right"), torch.stack([left, 1 - left]), (None,))
    pixels = painted("avatar", regions=regions, keep="left").result().picture.pixels
    assert torch.equal(pixels[..., :30], content[None, :, :, :30])
    assert not torch.allclose(pixels[..., 34:], content[None, :, :, 34:], atol=0.01)


def test_transparent_parts_of_a_style_do_not_count(painted: Paint, style: Tensor) -> None:
    alpha = torch.ones(1, *style.shape[1:])
    alpha[..., :16] = 0
    spoiled = style.clone()
    spoiled[..., :16] = torch.rand(3, style.shape[1], 16)
    one, other = (picture(painted("avatar", styles=torch.cat([image, alpha]))) for image in (style, spoiled))
    torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_files_that_are_not_for_it_are_refused(folder: Path, content: Tensor, style: Tensor, tmp_path: Path) -> None:
    recipe = Recipe.parse({"method": "avatar", "size": 64})
    with pytest.raises(WeightsError, match="avatar"):
        begin(content, style, recipe, network=folder / "johnson-swirls.safetensors")
    tensors, card = store.load(folder / "avatar-any.safetensors")
    other = store.Card(card.method, card.kind, card.plan, encoder="0" * 64)
    store.save(tmp_path / "other.safetensors", tensors, other)
    with pytest.raises(WeightsError, match="encoder"):
        begin(content, style, recipe, network=tmp_path / "other.safetensors")
    with pytest.raises(UsageError, match="petite"):
        begin(content, style, recipe.replace(encoder="vgg19"))
