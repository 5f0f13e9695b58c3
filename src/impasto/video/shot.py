"""One shot while it is painted: its frames in order, read ahead while others are painted."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise

from impasto.images import Picture
from impasto.video.clip import Clip
from impasto.video.clock import Clock, Item

_AHEAD = 2
"""Frames that are decoded before they are asked for: one is painted meanwhile, and more would only take memory."""


class Shot:
    """Frames of a clip by their numbers, which may repeat (a slower film at a higher rate) or begin again (a loop)."""

    def __init__(self, clip: Clip, indices: Sequence[int]) -> None:
        self._clip, self.indices = clip, tuple(indices)
        self.reading, self.waiting = Clock(), Clock()
        """Of decoding, and of waiting for it: what is read while others are painted is not waited for."""

    def __len__(self) -> int:
        return len(self.indices)

    def photo(self, number: int) -> Picture:
        """Return one frame; all of the clip before it is decoded for that."""
        index = self.indices[number]
        with self.reading.running(), self.waiting.running():
            return next(iter(self._clip.frames(index, index + 1)))

    def photos(self, start: int = 0) -> Iterator[Picture]:
        """Return the frames from number `start` on, decoded in another thread ahead of their use."""
        rising: list[list[int]] = [[]]
        for before, index in pairwise((-1, *self.indices[start:])):
            if index < before:
                rising.append([])
            rising[-1].append(index)
        parts = [part for part in rising if part]
        read = ahead(lambda: self.reading.over(chain.from_iterable(self._rising(part) for part in parts)))
        return self.waiting.over(read)

    def _rising(self, indices: Sequence[int]) -> Iterator[Picture]:
        frames, number, picture = self._clip.frames(indices[0], indices[-1] + 1), indices[0] - 1, None
        for index in indices:
            while number < index:
                picture, number = next(frames, picture), number + 1
            if picture is not None:
                yield picture

    def looped(self, count: int) -> "Shot":
        """Return the shot with its last `count` frames before its first, too."""
        return Shot(self._clip, (*self.indices[len(self) - count :], *self.indices))


def ahead(begin: Callable[[], Iterator[Item]], depth: int = _AHEAD) -> Iterator[Item]:
    """Iterate over what `begin` returns in another thread, at most `depth` items ahead; its errors are raised here."""
    items: queue.Queue[tuple[str, Item | BaseException | None]] = queue.Queue(depth)
    stopped = threading.Event()

    def put(kind: str, value: Item | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                items.put((kind, value), timeout=0.1)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in begin():
                put("item", item)
                if stopped.is_set():
                    return
            put("end", None)
        except BaseException as error:
            put("error", error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            kind, value = items.get()
            if kind == "error":
                raise value  # type: ignore[misc]
            if kind == "end":
                return
            yield value  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()
