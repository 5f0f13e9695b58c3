"""Regions, colours, mixing and textures through the façade, with a tiny encoder."""

from typing import Any

import pytest
import torch
from torch import Tensor

from impasto import color, encoders, guides
from impasto.encoders import Vgg
from impasto.errors import UsageError
from impasto.guides import Regions
from impasto.images import Picture, resize
from impasto.optim.pyramid import Level
from impasto.painting.api import stylize
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.result import Result
from tests.stylize_helpers import Build, halves, pixels


@pytest.fixture
def sides() -> Regions:
    """Left and right, on content (48, 64) and style (56, 40)."""
    return Regions(("left", "right"), halves(48, 64), (halves(56, 40),))


@pytest.fixture
def build(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor, sides: Regions) -> Build:
    """A `Stylizer` with masks, changed by keywords."""

    def make(styles: object = None, regions: Regions | None = sides, photo: object = content, **changes: object):
        recipe = quick.replace(levels=1, **{"statistics": "gram", **changes})
        return Stylizer(photo, style if styles is None else styles, recipe, encoder=tiny_encoder, regions=regions)

    return make


def color_mask(height: int, width: int) -> Tensor:
    """Red on the left, blue on the right."""
    mask = torch.zeros(3, height, width)
    mask[0], mask[2] = halves(height, width)
    return mask


NAMES = ({"#ff0000": "roof", "#0000ff": "sky"}, '{"#ff0000": "roof", "#0000ff": "sky"}', "#ff0000 roof\n#0000ff sky")


@pytest.mark.parametrize("names", NAMES, ids=["mapping", "json", "lines"])
def test_names_of_colours_are_those_of_regions(names, tiny_encoder: Vgg, content: Tensor, style: Tensor) -> None:
    masks: dict[str, Any] = {"content_mask": color_mask(48, 64), "style_masks": [color_mask(56, 40)]}
    settings: dict[str, Any] = {"size": 48, "iterations": 1, "levels": 1, "precision": "float32"}
    result = stylize(content, style, encoder=tiny_encoder, **masks, region_names=names, keep=["roof"], **settings)
    plain = stylize(content, style, encoder=tiny_encoder, **masks, keep=["red"], **settings)
    assert torch.equal(result.picture.pixels, plain.picture.pixels)
    assert result.recipe.keep == ("roof",)


def test_names_of_no_mask_are_refused(tiny_encoder: Vgg, content: Tensor, style: Tensor) -> None:
    with pytest.raises(UsageError, match="region_names are of the colours of a content_mask"):
        stylize(content, style, encoder=tiny_encoder, region_names=["sky"])
    mask = color_mask(48, 64)
    with pytest.raises(UsageError, match="region_names: 'red' is no colour"):
        stylize(content, style, encoder=tiny_encoder, content_mask=mask, region_names={"red": "sky"})


def run(stylizer: Stylizer) -> Result:
    for _ in stylizer:
        pass
    return stylizer.result()


def report(stylizer: Stylizer, image: Tensor) -> dict[str, float]:
    objective = stylizer.objective(stylizer.levels[0])
    with torch.no_grad():
        return objective(image, stylizer.encoder(image, objective.layers))[1].terms


