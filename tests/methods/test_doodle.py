"""Painting with semantic maps, and from a doodle alone, through the façade with a tiny encoder."""

from typing import Any

import pytest
import torch
from torch import Tensor

from impasto.encoders import Vgg
from impasto.errors import ImageError, RecipeError, UsageError
from impasto.guides import Regions
from impasto.losses import Patches
from impasto.optim.pyramid import Level
from impasto.painting.api import stylize
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.result import Result
from impasto.scene import Scene
from tests.stylize_helpers import Build, finite, gone_on_with, pixels


def bands(height: int, width: int, *, lying: bool = False) -> Tensor:
    """(2, H, W): left and right, or top and bottom."""
    side = (torch.arange(width) < width // 2).float().expand(height, width)
    if lying:
        side = (torch.arange(height) < height // 2).float()[:, None].expand(height, width)
    return torch.stack([side, 1 - side])


def halves(one: Tensor, other: Tensor, height: int, width: int) -> Tensor:
    """(3, H, W): a colour on the left, another on the right."""
    maps = bands(height, width)
    return maps[0] * one[:, None, None] + maps[1] * other[:, None, None]


RED, BLUE = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])
OCHRE, TEAL = torch.tensor([0.8, 0.6, 0.2]), torch.tensor([0.1, 0.4, 0.5])


@pytest.fixture
def sides() -> Regions:
    """Left and right, on content (48, 64) and style (56, 40)."""
    return Regions(("left", "right"), bands(48, 64), (bands(56, 40),))


