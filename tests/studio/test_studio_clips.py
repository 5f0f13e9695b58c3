"""Clips: taken in, painted frame by frame, paused, stopped with what there is, and handed out as a film."""

import io
import os
import signal
import urllib.parse

import numpy as np
import pytest
from PIL import Image

from impasto.video.run import SAVED_EVERY_S
from tests.studio.studio_helpers import png
from tests.type_helpers import present

pytest.importorskip("av", reason="films are written with PyAV")

LONG = 96
"""Frames of a clip that takes some seconds."""
KEPT_S = SAVED_EVERY_S + 0.5
QUICK = {"method": "linear", "size": 64, "encoder": "petite", "precision": "float32"}


def gif(frames=6, width=48, height=34, seconds=0.1):
    """The bytes of an animation: a square that moves over a pattern."""
    coarse = np.random.default_rng(3).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    ground = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    pictures = []
    for number in range(frames):
        frame = ground.copy()
        left = 4 * number % (width - 10)  # it comes back, so that no frame is that before it
        frame.paste((250, 220, 30), (left, 8, left + 10, 18))
        pictures.append(frame)
    stream = io.BytesIO()
    pictures[0].save(stream, "GIF", save_all=True, append_images=pictures[1:], duration=round(1000 * seconds), loop=0)
    return stream.getvalue()


def bring(studio, data, name="holiday.gif", kind="image/gif"):
    return studio.call("/api/clips", data, X_Name=urllib.parse.quote(name), Content_Type=kind)


def look(data):
    """Return (size, frames, seconds) of a film."""
    import av

    with av.open(io.BytesIO(data), "r") as film:
        stream = film.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)]
        assert stream.codec_context.pix_fmt == "yuv420p", "players want colours at half the size"
        return frames, float(present(stream.duration) * present(stream.time_base))


@pytest.fixture(scope="module")
def clip(studio):
    """A clip of the shared studio, as it was taken in."""
    answer = bring(studio, gif())
    assert answer.status == 201, answer.data
    return answer.json


def test_a_clip_is_measured_shown_and_kept_once(studio, clip):
    assert {key: clip[key] for key in ("role", "width", "height", "frames")} == {
        "role": "clip",
        "width": 48,
        "height": 34,
        "frames": 6,
    }
    assert clip["seconds"] == pytest.approx(0.6)
    assert bring(studio, gif()).json["id"] == clip["id"]
    shown = Image.open(io.BytesIO(studio.call(f"/api/pictures/{clip['id']}?size=96").data))
    assert shown.size == (48, 34)
    assert any(picture["id"] == clip["id"] for picture in studio.call("/api/pictures").json)


def test_a_clip_is_painted_to_a_film_with_a_picture_of_it(studio, clip):
    style = studio.upload(2, "style")
    asked = {"content": clip["id"], "styles": [style], "recipe": QUICK}
    estimate = studio.call("/api/estimate", asked)
    assert estimate.status == 200, estimate.data
    assert estimate.json["memory_bytes"] > 2**20
    made = studio.call("/api/jobs", asked)
    assert made.status == 201, made.data
    assert made.json["clip"] is True
    job = made.json["id"]
    assert studio.call(f"/api/jobs/{job}/clip").status == 404
    done = studio.wait(job, "done")
    assert (done["step"], done["total_steps"]) == (6, 6)
    answer = studio.call(f"/api/jobs/{job}/clip")
    assert answer.headers["content-type"] == "video/mp4"
    frames, seconds = look(answer.data)
    assert len(frames) == 6
    assert seconds == pytest.approx(0.6, abs=0.11)
    height, width = frames[0].shape[:2]
    assert [height, width] == done["size"]
    assert width % 2 == height % 2 == 0
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 1, "it moves"
    still = np.asarray(Image.open(io.BytesIO(studio.call(f"/api/jobs/{job}/result").data)).convert("RGB"), int)
    assert np.abs(still - frames[0]).mean() < 6, "the picture of it is its first frame"
    assert not list((studio.data / "jobs" / job).glob("*.painting"))
    part = studio.call(f"/api/jobs/{job}/clip", Range="bytes=0-9")
    assert (part.status, part.data) == (206, answer.data[:10])
    many = studio.call(f"/api/jobs/{job}/clip", Range="bytes=" + ",".join(f"{at}-{at}" for at in range(500)))
    assert (many.status, len(many.data)) == (200, len(answer.data))
    saved = studio.call(f"/api/jobs/{job}/clip?download=1").headers["content-disposition"]
    assert saved == 'attachment; filename="holiday_in_picture.mp4"'
    assert studio.call(f"/api/jobs/{job}/command").json["argv"][:3] == ["impasto", "video", "holiday.gif"]


