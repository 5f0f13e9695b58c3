"""Clips painted from end to end: what is kept, what is refused before, and going on after a process was killed."""

import json
import os
import signal
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from impasto import Recipe, images, stylize
from impasto.encoders import Encoder
from impasto.errors import InputError, OutputError, UsageError
from impasto.images import Picture
from impasto.losses import Anchor
from impasto.painting.api import begin
from impasto.scene.inputs import Inputs
from impasto.scene.painting import After
from impasto.video.api import begin_video, stylize_video, with_own_size
from impasto.video.clip import Colors
from impasto.video.film import Film
from impasto.video.flow import Motion
from impasto.video.masks import MaskTrack, carried, load_masks
from impasto.video.run import FrameProgress, VideoJob
from impasto.video.settings import Coherence, Range, Writing
from impasto.video.source import open_clip
from impasto.video.store import State, Store
from tests.forked import Forked, forget_impasto
from tests.video import video_helpers as films
from tests.video.painting_helpers import pan
from tests.video.video_helpers import packets_of

pytest.importorskip("cv2", reason="needs OpenCV (the extra video)")

FAST: dict[str, Any] = {"method": "johnson", "network": "swirls", "precision": "float32"}


@pytest.fixture
def folder(tmp_path: Path, picture: Callable[..., Tensor]) -> Path:
    """Eight frames of a pan, with a cut after five."""
    blue = torch.tensor([0.1, 0.2, 1.0]).view(3, 1, 1)
    frames = pan(picture(48, 120, 1), 5, 3, 64) + pan(picture(48, 120, 7) * blue, 3, 3, 64)
    (tmp_path / "in").mkdir()
    for number, frame in enumerate(frames):
        images.save(Picture(frame.contiguous()), tmp_path / "in" / f"f{number:02}.png")
    return tmp_path / "in"


def painted(path: Path) -> list[Tensor]:
    return [frame.pixels for frame in open_clip(path).frames()]


def test_a_folder_is_painted_shot_by_shot(tmp_path: Path, folder: Path) -> None:
    seen: list[FrameProgress] = []
    stylize_video(folder, [], tmp_path / "out", on_frame=seen.append, **FAST)
    assert [(frame.frame, frame.shot) for frame in seen] == [(n + 1, int(n >= 5)) for n in range(8)]
    assert all(frame.frames == 8 and frame.eta_s >= 0 for frame in seen)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"f{number:02}.png" for number in range(8)]
    assert not (tmp_path / "out.painting").exists()
    assert painted(tmp_path / "out")[0].shape == (1, 3, 48, 64)


def test_a_shot_is_painted_as_if_it_were_alone(tmp_path: Path, folder: Path) -> None:
    stylize_video(folder, [], tmp_path / "all", **FAST)
    stylize_video(folder, [], tmp_path / "second", part=Range(start_s=0.2), **FAST)
    for one, other in zip(painted(tmp_path / "all")[5:], painted(tmp_path / "second"), strict=True):
        assert torch.equal(one, other)


def test_a_film_keeps_what_it_has(tmp_path: Path) -> None:
    frames = [films.patches(48, 64, 3 * number) for number in range(6)]
    ticks = [3600, 7200, 3600, 3600, 1800, 9000]
    source = films.write_film(
        tmp_path / "in.mp4", frames, ticks, format="yuv420p", colors=Colors(1, 1, 1, False, True), sound=True
    )
    stylize_video(source, [], tmp_path / "out.mp4", **FAST)
    before, after = Film(source).info, Film(tmp_path / "out.mp4").info
    assert after.shown == before.shown
    assert after.size == before.size
    assert after.colors == before.colors
    assert set(packets_of(tmp_path / "out.mp4", "audio")) <= set(packets_of(source, "audio"))
    assert after.sound


def test_a_gif_becomes_a_gif(tmp_path: Path, folder: Path) -> None:
    pictures = [images.load(path) for path in sorted(folder.iterdir())]
    spans = [Fraction(1, 10)] * 7 + [Fraction(1, 2)]
    images.save_frames(pictures, tmp_path / "in.gif", spans)
    stylize_video(tmp_path / "in.gif", [], tmp_path / "out.webp", **FAST)
    assert [at.duration for at in open_clip(tmp_path / "out.webp").info.shown] == spans


