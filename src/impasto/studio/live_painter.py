"""The process that paints what a camera sees: `python -m impasto.studio.live_painter`. One camera at a time.

It is thin over `impasto.video.live`: frames come over the channel of orders, one after another, and what is painted of
them goes back as it is finished.
"""

import queue
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from impasto import images
from impasto.images import Picture
from impasto.painting.api import begin_with
from impasto.recipe import Recipe
from impasto.scene.inputs import Inputs
from impasto.scene.painting import Painting
from impasto.studio.child_process import Parent, give_way
from impasto.studio.trouble import told
from impasto.video import live

QUALITY = 88
"""Quality of the JPEG frames that go back: what is lost is not seen in what moves."""
FRAME_PIXELS = 4_000_000
"""Pixels of a frame at most: cameras are asked for far fewer."""


class Frames:
    """The frames of one camera as they arrive: the newest counts."""

    dropped = 0

    def __init__(self, parent: Parent, session: str) -> None:
        self._parent, self._session = parent, session
        self._condition = threading.Condition()
        self._newest: bytes | None = None
        self._over = False

    def put(self, data: bytes) -> None:
        """Take a frame in."""
        with self._condition:
            self._newest = data
            self._condition.notify()

    def newest(self) -> Picture | None:
        """Return the newest frame, waiting for one that was not returned before; None at the end."""
        with self._condition:
            self._condition.wait_for(lambda: self._newest is not None or self._over)
            data, self._newest = self._newest, None
        return None if data is None or self._over else images.load(data, max_pixels=FRAME_PIXELS)

    def close(self) -> None:
        """End it, whoever waits for a frame."""
        with self._condition:
            self._over = True
            self._condition.notify()

    def show(self, picture: Picture, words: str) -> bool:  # noqa: ARG002 (the page counts frames by itself)
        """Send what was painted of a frame; return whether to go on."""
        data = b64encode(images.encode(picture, "jpeg", quality=QUALITY)).decode()
        self._parent.say(event="frame", session=self._session, data=data)
        return not self._over


def paint(order: Mapping[str, Any], frames: Frames, parent: Parent) -> None:
    """Paint frames until there are no more."""
    recipe = Recipe.parse(order["recipe"])
    styles = [replace(images.load(Path(style["path"])), name=style["name"]) for style in order["styles"]]
    inputs = Inputs(None, styles)

    def begin(photo: Picture) -> Painting:
        return begin_with(replace(inputs, content=photo), recipe)

    try:
        live.run(frames, frames, begin, smooth=order["smooth"])
    except Exception as error:  # one camera that goes wrong should not end the next one
        parent.say(event="failed", session=order["session"], error=told(error))


def main(threads: int | None = None) -> None:
    """Paint what cameras see until nobody asks any more."""
    give_way()
    if threads is not None:
        torch.set_num_threads(threads)
    orders: queue.SimpleQueue[tuple[dict[str, Any], Frames]] = queue.SimpleQueue()
    now: list[Frames] = []

    def receive(message: dict[str, Any]) -> None:
        if message["do"] == "frame":
            now[0].put(b64decode(message["data"]))
            return
        for frames in now:
            frames.close()
        now[:] = [Frames(parent, message["session"])]
        orders.put((message, now[0]))

    parent = Parent(receive)
    parent.listen()
    while True:
        order, frames = orders.get()
        paint(order, frames, parent)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else None)
