"""The camera: frames in, painted frames out, one at a time; and what ends it."""

import io
import os
import signal
import threading
import time

import numpy as np
import pytest
from PIL import Image

from tests.studio.studio_helpers import children

SWIRLS = {"recipe": {"method": "johnson", "network": "swirls", "size": 64}}


def frame(seed, width=80, height=60):
    """The bytes of a JPEG."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(stream, "JPEG")
    return stream.getvalue()


def send(studio, session, data):
    return studio.call(f"/api/live/{session}", data, Content_Type="image/jpeg")


@pytest.fixture
def session(studio):
    """A camera of the shared studio, painted like swirls."""
    answer = studio.call("/api/live", SWIRLS)
    assert answer.status == 201, answer.data
    yield answer.json["session"]
    assert studio.call(f"/api/live/{answer.json['session']}", method="DELETE").status == 204


def test_frames_are_painted_one_after_another(studio, session):
    painted = []
    for seed in (1, 2):
        answer = send(studio, session, frame(seed))
        assert answer.status == 200, answer.data
        assert answer.headers["content-type"] == "image/jpeg"
        picture = Image.open(io.BytesIO(answer.data))
        assert picture.size == (64, 48)
        painted.append(np.asarray(picture, int))
    given = np.asarray(Image.open(io.BytesIO(frame(1))).resize((64, 48)), int)
    assert np.abs(painted[0] - painted[1]).mean() > 5, "each frame is its own"
    assert np.abs(painted[0] - given).mean() > 5, "it is painted"


def test_a_frame_is_refused_while_one_is_painted(studio, session):
    answers = []
    # The first frame of a process takes seconds, as torch is loaded.
    waits = threading.Thread(target=lambda: answers.append(send(studio, session, frame(1)).status))
    waits.start()
    time.sleep(0.5)
    assert send(studio, session, frame(2)).status == 429
    waits.join()
    assert answers == [200]


def test_another_camera_ends_the_one_before(studio, session):
    other = studio.call("/api/live", SWIRLS).json["session"]
    refused = send(studio, session, frame(1))
    assert refused.status == 404
    assert "another page" in refused.json["error"]
    assert send(studio, other, frame(1)).status == 200
    studio.call(f"/api/live/{other}", method="DELETE")
    assert send(studio, other, frame(1)).status == 404


def test_a_process_that_dies_is_told_and_there_is_another(studio, session):
    assert send(studio, session, frame(1)).status == 200
    os.kill(children(studio.process.pid, "impasto.studio.live_painter")[0], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while (answer := send(studio, session, frame(1))).status not in (404, 503) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "start the camera again" in answer.json["error"]
    again = studio.call("/api/live", SWIRLS).json["session"]
    assert send(studio, again, frame(1)).status == 200
    studio.call(f"/api/live/{again}", method="DELETE")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"recipe": {"method": "gatys"}}, "too slow to be painted as it is seen"),
        ({"recipe": {"method": "adain"}}, "choose at least one painting"),
        ({"recipe": {"method": "johnson"}}, "choose the style"),
        ({"recipe": {"method": "adain"}, "styles": ["nobody"]}, "no such picture"),
        ({"smooth": 1}, "smooth: is less than 1"),
        ({"camera": 0}, "unknown key"),
    ],
)
def test_what_no_camera_is_painted_with_is_told(studio, asked, says):
    answer = studio.call("/api/live", asked)
    assert answer.status == 422
    assert says in answer.json["error"]


def test_what_is_no_frame_is_told_and_ends_nothing_else(studio, session):
    assert send(studio, session, b"<html>").status == 422
    assert studio.call("/api/live/x", frame(1)).status == 404
    assert studio.call(f"/api/live/{session}", b"x", Content_Type="text/html").status in (404, 415)
