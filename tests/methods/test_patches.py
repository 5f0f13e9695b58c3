"""Painting by patches through the façade, with a tiny encoder."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from impasto.encoders import Vgg
from impasto.errors import InputError, NotTileableError, RecipeError
from impasto.guides import Regions
from impasto.losses import Patches
from impasto.optim.state import State
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.result import Result
from impasto.scene import Painted
from impasto.scene.copies import turned
from tests.stylize_helpers import Build, finite, gone_on_with, halves, pixels, with_alpha


@pytest.fixture
def sides() -> Regions:
    """Left and right, on content (48, 64) and style (56, 40)."""
    return Regions(("left", "right"), halves(48, 64), (halves(56, 40),))


@pytest.fixture
def build(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> Build:
    """A `Stylizer` by patches, changed by keywords."""

    def make(
        photo: object = content, styles: object = style, regions: Regions | None = None, **changes: Any
    ) -> Stylizer:
        options = {key: changes.pop(key) for key in ("tile",) if key in changes}
        recipe = quick.replace(**{"method": "mrf", **changes})
        return Stylizer(photo, styles, recipe, encoder=tiny_encoder, regions=regions, **options)

    return make


def terms(stylizer: Stylizer) -> dict[str, Patches]:
    """The patch terms at the last level, by layer."""
    return {term.layer: term for term in stylizer.objective(stylizer.levels[-1]).patches}


def run(stylizer: Stylizer) -> Result:
    for _ in stylizer:
        pass
    return stylizer.result()


def test_a_painting_comes_nearer_to_its_patches(build: Build) -> None:
    results = [run(build()) for _ in range(2)]
    assert torch.equal(pixels(results[0]), pixels(results[1]))
    assert finite(results[0])
    assert results[0].finished
    last = [line for line in results[0].history if line["level"] == 1]
    assert last[-1]["loss"] < last[0]["loss"]
    assert set(terms(build())) == {"relu3_1", "relu4_1"}


def test_there_are_no_statistics_in_it(build: Build) -> None:
    objective = build().objective(build().levels[-1])
    assert objective.styles == ()
    assert set(objective.names) == {
        "content relu4_2", "style relu3_1 patches", "style relu4_1 patches", "tv", "gamut",
    }  # fmt: skip


def test_a_photograph_in_its_own_style_has_no_style_to_gain(build: Build, content: Tensor) -> None:
    report = run(build(styles=content, iterations=1, levels=1, tv_weight=0, gamut_weight=0)).history[0]
    assert report["style"] == pytest.approx(0, abs=1e-4)


def test_the_pyramid_is_deeper_where_no_photograph_gives_the_forms(build: Build) -> None:
    assert [level.size[1] for level in build(photo=None, size=200, levels=0).levels] == [100, 200]
    assert [level.size[1] for level in build(photo=None, size=200, levels=0, method="gatys").levels] == [200]
    assert [level.size[1] for level in build(size=200, levels=0).levels] == [200]


def test_masks_restrict_the_matches(build: Build, sides: Regions, tiny_encoder: Vgg, content: Tensor) -> None:
    free, bound = terms(build())["relu3_1"], terms(build(regions=sides))["relu3_1"]
    features = tiny_encoder(content[None], ["relu3_1"])["relu3_1"][0]
    assert bound.labels is not None
    # The painting is 11 neurons wide at this size: 9 patches, of which the first five are mostly of its left half.
    columns, anywhere = bound.bank.match(features, labels=bound.labels)[0] % 9, free.bank.match(features)[0] % 9
    assert (columns[bound.labels == 0] <= 4).all()
    assert (columns[bound.labels == 1] > 4).all()
    assert not (anywhere[bound.labels == 0] <= 4).all()


def test_what_regions_weigh_and_what_is_kept(build: Build, sides: Regions, content: Tensor) -> None:
    weighed = terms(build(regions=sides, region_weights={"left": 3}))["relu3_1"]
    assert weighed.weights is not None
    assert weighed.weights[0].tolist() == [3] * 7 + [1] * 7
    kept = build(regions=sides, keep=("right",))
    weights = terms(kept)["relu3_1"].weights
    assert weights is not None
    assert weights[0].tolist() == [1] * 7 + [0] * 7
    result = pixels(run(kept))
    assert torch.equal(result[..., 33:], content[None, ..., 33:])
    assert not torch.equal(result[..., :31], content[None, ..., :31])


def test_one_style_for_each_region(build: Build, style: Tensor, other_style: Tensor) -> None:
    regions = Regions(("left", "right"), halves(48, 64), (None, None))
    stylizer = build(styles=[style, other_style], regions=regions, region_styles={"left": 1, "right": 2})
    term = terms(stylizer)["relu3_1"]
    alone = [len(terms(build(styles=each))["relu3_1"].bank) for each in (style, other_style)]
    assert len(term.bank) == sum(alone)
    found, _ = term.bank.match(torch.rand(8, 12, 16), labels=term.labels)
    assert ((found < alone[0]) == (term.labels == 0)).all()


def test_scale_of_a_region(build: Build, sides: Regions) -> None:
    plain, scaled = (terms(build(regions=sides, region_scales=scales)) for scales in ({}, {"left": 2.0}))
    # Both sizes of the painting are there, of 16 x 11 and of 32 x 22 neurons.
    assert len(scaled["relu3_1"].bank) == len(plain["relu3_1"].bank) + 30 * 20


def test_a_region_without_patches_of_its_own_is_told_of_and_painted(build: Build, notices: list[str]) -> None:
    sliver = torch.zeros(2, 56, 40)
    sliver[1, :, :1], sliver[0, :, 1:] = 1, 1
    stylizer = build(regions=Regions(("left", "right"), halves(48, 64), (sliver,)), levels=1)
    assert finite(run(stylizer))
    told = [line for line in notices if "no patch of its own" in line]
    assert len(told) == 2
    assert "region 'right'" in told[0]


def test_turned_and_scaled_copies_are_used_too(build: Build) -> None:
    plain, more = (terms(build(**options))["relu3_1"] for options in ({}, {"patch_rotations": 1, "patch_scales": 1}))
    assert len(more.bank) > 8 * len(plain.bank)


def test_a_turned_copy_is_turned_and_its_corners_are_left_out() -> None:
    painting = Painted(torch.rand(1, 3, 16, 24), maps=halves(16, 24))
    quarter = turned(painting, torch.pi / 2)
    # Only the middle of a lying picture stays within its frame, upright: rows of the turned are columns of before.
    torch.testing.assert_close(
        quarter.pixels[..., 4:20], painting.pixels[..., 4:20].rot90(1, (2, 3)), atol=1e-4, rtol=0
    )
    assert quarter.alpha is not None
    assert quarter.alpha[:, 4:20].min() > 0.99
    assert quarter.alpha[:, :3].max() == quarter.alpha[:, 21:].max() == 0
    slight = turned(painting, 0.1)
    assert slight.alpha is not None
    assert slight.alpha[8, 12] == 1
    assert slight.alpha[0, 0] + slight.alpha[0, -1] < 1
    assert turned(painting, 0.0) is painting


def test_transparent_parts_of_a_style_are_not_used(build: Build, style: Tensor) -> None:
    alpha = halves(56, 40)[0]
    term = terms(build(styles=with_alpha(style, alpha)))["relu3_1"]
    assert term.labels is not None
    found, _ = term.bank.match(torch.rand(8, 12, 16), labels=term.labels)
    assert (found % 9 <= 3).all()


def test_a_texture_is_made_of_patches_alone(build: Build) -> None:
    result = run(build(photo=None, aspect=2.0))
    assert result.picture.size == (32, 64)
    assert finite(result)


def test_reuse_spreads_the_matches(build: Build) -> None:
    free, dear = (terms(build(patch_reuse=reuse))["relu3_1"] for reuse in (0.0, 0.1))
    features = torch.rand(8, 12, 16)
    used = [len(set(term.bank.match(features, penalty=term.penalty)[0].flatten().tolist())) for term in (free, dear)]
    assert used[1] > 1.5 * used[0]


def test_matches_are_bounded_unless_told_otherwise(build: Build) -> None:
    features = torch.rand(8, 12, 16)

    def most(**changes: object) -> int:
        term = terms(build(**changes))["relu3_1"]
        found, _ = term.bank.match(features, capacity=term.capacity)
        return int(torch.bincount(found.flatten()).max())

    # 140 patches of the picture, 126 of the painting: twice the fair share is three.
    assert len(terms(build())["relu3_1"].bank) == 126
    assert most() <= 3
    assert most(patch_capacity=1000) > 3
    assert most(patch_capacity=1) <= 2
    assert terms(build(method="doodle"))["relu3_1"].capacity is None
    assert terms(build(patch_reuse=0.1))["relu3_1"].capacity is None


@pytest.mark.parametrize("changes", [{}, {"patch_every": 2}, {"patch_every": 1}])
def test_it_goes_on_bit_for_bit(build: Build, changes: dict[str, int]) -> None:
    whole = run(build(**changes))
    for taken in (1, 2, 3, 5):
        assert torch.equal(pixels(gone_on_with(lambda: build(**changes), taken)), pixels(whole)), taken


@pytest.mark.parametrize(
    ("tensors", "values", "reason"),
    [
        ({"matches relu3_1": torch.full((10, 14), 999)}, {"left relu3_1": 1}, "patches that there are not"),
        ({"matches relu3_1": torch.full((10, 14), -1)}, {"left relu3_1": 1}, "patches that there are not"),
        ({"matches relu3_1": torch.zeros(3, 3, dtype=torch.long)}, {"left relu3_1": 1}, r"\(10, 14\)"),
        ({"matches relu3_1": torch.zeros(10, 14)}, {"left relu3_1": 1}, "int64"),
        ({"matches relu3_1": torch.zeros(10, 14, dtype=torch.long)}, {}, "left relu3_1"),
        ({"matches relu3_1": torch.zeros(10, 14, dtype=torch.long)}, {"left relu3_1": 10}, "from 0 to 9"),
    ],
)
def test_hostile_matches(build: Build, tensors: dict[str, Tensor], values: dict[str, int], reason: str) -> None:
    first, second = build(levels=1), build(levels=1)
    next(iter(first))
    second.restore(replace(first.checkpoint(), level_state=State(tensors, values)))
    with pytest.raises(InputError, match=reason):
        next(iter(second))


def test_tiles_are_refused_before_the_first_step(build: Build) -> None:
    with pytest.raises(
        NotTileableError, match=r"the method 'mrf' needs the whole picture.*--method gatys, or --tile off"
    ):
        build(size=400, levels=1, tile=256)


def test_settings_that_name_no_layer_are_refused() -> None:
    with pytest.raises(RecipeError, match="content_layers and patch_layers are both empty"):
        Recipe.parse({"method": "mrf", "content_layers": {}, "patch_layers": {}})
    with pytest.raises(RecipeError, match="statistics belongs to gatys and portrait, not to mrf"):
        Recipe.parse({"method": "mrf", "statistics": "histogram"})


def test_the_estimate_counts_the_matching(build: Build) -> None:
    one, many = (build(size=400, levels=1, **options) for options in ({}, {"patch_rotations": 6, "patch_scales": 3}))
    assert many.seconds() > 2 * one.seconds()
    assert many.memory_bytes > one.memory_bytes
