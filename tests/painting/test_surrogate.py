"""Petite takes the first steps in place of a larger encoder, which takes the last ones."""

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor

from impasto.encoders import Vgg
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.weights import CAFFE
from tests.stylize_helpers import pixels

SETTINGS = {
    "margin": 0,
    "size": 64,
    "levels": 2,
    "step_ratio": 0.5,
    "iterations": 9,
    "finishing_steps": 3,
    "precision": "float32",
}


@pytest.fixture
def position_weights(tiny_encoder: Vgg):
    """The tiny encoder, and the widths of what it was asked to differentiate."""
    widths: list[int] = []

    class Counted(Vgg):
        name = "vgg19"

        def __call__(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
            if torch.is_grad_enabled() and image.requires_grad:
                widths.append(image.shape[-1])
            return super().__call__(image, layers)

    return Counted(
        tiny_encoder.tensors, CAFFE, channels={block: tiny_encoder.channels[f"relu{block}_1"] for block in range(1, 6)}
    ), widths


def test_petite_takes_all_steps_but_the_last(position_weights, content: Tensor, style: Tensor) -> None:
    encoder, widths = position_weights
    painting = Stylizer(content, style, Recipe.parse(SETTINGS), encoder=encoder)
    assert [(level.size, level.steps) for level in painting.levels] == [((24, 32), 4), ((48, 64), 2), ((48, 64), 3)]
    steps = list(painting)
    assert [step.level for step in steps] == [0] * 4 + [1] * 2 + [2] * 3
    # At the last size alone: the first point, and one point for each step or more where a step is shortened.
    assert set(widths) == {64}
    assert len(widths) >= 4
    result = painting.result()
    assert result.finished
    assert [weights["name"] for weights in result.weights] == ["vgg19", "petite"]
    # The finishing steps lower what the encoder itself sees.
    last = [step.loss for step in steps if step.level == 2]
    assert last[-1] < last[0]


def test_finishing_is_what_the_encoder_would_do_from_there(position_weights, content: Tensor, style: Tensor) -> None:
    encoder, _ = position_weights
    painting = Stylizer(content, style, Recipe.parse(SETTINGS), encoder=encoder)
    *_, before = (step for step in painting if step.level == 1)
    alone = Recipe.parse({**SETTINGS, "levels": 1, "iterations": 3, "finishing_steps": 0, "init": "file"})
    start = before.image[0].clamp(0, 1)
    again = Stylizer(content, style, alone, encoder=encoder, init_image=start)
    whole = Stylizer(content, style, Recipe.parse(SETTINGS), encoder=encoder)
    for each in (whole, again):
        for _ in each:
            pass
    assert torch.equal(pixels(whole.result()), pixels(again.result()))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"style_layers": {"relu2_2": 1.0}}, "petite has no relu2_2"),
        ({"pooling": "max"}, "petite knows no max pooling"),
    ],
)
def test_what_petite_cannot_judge_it_does_not_paint(
    changes: dict, said: str, position_weights, content: Tensor, style: Tensor, notices: list[str]
) -> None:
    encoder, _ = position_weights
    painting = Stylizer(content, style, Recipe.parse({**SETTINGS, **changes}), encoder=encoder)
    assert painting.surrogate is None
    assert sum(level.steps for level in painting.levels) == 9
    assert [line for line in notices if said in line and "takes all 9" in line]


def test_petite_needs_no_surrogate(content: Tensor, style: Tensor, notices: list[str]) -> None:
    painting = Stylizer(content, style, Recipe.parse({**SETTINGS, "encoder": "petite"}))
    assert painting.surrogate is None
    assert len(painting.levels) == 2
    assert not notices
