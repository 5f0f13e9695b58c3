"""Where a clip is cut: the shots, each of which is painted by itself, by PySceneDetect."""

import itertools
from typing import Any

import numpy as np

from impasto import images
from impasto.errors import ResourceError
from impasto.images import Picture
from impasto.video.film import INSTALL

SIDE = 256
"""Long side in pixels of the frames that are compared: cuts show at any size."""
SHORTEST = 3
"""Frames of the shortest shot: flashes and damage are shorter."""
_RATE = 25.0


class ShotFinder:
    """Looks at frames one after another; afterwards `shots` are known.

    A cut is a change of colours that stands out of the changes around it (`AdaptiveDetector`), so a fast pan is none.
    """

    def __init__(self) -> None:
        try:
            import scenedetect
        except ImportError:
            raise ResourceError(f"shots need PySceneDetect, which is not installed; {INSTALL} brings it") from None
        self._library: Any = scenedetect
        self._detector = scenedetect.AdaptiveDetector(min_scene_len=SHORTEST)
        self._cuts: set[int] = set()
        self._count = 0

    def look(self, picture: Picture) -> None:
        """Look at the next frame."""
        small = images.resize(picture.pixels, images.fit_size(picture.size, min(SIDE, max(picture.size))))
        samples = Picture(small.clamp(0, 1)).to_numpy()[..., 2::-1]
        code = self._library.FrameTimecode(self._count, fps=_RATE)
        self._cuts |= {cut.frame_num for cut in self._detector.process_frame(code, np.ascontiguousarray(samples))}
        self._count += 1

    @property
    def shots(self) -> tuple[tuple[int, int], ...]:
        """Return the first frame of each shot and the one after its last."""
        edges = [0, *sorted(cut for cut in self._cuts if 0 < cut < self._count), self._count]
        return tuple((start, stop) for start, stop in itertools.pairwise(edges) if stop > start)