@pytest.fixture
def build(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> Build:
    """A `Stylizer` by doodle, changed by keywords."""

    def make(
        photo: object = content, styles: object = style, regions: Regions | None = None, **changes: object
    ) -> Stylizer:
        recipe = quick.replace(**{"method": "doodle", **changes})
        return Stylizer(photo, styles, recipe, encoder=tiny_encoder, regions=regions)

    return make


def terms(stylizer: Stylizer) -> dict[str, Patches]:
    """The patch terms at the last level, by layer."""
    return {term.layer: term for term in stylizer.objective(stylizer.levels[-1]).patches}


def run(stylizer: Stylizer) -> Result:
    for _ in stylizer:
        pass
    return stylizer.result()


# Semantic maps steer the matches.


def columns(term: Patches, features: Tensor) -> Tensor:
    """The column of each patch's match in the painting, whose map is 11 neurons wide: 9 patches."""
    return term.bank.match(features, maps=term.maps, labels=term.labels)[0] % 9


def test_the_heavier_the_maps_the_fewer_matches_cross_over(
    build: Build, sides: Regions, tiny_encoder: Vgg, content: Tensor
) -> None:
    features = tiny_encoder(content[None], ["relu3_1"])["relu3_1"][0]
    wrong = []
    for weight in (0.0, 0.05, 10.0):
        found = columns(terms(build(regions=sides, semantic_weight=weight))["relu3_1"], features)
        # Patches of one region alone: columns 0-5 and 8-13 of the picture, 0-2 and 6-8 of the painting.
        wrong.append(int((found[:, :5] > 5).sum() + (found[:, 9:] < 3).sum()))
    assert wrong[0] > wrong[1] > wrong[2] == 0


def test_at_the_largest_weight_only_equal_labels_match(
    build: Build, sides: Regions, tiny_encoder: Vgg, content: Tensor
) -> None:
    features = tiny_encoder(content[None], ["relu3_1"])["relu3_1"][0]
    term = terms(build(regions=sides, semantic_weight=1000))["relu3_1"]
    assert term.labels is None  # nothing is binding
    found, alike = term.bank.match(features, maps=term.maps)
    pure = (found % 9)[:, [0, 1, 2, 3, 10, 11, 12, 13]]
    assert (pure[:, :4] <= 3).all()
    assert (pure[:, 4:] >= 5).all()
    # A perfect match of maps alone has the weight.
    assert float(alike[:, :4].min()) > 999


def test_without_masks_it_is_as_with_no_weight(build: Build, notices: list[str]) -> None:
    alone = run(build())
    assert any("doodle has no masks to go by" in line for line in notices)
    assert torch.equal(pixels(alone), pixels(run(build(semantic_weight=0))))
    assert terms(build())["relu3_1"].maps is None


def test_a_photograph_in_its_own_style_and_masks_has_no_style_to_gain(build: Build, content: Tensor) -> None:
    own = Regions(("left", "right"), bands(48, 64), (bands(48, 64),))
    for weight in (0, 10):
        stylizer = build(
            styles=content, regions=own, iterations=1, levels=1, tv_weight=0, gamut_weight=0, semantic_weight=weight
        )
        assert run(stylizer).history[0]["style"] == pytest.approx(0, abs=1e-4)


def test_a_style_without_a_mask_shows_whatever_is_asked_for(build: Build, style: Tensor, other_style: Tensor) -> None:
    """Its patches compete by their similarity alone with those of the same region."""
    regions = Regions(("left", "right"), bands(48, 64), (None, bands(*other_style.shape[1:])))
    term = terms(build(styles=[style, other_style], regions=regions))["relu3_1"]
    first = len(terms(build(styles=style))["relu3_1"].bank)
    features = torch.rand(8, 12, 16)
    found, alike = term.bank.match(features, maps=term.maps)
    assert bool((found < first).any())
    assert float(alike[found < first].min()) > 10
    # Alone, the painting is matched as without masks.
    alone = terms(build(regions=Regions(("left", "right"), bands(48, 64), (None,))))["relu3_1"]
    plain = terms(build())["relu3_1"]
    assert torch.equal(alone.bank.match(features, maps=alone.maps)[0], plain.bank.match(features)[0])


def test_what_region_styles_and_scales_say_is_binding(build: Build, style: Tensor, other_style: Tensor, sides) -> None:
    regions = Regions(("left", "right"), bands(48, 64), (bands(56, 40), bands(*other_style.shape[1:])))
    term = terms(build(styles=[style, other_style], regions=regions, region_styles={"left": 2}))["relu3_1"]
    first = len(terms(build(styles=style))["relu3_1"].bank)
    assert term.labels is not None
    found, _ = term.bank.match(torch.rand(8, 12, 16), maps=term.maps, labels=term.labels)
    assert (found[term.labels == 0] >= first).all()
    assert bool((found[term.labels == 1] < first).any())
    scaled = terms(build(regions=sides, region_scales={"left": 2.0}))["relu3_1"]
    assert scaled.labels is not None
    assert len(scaled.bank) == first + 30 * 20


def test_what_is_kept_stays_a_photograph(build: Build, sides: Regions, content: Tensor) -> None:
    result = pixels(run(build(regions=sides, keep=("right",))))
    assert torch.equal(result[..., 33:], content[None, ..., 33:])
    assert not torch.equal(result[..., :31], content[None, ..., :31])


# A doodle alone.


def test_a_doodle_has_the_shape_of_its_mask(build: Build) -> None:
    regions = Regions(("left", "right"), bands(60, 30), (bands(56, 40),))
    for method in ("doodle", "mrf", "gatys"):
        result = run(build(photo=None, regions=regions, method=method))
        assert result.picture.size == (64, 32)
        assert finite(result)
        assert [each["role"] for each in result.inputs] == ["style"]
        assert result.recipe.content_layers == {}


@pytest.mark.parametrize("method", ["doodle", "mrf", "gatys"])
def test_a_doodle_starts_with_the_colours_of_each_region(method: str) -> None:
    painting = halves(OCHRE, TEAL, 40, 60)
    regions = Regions(("a", "b"), bands(64, 48, lying=True), (bands(40, 60),))
    scene = Scene(Recipe.parse({"method": method, "init": "style"}), None, [picture_of(painting)], regions)
    start = scene.init_canvas(Level(0, (64, 48), 1))[0]
    # Flat colours have no spread: the noise is nothing.
    torch.testing.assert_close(start[:, :30].mean((1, 2)), OCHRE, atol=2e-3, rtol=0)
    torch.testing.assert_close(start[:, 34:].mean((1, 2)), TEAL, atol=2e-3, rtol=0)


def test_a_start_takes_the_spread_of_a_region_too() -> None:
    random = torch.Generator().manual_seed(0)
    painting = halves(OCHRE, TEAL, 60, 60)
    painting[:, :, 30:] += 0.05 * torch.randn(3, 60, 30, generator=random)
    regions = Regions(("a", "b"), bands(64, 48, lying=True), (bands(60, 60),))
    scene = Scene(Recipe.parse({"method": "doodle", "init": "style"}), None, [picture_of(painting)], regions)
    start = scene.init_canvas(Level(0, (64, 48), 1))[0]
    assert float(start[:, :30].flatten(1).std(1).max()) < 0.01
    assert 0.03 < float(start[:, 34:].flatten(1).std(1).mean()) < 0.06


def test_a_start_has_the_colours_of_the_style_that_paints_the_region() -> None:
    styles = [picture_of(each[:, None, None].expand(3, 40, 40).clone()) for each in (OCHRE, TEAL)]
    regions = Regions(("a", "b"), bands(64, 48), (None, None))
    recipe = Recipe.parse({"method": "doodle", "init": "style", "region_styles": {"a": 2, "b": 1}})
    start = Scene(recipe, None, styles, regions).init_canvas(Level(0, (64, 48), 1))[0]
    torch.testing.assert_close(start[:, :, :22].mean((1, 2)), TEAL, atol=2e-3, rtol=0)
    torch.testing.assert_close(start[:, :, 26:].mean((1, 2)), OCHRE, atol=2e-3, rtol=0)


def picture_of(pixels: Tensor):
    from impasto.images import Picture

    return Picture(pixels[None], name="painting")


def test_a_doodle_is_painted_with_the_colours_of_its_regions(tiny_encoder: Vgg, quick: Recipe) -> None:
    """Red on top in the mask is red on the left in the painting's, which is ochre there."""
    mask = bands(64, 48, lying=True)
    doodle = mask[0] * RED[:, None, None] + mask[1] * BLUE[:, None, None]
    result = stylize(
        None,
        halves(OCHRE, TEAL, 60, 60),
        quick.replace(method="doodle"),
        encoder=tiny_encoder,
        content_mask=doodle,
        style_masks=halves(RED, BLUE, 60, 60),
    )
    assert result.picture.size == (64, 48)
    found = pixels(result)[0]
    torch.testing.assert_close(found[:, :28].mean((1, 2)), OCHRE, atol=0.05, rtol=0)
    torch.testing.assert_close(found[:, 36:].mean((1, 2)), TEAL, atol=0.05, rtol=0)
    assert [each["role"] for each in result.inputs] == ["style", "content mask", "style mask"]


def test_a_method_of_one_go_paints_doodles_too() -> None:
    mask = bands(64, 48, lying=True)
    doodle = mask[0] * RED[:, None, None] + mask[1] * BLUE[:, None, None]
    painting = halves(OCHRE, TEAL, 60, 60) + 0.05 * torch.rand(3, 60, 60)
    masks = halves(RED, BLUE, 60, 60)
    settings: dict[str, Any] = {"method": "wct", "size": 64, "precision": "float32"}
    found = pixels(stylize(None, painting, content_mask=doodle, style_masks=masks, **settings))[0]
    assert found.shape == (3, 64, 48)
    above, below = (part.mean((1, 2)) for part in (found[:, :24], found[:, 40:]))
    assert float((above - OCHRE).norm()) < float((above - TEAL).norm())
    assert float((below - TEAL).norm()) < float((below - OCHRE).norm())


def test_a_doodle_goes_on_bit_for_bit(build: Build) -> None:
    regions = Regions(("left", "right"), bands(60, 40), (bands(56, 40),))
    whole = run(build(photo=None, regions=regions))
    assert torch.equal(pixels(gone_on_with(lambda: build(photo=None, regions=regions), 5)), pixels(whole))


# Refusals.


def test_a_doodle_needs_to_know_what_its_colours_stand_for(build: Build) -> None:
    bare = Regions(("left", "right"), bands(60, 40), (None,))
    with pytest.raises(UsageError, match="no style has a mask that says what the doodle's colours stand for"):
        build(photo=None, regions=bare)
    build(photo=None, regions=bare, region_styles={"left": 1})


def test_what_a_doodle_has_no_photograph_for_is_refused(build: Build) -> None:
    regions = Regions(("left", "right"), bands(60, 40), (bands(56, 40),))
    with pytest.raises(UsageError, match="keep: a doodle has no photograph"):
        build(photo=None, regions=regions, keep=("left",))
    with pytest.raises(UsageError, match="color 'luminance' takes colours from a content, and a doodle has none"):
        build(photo=None, regions=regions, color="luminance")
    with pytest.raises(UsageError, match="aspect: a doodle has the shape of its mask"):
        build(photo=None, regions=regions, aspect=2.0)
    narrow = Regions(("left", "right"), bands(8, 400), (bands(56, 40),))
    with pytest.raises(ImageError, match=r"doodle: would be painted at .* the short side needs at least 16 px"):
        build(photo=None, regions=narrow)


def test_the_weight_belongs_to_doodle_and_has_bounds() -> None:
    with pytest.raises(RecipeError, match="semantic_weight belongs to doodle, not to mrf"):
        Recipe.parse({"method": "mrf", "semantic_weight": 5})
    for wrong in (-1, 1001, float("nan")):
        with pytest.raises(RecipeError, match="recipe key 'semantic_weight'"):
            Recipe.parse({"method": "doodle", "semantic_weight": wrong})
