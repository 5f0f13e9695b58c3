"""Memory that runs out in the middle of a painting: smaller tiles, and not a step lost."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

from impasto import Recipe, Stylizer
from impasto.checkpoint import Checkpoint
from impasto.encoders import Vgg
from impasto.optim import memory, tile_planner
from impasto.weights import CAFFE
from tests.stylize_helpers import pixels

LBFGS = {"margin": 0, "size": 320, "iterations": 4, "levels": 1, "precision": "float32"}
SHALLOW = {"style_layers": "relu1_1,relu2_1", "content_layers": "relu2_1"}
"""Layers that see little: their tiles can be small."""
WORDS = "[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you tried to allocate"
WHOLE = 200 * 320


class Scarce(Vgg):
    """Has no memory for pictures of more than `most` pixels once it was asked `after` times."""

    most = 10**9
    after = 0
    asked = 0
    error: Exception = RuntimeError(WORDS)
    refused = 0

    def __call__(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        self.asked += 1
        if self.asked > self.after and image[0, 0].numel() > self.most:
            self.refused += 1
            raise self.error
        return super().__call__(image, layers)


@pytest.fixture
def encoder(tiny_tensors: Callable[..., dict[str, Tensor]], tiny_encoder: Vgg) -> Scarce:
    """Of the tiny encoder's weights, with all the memory in the world."""
    widths = {int(layer[4]): count for layer, count in tiny_encoder.channels.items()}
    return Scarce(tiny_tensors(), CAFFE, channels=widths, sha256="0" * 64)


@pytest.fixture(autouse=True)
def tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tile_planner, "TILE_SIDES", (300, 210, 190))


@pytest.fixture(scope="module")
def photo(picture: Callable[..., Tensor]) -> Tensor:
    """(3, 200, 320): tiles of 210 are the first that a whole picture can be cut into."""
    return picture(200, 320, seed=5)[0]


def painted(stylizer: Stylizer) -> Tensor:
    for _ in stylizer:
        pass
    return pixels(stylizer.result())


@pytest.mark.parametrize("changes", [{}, {"solver": "adam"}, {"color": "luminance"}])
def test_from_the_start_it_is_the_picture_of_smaller_tiles(
    encoder: Scarce, photo: Tensor, style: Tensor, notices: list[str], changes: dict[str, Any]
) -> None:
    recipe = Recipe.parse(LBFGS | changes | {"iterations": 2})
    expected = painted(Stylizer(photo, style, recipe, encoder=encoder, tile=210))
    notices.clear()
    encoder.most = 210**2
    stylizer = Stylizer(photo, style, recipe, encoder=encoder)
    assert [plan.tile for plan in stylizer.plans] == [None]
    assert torch.equal(painted(stylizer), expected)
    assert (encoder.refused, stylizer.plans[0].tile) == (1, 210)
    count = len(stylizer.plans[0].grid.tiles)
    (said,) = notices
    assert said.startswith(f"memory ran out; going on from there in {count} tiles of about ")


@pytest.fixture(scope="module")
def unbroken(tiny_encoder: Vgg, photo: Tensor, style: Tensor) -> Stylizer:
    """A painting of six steps in one piece."""
    stylizer = Stylizer(photo, style, Recipe.parse(LBFGS | {"iterations": 6}), encoder=tiny_encoder)
    for _ in stylizer:
        pass
    return stylizer


