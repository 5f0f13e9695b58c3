"""`blend` on the engine of every series: its frames are the paintings that `stylize` makes of the same recipes."""

from typing import Any

import pytest
import torch

import impasto
from impasto.errors import ImageError, UsageError
from impasto.executors import InProcess, Processes
from impasto.recipe import Recipe
from impasto.series.blend import blend
from tests.type_helpers import present

SETTINGS: dict[str, Any] = {"size": 32, "levels": 1, "iterations": 10, "encoder": "petite", "precision": "float32"}


@pytest.fixture
def arrays():
    """A photograph and two paintings."""
    return [torch.rand(24, 32, 3, generator=torch.Generator().manual_seed(seed)).numpy() for seed in range(3)]


def test_frames_are_those_of_stylize(arrays):
    photo, *styles = arrays
    recipe = Recipe.parse(SETTINGS)
    one, last = blend(photo, styles, 2, recipe, coherent=False)
    alone = impasto.stylize(photo, styles, **SETTINGS, style_weights=(0.0, 1.0))
    assert torch.equal(last.picture.pixels, alone.picture.pixels)
    first, second = blend(photo, styles, 2, recipe)
    assert torch.equal(first.picture.pixels, one.picture.pixels)
    changes = {**SETTINGS, "init": "file", "levels": 1, "iterations": 3, "style_weights": (0.0, 1.0)}
    following = impasto.stylize(photo, styles, init_image=first.picture, **changes)
    assert torch.equal(second.picture.pixels, following.picture.pixels)


def test_it_stops_when_it_is_asked(arrays):
    photo, *styles = arrays
    seen = []

    def watch(frame, progress):
        seen.append((frame, progress.total_step))
        return (frame, progress.total_step) == (1, 2)

    frames = list(blend(photo, styles, 3, Recipe.parse(SETTINGS), on_progress=watch))
    assert len(frames) == 1
    assert seen[-1] == (1, 2)
    assert present(frames[0]).finished


def test_what_fails_is_raised(arrays):
    with pytest.raises(ImageError):
        list(blend("nothing.png", arrays[1:], 2, Recipe.parse(SETTINGS)))
    with pytest.raises(UsageError, match="leave the executor out"):
        list(blend(arrays[0], arrays[1:], 2, executor=InProcess()))
    with pytest.raises(UsageError, match="two styles and two frames"):
        list(blend(arrays[0], arrays[1:2], 2))


@pytest.mark.slow
def test_processes_paint_the_same_frames(arrays):
    photo, *styles = arrays
    recipe = Recipe.parse(SETTINGS)
    serial = list(blend(photo, styles, 3, recipe, coherent=False, executor=InProcess(threads=1)))
    with Processes(2) as executor:
        beside = list(blend(photo, styles, 3, recipe, coherent=False, executor=executor))
    for one, other in zip(serial, beside, strict=True):
        assert torch.equal(one.picture.pixels, other.picture.pixels)
    assert [result.recipe.style_weights for result in beside] == [(1.0, 0.0), (0.5, 0.5), (0.0, 1.0)]
