"""STROTSS through the façade, with a tiny encoder."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from impasto.encoders import Vgg
from impasto.errors import NotTileableError, RecipeError
from impasto.guides import Regions
from impasto.losses import SelfSimilarity, Transport
from impasto.optim import canvas
from impasto.optim.state import State
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.result import Result
from tests.stylize_helpers import Build, finite, gone_on_with, halves, pixels, with_alpha


def two_colors(height: int = 56, width: int = 40) -> Tensor:
    """(3, H, W): red on the left and blue on the right, with some noise."""
    left, right = halves(height, width)
    red, blue = torch.tensor([0.9, 0.1, 0.1]), torch.tensor([0.1, 0.1, 0.9])
    clean = red[:, None, None] * left + blue[:, None, None] * right
    return (clean + 0.05 * torch.rand(3, height, width)).clamp(0, 1)


@pytest.fixture
def build(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> Build:
    """A `Stylizer`, changed by keywords."""

    def make(
        photo: object = content, styles: object = style, regions: Regions | None = None, **changes: Any
    ) -> Stylizer:
        options = {key: changes.pop(key) for key in ("tile",) if key in changes}
        recipe = Recipe.parse(
            {"method": "strotss", "margin": 0, "size": quick.size, "levels": 2, "iterations": 6, **changes}
        )
        return Stylizer(photo, styles, recipe, encoder=tiny_encoder, regions=regions, **options)

    return make


def terms(stylizer: Stylizer, level: int = -1) -> tuple[SelfSimilarity, Transport]:
    content, style = stylizer.objective(stylizer.levels[level]).global_terms
    assert isinstance(content, SelfSimilarity)
    assert isinstance(style, Transport)
    return content, style


def run(stylizer: Stylizer) -> Result:
    for _ in stylizer:
        pass
    return stylizer.result()


def colors(stylizer: Stylizer, label: int = 0) -> Tensor:
    """(m, 3): colours of what paints a region."""
    return terms(stylizer)[1].samples[label].columns[:, -3:] + 0.5


def test_a_painting_comes_nearer_to_its_style(build: Build) -> None:
    results = [run(build(iterations=10)) for _ in range(2)]
    assert torch.equal(pixels(results[0]), pixels(results[1]))
    assert finite(results[0])
    first = [line for line in results[0].history if line["level"] == 0]
    assert first[-1]["loss"] < first[0]["loss"]
    assert set(first[0]) == {"level", "step", "loss", "elapsed_s", "content", "style", "tv", "gamut"}
    assert not torch.equal(pixels(run(build(iterations=10, seed=1))), pixels(results[0]))


def test_a_photograph_has_the_similarities_of_its_own(build: Build, content: Tensor, tiny_encoder: Vgg) -> None:
    similarity, _ = terms(build())
    features = tiny_encoder(content[None], similarity.layers)
    assert float(similarity(content[None], features)) == pytest.approx(0, abs=1e-6)
    other = torch.rand(1, *content.shape)
    assert float(similarity(other, tiny_encoder(other, similarity.layers))) > 0.01


def test_the_pyramid_begins_at_64_px_and_levels_get_the_same_steps(build: Build) -> None:
    levels = build(size=200, levels=0, iterations=8).levels
    assert [(max(level.size), level.steps) for level in levels] == [(100, 4), (200, 4)]
    assert [max(level.size) for level in build(size=256, levels=0).levels] == [64, 128, 256]


def test_the_content_counts_half_as_much_from_level_to_level(build: Build) -> None:
    stylizer = build(size=352, levels=5)
    alphas = [terms(stylizer, level)[0].factor / terms(stylizer, level)[1].factor for level in range(5)]
    assert alphas == pytest.approx([4, 4, 4, 2, 1])
    assert terms(stylizer, 3)[1].palette == pytest.approx(1 / 2)
    more = build(content_weight=3)
    assert terms(more)[0].factor / terms(more)[1].factor == pytest.approx(3)
    (alone,) = build(content_weight=0).objective(build().levels[-1]).global_terms
    assert isinstance(alone, Transport)
    assert alone.name == "style transport"
    assert alone.palette == 1


def test_more_content_weight_is_nearer_to_the_photograph(build: Build) -> None:
    less, more = (run(build(iterations=12, content_weight=weight)) for weight in (0.1, 10))
    assert more.history[-1]["content"] < 20 * less.history[-1]["content"]
    similarity, _ = terms(build())

    def away(result: Result) -> float:
        image = pixels(result)
        features = build().encoder(image, similarity.layers)
        return float(similarity.__class__(*_parts(similarity))(image, features))

    assert away(more) < away(less)


def _parts(similarity: SelfSimilarity) -> tuple[Any, ...]:
    """The same term, at its first evaluation."""
    return (similarity.columns, similarity.positions, similarity.photo, similarity.features, similarity.factor)


def test_it_starts_from_details_over_the_mean_colour(content: Tensor) -> None:
    styles = [torch.full((1, 3, 9, 7), 0.2), torch.full((1, 3, 5, 8), 0.6)]
    flat = canvas.init_canvas("details", torch.full((1, 3, 12, 17), 0.9), styles, blend=0, seed=0)
    torch.testing.assert_close(flat, torch.full((1, 3, 12, 17), 0.4))
    detailed = canvas.init_canvas("details", content[None], styles, blend=0, seed=0)
    assert detailed.mean() == pytest.approx(0.4, abs=0.01)
    assert detailed.std() > 0.01


def test_masks_restrict_what_paints_where(build: Build) -> None:
    regions = Regions(("left", "right"), halves(48, 64), (halves(56, 40),))
    # The photograph's left is painted with the painting's left, and nothing else, and the other way round.
    stylizer = build(styles=two_colors(), regions=regions, iterations=24)
    red, blue = colors(stylizer, 0), colors(stylizer, 1)
    assert (red[:, 0] > red[:, 2] + 0.1).float().mean() > 0.98
    assert (blue[:, 2] > blue[:, 0] + 0.1).float().mean() > 0.98
    image = pixels(run(stylizer))[0]
    red, blue = image[:, :, :28].mean((1, 2)), image[:, :, 36:].mean((1, 2))
    assert red[0] > red[2] + 0.1
    assert blue[2] > blue[0] + 0.1
    # The other way round with the masks of the painting changed over.
    swapped = Regions(regions.names, regions.content, (halves(56, 40).flip(0),))
    image = pixels(run(build(styles=two_colors(), regions=swapped, iterations=24)))[0]
    assert image[2, :, :28].mean() > image[0, :, :28].mean() + 0.1


def test_what_regions_weigh_and_what_is_kept(build: Build, content: Tensor) -> None:
    regions = Regions(("left", "right"), halves(48, 64), (halves(56, 40),))
    _, style = terms(build(regions=regions, region_weights={"left": 3}))
    assert [style.samples[label].weight for label in (0, 1)] == pytest.approx([1.5, 0.5])
    similarity, _ = terms(build(regions=regions, region_content_weights={"right": 2}))
    assert similarity.weights is not None
    assert similarity.weights.tolist() == [1, 2, 1]
    kept = build(regions=regions, keep=("right",))
    assert set(terms(kept)[1].samples) == {0}
    result = pixels(run(kept))
    assert torch.equal(result[..., 33:], content[None, ..., 33:])
    assert not torch.equal(result[..., :31], content[None, ..., :31])


def test_one_style_for_each_region_and_shares_of_samples(build: Build) -> None:
    red, blue = torch.zeros(3, 40, 40), torch.zeros(3, 30, 50)
    red[0], blue[2] = 1, 1
    regions = Regions(("left", "right"), halves(48, 64), (None, None))
    alone = build(styles=[red, blue], regions=regions, region_styles={"left": 1, "right": 2})
    assert colors(alone, 0)[:, 0].min() > 0.9
    assert colors(alone, 1)[:, 2].min() > 0.9
    mixed = colors(build(styles=[red, blue], style_weights=(1, 3)))
    assert float((mixed[:, 0] > 0.5).float().mean()) == pytest.approx(0.25, abs=1e-3)
    assert colors(build(styles=[red, blue], style_weights=(0, 1)))[:, 2].min() > 0.9


def test_scale_of_a_region(build: Build) -> None:
    regions = Regions(("left", "right"), halves(48, 64), (halves(56, 40),))
    plain, scaled = (terms(build(regions=regions, region_scales=scales))[1] for scales in ({}, {"left": 1.5}))
    assert len(scaled.samples[0].columns) > 2 * len(plain.samples[0].columns)
    assert len(scaled.samples[1].columns) == len(plain.samples[1].columns)


def test_transparent_parts_of_a_style_are_never_sampled(build: Build) -> None:
    cut_out = with_alpha(two_colors(), halves(56, 40)[0])
    found = colors(build(styles=cut_out))
    assert (found[:, 0] > found[:, 2] + 0.3).all()


def test_a_region_that_no_painting_shows_is_told_of_and_painted(build: Build, notices: list[str]) -> None:
    nowhere = torch.zeros(2, 56, 40)
    nowhere[0] = 1
    regions = Regions(("left", "right"), halves(48, 64), (nowhere,))
    stylizer = build(regions=regions, region_styles={"right": 1})
    assert finite(run(stylizer))
    told = [line for line in notices if "not to be seen in" in line]
    assert len(told) == 1
    assert "region 'right'" in told[0]


def test_what_no_mask_names_is_painted_by_all(build: Build) -> None:
    maps = halves(48, 64)[:1]
    regions = Regions(("left",), maps, (None,))
    assert set(terms(build(regions=regions))[1].samples) == {0, 1}


@pytest.mark.parametrize("color", ["content", "luminance", "match"])
def test_colours(build: Build, color: str) -> None:
    assert finite(run(build(color=color)))


@pytest.mark.parametrize("changes", [{}, {"solver": "lbfgs"}], ids=["own solver", "lbfgs"])
def test_it_goes_on_bit_for_bit(build: Build, changes: dict[str, object]) -> None:
    # L-BFGS evaluates more often than it steps: positions go by evaluations.
    whole = run(build(**changes))
    for stop in (2, 4):
        assert torch.equal(pixels(gone_on_with(lambda: build(**changes), stop)), pixels(whole)), stop


def test_a_checkpoint_without_the_count_of_evaluations_goes_on_from_its_steps(build: Build) -> None:
    first, second = build(), build()
    steps = iter(first)
    for _ in range(3):
        next(steps)
    saved = first.checkpoint()
    assert saved.level_state.values == {"evaluations transport": 3, "evaluations selfsimilarity": 3}
    old = replace(saved, level_state=State(saved.level_state.tensors, {}))
    steps.close()
    second.restore(old)
    assert torch.equal(pixels(run(second)), pixels(run(build())))


def test_tiles_are_refused_before_the_first_step(build: Build) -> None:
    with pytest.raises(NotTileableError, match="the method 'strotss' needs the whole picture"):
        build(size=400, levels=1, tile=256)


def test_settings_that_do_not_belong_are_refused() -> None:
    with pytest.raises(RecipeError, match="hypercolumn_layers names none with a factor"):
        Recipe.parse({"method": "strotss", "hypercolumn_layers": {}})
    with pytest.raises(RecipeError, match="style_layers belongs to gatys and portrait, not to strotss"):
        Recipe.parse({"method": "strotss", "style_layers": "relu1_1"})


def test_a_photograph_of_one_colour_is_painted(build: Build) -> None:
    assert finite(run(build(photo=torch.full((3, 48, 64), 0.5))))
    assert finite(run(build(styles=torch.zeros(3, 48, 64))))
