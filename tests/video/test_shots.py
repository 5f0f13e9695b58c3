"""Cuts are found where they are, and motion is none."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from impasto.errors import ResourceError
from impasto.images import Picture
from impasto.video.shots import ShotFinder

pytest.importorskip("scenedetect", reason="needs PySceneDetect (the extra video)")


def shots(frames: Sequence[Tensor]) -> tuple[tuple[int, int], ...]:
    finder = ShotFinder()
    for frame in frames:
        finder.look(Picture(frame.contiguous()))
    return finder.shots


def test_a_pan_is_one_shot(picture) -> None:
    wide = picture(64, 200, 1)
    assert shots([wide[..., 5 * step : 5 * step + 96] for step in range(14)]) == ((0, 14),)


@pytest.mark.parametrize("cut", [4, 7, 9])
def test_a_cut_is_found(picture, cut: int) -> None:
    first, second = picture(64, 200, 1), 1 - picture(64, 200, 5)
    frames = [(first if step < cut else second)[..., 2 * step : 2 * step + 96] for step in range(14)]
    assert shots(frames) == ((0, cut), (cut, 14))


def test_a_slow_change_of_light_is_one_shot(picture) -> None:
    image = picture(64, 96, 1)
    assert shots([image * (0.4 + 0.04 * step) for step in range(14)]) == ((0, 14),)


@pytest.mark.parametrize("count", [1, 2])
def test_very_short_clips_are_one_shot(count: int) -> None:
    assert shots([torch.rand(1, 3, 48, 64) for _ in range(count)]) == ((0, count),)


def test_no_frames_have_no_shots() -> None:
    assert shots([]) == ()


def test_without_the_library_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "scenedetect", None)
    with pytest.raises(ResourceError, match=r'pip install "impasto\[video\]"'):
        ShotFinder()