@pytest.mark.slow
def test_a_clip_is_put_aside_goes_on_and_is_stopped_with_what_there_is(studio):
    clip = bring(studio, gif(LONG), "long.gif").json["id"]
    asked = {"content": clip, "styles": [studio.upload(2, "style")], "recipe": {**QUICK, "size": 256}}
    job = studio.call("/api/jobs", asked).json["id"]
    studio.wait(job, until=lambda found: found["elapsed_s"] > KEPT_S)
    studio.act(job, "pause")
    paused = studio.wait(job, "paused")
    assert paused["step"] < LONG
    assert studio.act(job, "resume").status == 200
    went_on = studio.wait(job, until=lambda found: found["step"] > paused["step"])
    assert any("are kept" in notice for notice in went_on["notices"])
    studio.act(job, "stop")
    stopped = studio.wait(job, "stopped", "done")
    frames, _ = look(studio.call(f"/api/jobs/{job}/clip").data)
    assert len(frames) == stopped["step"]


@pytest.mark.slow
def test_a_killed_worker_goes_on_with_the_frames_that_were_kept(studio):
    clip = bring(studio, gif(LONG), "killed.gif").json["id"]
    asked = {"content": clip, "styles": [studio.upload(2, "style")], "recipe": {**QUICK, "size": 256}}
    job = studio.call("/api/jobs", asked).json["id"]
    studio.wait(job, until=lambda found: found["elapsed_s"] > KEPT_S)
    os.kill(studio.worker(), signal.SIGKILL)
    done = studio.wait(job, "done")
    assert any("process that paints ended" in notice for notice in done["notices"])
    assert any("are kept" in notice for notice in done["notices"])
    assert len(look(studio.call(f"/api/jobs/{job}/clip").data)[0]) == LONG


@pytest.mark.parametrize(
    ("data", "kind", "status", "says"),
    [
        (b"<html>", "text/html", 415, "is no clip; give an MP4"),
        (b"nonsense that is no film", "video/mp4", 422, "holiday.mp4"),
        (b"", "video/mp4", 422, "holiday.mp4: is empty"),
        (png(), "image/png", 422, "holiday.mp4: does not move"),
    ],
)
def test_what_is_no_clip_is_not_taken(studio, data, kind, status, says):
    answer = bring(studio, data, "holiday.mp4", kind)
    assert answer.status == status
    assert says in answer.json["error"]
    assert "--" not in answer.json["error"]
    assert str(studio.data) not in answer.json["error"]
    assert list((studio.data / "incoming").iterdir()) == []


def test_a_clip_is_no_painting_and_has_no_masks(studio, clip):
    mask = studio.upload(4, "mask")
    refused = [
        ({"content": "photo-cat", "styles": [clip["id"]]}, "styles: is a clip"),
        ({"content": clip["id"], "styles": ["style-swirls"], "init": mask}, "without masks, points"),
        ({"content": clip["id"], "styles": ["style-swirls"], "content_mask": mask}, "without masks, points"),
    ]
    for asked, says in refused:
        answer = studio.call("/api/jobs", {**asked, "recipe": {"size": 64}})
        assert (answer.status, says in answer.json["error"]) == (422, True), answer.json


def test_a_clip_that_is_too_long_is_refused(tmp_path, monkeypatch):
    from impasto.errors import InputError
    from impasto.studio import clips

    monkeypatch.setattr(clips, "MOST_FRAMES", 4)
    path = tmp_path / "0123"
    path.write_bytes(gif(6))
    with pytest.raises(InputError, match=r"^long\.gif: has more than 4 frames"):
        clips.receive_clip(str(path), "long.gif", str(tmp_path / "still.png"), 10**6)
