"""Tiles, memory and devices change what a painting needs, and not the painting."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from impasto import Recipe, Stylizer, encoders, stylize
from impasto.encoders import Vgg
from impasto.errors import NotTileableError, ResourceError, UsageError
from impasto.guides import from_layers
from impasto.images import Picture
from impasto.optim import memory, tile_planner
from impasto.optim.history import HistoryStorage
from tests.stylize_helpers import pixels

ADAM = {"size": 320, "iterations": 2, "levels": 1, "precision": "float32", "solver": "adam"}


@pytest.fixture(scope="module")
def photo(picture: Callable[..., Tensor]) -> Tensor:
    """(3, 200, 320)."""
    return picture(200, 320, seed=5)[0]


def halves(photo: Tensor, style: Tensor) -> Any:
    def half(like: Tensor, share: float) -> Picture:
        mask = torch.zeros(1, 3, *like.shape[1:])
        mask[..., : round(share * like.shape[2])] = 1
        return Picture(mask)

    return from_layers({"left": (half(photo, 0.5), [half(style, 0.4)])})


def away(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max() / one.abs().max())


@pytest.mark.parametrize(
    ("changes", "regions"),
    [
        ({}, False),
        ({"statistics": "mean_std,covariance"}, False),
        ({"tileable": True}, False),
        ({"color": "luminance"}, False),
        ({"style_scale": 2.0, "style_fit": "crop"}, False),
        ({"guides": "border", "region_content_weights": "left=0.5"}, True),
        ({"keep": "left"}, True),
    ],
)
def test_the_same_picture_in_tiles(
    tiny_encoder: Vgg, photo: Tensor, style: Tensor, changes: dict[str, Any], regions: bool
) -> None:
    recipe = Recipe.parse(ADAM | changes)
    masks = halves(photo, style) if regions else None
    whole, tiled = (
        Stylizer(photo, style, recipe, encoder=tiny_encoder, regions=masks, tile=tile) for tile in ("off", 200)
    )
    assert len(whole.plans[0].grid.tiles) == 1
    assert len(tiled.plans[0].grid.tiles) > 1
    # The same objective: every target and factor, and the gradient at the start.
    level = whole.levels[0]
    of_one_piece, of_tiles = whole.objective(level), tiled.objective(level)
    for one, other in zip(of_one_piece.contents, of_tiles.contents, strict=True):
        assert away(one.target, other.target) < 1e-5
        assert one.factor == pytest.approx(other.factor, rel=1e-6)
    for first, second in zip(of_one_piece.styles, of_tiles.styles, strict=True):
        assert away(first.target, second.target) < 1e-5
        assert first.factor == pytest.approx(second.factor, rel=1e-5)
        assert first.name == second.name
    judged = []
    for stylizer, objective in ((whole, of_one_piece), (tiled, of_tiles)):
        view = stylizer.scene.view(level)
        judged.append(stylizer._builder.evaluator(level, view, objective)(stylizer.scene.init_canvas(level)))
    assert judged[0][0].total == pytest.approx(judged[1][0].total, rel=1e-4)
    slope, other_slope = (gradient for _, gradient in judged)
    assert away(slope, other_slope) < 1e-4
    for _ in whole:
        pass
    for _ in tiled:
        pass
    difference = (pixels(whole.result()) - pixels(tiled.result())).abs()
    # Adam divides each gradient by its own size: where it is all but zero, rounding decides.
    assert float(difference.median()) < 1e-6
    assert float(difference.quantile(0.999)) < 1e-4


def test_lbfgs_in_tiles_finds_the_same(tiny_encoder: Vgg, photo: Tensor, style: Tensor) -> None:
    settings: dict[str, Any] = {"size": 320, "iterations": 6, "precision": "float32"}
    whole, tiled = (stylize(photo, style, encoder=tiny_encoder, tile=tile, **settings) for tile in ("off", 200))
    assert whole.history[-1]["loss"] == pytest.approx(tiled.history[-1]["loss"], rel=1e-3)
    assert float((pixels(whole) - pixels(tiled)).abs().mean()) < 1e-3


def test_bfloat16_targets_lose_nothing(photo: Tensor, style: Tensor) -> None:
    recipe = Recipe.parse(ADAM | {"precision": "bfloat16", "encoder": "petite", "size": 240})
    tiled = Stylizer(photo, style, recipe, tile=200)
    (content,) = tiled.objective(tiled.levels[0]).contents
    assert content.target.dtype == torch.bfloat16
    encode = encoders.create("petite", precision=torch.bfloat16)
    with torch.no_grad():
        expected = encode(tiled.scene.photo(tiled.levels[0]), [content.layer])[content.layer]
    away = (content.target.float() - expected).abs()
    # Convolutions of other sizes may round otherwise; storing in half the bytes adds nothing to that.
    assert float((away > 0.02 * expected.abs() + 0.02 * expected.abs().mean()).float().mean()) < 0.01
    assert bool((expected.bfloat16().float() == expected).all())


def test_little_memory_means_tiles_said_aloud(
    photo: Tensor, style: Tensor, tiny_encoder: Vgg, notices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_planner, "TILE_SIDES", (224, 210))
    monkeypatch.setattr(memory, "resident", lambda: 300 << 20)
    recipe = Recipe.parse(ADAM)
    plain = Stylizer(photo, style, recipe, encoder=tiny_encoder, memory=1 << 40)
    assert notices == []
    assert plain.plans[0].tile is None
    # A little less than one piece takes.
    tight = Stylizer(photo, style, recipe, encoder=tiny_encoder, memory=(300 << 20) + plain.plans[0].bytes - 1)
    assert tight.plans[0].tile == 224
    (said,) = notices
    assert said.startswith(f"painting in {len(tight.plans[0].grid.tiles)} tiles of about ")
    assert "because" in said


def test_too_little_memory_names_what_would_fit(photo: Tensor, style: Tensor, tiny_encoder: Vgg) -> None:
    recipe = Recipe.parse(ADAM | {"size": 3000})
    limit = memory.resident() + (250 << 20)
    with pytest.raises(ResourceError, match=r"3000x1875 px .* needs about .* free; --size \d+ would fit") as caught:
        Stylizer(photo, style, recipe, encoder=tiny_encoder, memory=limit)
    assert caught.value.exit_code == 5
    side = int(str(caught.value).split("--size ")[1].split()[0])
    Stylizer(photo, style, recipe.replace(size=side), encoder=tiny_encoder, memory=limit)


def test_sorting_statistics_are_refused_before_the_first_step(photo: Tensor, style: Tensor, tiny_encoder: Vgg) -> None:
    recipe = Recipe.parse(ADAM | {"statistics": "gram,histogram=0.5"})
    with pytest.raises(NotTileableError, match="'histogram'"):
        Stylizer(photo, style, recipe, encoder=tiny_encoder, tile=200)
    assert Stylizer(photo, style, recipe, encoder=tiny_encoder, tile=300).plans[0].grid.overhead == 1


@pytest.mark.parametrize(("options", "error"), [({"tile": 10}, UsageError), ({"device": "tpu"}, ResourceError)])
def test_what_cannot_be_is_refused(
    photo: Tensor, style: Tensor, tiny_encoder: Vgg, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        Stylizer(photo, style, Recipe.parse(ADAM), encoder=tiny_encoder, **options)


def test_a_history_in_a_file_paints_the_same_picture(content: Tensor, style: Tensor, tiny_encoder: Vgg) -> None:
    recipe = Recipe.parse({"size": 64, "iterations": 8, "levels": 2, "precision": "float32"})
    found = []
    for storage in (HistoryStorage(), HistoryStorage(file=True)):
        stylizer = Stylizer(content, style, recipe, encoder=tiny_encoder)
        stylizer._builder.plans = tuple(replace(plan, storage=storage) for plan in stylizer.plans)
        for _ in stylizer:
            pass
        found.append(pixels(stylizer.result()))
    assert torch.equal(*found)


def test_the_level_before_is_let_go(content: Tensor, style: Tensor, tiny_encoder: Vgg) -> None:
    # Its history alone can be larger than all that the next level needs.
    import gc
    import weakref

    recipe = Recipe.parse({"size": 64, "iterations": 6, "levels": 2, "precision": "float32"})
    stylizer = Stylizer(content, style, recipe, encoder=tiny_encoder)
    solvers: list[Any] = []
    starts: list[Any] = []
    make = stylizer._builder.solver

    def watched(point: Tensor, level: Any) -> Any:
        if solvers:
            gc.collect()
            assert solvers[-1]() is None
        solver = make(point, level)
        solvers.append(weakref.ref(solver))
        starts.append(weakref.ref(point))
        return solver

    stylizer._builder.solver = watched  # type: ignore[method-assign]
    for progress in stylizer:
        del progress
        if stylizer.history[-1]["step"] > 2:
            gc.collect()
            assert starts[-1]() is None
    assert len(solvers) == 2


def test_estimates(photo: Tensor, style: Tensor, tiny_encoder: Vgg) -> None:
    few, many = (
        Stylizer(photo, style, Recipe.parse(ADAM | {"iterations": steps}), encoder=tiny_encoder) for steps in (2, 2000)
    )
    assert 0 < few.seconds() < many.seconds()
    assert few.memory_bytes > memory.resident() / 2


def test_numbers_of_pictures_do_not_depend_on_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Picture(torch.rand(1, 3, 23, 17) * 1.2 - 0.1, torch.rand(1, 1, 23, 17))
    whole = [picture.to_numpy(bits) for bits in (8, 16)]
    monkeypatch.setattr("impasto.images.picture._CHUNK", 40)
    for bits, expected in zip((8, 16), whole, strict=True):
        assert np.array_equal(picture.to_numpy(bits), expected)
