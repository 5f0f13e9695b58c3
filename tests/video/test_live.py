"""A film painted as it runs, in a window that is none: the newest frame, those that are dropped, and how it ends."""

import time
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from impasto.errors import InputError, ResourceError
from impasto.images import Picture
from impasto.video import live
from tests.video.painting_helpers import Beginner, Frames, Make

pytest.importorskip("cv2", reason="needs OpenCV (the extra video)")


class Board:
    """A window that remembers; closed by the person after so many frames."""

    def __init__(self, most: int = 10**6) -> None:
        self.seen: list[float] = []
        self.words: list[str] = []
        self.most, self.closed = most, False

    def show(self, picture: Picture, words: str) -> bool:
        self.seen.append(round(100 * float(picture.pixels.mean())))
        self.words.append(words)
        return len(self.seen) < self.most

    def close(self) -> None:
        self.closed = True


def film(count: int) -> Frames:
    """Frames of 1, 2, 3, ... per cent grey, at 25 a second."""
    return Frames([torch.full((1, 3, 32, 32), number / 100) for number in range(1, count + 1)])


def slow(seconds: float) -> Make:
    def make(photo: Tensor, _: int) -> Tensor:
        time.sleep(seconds)
        return photo.clone()

    return make


def test_a_quick_method_shows_every_frame_and_the_rate() -> None:
    board = Board()
    went = live.run(live.play(film(8)), board, Beginner(slow(0.0)))
    assert board.seen == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (went.shown, went.dropped) == (8, 0)
    assert "frames/s, 0 dropped" in board.words[-1]
    assert board.closed


def test_a_slow_method_drops_frames_and_is_not_late() -> None:
    board = Board()
    began = time.monotonic()
    went = live.run(live.play(film(25)), board, Beginner(slow(0.15)))
    # A second of film takes a second, and what is shown is what was filmed at that moment.
    assert time.monotonic() - began < 2.5
    assert went.dropped >= 10
    assert went.shown + went.dropped == 25
    assert board.seen == sorted(board.seen)
    assert board.seen[-1] == 25


def test_the_person_closes_the_window() -> None:
    board = Board(most=2)
    went = live.run(live.play(film(50)), board, Beginner(slow(0.0)))
    assert went.shown == 2
    assert board.closed


def test_it_ends_when_it_is_asked_to() -> None:
    assert live.run(live.play(film(50)), Board(), Beginner(slow(0.0)), seconds=0.2).shown < 15
    assert live.run(live.play(film(50)), Board(), Beginner(slow(0.0)), stopped=lambda: True).shown == 0


def test_what_reading_raises_is_raised_here() -> None:
    def fail() -> Iterator[tuple[Picture, float]]:
        yield Picture(torch.zeros(1, 3, 32, 32)), 0.0
        raise InputError("damaged")

    board = Board()
    with pytest.raises(InputError, match="damaged"):
        live.run(live.Newest(fail), board, Beginner(slow(0.0)))
    assert board.closed


def test_a_camera_that_sends_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "WAIT_S", 0.1)

    def silent() -> Iterator[tuple[Picture, float]]:
        time.sleep(0.5)
        yield Picture(torch.zeros(1, 3, 32, 32)), 0.0

    with pytest.raises(InputError, match="has sent nothing"):
        live.run(live.Newest(silent), Board(), Beginner(slow(0.0)))


class NoCamera:
    """OpenCV without a camera or a screen."""

    class error(Exception):
        """As OpenCV calls it."""

    WINDOW_AUTOSIZE = 1

    class VideoCapture:
        def __init__(self, number: int) -> None:
            self.number = number

        def isOpened(self) -> bool:
            return False

        def release(self) -> None:
            return

    def namedWindow(self, *_: object) -> None:
        raise self.error(
            "The function is not implemented. Rebuild the library with Windows, GTK+ 2.x or Cocoa support."
        )


@pytest.mark.parametrize(
    ("begin", "words"),
    [(lambda: live.camera(3), "camera 3: is not there"), (lambda: live.Screen("impasto"), "no window can be opened")],
)
def test_without_a_camera_or_a_screen_it_says_so(
    monkeypatch: pytest.MonkeyPatch, begin: Callable[[], object], words: str
) -> None:
    monkeypatch.setattr(live, "_cv2", NoCamera)
    with pytest.raises(ResourceError, match=words):
        begin()
