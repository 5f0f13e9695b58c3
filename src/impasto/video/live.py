"""A camera, or a film, painted as it runs: frames are dropped rather than shown late."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from impasto import images
from impasto.errors import InputError, ResourceError
from impasto.images import Picture
from impasto.scene.painting import Painting
from impasto.video.clip import Clip
from impasto.video.film import INSTALL
from impasto.video.flow import Flow
from impasto.video.shot_painter import likeness
from impasto.video.smooth import blended

RATE_OVER = 30
"""Frames over which the frames a second are taken: a second, so that the number can be read."""
WAIT_S = 5.0
"""Seconds without a frame after which a camera is taken for gone."""


class Source(Protocol):
    """Frames as they come: the newest counts, and those that nobody had time for are gone."""

    def newest(self) -> Picture | None:
        """Return the newest frame, waiting for one that was not returned before; None at the end."""

    @property
    def dropped(self) -> int:
        """Return how many frames nobody had time for."""

    def close(self) -> None:
        """Let go of the camera."""


class Window(Protocol):
    """Where frames are shown."""

    def show(self, picture: Picture, words: str) -> bool:
        """Show a frame with some words; return whether to go on: False where the person closed it."""

    def close(self) -> None:
        """Close it."""


class Newest:
    """Keeps the newest of the frames that `begin` yields in another thread, each with the seconds to wait after it."""

    def __init__(self, begin: Callable[[], Iterator[tuple[Picture, float]]]) -> None:
        self._begin = begin
        self._condition = threading.Condition()
        self._frame: Picture | None = None
        self._ended = False
        self._error: BaseException | None = None
        self._dropped = 0
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            due = time.monotonic()
            for frame, wait in self._begin():
                with self._condition:
                    if self._ended:
                        return
                    self._dropped += self._frame is not None
                    self._frame = frame
                    self._condition.notify()
                due = max(due + wait, time.monotonic())
                time.sleep(max(0.0, due - time.monotonic()))
        except BaseException as caught:
            error = caught
        finally:
            with self._condition:
                self._ended, self._error = True, error
                self._condition.notify()

    def newest(self) -> Picture | None:
        """Return the newest frame, waiting for one that was not returned before; None at the end.

        Raises what reading raised, and `InputError` where nothing came for a while.
        """
        with self._condition:
            if not self._condition.wait_for(lambda: self._frame is not None or self._ended, WAIT_S):
                raise InputError(f"the camera has sent nothing for {WAIT_S:.0f} s; look whether another program has it")
            frame, self._frame = self._frame, None
            if frame is None and self._error is not None:
                raise self._error
            return frame

    @property
    def dropped(self) -> int:
        """Return how many frames nobody had time for."""
        return self._dropped

    def close(self) -> None:
        """End the thread."""
        with self._condition:
            self._ended = True
        self._thread.join(WAIT_S)


def play(clip: Clip) -> Newest:
    """Return a clip as a source, at its own speed."""
    shown = clip.info.shown

    def begin() -> Iterator[tuple[Picture, float]]:
        return ((frame, float(at.duration)) for frame, at in zip(clip.frames(), shown, strict=False))

    return Newest(begin)


def camera(number: int) -> Newest:
    """Return a camera of this machine by its number, from 0. Raises `ResourceError` where there is none."""
    library = _cv2()
    device = library.VideoCapture(number)
    if not device.isOpened():
        device.release()
        raise ResourceError(f"camera {number}: is not there, or in use; name another number, or a film")

    def begin() -> Iterator[tuple[Picture, float]]:
        try:
            while True:
                there, samples = device.read()
                if not there:
                    return
                pixels = torch.from_numpy(np.ascontiguousarray(samples[..., ::-1])).permute(2, 0, 1)[None]
                yield Picture(pixels.float() / 255, name=f"camera {number}"), 0.0
        finally:
            device.release()

    return Newest(begin)


class Screen:
    """A window of this machine, by OpenCV. Raises `ResourceError` where there can be none."""

    def __init__(self, title: str) -> None:
        self._library, self._title = _cv2(), title
        try:
            self._library.namedWindow(title, self._library.WINDOW_AUTOSIZE)
        except self._library.error:
            raise ResourceError(
                "no window can be opened: this OpenCV has none, or there is no screen; install opencv-python in place "
                "of opencv-python-headless on a machine with one, or paint a film with impasto video"
            ) from None

    def show(self, picture: Picture, words: str) -> bool:
        """Show a frame with some words; return whether to go on: not after Esc, q, or where the window was closed."""
        library = self._library
        samples = np.ascontiguousarray(picture.to_numpy()[..., 2::-1])
        for color, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            library.putText(samples, words, (8, 20), library.FONT_HERSHEY_SIMPLEX, 0.5, color, width)
        library.imshow(self._title, samples)
        key = library.waitKey(1) & 0xFF
        return key not in (27, ord("q")) and library.getWindowProperty(self._title, library.WND_PROP_VISIBLE) >= 1

    def close(self) -> None:
        """Close it."""
        self._library.destroyAllWindows()


@dataclass(frozen=True)
class Live:
    """How a live painting went."""

    shown: int
    dropped: int
    seconds: float

    @property
    def rate(self) -> float:
        """Return the frames a second that were shown."""
        return self.shown / self.seconds if self.seconds else 0.0


def run(
    source: Source,
    window: Window,
    begin: Callable[[Picture], Painting],
    *,
    smooth: float = 0.0,
    seconds: float | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Live:
    """Paint the newest frame again and again, and show it with the frames a second, until one of both ends.

    Painted by a method that is feed-forward. `smooth` is the part of a frame that comes from the one before. `seconds`:
    the longest time.
    """
    began = time.monotonic()
    times: deque[float] = deque(maxlen=RATE_OVER)
    flow = Flow() if smooth else None
    painting: Painting | None = None
    before: tuple[Tensor, Tensor] | None = None
    shown = 0
    try:
        while not stopped() and (seconds is None or time.monotonic() - began < seconds):
            photo = source.newest()
            if photo is None:
                break
            if painting is None:
                painting = begin(photo)
            painting.take(photo, "a frame")
            for _ in painting:
                pass
            image = _image(painting)
            if flow is not None:
                frame = images.resize(photo.pixels, painting.size).clamp(0, 1)
                if before is not None:
                    motion = flow.motion(frame, before[0])
                    image = blended(image, motion.warp(before[1]), smooth * likeness(motion, frame, before[0]))
                before = frame, image
            times.append(time.monotonic())
            shown += 1
            rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
            if not window.show(painting.finished_picture(image), f"{rate:.1f} frames/s, {source.dropped} dropped"):
                break
    finally:
        source.close()
        window.close()
    return Live(shown, source.dropped, time.monotonic() - began)


def _image(painting: Painting) -> Tensor:
    image = painting.image
    if image is None:
        raise RuntimeError("a painting took no step")
    return image.detach().float().cpu().clone()


def _cv2() -> Any:
    try:
        import cv2
    except ImportError:
        raise ResourceError(f"cameras and windows need OpenCV, which is not installed; {INSTALL} brings it") from None
    return cv2
