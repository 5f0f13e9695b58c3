"""A network's painting as the start of an optimisation: what each part gets, keeps and counts."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto import color
from impasto.checkpoint import Checkpoint
from impasto.encoders import Vgg
from impasto.errors import InputError, RecipeError, UsageError
from impasto.feedforward import FeedForward
from impasto.painting.api import begin, stylize
from impasto.painting.refined import RefinedPainting
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe

Paint = Callable[..., FeedForward]


def refined(
    content: object, style: object, method: str = "adain", steps: int = 4, **options: object
) -> RefinedPainting:
    own = [key for key in options if key in Recipe.model_fields and key not in ("encoder", "network", "regions")]
    settings = {key: options.pop(key) for key in own}
    recipe = Recipe.parse({"method": method, "size": 64, "precision": "float32", "refine": steps, **settings})
    options.setdefault("encoder", "petite")
    painting = begin(content, style, recipe, **options)  # type: ignore[arg-type]
    assert isinstance(painting, RefinedPainting)
    return painting


@pytest.mark.parametrize("method", ["wct", "adain", "linear"])
def test_steps_begin_where_the_network_ended(method: str, painted: Paint, content: Tensor, style: Tensor) -> None:
    painting = refined(content, style, method)
    seen = list(painting)
    first = painted(method)
    before = first.steps
    assert [progress.total_step for progress in seen] == list(range(1, before + 5))
    assert {progress.total_steps for progress in seen} == {before + 4}
    assert all(not progress.losses for progress in seen[:before])
    assert all(progress.losses for progress in seen[before:])
    result = painting.result()
    assert [line["step"] for line in result.history] == [1, 2, 3, 4]
    assert result.history[-1]["loss"] < 0.95 * result.history[0]["loss"]
    # By hand: the same steps from the network's picture.
    start = first.image
    recipe = Recipe.parse({"size": 64, "precision": "float32", "init": "file", "levels": 1, "iterations": 4})
    by_hand = stylize(content, style, recipe, encoder="petite", init_image=start)
    assert torch.equal(result.picture.pixels, by_hand.picture.pixels)
    assert [line["loss"] for line in result.history] == [line["loss"] for line in by_hand.history]
    assert result.finished


def test_the_result_tells_of_both_parts(content: Tensor, style: Tensor, tiny_encoder: Vgg) -> None:
    painting = refined(content, style, encoder=tiny_encoder, tv_weight=3.0)
    for _ in painting:
        pass
    result = painting.result()
    assert (result.recipe.method, result.recipe.refine, result.recipe.tv_weight) == ("adain", 4, 3.0)
    assert result.recipe.encoder == "vgg19"
    assert [each["name"] for each in result.weights] == ["vgg19", "petite", "adain relu4_1"]
    assert [each["role"] for each in result.inputs] == ["content", "style"]
    assert {"pass 1, relu4_1", "refine total"} <= set(result.timings)
    again = begin(content, style, Recipe.parse(result.recipe.to_json()), encoder=tiny_encoder)
    for _ in again:
        pass
    assert torch.equal(again.result().picture.pixels, result.picture.pixels)


def test_stopped_in_the_first_part(content: Tensor, style: Tensor, painted: Paint) -> None:
    painting = refined(content, style, "wct")
    for progress in painting:
        if progress.total_step == 5:
            break
    result = painting.result()
    assert torch.equal(result.picture.pixels, painted("wct").result().picture.pixels)
    assert (result.finished, len(result.history), result.recipe.refine) == (False, 0, 4)


def test_colours_are_put_back_once(content: Tensor, style: Tensor) -> None:
    plain, kept = refined(content, style), refined(content, style, color="content")
    for painting in (plain, kept):
        for _ in painting:
            pass
    wanted = color.keep_chroma(plain.result().picture.pixels, content[None], strength=1.0)
    assert torch.equal(kept.result().picture.pixels, wanted)


def test_gone_on_with_it_is_the_unbroken_painting(content: Tensor, style: Tensor, tmp_path: Path) -> None:
    unbroken = refined(content, style, steps=6)
    for _ in unbroken:
        pass
    broken = refined(content, style, steps=6)
    with pytest.raises(UsageError, match="take the first one"):
        broken.checkpoint()
    for progress in broken:
        if progress.total_step == broken.first.steps + 3:
            broken.checkpoint().save(tmp_path / "c")
            break
    saved = Checkpoint.load(tmp_path / "c")
    again = refined(content, style, steps=6)
    again.restore(saved)
    seen = list(again)
    assert [progress.total_step for progress in seen] == [again.first.steps + step for step in (4, 5, 6)]
    assert torch.equal(again.result().picture.pixels, unbroken.result().picture.pixels)
    assert len(again.result().history) == 6
    assert again.result().metadata == unbroken.result().metadata


def test_what_is_not_gone_on_with(content: Tensor, style: Tensor, other_style: Tensor, tmp_path: Path) -> None:
    painting = refined(content, style)
    for _ in painting:
        pass
    painting.checkpoint().save(tmp_path / "c")
    saved = Checkpoint.load(tmp_path / "c")
    with pytest.raises(InputError, match="of another style"):
        refined(content, other_style).restore(saved)
    with pytest.raises(UsageError, match="of another recipe"):
        refined(content, style, alpha=0.5).restore(saved)
    with pytest.raises(UsageError, match="of another recipe"):
        Stylizer(content, style, Recipe.parse({"size": 64, "precision": "float32"}), encoder="petite").restore(saved)


def test_a_style_network_is_refined_after_a_painting(content: Tensor, style: Tensor, notices: list[str]) -> None:
    painting = refined(content, style, "johnson", network="waves")
    for _ in painting:
        pass
    result = painting.result()
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    assert result.recipe.network == "waves"
    assert any("is not the painting that waves was trained on" in line for line in notices)
    with pytest.raises(UsageError, match="name it with --style"):
        refined(content, [], "johnson", network="waves")


def test_a_texture_of_another_shape_than_a_square_is_not_said_to_be_stretched(
    style: Tensor, notices: list[str]
) -> None:
    assert refined(None, style, "wct", 1, passes=1, aspect=2).size == (32, 64)
    assert not any("stretched" in line for line in notices)


def test_textures_are_refined(style: Tensor) -> None:
    painting = refined(None, style, "wct", passes=1)
    for _ in painting:
        pass
    result = painting.result()
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    assert "content" not in result.history[0]


def test_settings_of_the_steps_belong_to_refine() -> None:
    assert Recipe.parse({"method": "adain", "refine": 3, "style_layers": "relu1_1"}).refine == 3
    with pytest.raises(RecipeError, match="iterations: is what refine decides"):
        Recipe.parse({"method": "adain", "refine": 3, "iterations": 9})