def test_cs229_with_masks_is_equation_six(tiny_encoder: Vgg, content: Tensor, style: Tensor) -> None:
    regions = Regions(("left", "right"), halves(48, 64, 0.25), (halves(48, 64, 0.75),))
    recipe = Recipe.from_preset("cs229", size=64, precision="float32")
    painted = resize(style[None], (48, 64))
    stylizer = Stylizer(content, painted[0], recipe, encoder=tiny_encoder, regions=regions)
    image = content[None].flip(-1).contiguous()
    terms = report(stylizer, image)
    features, targets = (tiny_encoder(picture, recipe.style_layers) for picture in (image, painted))
    for layer, weight in recipe.style_layers.items():
        channels, stride = features[layer].shape[1], encoders.VGG19.stride(layer)
        for name, ours, theirs in (("left", slice(0, 16), slice(0, 48)), ("right", slice(16, 64), slice(48, 64))):
            grams = []
            for side, columns in ((features, ours), (targets, theirs)):
                part = side[layer][0, :, :, columns.start // stride : columns.stop // stride].flatten(1)
                grams.append(part @ part.T / part.shape[1])
            expected = weight * float((grams[0] - grams[1]).square().sum()) / (4 * channels**2) / 2
            assert terms[f"style {layer} {name}"] == pytest.approx(expected, rel=1e-4)


def test_one_region_everywhere_is_no_region(build: Build, content: Tensor) -> None:
    ones = Regions(("all",), torch.ones(1, 48, 64), (torch.ones(1, 56, 40),))
    image = content[None].flip(-1).contiguous()
    plain = report(build(regions=None), image)
    for mode in guides.MODES:
        guided = report(build(regions=ones, guides=mode), image)
        assert sum(guided.values()) == pytest.approx(sum(plain.values()), rel=1e-5)


def test_borders_are_compared_with_the_borders_of_the_style(build: Build, content: Tensor, style: Tensor) -> None:
    image = content[None].flip(-1).contiguous()
    terms = report(build(guides="border"), image)
    assert {"style relu3_1 left", "style relu3_1 right", "style relu3_1 left|right"} <= terms.keys()
    # A photograph that is the painting, with the painting's masks, has the painting's regions and borders.
    same = Regions(("left", "right"), halves(56, 40), (halves(56, 40),))
    alike = build(style, same, style, guides="border", size=56)
    found = report(alike, alike.scene.photo(alike.levels[0]))
    assert max(value for name, value in found.items() if name.startswith("style")) < 1e-8


def test_a_border_that_the_style_lacks_is_a_mixture_of_both_sides(build: Build) -> None:
    flat = torch.where(torch.arange(40) < 20, 0.2, 0.8).expand(3, 56, 40)
    # Left and right are far from each other in this painting: nothing between them belongs to either.
    apart = halves(56, 40, 0.2)
    apart[1] = halves(56, 40, 0.8)[1]
    regions = Regions(("left", "right"), halves(48, 64), (apart,))
    stylizer = build(flat, regions, guides="border", style_layers={"relu1_1": 1.0})
    objective = stylizer.objective(stylizer.levels[0])
    targets = {term.region: term.target for term in objective.styles}
    assert torch.allclose(targets["left|right"], (targets["left"] + targets["right"]) / 2)


def test_each_region_gets_its_own_style(build: Build, style: Tensor) -> None:
    dark, bright = torch.full_like(style, 0.1), torch.full_like(style, 0.9)
    split = torch.where(halves(56, 40)[0] > 0, dark, bright)
    # Flat paintings, and colours mostly: relu1_1 sees them almost alone.
    weights = {"style_layers": {"relu1_1": 1.0}, "content_weight": 0.0, "tv_weight": 0.0}
    settings = {**weights, "iterations": 30, "finishing_steps": 0}
    result = pixels(run(build(split, **settings)))
    left, right = result[..., :24].mean(), result[..., 40:].mean()
    assert right - left > 0.4
    plain = pixels(run(build(split, regions=None, **settings)))
    assert abs(float(plain[..., 40:].mean() - plain[..., :24].mean())) < 0.3


def test_region_share_and_weights(build: Build, content: Tensor) -> None:
    quarter = Regions(("left", "right"), halves(48, 64, 0.25), (halves(56, 40),))
    image = content[None].flip(-1).contiguous()
    area = report(build(regions=quarter, guides="simple"), image)
    equal = report(build(regions=quarter, guides="simple", region_balance="equal"), image)
    heavy = report(build(regions=quarter, guides="simple", region_weights={"left": 3.0}), image)
    for layer in ("relu1_1", "relu3_1"):
        assert area[f"style {layer} left"] * 2 == pytest.approx(equal[f"style {layer} left"], rel=1e-5)
        assert area[f"style {layer} right"] / 1.5 == pytest.approx(equal[f"style {layer} right"], rel=1e-5)
        assert heavy[f"style {layer} left"] == pytest.approx(3 * area[f"style {layer} left"], rel=1e-5)
        assert heavy[f"style {layer} right"] == pytest.approx(area[f"style {layer} right"], rel=1e-5)


def test_global_share_moves_weight_to_the_whole_picture(build: Build, content: Tensor) -> None:
    image = content[None].flip(-1).contiguous()
    plain, regional = report(build(regions=None), image), report(build(), image)
    mixed = report(build(global_fraction=0.25), image)
    assert mixed["style relu2_1"] == pytest.approx(0.25 * plain["style relu2_1"], rel=1e-5)
    assert mixed["style relu2_1 left"] == pytest.approx(0.75 * regional["style relu2_1 left"], rel=1e-5)


def test_a_kept_region_stays_the_photograph(build: Build, content: Tensor) -> None:
    result = pixels(run(build(keep=["left"])))
    assert torch.equal(result[..., :32], content[None, ..., :32])
    assert float((result[..., 34:] - content[None, ..., 34:]).abs().max()) > 0.02


def test_content_weight_of_a_region(build: Build, content: Tensor) -> None:
    image = content[None].flip(-1).contiguous()
    settings = {"content_layers": {"relu1_1": 1.0}}
    plain = report(build(**settings), image)["content relu1_1"]
    left = report(build(**settings, region_content_weights={"right": 0.0}), image)["content relu1_1"]
    right = report(build(**settings, region_content_weights={"left": 0.0}), image)["content relu1_1"]
    assert left + right == pytest.approx(plain, rel=1e-5)
    assert 0 < left < plain


def test_scale_of_a_region(build: Build, content: Tensor) -> None:
    stylizer = build(region_scales={"left": 0.5})
    assert stylizer.scene.style(0, stylizer.levels[0], 0.5).pixels.shape[-2:] == (32, 23)
    image = content[None].flip(-1).contiguous()
    changed, plain = report(stylizer, image), report(build(), image)
    smaller = report(build(style_scale=0.5), image)
    assert changed["style relu2_1 left"] == pytest.approx(smaller["style relu2_1 left"], rel=1e-5)
    assert changed["style relu2_1 right"] == pytest.approx(plain["style relu2_1 right"], rel=1e-5)


def test_one_style_for_each_region(build: Build, content: Tensor, style: Tensor, other_style: Tensor) -> None:
    regions = Regions(("left", "right"), halves(48, 64), (None, None))
    image = content[None].flip(-1).contiguous()
    both = report(build([style, other_style], regions, region_styles={"left": 1, "right": 2}), image)
    first = report(build(style, Regions(regions.names, regions.content, (None,))), image)
    second = report(build(other_style, Regions(regions.names, regions.content, (None,))), image)
    assert both["style relu2_1 left"] == pytest.approx(first["style relu2_1 left"], rel=1e-5)
    assert both["style relu2_1 right"] == pytest.approx(second["style relu2_1 right"], rel=1e-5)


def test_a_style_without_a_region_has_no_part_in_it(
    build: Build, content: Tensor, style: Tensor, other_style: Tensor
) -> None:
    only_right = torch.stack([torch.zeros(40, 40), torch.ones(40, 40)])
    regions = Regions(("left", "right"), halves(48, 64), (halves(56, 40), only_right))
    image = content[None].flip(-1).contiguous()
    both = report(build([style, other_style], regions), image)
    alone = report(build(), image)
    assert both["style relu2_1 left"] == pytest.approx(alone["style relu2_1 left"], rel=1e-5)
    assert both["style relu2_1 right"] != pytest.approx(alone["style relu2_1 right"], rel=1e-3)


def test_layer_shares_choose_styles_by_layer(build: Build, content: Tensor, style: Tensor, other_style: Tensor) -> None:
    image = content[None].flip(-1).contiguous()
    mixed = report(build([style, other_style], None, layer_style_weights="relu1_1=0:1,relu2_1=1:0"), image)
    first, second = report(build(style, None), image), report(build(other_style, None), image)
    assert mixed["style relu1_1"] == pytest.approx(second["style relu1_1"], rel=1e-5)
    assert mixed["style relu2_1"] == pytest.approx(first["style relu2_1"], rel=1e-5)
    with pytest.raises(UsageError, match="layer_style_weights of relu1_1 has 1 numbers for 2 styles"):
        build([style, other_style], None, layer_style_weights={"relu1_1": [1.0]})


def test_a_region_that_vanishes_at_a_deep_layer_is_left_out_with_a_notice(
    build: Build, notices: list[str], content: Tensor
) -> None:
    sliver = Regions(("left", "right"), halves(48, 64, 0.1), (halves(56, 40),))
    terms = report(build(regions=sliver, guides="inside"), content[None])
    assert "style relu1_1 left" in terms
    assert "style relu4_1 left" not in terms
    assert any("region 'left' is too small in the content to be seen at relu3_1 (" in line for line in notices)
    assert len(notices) == len(set(notices))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"keep": ["lift"]}, "keep: unknown region 'lift'; did you mean 'left'"),
        ({"region_weights": {"top": 1.0}}, "region_weights: unknown region 'top'"),
        ({"keep": ["left", "right"]}, "leave at least one to paint"),
        ({"region_styles": {"left": 2}}, "'left' wants style 2 of 1"),
    ],
)
def test_settings_must_fit_the_regions(build: Build, settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build(**settings)


def test_settings_of_regions_need_masks(build: Build) -> None:
    with pytest.raises(UsageError, match="region_scales names the region 'left', but there are no masks"):
        build(regions=None, region_scales={"left": 2.0})


def test_transparent_parts_of_a_style_do_not_count_in_regions(build: Build, content: Tensor, style: Tensor) -> None:
    alpha = torch.ones(1, 1, 56, 40)
    alpha[..., :20, :] = 0
    changed = style.clone()
    changed[:, :20] = 0.5
    image = content[None].flip(-1).contiguous()
    hidden = [report(build(Picture(p[None].clone(), alpha, name="cut-out")), image) for p in (style, changed)]
    assert hidden[0] == pytest.approx(hidden[1], rel=1e-4)


def test_every_statistic_works_with_guides_and_mixing(build: Build, style: Tensor, other_style: Tensor) -> None:
    regions = Regions(("left", "right"), halves(48, 64), (halves(56, 40), None))
    for name in ("gram", "mean_std", "covariance", "histogram", "sliced_wasserstein"):
        stylizer = build([style, other_style], regions, statistics=name, tv_weight=0.0, content_weight=0.0)
        losses = [progress.losses["style"] for progress in stylizer]
        assert 0 < losses[-1] < losses[0]


def test_statistics_add_with_their_weights(build: Build, content: Tensor) -> None:
    image = content[None].flip(-1).contiguous()
    gram, histogram = (report(build(regions=None, statistics=name), image) for name in ("gram", "histogram"))
    both = report(build(regions=None, statistics="gram=0.5,histogram=2"), image)
    assert both["style relu3_1"] == pytest.approx(0.5 * gram["style relu3_1"], rel=1e-5)
    assert both["style relu3_1 histogram"] == pytest.approx(2 * histogram["style relu3_1 histogram"], rel=1e-5)


def chroma(picture: Tensor) -> Tensor:
    return color.to_oklab(picture.double())[:, 1:]


def test_luminance_keeps_the_chroma_of_the_content(build: Build, content: Tensor) -> None:
    soft = 0.35 + 0.3 * content  # stays in gamut at any lightness a painting of it can reach
    for mode in ("luminance", "content"):
        result = run(build(regions=None, photo=soft, color=mode))
        painted = pixels(result)
        inside = ((painted > 0.002) & (painted < 0.998)).all(1, keepdim=True).expand(-1, 2, -1, -1)
        assert float(inside.float().mean()) > 0.8
        assert float((chroma(painted) - chroma(soft[None]))[inside].abs().max()) < 2e-3
        lightness = color.to_oklab(painted)[:, 0] - color.to_oklab(soft[None])[:, 0]
        assert float(lightness.abs().max()) > 0.03


def test_luminance_is_painted_on_one_channel(build: Build) -> None:
    stylizer = build(regions=None, color="luminance")
    assert stylizer.scene.init_canvas(stylizer.levels[0]).shape[1] == 1
    for progress in stylizer:
        assert progress.image.shape[1] == 3
        assert torch.equal(progress.image[:, 0], progress.image[:, 2])


def test_match_gives_the_style_the_colours_of_the_content(build: Build, content: Tensor) -> None:
    level = Level(0, (48, 64), 1)
    for transform in ("sym", "chol", "pca", "histogram"):
        stylizer = build(regions=None, color="match", color_transform=transform)
        painted, photo = stylizer.scene.style(0, level).pixels, content[None]
        assert torch.allclose(painted.mean((0, 2, 3)), photo.mean((0, 2, 3)), atol=0.03)
    untouched = build(regions=None, color="match", color_strength=0.0).scene.style(0, level).pixels
    assert torch.equal(untouched, build(regions=None).scene.style(0, level).pixels)


def test_match_works_by_region(build: Build, content: Tensor) -> None:
    level = Level(0, (48, 64), 1)
    painted = build(color="match").scene.style(0, level).pixels
    width = painted.shape[-1]
    for ours, theirs in ((slice(0, 32), slice(0, width // 2)), (slice(32, 64), slice(width // 2, width))):
        expected = content[None, ..., ours].mean((0, 2, 3))
        assert torch.allclose(painted[..., theirs].mean((0, 2, 3)), expected, atol=0.04)


def test_a_texture_has_no_content(build: Build) -> None:
    result = run(build(regions=None, photo=None, aspect=2.0))
    assert result.picture.size == (32, 64)
    assert "content" not in result.history[0]
    assert result.recipe.init == "style"
    with pytest.raises(UsageError, match="a texture has none"):
        build(regions=None, photo=None, color="match")


def test_a_tile_is_judged_alike_wherever_it_is_cut(build: Build, notices: list[str]) -> None:
    stylizer = build(regions=None, photo=None, tileable=True, size=64)
    encoder = stylizer.encoder.padded("circular")
    objective = stylizer.objective(stylizer.levels[0])
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)).double()
    totals = []
    for shift in ((0, 0), (16, 48)):
        rolled = image.roll(shift, (2, 3))
        totals.append(float(objective(rolled, encoder(rolled, objective.layers))[0]))
    assert totals[0] == pytest.approx(totals[1], rel=1e-6)
    border = objective(image, stylizer.encoder(image, objective.layers))[1].total
    assert border != pytest.approx(totals[0], rel=1e-6)
    assert build(regions=None, photo=None, tileable=True, size=70).size == (64, 64)
    assert any("in steps of 16: 64x64" in line for line in notices)


def test_masks_through_stylize(quick: Recipe, tiny_encoder: Vgg, content: Tensor, style: Tensor) -> None:
    def mask(height: int, width: int) -> Tensor:
        return halves(height, width)[0].expand(3, -1, -1).clone()

    gray = {"left": (mask(48, 64), [mask(56, 40)])}
    colored = stylize(
        content, style, quick, encoder=tiny_encoder, content_mask=mask(48, 64), style_masks=[mask(56, 40)]
    )
    layered = stylize(content, style, quick, encoder=tiny_encoder, region_masks=gray)
    plain = stylize(content, style, quick, encoder=tiny_encoder)
    assert torch.allclose(pixels(colored), pixels(layered), atol=1e-4)
    assert not torch.allclose(pixels(colored), pixels(plain), atol=1e-3)
    assert [item["role"] for item in colored.inputs] == ["content", "style", "content mask", "style mask"]
    with pytest.raises(UsageError, match="exclude each other"):
        stylize(content, style, quick, content_mask=mask(48, 64), region_masks=gray)
    with pytest.raises(UsageError, match="belong to a content_mask"):
        stylize(content, style, quick, style_masks=[mask(56, 40)])