def test_frames_keep_their_size_unless_one_is_asked_for() -> None:
    assert with_own_size(None, {}).size == "content"
    assert with_own_size(None, {"size": 128}).size == 128


def job(folder: Path, output: Path, **values: object) -> VideoJob:
    return begin_video(folder, output, Inputs(None, []), Recipe.parse({**FAST, "size": "content"}), **values)  # type: ignore[arg-type]


def ignore(_: object) -> None:
    """Watch nothing."""


def test_a_process_that_was_killed_loses_nothing(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stylize_video(folder, [], tmp_path / "whole", **FAST)
    monkeypatch.setattr("impasto.video.run.SAVED_EVERY_S", 0.0)
    output = tmp_path / "out"

    def die() -> None:
        for frame in job(folder, output).paint(ignore):
            if frame.frame == 3:
                os.kill(os.getpid(), signal.SIGKILL)

    assert Forked(die).wait() == -signal.SIGKILL
    kept = tmp_path / "out.painting"
    assert {path.name for path in kept.glob("*.png")} >= {"0000000.png", "0000001.png"}
    again = [frame.frame for frame in job(folder, output).paint(ignore)]
    assert again[0] in (3, 4)  # the second or third frame was the last whose state was kept
    assert again[-1] == 8
    assert all(torch.equal(one, other) for one, other in zip(painted(output), painted(tmp_path / "whole"), strict=True))
    assert not kept.exists()


def test_a_process_that_was_killed_in_a_pass_goes_on_with_the_next_frame(
    tmp_path: Path, folder: Path, style: Tensor, tiny_encoder: Encoder
) -> None:
    values: dict[str, Any] = {"method": "gatys", "iterations": 4, "levels": 1, "precision": "float32", "size": 48}
    given: dict[str, Any] = {"encoder": tiny_encoder, "part": Range(end_s=0.12), "coherence": Coherence(passes=2)}
    recipe, output = Recipe.parse(values), tmp_path / "out"

    def begun() -> VideoJob:
        return begin_video(folder, output, Inputs(None, [Picture(style[None])]), recipe, **given)

    def die() -> None:
        steps = 0

        def watch(_: object) -> None:
            nonlocal steps
            steps += 1
            if steps == 9:  # of two a frame: in the fifth of six
                os.kill(os.getpid(), signal.SIGKILL)

        list(begun().paint(watch))

    assert Forked(die).wait() == -signal.SIGKILL
    assert len(list((tmp_path / "out.painting").glob("shot-00000-frame-*.state"))) == 3
    steps: list[object] = []
    list(begun().paint(steps.append))
    assert len(steps) == 4
    stylize_video(folder, style, tmp_path / "whole", recipe, **given)
    assert all(torch.equal(one, other) for one, other in zip(painted(output), painted(tmp_path / "whole"), strict=True))


def test_a_damaged_state_begins_its_shot_anew(tmp_path: Path, folder: Path, notices: list[str]) -> None:
    frames = job(folder, tmp_path / "out").paint(ignore)
    for _ in range(6):
        next(frames)
    frames.close()  # type: ignore[attr-defined]
    (state,) = (tmp_path / "out.painting").glob("*.state")
    state.write_bytes(state.read_bytes()[:-40] + bytes(40))
    assert [frame.frame for frame in job(folder, tmp_path / "out").paint(ignore)][-1] == 8
    assert any("is damaged" in line for line in notices)


def test_other_settings_begin_anew(tmp_path: Path, folder: Path, notices: list[str]) -> None:
    frames = job(folder, tmp_path / "out").paint(ignore)
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    changed = job(folder, tmp_path / "out", coherence=Coherence(smooth=0.2))
    assert [frame.frame for frame in changed.paint(ignore)] == list(range(1, 9))
    assert any("begins anew" in line for line in notices)


def test_somebody_elses_folder_is_left_alone(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "out.mp4.painting").mkdir()
    (tmp_path / "out.mp4.painting" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="in the way"):
        job(folder, tmp_path / "out.mp4")


@pytest.mark.slow
def test_shots_are_painted_in_processes(tmp_path: Path, folder: Path) -> None:
    plan = job(folder, tmp_path / "one")
    list(plan.paint(ignore))
    seen = [frame.frame for frame in job(folder, tmp_path / "two").paint(ignore, workers=2)]
    assert seen == list(range(1, 9))
    for one, other in zip(painted(tmp_path / "one"), painted(tmp_path / "two"), strict=True):
        assert float((one - other).abs().max()) <= 1 / 255 + 1e-6  # of other threads, to rounding


def test_a_preview_paints_a_few_frames_of_all(tmp_path: Path, folder: Path) -> None:
    found = job(folder, tmp_path / "out").preview(3, ignore)
    assert [number for number, _ in found] == [1, 4, 6]


def test_what_cannot_be_written_is_told_before_anything_is_painted(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"old")
    with pytest.raises(OutputError, match="--force"):
        job(folder, tmp_path / "out.mp4")
    with pytest.raises(OutputError, match="cannot hold"):
        job(folder, tmp_path / "out.webm", writing=Writing(codec="h264"))


def test_a_method_that_begins_with_no_picture_has_no_passes(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UsageError, match="johnson begins with no picture"):
        job(folder, tmp_path / "out", coherence=Coherence(passes=2))


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "gatys", "iterations": 4},
        {"method": "mrf", "iterations": 4},
        {"method": "adain", "color": "match"},
        {"method": "wct", "color": "content"},
        {"method": "linear", "color": "luminance"},
        {"method": "adain", "refine": 2},
    ],
    ids=lambda values: "-".join(map(str, values.values())),
)
def test_methods_paint_clips(
    tmp_path: Path, folder: Path, style: Tensor, tiny_encoder: Encoder, settings: dict
) -> None:
    encoder = tiny_encoder if settings["method"] in ("gatys", "mrf") else None
    output = stylize_video(
        folder, style, tmp_path / "out", encoder=encoder, part=Range(end_s=0.12), precision="float32", **settings
    )
    found = painted(output)
    assert len(found) == 3
    assert all(bool(torch.isfinite(frame).all()) and float(frame.std()) > 0.02 for frame in found)