@pytest.mark.parametrize("kind", [RuntimeError(WORDS), MemoryError(), torch.OutOfMemoryError("CUDA out of memory.")])
def test_in_the_middle_no_step_is_lost(
    encoder: Scarce, photo: Tensor, style: Tensor, unbroken: Stylizer, kind: Exception
) -> None:
    encoder.most, encoder.error, encoder.after = 210**2, kind, 10**9
    stylizer = Stylizer(photo, style, unbroken.recipe, encoder=encoder)
    steps = iter(stylizer)
    for _ in range(3):
        next(steps)
    encoder.asked, encoder.after = 0, 0
    for progress in steps:
        assert progress.total_step == len(stylizer.history)
    assert stylizer.result().finished
    assert encoder.refused == 1
    assert stylizer.plans[0].tile == 210
    # The curvature that L-BFGS had learnt is still there: the same steps, but for rounding.
    losses = [[line["loss"] for line in each.history] for each in (unbroken, stylizer)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert float((pixels(stylizer.result()) - pixels(unbroken.result())).abs().mean()) < 1e-3


def test_the_levels_after_it_begin_in_the_smaller_tiles(
    encoder: Scarce, photo: Tensor, style: Tensor, notices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_planner, "TILE_SIDES", (210, 105, 60))
    encoder.most = 110**2
    stylizer = Stylizer(photo, style, Recipe.parse(LBFGS | SHALLOW | {"levels": 2}), encoder=encoder)
    assert [plan.grid.size for plan in stylizer.plans] == [(100, 160), (200, 320)]
    assert bool(torch.isfinite(painted(stylizer)).all())
    assert [plan.tile for plan in stylizer.plans] == [105, 105]
    assert (encoder.refused, len(notices)) == (1, 1)


def test_what_is_left_to_try_is_tried_a_few_times_only(
    encoder: Scarce, photo: Tensor, style: Tensor, notices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_planner, "TILE_SIDES", (210, 175, 145, 121, 100, 84, 70))
    stylizer = Stylizer(photo, style, Recipe.parse(LBFGS | SHALLOW), encoder=encoder)
    steps = iter(stylizer)
    before = next(steps)
    encoder.most = 10
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        next(steps)
    assert encoder.refused == 4, "and three smaller tiles"
    assert len(notices) == 3
    # What there was is still there.
    assert torch.equal(stylizer.result().picture.pixels, stylizer.shown(before).pixels)
    assert not stylizer.result().finished


@pytest.mark.parametrize(
    ("changes", "options"),
    [({"statistics": "gram,histogram=0.5"}, {}), ({}, {"tile": "off"})],
    ids=["a statistic that sorts", "no tiles wanted"],
)
def test_where_there_are_no_smaller_tiles_the_error_stays(
    encoder: Scarce, photo: Tensor, style: Tensor, notices: list[str], changes: dict[str, Any], options: dict[str, Any]
) -> None:
    encoder.most = 210**2
    stylizer = Stylizer(photo, style, Recipe.parse(LBFGS | changes), encoder=encoder, **options)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        painted(stylizer)
    assert encoder.refused == 1
    assert notices == []


def test_other_errors_are_not_tried_again(encoder: Scarce, photo: Tensor, style: Tensor) -> None:
    encoder.most, encoder.error = 210**2, RuntimeError("expected scalar type Float")
    with pytest.raises(RuntimeError, match="scalar type"):
        painted(Stylizer(photo, style, Recipe.parse(LBFGS), encoder=encoder))
    assert encoder.refused == 1


def test_a_checkpoint_knows_the_smaller_tiles(
    encoder: Scarce, photo: Tensor, style: Tensor, notices: list[str], tmp_path: Any
) -> None:
    encoder.most = 210**2
    recipe = Recipe.parse(LBFGS)
    unbroken = Stylizer(photo, style, recipe, encoder=encoder)
    for progress in unbroken:
        if progress.step == 2:
            unbroken.checkpoint().save(tmp_path / "kept")
    resumed = Stylizer(photo, style, recipe, encoder=encoder)
    notices.clear()
    resumed.restore(Checkpoint.load(tmp_path / "kept"))
    assert resumed.plans[0].tile == 210
    assert torch.equal(painted(resumed), pixels(unbroken.result()))
    assert (encoder.refused, notices) == (1, [])


def test_plans_get_smaller_until_a_tile_is_too_small(encoder: Scarce, photo: Tensor, style: Tensor) -> None:
    from impasto.painting import budget

    stylizer = Stylizer(photo, style, Recipe.parse(LBFGS), encoder=encoder)
    plans, sides, areas = stylizer.plans, [], [WHOLE]
    while (smaller := budget.smaller(plans, 0, stylizer.scene, stylizer.encoder)) is not None:
        plans = smaller
        rows, columns = plans[0].grid.encoded
        sides.append(plans[0].tile)
        areas.append(rows * columns)
    assert sides[0] == 210
    assert all(after <= 0.7 * before for before, after in itertools.pairwise(areas))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError(WORDS), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("MPS backend out of memory"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("x"), False),
    ],
)
def test_how_memory_that_ran_out_is_told(error: Exception, expected: bool) -> None:
    assert memory.is_out_of_memory(error) is expected


def test_what_failed_is_let_go_before_it_is_tried_again() -> None:
    import weakref

    class Heavy:
        pass

    held: list[weakref.ref[Heavy]] = []

    def do() -> int:
        if held:
            assert held[0]() is None
            return 7
        heavy = Heavy()
        held.append(weakref.ref(heavy))
        raise MemoryError

    assert memory.retry_smaller(do, lambda: True) == 7
