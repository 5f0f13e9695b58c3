"""Stopping midway, trouble on the way, and what a result holds and writes."""

import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from impasto import metadata
from impasto.encoders import Vgg
from impasto.errors import DivergedError, ImageError, ImpastoError
from impasto.images import resize
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.weights import CAFFE
from tests.stylize_helpers import Paint, finite, pixels
from tests.type_helpers import present

MakePicture = Callable[..., torch.Tensor]


# Stopping.


def test_closing_midway_keeps_the_picture_so_far(
    tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor
) -> None:
    for stop in (1, 4, 5):
        stylizer = Stylizer(content, style, quick.replace(iterations=9), encoder=tiny_encoder)
        steps = iter(stylizer)
        for _ in range(stop):
            progress = next(steps)
        steps.close()
        result = stylizer.result()
        assert not result.finished
        assert result.picture.size == (48, 64)
        assert len(result.history) == stop
        assert torch.equal(pixels(result), resize(progress.image.clamp(0, 1), (48, 64)))


def test_result_can_be_asked_for_at_any_time(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> None:
    stylizer = Stylizer(content, style, quick, encoder=tiny_encoder)
    before = stylizer.result()
    assert not before.finished
    assert before.history == ()
    assert before.picture.size == (48, 64)
    for progress in stylizer:
        part = stylizer.result()
        assert len(part.history) == progress.total_step
    after = stylizer.result()
    assert after.finished
    assert torch.equal(pixels(after), pixels(stylizer.result()))


def test_iterating_again_paints_again(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> None:
    stylizer = Stylizer(content, style, quick, encoder=tiny_encoder)
    list(stylizer)
    first = stylizer.result()
    list(stylizer)
    second = stylizer.result()
    assert torch.equal(pixels(first), pixels(second))
    assert len(second.history) == len(first.history)


class Poisoned(Vgg):
    """An encoder whose answers turn into NaN after a number of calls."""

    left = 0

    def __call__(self, image: torch.Tensor, layers: object) -> dict[str, torch.Tensor]:
        type(self).left -= 1
        found = super().__call__(image, layers)  # type: ignore[arg-type]
        return {key: value * math.nan for key, value in found.items()} if type(self).left < 0 else found


def poisoned(encoder: Vgg, after: int) -> Vgg:
    Poisoned.left = after
    return Poisoned(encoder.tensors, CAFFE, channels=dict.fromkeys(range(1, 6), 4))


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_nan_on_the_way_keeps_the_best(
    paint: Paint, tiny_encoder: Vgg, content: Tensor, style: Tensor, solver: str, notices: list[str]
) -> None:
    result = paint(content, style, encoder=poisoned(tiny_encoder, 8), levels=1, iterations=30, solver=solver)
    assert finite(result)
    assert all(math.isfinite(step["loss"]) for step in result.history)
    assert notices


def test_nan_at_the_start_is_an_error(paint: Paint, tiny_encoder: Vgg, content: Tensor, style: Tensor) -> None:
    with pytest.raises(DivergedError, match="not finite") as caught:
        paint(content, style, encoder=poisoned(tiny_encoder, 2), levels=1)
    # Settings that are to be changed, and no mistake in impasto.
    assert caught.value.exit_code == 2


def test_a_large_content_weight_is_no_explosion(
    paint: Paint, content: Tensor, style: Tensor, notices: list[str]
) -> None:
    # From the content, the first loss has no content part; the second has, a thousand times as large.
    result = paint(content, style, levels=1, solver="adam", content_weight=1e6, iterations=20)
    assert len(result.history) == 20
    assert notices == []


# The result.


@pytest.mark.usefixtures("tiny_encoder")
def test_save_writes_the_recipe_and_no_path(paint: Paint, tmp_path: Path, content: Tensor, style: Tensor) -> None:
    files = []
    for name, value in (("secret-photo", content), ("secret-painting", style)):
        path = tmp_path / f"{name}.png"
        Image.fromarray((255 * value).byte().permute(1, 2, 0).numpy()).save(path)
        files.append(path)
    result = paint(*files)
    for suffix in (".png", ".jpg", ".webp", ".tif"):
        path = tmp_path / f"out{suffix}"
        result.save(path)
        data = path.read_bytes()
        for word in (str(tmp_path), tmp_path.name, "secret"):
            assert word.encode() not in data
        found = present(metadata.read(path))
        assert Recipe.parse(found["recipe"]) == result.recipe
        assert [item["role"] for item in found["inputs"]] == ["content", "style"]
        assert [len(item["sha256"]) for item in found["inputs"]] == [64, 64]
    assert "secret" not in result.metadata
    with Image.open(tmp_path / "out.png") as saved:
        assert np.array_equal(np.asarray(saved), result.picture.to_numpy())


def test_metadata_names_the_weights(paint: Paint, tiny_encoder: Vgg, content: Tensor, style: Tensor) -> None:
    (weights,) = json.loads(paint(content, style).metadata)["weights"]
    assert weights["sha256"] == tiny_encoder.sha256
    assert weights["name"] == tiny_encoder.name


def test_a_truncated_input_is_recorded(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> None:
    # row 3: opting in is recorded.
    stream = io.BytesIO()
    Image.fromarray((255 * content).byte().permute(1, 2, 0).numpy()).save(stream, "JPEG")
    cut = stream.getvalue()[: int(0.7 * len(stream.getvalue()))]
    with pytest.raises(ImageError):
        Stylizer(cut, style, quick, encoder=tiny_encoder)
    stylizer = Stylizer(cut, style, quick, encoder=tiny_encoder, allow_truncated=True)
    assert '"truncated":true' in stylizer.result().metadata


def test_save_does_not_overwrite_and_can_leave_the_recipe_out(
    paint: Paint, tmp_path: Path, content: Tensor, style: Tensor
) -> None:
    result = paint(content, style)
    path = tmp_path / "out.png"
    result.save(path, embed=False)
    assert metadata.read(path) is None
    before = path.read_bytes()
    with pytest.raises(ImpastoError, match="exists"):
        result.save(path)
    assert path.read_bytes() == before
    result.save(path, force=True, bits=16)
    assert metadata.read(path) is not None


def test_shows_itself_in_a_notebook(paint: Paint, content: Tensor, style: Tensor) -> None:
    result = paint(content, style)
    with Image.open(io.BytesIO(result._repr_png_())) as shown:
        assert shown.size == (64, 48)
    assert len(repr(result)) < 3000