@pytest.mark.parametrize("settings", [{"method": "nnst"}, {"method": "strotss"}], ids=["nnst", "strotss"])
def test_slow_methods_paint_keyframes(
    tmp_path: Path, folder: Path, style: Tensor, tiny_encoder: Encoder, settings: dict
) -> None:
    output = stylize_video(
        folder,
        style,
        tmp_path / "out",
        encoder=tiny_encoder,
        part=Range(end_s=0.12),
        iterations=3,
        precision="float32",
        size=64,
        **settings,
    )
    assert len(painted(output)) == 3


def test_an_anchor_is_a_weighted_square_and_its_gradient() -> None:
    image = torch.full((1, 3, 2, 2), 0.5, dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([[1.0, 0.0], [0.5, 0.0]], dtype=torch.float64)[None, None]
    loss = Anchor(torch.zeros(1, 3, 2, 2, dtype=torch.float64), weights, 2.0)(image)
    assert float(loss.detach()) == pytest.approx(2 * 3 * 1.5 * 0.25)
    (gradient,) = torch.autograd.grad(loss, image)
    assert torch.allclose(gradient[0, 0], 2 * 2 * 0.5 * weights[0, 0])


def test_an_anchor_holds_the_canvas_where_its_weights_say(
    style: Tensor, content: Tensor, tiny_encoder: Encoder
) -> None:
    recipe = Recipe.parse({"size": 64, "iterations": 6, "levels": 1, "precision": "float32", "init": "file"})
    photo = Picture(content[None])
    target = 1 - content[None]
    left = torch.zeros(1, 1, *content.shape[1:])
    left[..., :32] = 1
    found = []
    for anchor in (None, Anchor(target, left, 1e6)):
        painting = begin(photo, style, recipe, encoder=tiny_encoder, init_image=photo)
        painting.take(photo, after=After(init=Picture(target), anchor=anchor))
        for _ in painting:
            pass
        found.append((painting.result().picture.pixels - target).abs())
    assert float(found[1][..., :30].mean()) < 0.1 * float(found[0][..., :30].mean())


@pytest.mark.parametrize("method", ["wct", "adain"])
def test_without_a_part_of_the_frame_before_each_is_painted_as_alone(
    tmp_path: Path, style: Tensor, content: Tensor, method: str
) -> None:
    # Maps that were made of one frame would take the others, which are darker, out of the style.
    (tmp_path / "in").mkdir()
    for number in range(3):
        images.save(Picture(content[None] * (1 - 0.2 * number)), tmp_path / "in" / f"{number}.png")
    recipe = Recipe.parse({"method": method, "size": 64, "precision": "float32"})
    found: list[list[Tensor]] = []
    for coherence in (Coherence(smooth=0.0), Coherence(independent=True)):
        output = tmp_path / f"out{len(found)}"
        stylize_video(tmp_path / "in", style, output, recipe, coherence=coherence, cuts=False)
        found.append(painted(output))
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_a_mask_moves_with_what_it_is_of() -> None:
    maps = torch.zeros(2, 40, 60)
    maps[0, 10:30, 10:30] = 1
    maps[1] = 1 - maps[0]
    backward = torch.zeros(2, 40, 60)
    backward[0] = -4  # things came from 4 px further left
    reliable = torch.ones(1, 1, 40, 60)
    reliable[..., :4] = 0
    moved = carried(maps, Motion(backward, reliable))
    assert torch.allclose(moved.sum(0), torch.ones(40, 60), atol=1e-5)
    assert float(moved[0, 20, 33]) == pytest.approx(1, abs=1e-4)
    assert float(moved[0, 20, 11]) == pytest.approx(0, abs=1e-4)
    assert float(moved[1, 20, 1]) > 0.8  # what came in is like what is beside it


def half(height: int, width: int, edge: int) -> Picture:
    pixels = torch.zeros(1, 3, height, width)
    pixels[:, 0, :, :edge], pixels[:, 2, :, edge:] = 1, 1
    return Picture(pixels)


def test_masks_belong_to_the_frames_that_they_are_named_after(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    for number, edge in ((1, 10), (4, 40)):
        images.save(half(20, 60, edge), tmp_path / "masks" / f"m_{number}.png")
    stacked, numbers = load_masks(tmp_path / "masks", max_pixels=10**6)
    assert (stacked.size, numbers) == ((40, 60), (0, 3))
    frames = [tmp_path / f"a{number}.jpg" for number in range(4)]
    images.save(half(20, 60, 30), tmp_path / "masks" / "a2.png")
    for path in (tmp_path / "masks").glob("m_*"):
        path.unlink()
    assert load_masks(tmp_path / "masks", frames, max_pixels=10**6)[1] == (2,)
    images.save(half(20, 60, 30), tmp_path / "masks" / "other.png")
    with pytest.raises(InputError, match="is of no frame"):
        load_masks(tmp_path / "masks", frames, max_pixels=10**6)


def test_a_track_takes_what_is_given_and_carries_it_between() -> None:
    from impasto import guides

    maps = torch.zeros(2, 40, 60)  # masks of 20x60 px for the frames 0 and 3
    maps[0, :20, :10], maps[0, 20:, :40] = 1, 1
    maps[1] = 1 - maps[0]
    track = MaskTrack(guides.Regions(("red", "blue"), maps, (None,)), (0, 3))
    still = Motion(torch.zeros(2, 20, 60), torch.ones(1, 1, 20, 60))
    edges = [int(track.at(number, None if number == 0 else still).content[0].sum() / 20) for number in range(5)]
    assert edges == [10, 10, 10, 40, 40]
    assert int(track.at(2).content[0].sum() / 20) == 10  # after a cut, what was given last before


def test_edges_of_regions_are_carried_sharp_and_shown_soft() -> None:
    from impasto import guides

    maps = torch.zeros(2, 40, 60)
    maps[0, :, :30], maps[1, :, 30:] = 1, 1
    regions = guides.Regions(("red", "blue"), maps, (None,))
    sharp, soft = MaskTrack(regions), MaskTrack(regions, feather=0.2)
    still = Motion(torch.zeros(2, 40, 60), torch.ones(1, 1, 40, 60))
    for number in range(4):
        shown = soft.at(number, still if number else None).content
        expected = guides.feather(sharp.at(number, still if number else None), 0.2).content
        assert torch.allclose(shown, expected)
    assert 0.1 < float(shown[0, 20, 28]) < 0.9


def test_masks_paint_each_frame_of_a_clip(tmp_path: Path, folder: Path, style: Tensor, other_style: Tensor) -> None:
    (tmp_path / "masks").mkdir()
    for number in (1, 3):
        images.save(half(48, 64, 16 * number), tmp_path / "masks" / f"{number}.png")
    recipe = Recipe.parse(
        {"method": "adain", "size": 64, "precision": "float32", "region_styles": {"red": 1, "blue": 2}}
    )
    paintings = [style, other_style]
    output = stylize_video(
        folder,
        paintings,
        tmp_path / "out",
        recipe,
        part=Range(end_s=0.12),
        coherence=Coherence(independent=True),
        content_mask=tmp_path / "masks",
    )
    found = painted(output)
    for number in (0, 2):
        photo = next(iter(open_clip(folder).frames(number, number + 1)))
        alone = stylize(photo, paintings, recipe, content_mask=half(48, 64, 16 * (number + 1))).picture.pixels
        assert float((found[number] - alone).abs().max()) <= 0.5 / 255 + 1e-6


def test_tiles_hold_to_an_anchor_as_the_whole_picture_does(
    content: Tensor, style: Tensor, tiny_encoder: Encoder
) -> None:
    recipe = Recipe.parse(
        {"size": 96, "iterations": 2, "levels": 1, "precision": "float32", "init": "file", "solver": "adam"}
        | {"style_layers": {"relu1_1": 1.0, "relu2_1": 1.0}, "content_layers": {"relu2_1": 1.0}}
    )
    photo, weights = Picture(content[None]), torch.rand(1, 1, *content.shape[1:])
    found = []
    for tile in ("off", 56):
        painting = begin(photo, style, recipe, encoder=tiny_encoder, init_image=photo, tile=tile)
        painting.take(photo, after=After(init=photo, anchor=Anchor(1 - content[None], weights, 10.0)))
        losses = [step.losses["temporal"] for step in painting]
        found.append((painting.result().picture.pixels, losses))
    assert painting.tiles is not None
    assert painting.tiles > 1
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-4)
    assert float((found[0][0] - found[1][0]).abs().max()) < 1e-3


def test_a_state_is_kept_exactly(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.painting", {"x": 1})
    state = State(7, {"painted": torch.rand(1, 3, 5, 4), "regions": torch.rand(2, 5, 4)}, {"loss": 0.1})
    store.save_state(3, state)
    again = store.state(3)
    assert again is not None
    assert (again.done, dict(again.numbers)) == (7, {"loss": 0.1})
    assert all(torch.equal(again.tensors[name], tensor) for name, tensor in state.tensors.items())
    assert store.state(0) is None


@pytest.mark.parametrize("bits", [8, 16])
def test_frames_are_kept_as_they_are_written(tmp_path: Path, bits: int) -> None:
    store = Store(tmp_path / "a.painting", {}, bits)
    picture = Picture(torch.rand(1, 3, 9, 7))
    store.save(0, picture)
    assert float((store.read(0).pixels - picture.pixels).abs().max()) <= 0.5 / (2**bits - 1) + 1e-6
    assert json.loads((tmp_path / "a.painting" / "job.json").read_text("utf-8"))["key"] == store.key


def test_a_portrait_and_a_doodle_are_painted_too(
    tmp_path: Path, folder: Path, style: Tensor, tiny_encoder: Encoder
) -> None:
    images.save(half(48, 64, 24), tmp_path / "mask.png")
    images.save(half(style.shape[1], style.shape[2], 20), tmp_path / "style_mask.png")
    masks = {"content_mask": tmp_path / "mask.png", "style_masks": [tmp_path / "style_mask.png"]}
    for method, more in (("portrait", {}), ("doodle", masks)):
        output = stylize_video(
            folder,
            style,
            tmp_path / method,
            encoder=tiny_encoder,
            part=Range(end_s=0.12),
            precision="float32",
            method=method,
            iterations=3,
            levels=1,
            **more,  # type: ignore[arg-type]
        )
        assert len(painted(output)) == 3


def test_everything_can_be_imported_without_the_extra() -> None:
    code = """
import sys
for name in ("av", "cv2", "scenedetect"):
    sys.modules[name] = None
import impasto.video.api, impasto.video.evaluate, impasto.video.live, impasto.cli.video, impasto.cli.live
"""

    def look() -> None:
        forget_impasto()
        exec(code, {})

    assert Forked(look).wait() == 0
