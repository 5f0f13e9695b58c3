"""How steady a clip is, by hand: noise, drift, cuts; and clips measured from end to end."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto import images
from impasto.errors import UsageError
from impasto.evaluation import Evaluator
from impasto.images import Picture
from impasto.video.evaluate import choose_for_clip, evaluate_clip
from impasto.video.metrics import CLIP_METRICS, ClipCase, measure
from tests.video.painting_helpers import pan

pytest.importorskip("cv2", reason="needs OpenCV (the extra video)")
pytest.importorskip("scenedetect", reason="needs PySceneDetect (the extra video)")


def value(name: str, painted: list[Tensor], photographed: list[Tensor]) -> float:
    found = measure([ClipCase(painted, photographed)], CLIP_METRICS[name])
    assert found is not None
    return found


def with_noise(frames: list[Tensor], strength: float) -> list[Tensor]:
    random = torch.Generator().manual_seed(1)
    return [frame + strength * torch.randn(frame.shape, generator=random) for frame in frames]


@pytest.mark.parametrize("name", CLIP_METRICS)
def test_of_a_clip_that_is_its_own_painting_little_is_wrong(picture: Callable[..., Tensor], name: str) -> None:
    frames = pan(picture(64, 200, 1), 14, 4, 96)
    assert value(name, frames, frames) < 1e-3


def test_noise_has_the_energy_that_it_should(picture: Callable[..., Tensor]) -> None:
    still = [picture(96, 96, 1)] * 14
    noisy = with_noise(still, 0.1)
    # Of two frames 2 v in each of three channels; of a second difference over 4, 6/16 v.
    assert value("warp_error/1", noisy, still) == pytest.approx(3 * 2 * 0.01, rel=0.03)
    assert value("warp_error_far/1", noisy, still) == pytest.approx(3 * 2 * 0.01, rel=0.03)
    assert value("flicker/1", noisy, still) == pytest.approx(3 * 6 / 16 * 0.01, rel=0.03)


def test_a_steady_change_is_no_flicker_and_a_far_error(picture: Callable[..., Tensor]) -> None:
    still = [picture(64, 64, 1)] * 14
    rising = [frame + 0.01 * number for number, frame in enumerate(still)]
    assert value("flicker/1", rising, still) == pytest.approx(0, abs=1e-9)
    assert value("warp_error/1", rising, still) == pytest.approx(3 * 0.01**2, rel=1e-3)
    assert value("warp_error_far/1", rising, still) == pytest.approx(3 * 0.1**2, rel=1e-3)


def test_strokes_that_stay_on_the_screen_are_wrong_where_things_move(picture: Callable[..., Tensor]) -> None:
    frames = pan(picture(64, 200, 1), 8, 4, 96)
    strokes = 0.1 * torch.sign(torch.sin(torch.arange(96.0)))
    on_screen = [frame + strokes for frame in frames]
    wide = 0.1 * torch.sign(torch.sin(torch.arange(200.0)))
    on_things = [frame + wide[4 * number : 4 * number + 96] for number, frame in enumerate(frames)]
    assert value("warp_error/1", on_things, frames) < 0.5 * value("warp_error/1", on_screen, frames)


def test_what_is_too_short_has_no_value(picture: Callable[..., Tensor]) -> None:
    frames = [picture(48, 48, 1)] * 2
    assert measure([ClipCase(frames, frames)], CLIP_METRICS["warp_error_far/1"]) is None
    assert measure([ClipCase(frames, frames)], CLIP_METRICS["flicker/1"]) is None


def test_shots_are_measured_apart(picture: Callable[..., Tensor]) -> None:
    one, other = [picture(48, 48, 1)] * 4, [1 - picture(48, 48, 5)] * 4
    cases = [ClipCase(one, one), ClipCase(other, other)]
    assert measure(cases, CLIP_METRICS["warp_error/1"]) == pytest.approx(0, abs=1e-9)


def folder(path: Path, frames: list[Tensor]) -> Path:
    path.mkdir()
    for number, frame in enumerate(frames):
        images.save(Picture(frame.clamp(0, 1).contiguous()), path / f"{number:02}.png")
    return path


def test_clips_are_measured_from_end_to_end(tmp_path: Path, picture: Callable[..., Tensor]) -> None:
    frames = pan(picture(48, 200, 1), 12, 3, 64)
    photos, calm = folder(tmp_path / "photos", frames), folder(tmp_path / "calm", frames)
    restless = folder(tmp_path / "restless", with_noise(frames, 0.1))
    style = tmp_path / "style.png"
    images.save(Picture(picture(64, 64, 3)), style)
    found = evaluate_clip(restless, photos, [style], Evaluator("petite", "petite"), metrics=["flicker", "edges"])
    assert set(found.values) == {"flicker/1", "edges/1"}
    assert (found.frames, found.shots, len(found.sampled)) == (12, ((0, 12),), 5)
    steady = evaluate_clip(calm, photos, [style])
    assert set(steady.values) == set(CLIP_METRICS)
    noisy, still = found.values["flicker/1"], steady.values["flicker/1"]
    assert noisy is not None
    assert still is not None
    assert noisy > 10 * still
    assert found.record()["values"] == dict(found.values)
    (calm / "11.png").unlink()
    with pytest.raises(UsageError, match="has 11 frames and photos 12"):
        evaluate_clip(calm, photos, [style])


def test_metrics_that_there_are_not() -> None:
    assert [metric.id for metric in choose_for_clip(["warp_error"], pictures=True)[0]] == ["warp_error/1"]
    with pytest.raises(UsageError, match=r"flickr.*flicker"):
        choose_for_clip(["flickr"], pictures=True)
