"""Painting end to end, on 64 pixels with a tiny encoder: what comes out, and what styles do to it."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from impasto.encoders import Vgg
from impasto.errors import UsageError
from impasto.events import Progress
from impasto.images import resize
from impasto.losses import Gram
from impasto.optim.pyramid import Level
from impasto.painting.api import stylize
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.weights import CAFFE
from tests.stylize_helpers import Paint, finite, pixels, with_alpha
from tests.type_helpers import present

MakePicture = Callable[..., torch.Tensor]


# What comes out.


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
@pytest.mark.parametrize("init", ["content", "noise", "blend", "style"])
def test_same_recipe_same_picture_bit_for_bit(
    paint: Paint, content: Tensor, style: Tensor, solver: str, init: str
) -> None:
    one = paint(content, style, solver=solver, init=init)
    torch.manual_seed(12345)
    two = paint(content, style, solver=solver, init=init)
    assert torch.equal(pixels(one), pixels(two))
    assert [step["loss"] for step in one.history] == [step["loss"] for step in two.history]
    assert not torch.equal(pixels(one), resize(content[None], one.picture.size))


def test_the_recipe_of_a_result_paints_it_again(
    paint: Paint, tiny_encoder: Vgg, content: Tensor, style: Tensor
) -> None:
    first = paint(content, style, init="blend", seed=3)
    again = stylize(content, style, Recipe.parse(first.recipe.to_json()), encoder=tiny_encoder)
    assert torch.equal(pixels(first), pixels(again))
    assert again.recipe == first.recipe


@pytest.mark.parametrize(
    ("solver", "normalization"),
    [
        *(("lbfgs", each) for each in ("resolution_invariant", "gatys", "zhao", "johnson")),
        ("adam", "resolution_invariant"),
    ],
)
def test_loss_falls_in_every_level(
    paint: Paint, content: Tensor, style: Tensor, solver: str, normalization: str
) -> None:
    result = paint(
        content, style, solver=solver, normalization=normalization, iterations=60, init="noise", tv_weight=1e-3
    )
    for level in (0, 1):
        losses = [step["loss"] for step in result.history if step["level"] == level]
        assert min(losses) == losses[-1] if solver == "lbfgs" else losses[-1] < losses[0]
        assert losses[-1] < 0.8 * losses[0]


def test_history_adds_up_and_counts(paint: Paint, content: Tensor, style: Tensor) -> None:
    seen: list[Progress] = []
    result = paint(content, style, iterations=9, step_ratio=0.5, on_progress=seen.append)
    assert result.finished
    assert len(result.history) == len(seen) == 9
    assert [progress.total_step for progress in seen] == list(range(1, 10))
    assert {progress.total_steps for progress in seen} == {9}
    assert [(p.level, p.step) for p in seen] == [(0, n) for n in range(1, 7)] + [(1, n) for n in range(1, 4)]
    assert [progress.steps for progress in seen] == [6] * 6 + [3] * 3
    assert [progress.size for progress in seen] == [(24, 32)] * 6 + [(48, 64)] * 3
    for record, progress in zip(result.history, seen, strict=True):
        assert record["loss"] == progress.loss
        assert sum(record[key] for key in ("content", "style", "tv", "gamut")) == pytest.approx(
            record["loss"], rel=1e-9
        )
        assert sum(progress.losses.values()) == pytest.approx(progress.loss, rel=1e-9)
        assert progress.image.shape[-2:] == progress.size
        assert progress.eta_s >= 0
    assert seen[-1].eta_s == 0
    elapsed = [progress.elapsed_s for progress in seen]
    assert elapsed == sorted(elapsed)
    assert result.timings["total"] >= elapsed[-1]


def test_result_is_a_picture_of_the_recipes_size(paint: Paint, content: Tensor, style: Tensor) -> None:
    for size, expected in ((64, (48, 64)), (80, (60, 80)), (33, (25, 33))):
        result = paint(content, style, size=size, levels=1)
        assert result.picture.size == expected
        assert result.picture.alpha is None
        assert float(pixels(result).min()) >= 0
        assert float(pixels(result).max()) <= 1


def test_weights_of_the_terms_pull_their_way(paint: Paint, content: Tensor, style: Tensor) -> None:
    start = resize(content[None], (48, 64))

    def painted(**weights: float) -> torch.Tensor:
        return pixels(paint(content, style, levels=1, iterations=25, **weights))

    def moved(**weights: float) -> float:
        return float((painted(tv_weight=0.0, **weights) - start).square().mean())

    assert moved(content_weight=1e4) < 0.3 * moved(content_weight=0.0)
    assert moved(style_weight=1e-4) < 0.3 * moved(style_weight=1.0)
    smooth, rough = painted(tv_weight=1e3).diff(dim=-1), painted(tv_weight=0.0).diff(dim=-1)
    assert float(smooth.square().mean()) < 0.5 * float(rough.square().mean())


def test_factors_of_the_terms_are_weights_times_normalisation(
    tiny_encoder: Vgg, content: Tensor, style: Tensor
) -> None:
    recipe = Recipe.from_preset(
        "gatys",
        size=64,
        precision="float32",
        content_weight=3.0,
        content_layers={"relu4_2": 0.5, "relu2_1": 2.0},
        style_weight=7.0,
        style_layers={"relu1_1": 0.25, "relu3_1": 4.0},
        tv_weight=0.1,
        gamut_weight=2.0,
        tv="l1",
    )
    stylizer = Stylizer(content, style, recipe, encoder=tiny_encoder)
    objective = stylizer.objective(stylizer.levels[0])
    channels = tiny_encoder.channels
    # Gatys et al. 2016, eqs. 1 and 4; total variation in grey levels.
    assert {term.layer: term.factor for term in objective.contents} == pytest.approx(
        {"relu4_2": 3.0 * 0.5 / 2, "relu2_1": 3.0 * 2.0 / 2}
    )
    assert {term.layer: term.factor for term in objective.styles} == pytest.approx(
        {layer: 7.0 * weight / (4 * channels[layer] ** 2) for layer, weight in (("relu1_1", 0.25), ("relu3_1", 4.0))}
    )
    variation, gamut = objective.pixels
    assert (variation.name, gamut.name) == ("tv", "gamut")
    assert variation.factor == pytest.approx(0.1 * 255)
    assert gamut.factor == pytest.approx(recipe.gamut_weight * 255**2)
    assert stylizer.levels[0].size == (48, 64)
    for term in objective.contents:
        assert torch.equal(term.target, tiny_encoder(content[None], [term.layer])[term.layer])
    without = Stylizer(content, style, recipe.replace(tv_weight=0, gamut_weight=0), encoder=tiny_encoder)
    assert without.objective(without.levels[0]).pixels == ()


def test_style_of_itself_leaves_the_content(paint: Paint, content: Tensor) -> None:
    result = paint(content, content, levels=1, tv_weight=0.0)
    torch.testing.assert_close(pixels(result)[0], content, rtol=0, atol=1e-5)
    assert max(step["loss"] for step in result.history) < 1e-9


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_nothing_to_improve_is_no_trouble(paint: Paint, content: Tensor, style: Tensor, solver: str) -> None:
    # All weights zero but the content's, from the content: the gradient is zero everywhere.
    result = paint(content, style, levels=1, style_weight=0.0, tv_weight=0.0, solver=solver)
    assert finite(result)
    torch.testing.assert_close(pixels(result)[0], content, rtol=0, atol=1e-5)


def test_no_iterations_give_the_start(paint: Paint, content: Tensor, style: Tensor) -> None:
    result = paint(content, style, iterations=0, levels=1)
    torch.testing.assert_close(pixels(result)[0], content)
    assert result.history == ()
    assert result.finished
    assert finite(paint(content, style, iterations=0, levels=2))


def test_fewer_iterations_than_levels(paint: Paint, content: Tensor, style: Tensor) -> None:
    assert len(paint(content, style, iterations=1, levels=2).history) == 1


# Styles.


def test_style_weights_are_shares(paint: Paint, content: Tensor, style: Tensor, other_style: Tensor) -> None:
    alone = pixels(paint(content, style))
    both = pixels(paint(content, [style, other_style]))
    assert torch.equal(pixels(paint(content, [style, other_style], style_weights=[1, 0])), alone)
    assert torch.equal(pixels(paint(content, [style, other_style], style_weights=[2, 2])), both)
    torch.testing.assert_close(pixels(paint(content, [other_style, style])), both, rtol=0, atol=1e-3)
    torch.testing.assert_close(pixels(paint(content, [style, style])), alone, rtol=0, atol=1e-3)
    mostly = pixels(paint(content, [style, other_style], style_weights=[9, 1]))
    assert float((mostly - alone).norm()) < float((both - alone).norm())


def test_style_targets_of_two_styles_are_their_blend(
    tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor, other_style: Tensor
):
    level = Level(0, (48, 64), 1)
    target = {}
    for key, styles, shares in (("a", [style], ()), ("b", [other_style], ()), ("ab", [style, other_style], (3.0, 1.0))):
        recipe = quick.replace(style_weights=shares)
        objective = Stylizer(content, styles, recipe, encoder=tiny_encoder).objective(level)
        target[key] = {term.layer: term.target for term in objective.styles}
    for layer, blended in target["ab"].items():
        torch.testing.assert_close(blended, 0.75 * target["a"][layer] + 0.25 * target["b"][layer])


def test_as_many_style_weights_as_styles(paint: Paint, content: Tensor, style: Tensor) -> None:
    with pytest.raises(UsageError, match="2 numbers for 1 styles"):
        paint(content, style, style_weights=[1, 2])
    with pytest.raises(UsageError, match="no style given"):
        paint(content, [])


def test_style_scale_and_fit_change_the_size_of_the_style(
    tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor
) -> None:
    level = Level(0, (48, 64), 1)

    def size(**changes: object) -> tuple[int, ...]:
        stylizer = Stylizer(content, style, quick.replace(levels=1, **changes), encoder=tiny_encoder)
        return tuple(stylizer.scene.style(0, level).pixels.shape[-2:])

    assert size() == (64, 46)
    assert size(style_scale=0.5) == (32, 23)
    assert size(style_scale=2.0) == (128, 91)
    assert size(style_fit="crop") == (48, 64)


def test_opaque_alpha_of_a_style_is_no_alpha(paint: Paint, content: Tensor, style: Tensor) -> None:
    opaque = with_alpha(style, torch.ones(style.shape[1:]))
    assert torch.equal(pixels(paint(content, opaque)), pixels(paint(content, style)))


def test_hidden_half_of_a_style_is_not_measured(
    tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor, other_style: Tensor
) -> None:
    # Left half of one painting, right half of another, the right one hidden; at a size that needs no resizing.
    left, right = style[:, :40, :32], other_style[:, :, :32]
    alpha = torch.cat([torch.ones(40, 32), torch.zeros(40, 32)], dim=1)
    of_gram = quick.replace(statistics="gram")
    masked = Stylizer(content, with_alpha(torch.cat([left, right], dim=2), alpha), of_gram, encoder=tiny_encoder)
    gram = Gram()
    visible, hidden = (tiny_encoder(half[None], ["relu1_1", "relu2_1"]) for half in (left, right))
    for term in masked.objective(Level(0, (48, 64), 1)).styles[:2]:
        # The neurons at the edge see a little of the other side.
        seen, unseen = (gram.finish(gram.measure(half[term.layer])) for half in (visible, hidden))
        assert float((term.target - seen).norm()) < 0.1 * float((unseen - seen).norm()), term.layer


@pytest.mark.parametrize("init", ["content", "style"])
def test_colours_under_transparency_cannot_be_seen(paint: Paint, content: Tensor, style: Tensor, init: str) -> None:
    alpha = torch.zeros(style.shape[1:])
    alpha[8:40, 4:36] = 1
    pictures = []
    for hidden in (0.0, 1.0):
        cut_out = torch.where(alpha.bool(), style, torch.full_like(style, hidden))
        pictures.append(pixels(paint(content, with_alpha(cut_out, alpha), init=init)))
    torch.testing.assert_close(pictures[0], pictures[1], rtol=0, atol=2e-3)


def test_fully_transparent_style_is_used_with_a_notice(
    paint: Paint, content: Tensor, style: Tensor, notices: list[str]
) -> None:
    result = paint(content, with_alpha(style, torch.zeros(style.shape[1:])), levels=1)
    assert torch.equal(pixels(result), pixels(paint(content, style, levels=1)))
    assert any("fully transparent" in line for line in notices)


def test_alpha_of_the_content_comes_back(paint: Paint, content: Tensor, style: Tensor) -> None:
    alpha = torch.zeros(48, 64)
    alpha[10:30, 20:50] = 1
    result = paint(with_alpha(content, alpha), style, size=32, levels=1)
    assert result.picture.alpha is not None
    torch.testing.assert_close(result.picture.alpha, resize(alpha[None, None], (24, 32)))
    same_size = paint(with_alpha(content, alpha), style)
    assert torch.equal(present(same_size.picture.alpha)[0, 0], alpha)


# The two sizes of one picture.


def test_preview_and_final_are_the_same_problem(tiny_encoder: Vgg, quick: Recipe, picture: MakePicture) -> None:
    # A coarse-grained pair, judged at one size and at twice that size by the same recipe.
    def coarse(seed: int) -> torch.Tensor:
        return resize(picture(8, 8, seed=seed), (128, 128))[0]

    candidate = coarse(7)[None]

    def groups(normalization: str, side: int) -> dict[str, float]:
        recipe = quick.replace(normalization=normalization, size=side, levels=1, tv_weight=0.0)
        stylizer = Stylizer(coarse(5), coarse(6), recipe, encoder=tiny_encoder)
        objective = stylizer.objective(stylizer.levels[0])
        image = resize(candidate, (side, side))
        _, report = objective(image, tiny_encoder(image, objective.layers))
        return report.group()

    small, large = groups("resolution_invariant", 64), groups("resolution_invariant", 128)
    assert large["content"] == pytest.approx(small["content"], rel=0.35)
    assert large["style"] == pytest.approx(small["style"], rel=0.35)
    small, large = groups("gatys", 64), groups("gatys", 128)
    assert large["content"] / small["content"] == pytest.approx(4, rel=0.35)
    assert large["style"] == pytest.approx(small["style"], rel=0.35)


@pytest.mark.parametrize("normalization", ["resolution_invariant", "gatys", "zhao", "johnson"])
def test_every_level_asks_for_the_balance_of_the_last(
    normalization: str, tiny_encoder: Vgg, picture: MakePicture
) -> None:
    def coarse(seed: int) -> torch.Tensor:
        return resize(picture(8, 8, seed=seed), (128, 128))[0]

    settings = {"normalization": normalization, "size": 128, "levels": 2, "tv": "l2", "style_weight": 1.0}
    recipe = Recipe.parse({**settings, "finishing_steps": 0})
    stylizer = Stylizer(coarse(5), coarse(6), recipe, encoder=tiny_encoder)
    candidate = coarse(7)[None]

    def groups(index: int) -> dict[str, float]:
        level = stylizer.levels[index]
        objective, image = stylizer.objective(level), resize(candidate, level.size)
        _, report = objective(image, tiny_encoder(image, objective.layers))
        return report.group()

    small, large = groups(0), groups(1)
    assert small["content"] == pytest.approx(large["content"], rel=0.35)
    assert small["style"] == pytest.approx(large["style"], rel=0.35)
    # Differences of smooth pictures are twice as large between pixels twice as wide.
    assert small["tv"] == pytest.approx(4 * large["tv"], rel=0.35)
    final = Stylizer(coarse(5), coarse(6), recipe.replace(levels=1), encoder=tiny_encoder)
    assert [term.factor for term in stylizer.objective(stylizer.levels[1]).contents] == [
        term.factor for term in final.objective(final.levels[0]).contents
    ]


def test_nan_at_a_later_level_keeps_the_picture_before(
    tiny_encoder: Vgg, content: Tensor, style: Tensor, notices: list[str]
) -> None:
    class Small(Vgg):
        def __call__(self, image: torch.Tensor, layers: object) -> dict[str, torch.Tensor]:
            found = super().__call__(image, layers)  # type: ignore[arg-type]
            return {key: value * (math.nan if image.shape[-1] > 40 else 1.0) for key, value in found.items()}

    encoder = Small(tiny_encoder.tensors, CAFFE, channels=dict.fromkeys(range(1, 6), 4))
    recipe = Recipe.parse({"size": 64, "levels": 2, "iterations": 6, "tv_weight": 0, "margin": 4})
    stylizer = Stylizer(content, style, recipe, encoder=encoder)
    steps = list(stylizer)
    result = stylizer.result()
    assert {step.level for step in steps} == {0}
    assert not result.finished
    assert torch.isfinite(result.picture.pixels).all()
    assert result.picture.size == (48, 64)
    assert any("level before is kept" in line for line in notices)


def test_a_narrow_picture_gets_as_many_levels_as_fit(tiny_encoder: Vgg, style: Tensor) -> None:
    stylizer = Stylizer(
        torch.rand(3, 20, 400), style, Recipe.parse({"size": 400, "finishing_steps": 0}), encoder=tiny_encoder
    )
    assert [level.picture for level in stylizer.levels] == [(20, 400)]
