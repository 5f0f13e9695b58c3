"""The pictures of a series, decoded once each as long as they fit in memory."""

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from impasto.images import Picture
from impasto.scene.resolve import PictureLike

KEPT_BYTES = 2**30
"""Of decoded files; more are decoded again when they are needed again."""


class Pictures:
    """Decodes each picture once, as long as they fit in `KEPT_BYTES`."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[Any, Picture] = OrderedDict()
        self._held: dict[Any, Picture] = {}
        """What is in memory anyway, and standard input, which comes only once."""

    def __call__(self, source: PictureLike, load: Callable[[PictureLike], Picture]) -> Picture:
        if source == "-" if isinstance(source, str) else not isinstance(source, Path):
            key = "-" if isinstance(source, str) else id(source)
            if key not in self._held:
                self._held[key] = load(source)
            return self._held[key]
        key = os.fspath(source)
        if key not in self._loaded:
            self._loaded[key] = load(source)
        self._loaded.move_to_end(key)
        while len(self._loaded) > 1 and sum(map(_bytes, self._loaded.values())) > KEPT_BYTES:
            self._loaded.popitem(last=False)
        return self._loaded[key]


def _bytes(picture: Picture) -> int:
    return picture.pixels.nbytes + (0 if picture.alpha is None else picture.alpha.nbytes)
