"""Methods for any painting: the laws of their transforms, end to end; tiles that are parts of the whole; regions."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto import color, guides, images
from impasto.encoders import Petite
from impasto.errors import UsageError
from impasto.feedforward import AnyStyle, FeedForward
from impasto.feedforward.weave import remove_weave
from impasto.guides import Regions
from impasto.nets import store, transforms
from impasto.nets.decoder import Decoder, pad_to_neurons
from impasto.painting.api import begin
from impasto.recipe import Recipe

Paint = Callable[..., FeedForward]
Picture = Callable[..., Tensor]
METHODS = ("wct", "adain", "linear")
ANY_STYLE = (*METHODS, "avatar")


def picture(painting: FeedForward) -> Tensor:
    """What was painted, before colours are put back."""
    assert painting.image is not None
    return painting.image


def load(path: Path) -> Decoder:
    return Decoder.from_parts(*store.load(path), str(path))


def halves(height: int, width: int, *, soft: bool = False) -> Tensor:
    """(2, height, width): left and right."""
    left = torch.zeros(height, width)
    left[:, : width // 2] = 1
    if soft:
        left = torch.linspace(0, 1, width).expand(height, width).clone()
    return torch.stack([left, 1 - left])


# Laws.


@pytest.mark.parametrize("method", METHODS)
def test_a_painting_is_a_picture_of_its_size_and_says_how_it_was_made(method: str, painted: Paint) -> None:
    painting = painted(method)
    result = painting.result()
    assert result.picture.size == (48, 64)
    assert float(result.picture.pixels.std()) > 0.02
    assert result.finished
    assert len(result.history) == painting.steps == (5 if method == "wct" else 1)
    assert set(result.timings) >= {"total", "pass 1, relu4_1"}
    assert result.weights[0]["name"] == "petite"
    assert len(result.weights) == {"wct": 6, "adain": 2, "linear": 3}[method]
    assert [each["role"] for each in result.inputs] == ["content", "style"]


@pytest.mark.parametrize("method", METHODS)
def test_without_strength_the_photograph_is_only_given_back(
    method: str, painted: Paint, folder: Path, petite: Petite, content: Tensor
) -> None:
    layer = "relu2_1" if method == "wct" else "relu4_1"
    file = {"wct": f"wct-{layer}", "adain": f"adain-{layer}", "linear": f"wct-{layer}"}[method] + ".safetensors"
    network = folder / file if method == "wct" else None
    found = picture(painted(method, alpha=0.0, network=network))
    with torch.no_grad():
        features = petite.raw(pad_to_neurons(content[None], petite.stride(layer)), [layer])[layer]
        wanted = load(folder / file)(features, (48, 64)).clamp(0, 1)
    remove_weave(wanted)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
    assert not torch.allclose(picture(painted(method, network=network)), wanted, atol=1e-3)


def test_from_the_deepest_layer_only_the_change_is_decoded(painted: Paint, folder: Path, content: Tensor) -> None:
    network = folder / "wct-relu5_1.safetensors"
    found = picture(painted("wct", alpha=0.0, network=network))
    torch.testing.assert_close(found, content[None].clamp(0, 1), atol=1e-5, rtol=0)
    assert not torch.allclose(picture(painted("wct", network=network)), content[None], atol=1e-2)


def test_wct_after_the_photograph_itself_changes_nothing(painted: Paint, content: Tensor, folder: Path) -> None:
    network = folder / "wct-relu2_1.safetensors"
    itself = picture(painted("wct", styles=content, network=network))
    plain = picture(painted("wct", styles=content, network=network, alpha=0.0))
    torch.testing.assert_close(itself, plain, atol=2e-3, rtol=0)


def test_wct_goes_from_deep_to_shallow_and_encodes_anew(
    painted: Paint, folder: Path, petite: Petite, content: Tensor, style: Tensor
) -> None:
    style_pixels = images.resize(style[None], (64, 46))
    image = content[None]
    with torch.no_grad():
        for layer in ("relu5_1", "relu4_1", "relu3_1", "relu2_1", "relu1_1"):
            features, wanted = (
                petite.raw(x, [layer])[layer] for x in (pad_to_neurons(image, petite.stride(layer)), style_pixels)
            )
            changed = transforms.wct(features, wanted, 0.5)
            decoder = load(folder / f"wct-{layer}.safetensors")
            found = decoder(changed, (48, 64))
            image = (image + found - decoder(features, (48, 64)) if layer == "relu5_1" else found).clamp(0, 1)
    remove_weave(image)
    torch.testing.assert_close(picture(painted("wct", alpha=0.5)), image, atol=1e-4, rtol=0)


def test_adain_gives_first_the_colours_and_then_the_features_the_styles_moments(
    painted: Paint, folder: Path, petite: Petite
) -> None:
    painting = painted("adain")
    photo, style = (
        x[None] for x in (painting.scene.photo(painting.level)[0], painting.scene.style(0, painting.level).pixels[0])
    )
    layer = "relu4_1"
    measured = transforms.Moments.measure
    photo = transforms.recoloring(measured(photo), measured(style))(photo).clamp(0, 1)
    with torch.no_grad():
        target = transforms.adain(petite.raw(photo, [layer])[layer], petite.raw(style, [layer])[layer])
        wanted = load(folder / "adain-relu4_1.safetensors")(target).clamp(0, 1)
    remove_weave(wanted)
    torch.testing.assert_close(picture(painting), wanted, atol=1e-4, rtol=0)


@pytest.mark.parametrize("method", ANY_STYLE)
def test_a_share_of_nothing_leaves_a_style_out(method: str, painted: Paint, style: Tensor, other_style: Tensor) -> None:
    one, other = (picture(painted(method, styles=s)) for s in (style, other_style))
    assert not torch.allclose(one, other, atol=1e-3)
    both = [style, other_style]
    torch.testing.assert_close(picture(painted(method, styles=both, style_weights=(2, 0))), one, atol=1e-6, rtol=0)
    torch.testing.assert_close(picture(painted(method, styles=both, style_weights=(0, 3))), other, atol=1e-6, rtol=0)
    mixed, equal = (picture(painted(method, styles=both, style_weights=w)) for w in ((1, 1), ()))
    assert torch.equal(mixed, equal)
    assert not torch.allclose(mixed, one, atol=1e-3)


def test_wct_can_take_each_layer_from_another_style(painted: Paint, style: Tensor, other_style: Tensor) -> None:
    shares = {f"relu{block}_1": (0, 1) for block in range(1, 6)}
    by_layers = picture(painted("wct", styles=[style, other_style], layer_style_weights=shares))
    torch.testing.assert_close(by_layers, picture(painted("wct", styles=other_style)), atol=1e-6, rtol=0)


@pytest.mark.parametrize("method", ANY_STYLE)
def test_the_recipe_of_a_result_paints_it_again(method: str, painted: Paint, content: Tensor, style: Tensor) -> None:
    first = painted(method).result()
    again = begin(content, style, Recipe.parse(first.recipe.to_json()))
    for _ in again:
        pass
    assert torch.equal(first.picture.pixels, again.result().picture.pixels)
    assert again.result().recipe == first.recipe
    assert again.result().metadata == first.metadata


# Tiles.


@pytest.mark.parametrize(("method", "size", "tile"), [("adain", (181, 230), 150), ("linear", (150, 190), 150)])
def test_tiles_are_parts_of_the_whole(
    method: str, size: tuple[int, int], tile: int, painted: Paint, picture_of: Picture
) -> None:
    photo, style = picture_of(*size, seed=4), picture_of(200, 160, seed=5)
    options = {"size": max(size), "style_scale": 0.9}
    in_one = painted(method, photo, style, tile="off", **options)
    in_tiles = painted(method, photo, style, tile=tile, **options)
    assert in_tiles.tile == tile
    assert isinstance(in_tiles, AnyStyle)
    assert float(picture(in_one).std()) > 0.02
    torch.testing.assert_close(picture(in_tiles), picture(in_one), atol=1e-4, rtol=0)


def test_tiles_of_a_picture_that_repeats(painted: Paint, picture_of: Picture) -> None:
    photo, style = picture_of(160, 224, seed=4), picture_of(100, 90, seed=5)
    found = [picture(painted("adain", photo, style, size=224, tileable=True, tile=tile)) for tile in ("off", 160)]
    torch.testing.assert_close(found[1], found[0], atol=1e-4, rtol=0)
    # Whole neurons away, and round the corner: the same picture.
    moved = painted("adain", photo.roll((40, 64), (2, 3)), style, size=224, tileable=True)
    torch.testing.assert_close(picture(moved), found[0].roll((40, 64), (2, 3)), atol=1e-4, rtol=0)


@pytest.mark.usefixtures("painted")
def test_regions_in_tiles(picture_of: Picture) -> None:
    photo, styles = picture_of(181, 230, seed=4), [picture_of(90, 90, seed=5), picture_of(90, 80, seed=6)]
    regions = Regions(("left", "right"), halves(181, 230, soft=True), (None, None))
    options = {"size": 230, "regions": 0, "region_styles": {"left": 1, "right": 2}}
    found = []
    for tile in ("off", 150):
        recipe = Recipe.parse({"method": "adain", "precision": "float32", **options})
        painting = begin(photo, styles, recipe, regions=regions, tile=tile)
        for _ in painting:
            pass
        found.append(painting.result().picture.pixels)
    torch.testing.assert_close(found[1], found[0], atol=1e-4, rtol=0)


# Regions and colours.


def test_regions_are_transformed_by_themselves(
    folder: Path, petite: Petite, content: Tensor, style: Tensor, other_style: Tensor
) -> None:
    layer = "relu2_1"
    left, of_style = halves(48, 64), halves(56, 40)
    regions = Regions(("left", "right"), left, (of_style, None))
    recipe = Recipe.parse({"method": "wct", "size": 64, "precision": "float32", "region_styles": {"right": 2}})
    painting = begin(
        content, [style, other_style], recipe, regions=regions, network=folder / f"wct-{layer}.safetensors"
    )
    for _ in painting:
        pass
    with torch.no_grad():
        features = petite.raw(content[None], [layer])[layer]
        one, other = (
            petite.raw(images.resize(x[None], size), [layer])[layer]
            for x, size in ((style, (64, 46)), (other_style, (64, 64)))
        )
        at_layer = guides.fit(left, (24, 32))
        in_style = guides.fit(of_style, (32, 23))
        own = [transforms.Moments.measure(features, guide) for guide in at_layer]
        # `left` is painted by both styles, by the second with all of it; `right` by the second alone.
        of_left = [transforms.Moments.measure(one, in_style[0]), transforms.Moments.measure(other)]
        maps = [transforms.guided(own[0], of_left), transforms.guided(own[1], [transforms.Moments.measure(other)])]
        changed = transforms.regional(features, maps, at_layer)
        wanted = load(folder / f"wct-{layer}.safetensors")(changed).clamp(0, 1)
    remove_weave(wanted)
    torch.testing.assert_close(painting.result().picture.pixels, wanted, atol=1e-4, rtol=0)


@pytest.mark.parametrize("method", ANY_STYLE)
def test_what_is_kept_stays_a_photograph(method: str, content: Tensor, style: Tensor) -> None:
    regions = Regions(("left", "right"), halves(48, 64), (None,))
    recipe = Recipe.parse({"method": method, "size": 64, "precision": "float32", "keep": "left"})
    painting = begin(content, style, recipe, regions=regions)
    for _ in painting:
        pass
    found = painting.result().picture.pixels
    assert torch.equal(found[..., :30], content[None, :, :, :30])
    assert not torch.allclose(found[..., 34:], content[None, :, :, 34:], atol=0.01)


def test_a_region_too_small_for_a_layer_is_told_and_left_out(
    content: Tensor, style: Tensor, notices: list[str]
) -> None:
    maps = torch.zeros(2, 48, 64)
    maps[0, :6, :6] = 1
    maps[1] = 1 - maps[0]
    recipe = Recipe.parse({"method": "wct", "size": 64, "precision": "float32"})
    painting = begin(content, style, recipe, regions=Regions(("dot", "rest"), maps, (None,)))
    for _ in painting:
        pass
    assert "region 'dot' is too small to be seen at relu5_1; left out there" in notices
    assert not any("dot" in line and "relu2_1" in line for line in notices)
    assert bool(painting.result().picture.pixels.isfinite().all())


def test_colours_of_the_content(painted: Paint, content: Tensor) -> None:
    plain, kept = painted("adain").result(), painted("adain", color="content").result()
    wanted = color.keep_chroma(plain.picture.pixels, content[None], strength=1.0)
    assert torch.equal(kept.picture.pixels, wanted)


@pytest.mark.parametrize("mode", ["match", "luminance"])
def test_colours_before_painting(mode: str, painted: Paint) -> None:
    found = painted("adain", color=mode).result().picture.pixels
    assert bool(found.isfinite().all())
    assert not torch.allclose(found, painted("adain").result().picture.pixels, atol=1e-3)


def test_transparent_parts_of_a_style_do_not_count(painted: Paint, style: Tensor) -> None:
    alpha = torch.ones(1, 1, 56, 40)
    alpha[..., :20] = 0
    other = style.clone()
    other[..., :20] = torch.rand(3, 56, 20)
    one, two = (images.Picture(each[None], alpha.clone()) for each in (style, other))
    assert torch.equal(picture(painted("wct", styles=one)), picture(painted("wct", styles=two)))


# Textures.


def test_a_texture_of_noise(painted: Paint) -> None:
    one, again, other = (painted("wct", None, seed=seed) for seed in (1, 1, 2))
    assert one.recipe.passes == 3
    assert one.steps == len(one.history) == 15
    assert torch.equal(picture(one), picture(again))
    assert not torch.allclose(picture(one), picture(other), atol=1e-3)
    assert picture(painted("wct", None, passes=1, aspect=2.0)).shape == (1, 3, 32, 64)


def test_a_texture_that_repeats_has_whole_neurons(painted: Paint, notices: list[str]) -> None:
    painting = painted("wct", None, tileable=True, size=72, passes=1)
    assert painting.size == (64, 64)
    assert any("steps of 16" in line for line in notices)


@pytest.mark.parametrize("method", ["adain", "linear"])
def test_what_needs_a_photograph_says_what_does_not(method: str, painted: Paint) -> None:
    with pytest.raises(UsageError, match=f"{method} paints photographs; .* from gatys, mrf, doodle, wct, texture_net"):
        painted(method, None)
