"""The pictures of many paintings, decoded once each as long as they fit in memory."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path

from impasto.images import Picture
from impasto.scene.resolve import PictureLike
from impasto.shards import Member

KEPT_BYTES = 2**30
"""Of decoded files; more are decoded again when they are needed again."""
KEPT_IN_MEMORY = 16
"""Pictures that came as arrays and the like, which are kept with what they were made of: a few paintings that come
again and again. A stream of photographs goes by."""


class Pictures:
    """Decodes each picture once, as long as they fit in `kept_bytes`, by default `KEPT_BYTES`; in several threads."""

    def __init__(self, kept_bytes: int | None = None) -> None:
        self._kept_bytes = KEPT_BYTES if kept_bytes is None else kept_bytes
        self._lock = threading.Lock()
        self._loaded: OrderedDict[Hashable, Picture] = OrderedDict()
        self._held: OrderedDict[int, tuple[PictureLike, Picture]] = OrderedDict()
        self._stdin: Picture | None = None

    def __call__(self, source: PictureLike, load: Callable[[PictureLike], Picture]) -> Picture:
        with self._lock:
            return self._load(source, load)

    def _load(self, source: PictureLike, load: Callable[[PictureLike], Picture]) -> Picture:
        if isinstance(source, str) and source == "-":
            # It comes only once.
            self._stdin = self._stdin or load(source)
            return self._stdin
        if not isinstance(source, str | Path | Member):
            return self._load_held(source, load)
        key: Hashable = source if isinstance(source, Member) else os.fspath(source)
        if key not in self._loaded:
            self._loaded[key] = load(source)
        self._loaded.move_to_end(key)
        while len(self._loaded) > 1 and sum(map(_bytes, self._loaded.values())) > self._kept_bytes:
            self._loaded.popitem(last=False)
        return self._loaded[key]

    def _load_held(self, source: PictureLike, load: Callable[[PictureLike], Picture]) -> Picture:
        key = id(source)
        if key not in self._held:
            # The source as well: as long as it is there, no other has its number.
            self._held[key] = source, load(source)
        self._held.move_to_end(key)
        while len(self._held) > KEPT_IN_MEMORY:
            self._held.popitem(last=False)
        return self._held[key][1]


def _bytes(picture: Picture) -> int:
    return picture.pixels.nbytes + (0 if picture.alpha is None else picture.alpha.nbytes)
