"""A stream of photographs: each frame is what it would be by itself, and the styles are measured once."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from impasto import Recipe, begin
from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.feedforward import AnyStyle, FeedForward

Paint = Callable[..., FeedForward]
METHODS = ("wct", "adain", "linear", "avatar", "johnson")


def options(method: str) -> dict[str, object]:
    return {"network": "waves", "styles": []} if method == "johnson" else {}


@pytest.mark.parametrize("method", METHODS)
def test_a_frame_is_what_it_would_be_by_itself(
    method: str, painted: Paint, content: Tensor, picture_of: Callable[..., Tensor]
) -> None:
    other = picture_of(content.shape[-2], content.shape[-1])[0].flip(-1)
    painting = painted(method, **options(method))
    found = list(painting.frames([content, other]))
    for photo, frame in zip((content, other), found, strict=True):
        alone = painted(method, photo, **options(method)).result().picture
        torch.testing.assert_close(frame.pixels, alone.pixels, atol=1e-6, rtol=0)
    assert not torch.allclose(found[0].pixels, found[1].pixels, atol=1e-2)


@pytest.mark.parametrize("settings", [{"method": "gatys", "iterations": 3}, {"method": "adain", "refine": 2}])
def test_a_frame_by_steps_is_what_it_would_be_by_itself(
    settings: dict[str, object], content: Tensor, style: Tensor, tiny_encoder: Encoder
) -> None:
    recipe = Recipe.parse({"size": 48, "precision": "float32", **settings})
    photos = [content, content.flip(-1)]
    found = list(begin(content, style, recipe, encoder=tiny_encoder).frames(photos))
    for photo, frame in zip(photos, found, strict=True):
        alone = begin(photo, style, recipe, encoder=tiny_encoder)
        assert len(list(alone)) == alone.steps == alone.taken
        assert torch.equal(frame.pixels, alone.result().picture.pixels)


def test_landmarks_are_of_one_photograph(content: Tensor, style: Tensor, tiny_encoder: Encoder) -> None:
    points = [[0.3, 0.3], [0.7, 0.3], [0.5, 0.7]]
    recipe = Recipe.parse({"method": "portrait", "size": 48})
    painting = begin(content, style, recipe, encoder=tiny_encoder, content_landmarks=points, style_landmarks=points)
    with pytest.raises(UsageError, match="landmarks are of one photograph"):
        next(painting.frames([content]))


@pytest.mark.parametrize(("color", "times"), [("style", 1), ("match", 3)])
def test_styles_are_measured_once_unless_they_follow_the_frame(
    color: str, times: int, painted: Paint, content: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, measured = [], AnyStyle._measured

    def counting(self: AnyStyle) -> dict[str, list[list[Any]]]:
        counted.append(1)
        return measured(self)

    monkeypatch.setattr(AnyStyle, "_measured", counting)
    painting = painted("adain", color=color)
    list(painting.frames([content, content.flip(-1)]))
    assert len(counted) == times


def test_frames_of_another_shape_and_of_textures_are_refused(painted: Paint, content: Tensor) -> None:
    painting = painted("adain")
    with pytest.raises(UsageError, match=r"frame 1 is 32x64 px, another shape than the first"):
        list(painting.frames([content, torch.rand(3, 64, 32)]))
    with pytest.raises(UsageError, match="a texture has no frames"):
        next(painted("wct", None, passes=1).frames([content]))
