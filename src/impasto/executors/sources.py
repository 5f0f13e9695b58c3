"""The pictures of many paintings, decoded once each as long as they fit in memory."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from impasto.images import Picture
from impasto.scene.resolve import PictureLike

KEPT_BYTES = 2**30
"""Of decoded files; more are decoded again when they are needed again."""


class Pictures:
    """Decodes each picture once, as long as they fit in `kept_bytes`, by default `KEPT_BYTES`; in several threads."""

    def __init__(self, kept_bytes: int | None = None) -> None:
        self._kept_bytes = KEPT_BYTES if kept_bytes is None else kept_bytes
        self._lock = threading.Lock()
        self._loaded: OrderedDict[Any, Picture] = OrderedDict()
        self._held: dict[Any, tuple[PictureLike, Picture]] = {}
        """What is in memory anyway, and standard input, which comes only once."""

    def __call__(self, source: PictureLike, load: Callable[[PictureLike], Picture]) -> Picture:
        with self._lock:
            return self._load(source, load)

    def _load(self, source: PictureLike, load: Callable[[PictureLike], Picture]) -> Picture:
        if source == "-" if isinstance(source, str) else not isinstance(source, Path):
            key = "-" if isinstance(source, str) else id(source)
            if key not in self._held:
                # The source as well: as long as it is there, no other has its number.
                self._held[key] = source, load(source)
            return self._held[key][1]
        key = os.fspath(source)
        if key not in self._loaded:
            self._loaded[key] = load(source)
        self._loaded.move_to_end(key)
        while len(self._loaded) > 1 and sum(map(_bytes, self._loaded.values())) > self._kept_bytes:
            self._loaded.popitem(last=False)
        return self._loaded[key]


def _bytes(picture: Picture) -> int:
    return picture.pixels.nbytes + (0 if picture.alpha is None else picture.alpha.nbytes)
