"""Faces that move: landmarks carried by a known flow, corrected by those that are given, and kept when interrupted."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto import images, landmarks
from impasto.encoders import Encoder
from impasto.errors import InputError, UsageError
from impasto.images import Picture
from impasto.landmarks import Landmarks, Pair
from impasto.scene.inputs import Inputs
from impasto.video.api import stylize_video
from impasto.video.clip import ClipInfo
from impasto.video.faces import FaceTrack, carried, read_faces
from impasto.video.flow import Motion
from impasto.video.source import open_clip
from tests.video.video_helpers import evenly

pytest.importorskip("cv2", reason="needs OpenCV (the extra video)")

POINTS = torch.tensor([[0.3, 0.4], [0.6, 0.4], [0.45, 0.6], [0.45, 0.75]])
HEIGHT, WIDTH = 40, 60


def pair(points: Tensor = POINTS) -> Pair:
    return Pair(Landmarks(points), Landmarks(POINTS))


def moved(x: float, y: float, reliable: Tensor | None = None) -> Motion:
    """Everything moved by (x, y) pixels since the frame before."""
    backward = torch.tensor([-x, -y], dtype=torch.float32)[:, None, None].expand(2, HEIGHT, WIDTH).contiguous()
    return Motion(backward, torch.ones(1, 1, HEIGHT, WIDTH) if reliable is None else reliable)


def pixels(one: Pair) -> Tensor:
    return one.content.points * torch.tensor([WIDTH, HEIGHT])


def test_points_go_where_the_flow_takes_them() -> None:
    away = pixels(carried(pair(), moved(3, -2))) - pixels(pair())
    assert torch.allclose(away, torch.tensor([3.0, -2.0]).expand(4, 2), atol=1e-4)


def test_a_flow_that_grows_is_inverted_at_each_point() -> None:
    # Things 1.1 times as far from the left edge now: from x now back to x / 1.1, a flow of -x / 11.
    x = torch.arange(WIDTH) + 0.5
    backward = torch.stack([(-x / 11).expand(HEIGHT, WIDTH), torch.zeros(HEIGHT, WIDTH)])
    now = pixels(carried(pair(), Motion(backward, torch.ones(1, 1, HEIGHT, WIDTH))))
    assert torch.allclose(now[:, 0], 1.1 * pixels(pair())[:, 0], atol=1e-3)


def test_points_that_are_hidden_go_with_the_others() -> None:
    reliable = torch.ones(1, 1, HEIGHT, WIDTH)
    reliable[..., 26:, :] = 0  # hides the chin
    motion = moved(3, 1, reliable)
    motion.backward[:, 26:] = 9  # and what the flow says there is wrong
    away = pixels(carried(pair(), motion)) - pixels(pair())
    assert torch.allclose(away, torch.tensor([3.0, 1.0]).expand(4, 2), atol=1e-3)
    nothing = Motion(motion.backward, torch.zeros_like(reliable))
    assert torch.equal(carried(pair(), nothing).content.points, POINTS)


def test_what_is_given_for_a_frame_corrects_what_was_carried() -> None:
    track = FaceTrack({0: pair(), 3: pair(POINTS + 0.1)}, Landmarks(POINTS))
    photo = Picture(torch.zeros(1, 3, HEIGHT, WIDTH))
    shifts = []
    for number in range(5):
        now = track.at(number, photo, moved(3, 0) if number else None)
        assert now is not None
        shifts.append(float((now.content.points - POINTS)[0, 0]))
    assert shifts == pytest.approx([0, 0.05, 0.1, 0.1, 0.15], abs=1e-4)
    # After a cut, what was given last before.
    assert float((track.at(2, photo).content.points - POINTS).abs().max()) < 1e-6  # type: ignore[union-attr]


def test_a_track_goes_on_from_its_state() -> None:
    track, again = FaceTrack({0: pair()}, Landmarks(POINTS)), FaceTrack({0: pair()}, Landmarks(POINTS))
    photo = Picture(torch.zeros(1, 3, HEIGHT, WIDTH))
    track.at(0, photo)
    track.at(1, photo, moved(1.3, 0.7))
    again.restore(track.state())
    one, other = (t.at(2, photo, moved(0.9, 0.2)) for t in (track, again))
    assert one is not None
    assert other is not None
    assert torch.equal(one.content.points, other.content.points)
    assert torch.equal(one.style.points, other.style.points)


def info(count: int = 4) -> ClipInfo:
    return ClipInfo("in", (HEIGHT, WIDTH), evenly(count))


def test_landmarks_of_several_frames_are_read_from_a_folder(tmp_path: Path) -> None:
    style = Picture(torch.rand(1, 3, 40, 40))
    for number, shift in ((1, 0.0), (3, 0.1)):
        (tmp_path / f"face_{number}.json").write_text(json.dumps((POINTS + shift).tolist()))
    given = Inputs(None, style, content_landmarks=tmp_path, style_landmarks=POINTS.tolist())
    track = read_faces(given, style, info(), 0)
    assert track is not None
    assert sorted(track.given) == [0, 2]
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(InputError, match="is of no frame"):
        read_faces(given, style, info(), 0)


def test_landmarks_of_one_side_are_refused() -> None:
    with pytest.raises(UsageError, match="belong together"):
        read_faces(Inputs(content_landmarks=POINTS.tolist()), Picture(torch.rand(1, 3, 40, 40)), info(), 0)


def test_a_painting_without_a_face_aligns_whole_pictures(notices: list[str]) -> None:
    assert read_faces(Inputs(), Picture(torch.full((1, 3, 64, 64), 0.5)), info(), 0) is None
    assert any("no face is seen" in line for line in notices)


def test_a_portrait_of_a_clip_follows_the_face(
    tmp_path: Path, style: Tensor, content: Tensor, tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pair that each frame is painted with moves as the camera does, and not the painting's."""
    seen: list[Pair | None] = []
    put = landmarks.Pair
    from impasto.scene.painting import After

    original = After.put

    def spy(after: After, scene, photo) -> None:
        original(after, scene, photo)
        seen.append(scene.landmarks)

    monkeypatch.setattr(After, "put", spy)
    (tmp_path / "in").mkdir()
    wide = torch.nn.functional.interpolate(content[None], (48, 96), mode="bilinear", antialias=True)
    for number in range(3):
        images.save(Picture(wide[..., 4 * number : 4 * number + 64].contiguous()), tmp_path / "in" / f"{number}.png")
    output = stylize_video(
        *(tmp_path / "in", style, tmp_path / "out"),
        encoder=tiny_encoder,
        content_landmarks=(POINTS + torch.tensor([0.15, 0.0])).tolist(),
        style_landmarks=POINTS.tolist(),
        method="portrait",
        iterations=3,
        levels=1,
        precision="float32",
    )
    assert len(open_clip(output).info) == 3
    x = [float(one.content.points[0, 0]) * 64 for one in seen if isinstance(one, put)]
    assert x == pytest.approx([28.8, 24.8, 20.8], abs=0.7)
