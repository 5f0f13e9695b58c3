"""What `stylize` takes: kinds of input, small and flat pictures, starts, settings."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from impasto.encoders import Vgg
from impasto.errors import ImageError, RecipeError, ResourceError, UsageError
from impasto.images import resize
from impasto.painting.api import begin, stylize
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.scene import SMALLEST
from impasto.weights import CAFFE
from tests.stylize_helpers import Paint, finite, pixels

MakePicture = Callable[..., torch.Tensor]


# What goes in.


def test_kinds_of_input_agree(paint: Paint, tmp_path: Path, content: Tensor, style: Tensor) -> None:
    levels = {"content": content, "style": style}
    arrays = {key: (255 * value).round().byte().permute(1, 2, 0).numpy() for key, value in levels.items()}
    kinds: list[tuple[object, ...]] = []
    for suffix in ("a", "b c ü"):
        files = []
        for key, array in arrays.items():
            path = tmp_path / f"{key} {suffix}.png"
            Image.fromarray(array).save(path)
            files.append(path)
        kinds.append(tuple(files))
    kinds.append(tuple(str(path) for path in files))
    kinds.append(tuple(path.read_bytes() for path in files))
    kinds.append(tuple(Image.fromarray(array) for array in arrays.values()))
    kinds.append(tuple(arrays.values()))
    kinds.append(tuple(array.astype(np.float32) / 255 for array in arrays.values()))
    kinds.append(tuple(torch.from_numpy(array).permute(2, 0, 1) for array in arrays.values()))
    kinds.append(tuple(torch.from_numpy(array).permute(2, 0, 1)[None].float() / 255 for array in arrays.values()))
    results = [pixels(paint(*kind)) for kind in kinds]
    for kind, result in zip(kinds[1:], results[1:], strict=True):
        assert torch.equal(result, results[0]), type(kind[0])


def test_inputs_are_left_alone(paint: Paint, content: Tensor, style: Tensor) -> None:
    copies = content.clone(), style.clone()
    paint(content, style)
    assert torch.equal(content, copies[0])
    assert torch.equal(style, copies[1])


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (1, 10_000), (10_000, 1), (2, 200), (16, 16), (17, 900)])
@pytest.mark.parametrize("role", ["content", "style"])
def test_small_and_narrow_pictures_work_or_say_why(
    paint: Paint, content: Tensor, size: tuple[int, int], role: str
) -> None:
    odd = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    pair = (odd, content) if role == "content" else (content, odd)
    if min(size) * 64 / max(size) < SMALLEST - 0.5:  # of 64 px on the long side
        with pytest.raises(ImageError, match=f"at least {SMALLEST} px") as caught:
            paint(*pair, levels=1, iterations=2)
        assert caught.value.exit_code == 3
    else:
        result = paint(*pair, levels=1, iterations=2)
        assert max(result.picture.size) == 64
        assert finite(result)


def test_pictures_too_narrow_are_refused_before_any_step(tiny_encoder: Vgg, quick: Recipe, content: Tensor) -> None:
    narrow = torch.rand(3, 4, 400)
    with pytest.raises(ImageError, match="short side"):
        Stylizer(narrow, content, quick, encoder=tiny_encoder)
    with pytest.raises(ImageError, match="short side"):
        Stylizer(content, narrow, quick, encoder=tiny_encoder)


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
@pytest.mark.parametrize("normalization", ["resolution_invariant", "gatys", "johnson"])
@pytest.mark.parametrize("flat", ["content", "style", "both"])
def test_constant_black_pictures_give_no_nan(
    paint: Paint, content: Tensor, style: Tensor, solver: str, normalization: str, flat: str
) -> None:
    black = torch.zeros(3, 48, 64)
    result = paint(
        content if flat == "style" else black,
        style if flat == "content" else black,
        solver=solver,
        normalization=normalization,
    )
    assert finite(result)
    assert all(math.isfinite(step["loss"]) for step in result.history)


def test_layers_that_do_not_fire_give_no_nan(paint: Paint, tiny_encoder: Vgg, content: Tensor, style: Tensor) -> None:
    # Without biases a black picture leaves every layer at zero, when black is zero inside the network.
    silent = {k: torch.zeros_like(v) if k.endswith("bias") else v for k, v in tiny_encoder.tensors.items()}
    preprocessing = type(CAFFE)(matrix=CAFFE.matrix, bias=(0.0, 0.0, 0.0))
    encoder = Vgg(silent, preprocessing, channels=dict.fromkeys(range(1, 6), 8))
    black = torch.zeros(3, 48, 64)
    for pair in ((black, style), (content, black), (black, black)):
        result = paint(*pair, encoder=encoder, levels=1)
        assert finite(result)


def test_a_missing_file_is_named_before_anything_else(paint: Paint, tmp_path: Path, style: Tensor) -> None:
    with pytest.raises(ImageError, match=r"nothing\.jpg"):
        paint(tmp_path / "nothing.jpg", style)
    with pytest.raises(ImageError, match=r"nothing\.jpg"):
        paint(style, [style, tmp_path / "nothing.jpg"])


# Starts.


def test_init_file_starts_from_it(paint: Paint, content: Tensor, style: Tensor, other_style: Tensor) -> None:
    result = paint(content, style, init="file", init_image=other_style, iterations=0, levels=1)
    torch.testing.assert_close(pixels(result), resize(other_style[None], (48, 64)))
    assert [item["role"] for item in result.inputs] == ["content", "style", "init"]
    painted = paint(content, style, init="file", init_image=other_style)
    assert not torch.equal(pixels(painted), pixels(paint(content, style)))


def test_init_file_and_init_image_belong_together(paint: Paint, content: Tensor, style: Tensor) -> None:
    with pytest.raises(UsageError, match="init 'file' and init_image belong together"):
        paint(content, style, init="file")
    with pytest.raises(UsageError, match="init 'file' and init_image belong together"):
        paint(content, style, init="noise", init_image=style)


def test_seed_matters_where_there_is_chance(paint: Paint, content: Tensor, style: Tensor) -> None:
    for init, same in (("content", True), ("noise", False), ("blend", False), ("style", False)):
        one, two = (pixels(paint(content, style, init=init, seed=seed)) for seed in (1, 2))
        assert torch.equal(one, two) == same


# Settings.


@pytest.mark.parametrize("paint", [Stylizer, begin])
def test_a_keyword_that_nothing_knows_is_refused(paint: Any, content: torch.Tensor, style: torch.Tensor) -> None:
    with pytest.raises(TypeError, match="unexpected keyword 'encoders'; choose from encoder, init_image, "):
        paint(content, style, encoders="petite")


def test_recipe_preset_and_overrides(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> None:
    with pytest.raises(UsageError, match="recipe or a preset"):
        stylize(content, style, quick, preset="cs229", encoder=tiny_encoder)
    with pytest.raises(RecipeError, match="did you mean 'iterations'"):
        stylize(content, style, quick, iteration=3, encoder=tiny_encoder)
    result = stylize(content, style, preset="cs229", size=32, iterations=3, precision="float32", encoder=tiny_encoder)
    assert (result.recipe.solver, result.recipe.iterations, result.recipe.size) == ("adam", 3, 32)


def test_cs229_runs_adam_from_ten_to_one(tiny_encoder: Vgg, content: Tensor, style: Tensor) -> None:
    recipe = Recipe.from_preset("cs229", size=32, iterations=5, precision="float32")
    stylizer = Stylizer(content, style, recipe, encoder=tiny_encoder)
    images = [stylizer.scene.init_canvas(stylizer.levels[0])]
    images += [progress.image for progress in stylizer]
    first = 255 * (images[1] - images[0]).abs()
    # Adam's first step moves every pixel by the rate.
    assert float(first.max()) == pytest.approx(10, rel=1e-4)
    assert float(first.median()) == pytest.approx(10, rel=1e-4)
    assert 255 * float((images[-1] - images[-2]).abs().max()) < 4


def test_automatic_settings_are_resolved_in_the_result(tiny_encoder: Vgg, content: Tensor, style: Tensor) -> None:
    result = stylize(content, style, size=32, iterations=1, encoder=tiny_encoder)
    assert result.recipe.precision in ("float32", "bfloat16")
    assert result.recipe.encoder != "auto"


def test_an_encoder_of_ones_own_keeps_its_own_precision(
    tiny_encoder: Vgg, content: Tensor, style: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the machine would be faster at says nothing about an encoder that is ready made.
    monkeypatch.setattr("impasto.optim.devices.faster_precision", lambda _device: torch.bfloat16)
    result = stylize(content, style, size=32, iterations=1, encoder=tiny_encoder)
    assert result.recipe.precision == "float32"


def test_an_encoder_of_ones_own_may_have_its_own_name(
    tiny_encoder: Vgg, paint: Paint, content: Tensor, style: Tensor
) -> None:
    own = Vgg(tiny_encoder.tensors, CAFFE, channels=dict.fromkeys(range(1, 6), 4))
    own.name = "my-network"
    assert finite(paint(content, style, encoder=own))


def test_a_plan_that_does_not_fit_into_memory_is_refused_before_painting(
    tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Row 39.
    monkeypatch.setattr("impasto.optim.memory.available", lambda: 1000)
    with pytest.raises(ResourceError, match="smaller --size") as caught:
        Stylizer(content, style, quick, encoder=tiny_encoder)
    assert caught.value.exit_code == 5
    monkeypatch.setattr("impasto.optim.memory.available", lambda: None)
    assert Stylizer(content, style, quick, encoder=tiny_encoder).memory_bytes > 0
