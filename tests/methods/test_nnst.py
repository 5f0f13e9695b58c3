"""Painting by neural neighbours through the façade, with a tiny encoder."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders import Vgg
from impasto.errors import NotTileableError, RecipeError, UsageError
from impasto.guides import Regions
from impasto.losses import FixedMatches, NearestNeighbors
from impasto.losses.neighbors import hypercolumns
from impasto.methods.nnst import MAX_FINISHING_SIDE, spaced
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.result import Result
from impasto.scene import Painted
from impasto.scene.copies import quarters
from tests.stylize_helpers import Build, finite, gone_on_with, halves, pixels, with_alpha
from tests.type_helpers import present


@pytest.fixture
def sides() -> Regions:
    """Left and right, on content (48, 64) and style (56, 40)."""
    return Regions(("left", "right"), halves(48, 64), (halves(56, 40),))


@pytest.fixture
def build(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> Build:
    """A `Stylizer` by neighbours with two steps at the end, changed by keywords."""

    def make(
        photo: object = content, styles: object = style, regions: Regions | None = None, **changes: Any
    ) -> Stylizer:
        options = {key: changes.pop(key) for key in ("tile",) if key in changes}
        recipe = quick.replace(**{"method": "nnst", "finishing_steps": 2, **changes})
        return Stylizer(photo, styles, recipe, encoder=tiny_encoder, regions=regions, **options)

    return make


def run(stylizer: Stylizer) -> Result:
    for _ in stylizer:
        pass
    return stylizer.result()


def replaced(stylizer: Stylizer, level: int = 0, begun: Tensor | None = None) -> FixedMatches:
    (term,) = stylizer.objective(stylizer.levels[level], begun).global_terms
    assert isinstance(term, FixedMatches)
    return term


def nearest(stylizer: Stylizer) -> dict[str, NearestNeighbors]:
    """The terms of the last steps, by layer."""
    found = stylizer.objective(stylizer.levels[-1]).global_terms
    return {term.layer: term for term in found if isinstance(term, NearestNeighbors)}


def test_a_painting_comes_nearer_to_its_neighbours(build: Build) -> None:
    results = [run(build(iterations=22, finishing_steps=12)) for _ in range(2)]
    assert torch.equal(pixels(results[0]), pixels(results[1]))
    assert finite(results[0])
    assert results[0].finished
    for level in range(3):
        lines = [line for line in results[0].history if line["level"] == level]
        assert lines[-1]["style"] < lines[0]["style"]


def test_the_last_steps_are_a_level_of_their_own(build: Build, content: Tensor, style: Tensor) -> None:
    levels = build(size=200, levels=0, iterations=20).levels
    assert [level.size[1] for level in levels] == [100, 200, 200]
    assert [level.finishing for level in levels] == [False, False, True]
    # petite takes those before, as it does for gatys; petite itself is no surrogate.
    assert [level.surrogate for level in levels] == [True, True, False]
    alone = Stylizer(content, style, Recipe.parse({"method": "nnst", "size": 64, "encoder": "petite"})).levels
    assert [level.surrogate for level in alone] == [False, False]
    assert [level.finishing for level in alone] == [False, True]
    assert levels[-1].steps == 2
    assert not any(level.finishing for level in build(finishing_steps=0).levels)


def test_what_it_is_judged_by(build: Build) -> None:
    stylizer = build()
    assert stylizer.objective(stylizer.levels[0]).names == ("tv", "gamut", "style hypercolumns")
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2")
    assert stylizer.objective(stylizer.levels[-1]).names == (
        "tv", "gamut", *(f"style {layer} neighbours" for layer in layers),
    )  # fmt: skip


def directions(columns: Tensor, term: FixedMatches) -> Tensor:
    return F.normalize(columns - term.center.view(1, -1, 1, 1), dim=1)


def test_a_photograph_in_its_own_style_is_its_own_neighbour(build: Build, tiny_encoder: Vgg, content: Tensor) -> None:
    own = {"styles": content, "levels": 1, "tv_weight": 0, "gamut_weight": 0}
    stylizer = build(**own, iterations=1, finishing_steps=0)
    term = replaced(stylizer)
    columns = hypercolumns(tiny_encoder(content[None], term.layers), term.factors, (12, 16))
    torch.testing.assert_close(term.target, directions(columns, term))
    # The first step of a level is judged where it begins.
    assert run(stylizer).history[0]["style"] == pytest.approx(0, abs=1e-4)
    last = build(**own)
    begins = content[None]
    loss = sum(term(begins, tiny_encoder(begins, term.layers)) for term in nearest(last).values())
    assert float(loss) == pytest.approx(0, abs=1e-3)


def test_a_painting_is_found_in_its_turned_copy_only_with_turns(build: Build, content: Tensor) -> None:
    turned = content.rot90(1, (1, 2)).contiguous()
    loss = [
        run(build(styles=turned, levels=1, iterations=1, finishing_steps=0, quarter_turns=turns)).history[0]["style"]
        for turns in (0, 3)
    ]
    assert loss[1] == pytest.approx(0, abs=1e-3)
    assert loss[0] > 1


def test_the_query_is_the_photograph_and_then_what_a_level_begins_with_too(build: Build) -> None:
    def alike(share: float, level: int) -> bool:
        stylizer = build(levels=2, finishing_steps=0, content_fraction=share)
        size = stylizer.levels[level].size
        one, other = (replaced(stylizer, level, torch.rand(1, 3, *size)).target for _ in range(2))
        return torch.equal(one, other)

    assert alike(0.25, 0)
    assert alike(1.0, 1)
    assert not alike(0.25, 1)


def test_a_level_begins_with_what_was_painted_alone(build: Build) -> None:
    stylizer, other = build(), build(method="gatys", finishing_steps=0)
    before, level = stylizer.levels[:2]
    painted = torch.full((1, 3, 24, 32), 0.5)
    assert stylizer.scene.enlarge(painted, before, level).std() < 1e-4
    assert other.scene.enlarge(painted, before, level).std() > 0.01


def test_masks_restrict_the_matches(build: Build, sides: Regions) -> None:
    options = {"levels": 1, "iterations": 2, "finishing_steps": 0, "quarter_turns": 0}
    bound = replaced(build(regions=sides, **options))
    free = build(**options)
    # 16 x 11 neurons, of which the first five columns are mostly of the painting's left half.
    term = replaced(free)
    painted = free.scene.style(0, free.levels[0])
    features = {layer: each.detach() for layer, each in free.encoder(painted.pixels, term.layers).items()}
    columns = hypercolumns(features, term.factors, (painted.pixels.shape[2] // 4, painted.pixels.shape[3] // 4))
    assert columns.shape[3] == 11

    def among(term: FixedMatches, part: Tensor) -> Tensor:
        away = (term.target[0].flatten(1)[:, :, None] - directions(part, term)[0].flatten(1)[:, None]).abs().amax(0)
        return (away.min(1).values < 1e-4).view(12, 16)

    left, right = columns[..., :6], columns[..., 5:]
    assert among(bound, left)[:, :8].all()
    assert among(bound, right)[:, 8:].all()
    assert not among(term, left)[:, :8].all()


def test_what_regions_weigh_and_what_is_kept(build: Build, sides: Regions, content: Tensor) -> None:
    weighed = replaced(build(regions=sides, region_weights={"left": 3}))
    assert weighed.weights is not None
    assert weighed.weights[0].unique().tolist() == [1, 3]
    kept = build(regions=sides, keep=("right",))
    for term in (replaced(kept), nearest(kept)["relu2_1"]):
        assert term.weights is not None
        width = term.weights.shape[1]
        assert term.weights[0].tolist() == [1] * (width // 2) + [0] * (width // 2)
    result = pixels(run(kept))
    assert torch.equal(result[..., 33:], content[None, ..., 33:])
    assert not torch.equal(result[..., :31], content[None, ..., :31])


def test_one_style_for_each_region(build: Build, style: Tensor, other_style: Tensor) -> None:
    regions = Regions(("left", "right"), halves(48, 64), (None, None))
    term = nearest(build(styles=[style, other_style], regions=regions, region_styles={"left": 1, "right": 2}))[
        "relu3_1"
    ]
    alone = [len(nearest(build(styles=each))["relu3_1"].bank) for each in (style, other_style)]
    assert len(term.bank) == sum(alone)
    found, _ = term.bank.match(torch.rand(8, 12, 16), labels=term.labels)
    assert ((found < alone[0]) == (term.labels == 0)).all()


def test_a_region_without_neurons_of_its_own_is_told_of_and_painted(build: Build, notices: list[str]) -> None:
    sliver = torch.zeros(2, 56, 40)
    sliver[0] = 1
    sliver[1, :, :1], sliver[0, :, :1] = 1, 0
    assert finite(run(build(regions=Regions(("left", "right"), halves(48, 64), (sliver,)), levels=1)))
    told = [line for line in notices if "no patch of its own" in line]
    assert told
    assert "region 'right'" in told[0]


def test_transparent_parts_of_a_style_are_not_used(build: Build, style: Tensor) -> None:
    term = nearest(build(styles=with_alpha(style, halves(56, 40)[0]), quarter_turns=0))["relu3_1"]
    assert term.labels is not None
    found, _ = term.bank.match(torch.rand(8, 12, 16), labels=term.labels)
    assert (found % 11 <= 5).all()
    hidden = style.clone()
    hidden[:, :, 20:] = torch.rand(3, 56, 20)
    same = nearest(build(styles=with_alpha(hidden, halves(56, 40)[0]), quarter_turns=0))["relu3_1"]
    assert torch.equal(same.center, term.center)


def test_quarters_of_a_painting() -> None:
    painting = Painted(torch.rand(1, 3, 4, 6), torch.rand(4, 6), torch.rand(2, 4, 6))
    once = quarters(painting, 1)
    assert once.pixels.shape == (1, 3, 6, 4)
    assert once.alpha is not None
    assert once.maps is not None
    assert once.maps.shape == (2, 6, 4)
    assert torch.equal(once.pixels[..., 0, 0], painting.pixels[..., 0, 5])
    assert once.alpha[0, 0] == present(painting.alpha)[0, 5]
    assert quarters(painting, 0) is painting


def test_larger_pictures_are_matched_at_no_more_places(build: Build) -> None:
    assert [spaced(side, MAX_FINISHING_SIDE) for side in (1, 64, 65, 128, 129)] == [1, 1, 2, 2, 3]
    term = nearest(build(size=160, levels=1))
    assert term["relu1_1"].step == 3
    assert term["relu4_1"].step == 1
    assert "relu3_1" in term


def test_it_goes_on_bit_for_bit(build: Build) -> None:
    # Levels of 2, 2 and 6 steps: within and between all of them, and while matches are kept and found anew.
    def painting() -> Stylizer:
        return build(iterations=10, finishing_steps=6)

    whole = run(painting())
    for after in (1, 3, 4, 5, 6, 8, 9):
        assert torch.equal(pixels(gone_on_with(painting, after)), pixels(whole)), after


def test_tiles_are_refused_before_the_first_step(build: Build) -> None:
    with pytest.raises(NotTileableError, match=r"the method 'nnst' needs the whole picture.*--tile off"):
        build(size=400, levels=1, tile=256)


def test_a_texture_is_refused(build: Build) -> None:
    with pytest.raises(UsageError, match="nnst paints photographs; textures come from gatys, mrf"):
        build(photo=None)


def test_settings_that_do_not_fit_are_refused() -> None:
    for nothing in ({}, {"relu3_1": 0}):
        with pytest.raises(RecipeError, match="neighbor_layers names none with a weight"):
            Recipe.parse({"method": "nnst", "neighbor_layers": nothing})
    with pytest.raises(RecipeError, match=r"content_weight belongs to gatys, .*not to nnst"):
        Recipe.parse({"method": "nnst", "content_weight": 2})
    with pytest.raises(RecipeError, match="quarter_turns belongs to nnst, not to gatys"):
        Recipe.parse({"quarter_turns": 0})


@pytest.mark.parametrize("color", ["content", "luminance", "match"])
def test_colour_modes(build: Build, color: str) -> None:
    assert finite(run(build(color=color)))


def test_the_estimate_counts_the_matching(build: Build) -> None:
    one, many = (build(size=160, levels=1, quarter_turns=turns) for turns in (0, 3))
    assert many.seconds() > one.seconds()
    assert many.memory_bytes > one.memory_bytes
