"""A film encoded while it is painted: the order of frames, what was kept before, and both ends giving up."""

import threading
from collections.abc import Iterator

import pytest
import torch

from impasto.errors import OutputError
from impasto.images import Picture
from impasto.video.encoding import Encoding


def picture(number: int) -> Picture:
    return Picture(torch.full((1, 3, 4, 4), number / 10), name=f"{number}")


def test_frames_come_in_order_and_those_of_before_are_read() -> None:
    written: list[str] = []
    with Encoding(lambda frames: written.extend(f.name for f in frames), lambda n: picture(-n), 6) as encoding:
        for number in (2, 3):  # the first two, and the last two, were finished by an earlier process
            encoding.put(number, picture(number))
        encoding.finish()
    assert written == ["0", "-1", "2", "3", "-4", "-5"]
    assert encoding.seconds >= 0


def test_painting_waits_for_a_slow_encoder() -> None:
    go = threading.Event()

    def write(frames: Iterator[Picture]) -> None:
        go.wait(10)
        assert len(list(frames)) == 9

    with Encoding(write, picture, 9) as encoding:
        for number in range(4):
            encoding.put(number, picture(number))
        waiting = threading.Thread(target=lambda: encoding.put(4, picture(4)), daemon=True)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        go.set()
        waiting.join(10)
        assert not waiting.is_alive()
        for number in range(5, 9):
            encoding.put(number, picture(number))
        encoding.finish()


def test_what_writing_raises_ends_the_painting() -> None:
    def write(frames: Iterator[Picture]) -> None:
        next(frames)
        raise OutputError("out.mp4: could not be written; make room")

    def paint() -> None:
        with Encoding(write, picture, 9) as encoding:
            for number in range(9):
                encoding.put(number, picture(number))
            encoding.finish()

    with pytest.raises(OutputError, match="make room"):
        paint()


def test_a_painting_that_ends_early_leaves_no_film() -> None:
    finished: list[bool] = []

    def write(frames: Iterator[Picture]) -> None:
        finished.append(False)
        for _ in frames:
            pass
        finished[-1] = True

    def paint() -> None:
        with Encoding(write, picture, 9) as encoding:
            encoding.put(0, picture(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        paint()
    assert finished == [False]
