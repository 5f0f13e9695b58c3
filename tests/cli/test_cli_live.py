"""`impasto live`: a film in a window that is none, and what is refused before there is one."""

import pytest

from impasto import images
from impasto.images import Picture
from impasto.video import live

pytest.importorskip("cv2", reason="needs OpenCV (the extra video)")


class Board:
    shown = 0

    def __init__(self, title):
        assert title == "impasto johnson"

    def show(self, picture, words):
        assert picture.size == (48, 64)
        assert "frames/s" in words
        Board.shown += 1
        return True

    def close(self):
        pass


@pytest.fixture
def clip(tmp_path, picture):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(4):
        images.save(Picture(picture(48, 64, number)), folder / f"{number}.png")
    return folder


def test_a_film_is_painted_as_it_runs(run, clip, monkeypatch):
    monkeypatch.setattr(live, "Screen", Board)
    outcome = run("live", clip, "--network", "swirls", "--size", "64", "--precision", "float32")
    assert outcome.status == 0, outcome.err
    assert Board.shown >= 1
    assert f"{Board.shown} frames shown" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--method", "gatys"), 2, "too slow"),
        (("--method", "adain"), 2, "no style given"),
        (("gone.mp4",), 3, "does not exist"),
    ],
)
def test_what_cannot_be_is_refused_before_there_is_a_window(run, arguments, status, words):
    outcome = run("live", *arguments)
    assert outcome.status == status
    assert words in outcome.error
