"""Landmarks that move: those of some frames are given, or found in a shot's first, and carried along the flow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import images, landmarks
from impasto.errors import InputError, UsageError
from impasto.events import notice
from impasto.images import Picture
from impasto.landmarks import Landmarks, Pair, detect, spline
from impasto.scene.inputs import Inputs
from impasto.video.clip import ClipInfo
from impasto.video.flow import Motion
from impasto.video.folder import in_order, numbers_of

SUFFIXES = (".json", ".pts")
"""Of files of landmarks in a folder."""
INVERSIONS = 12
"""Steps of the fixed point that inverts a flow at a point: each is nearer by the flow's gradient, which is well below a
half on a face, so that a thousandth of a pixel is left of a motion of 4 pixels."""
FEWEST = 3
"""Points that a similarity of the plane is fitted to at least."""


@dataclass(eq=False)
class FaceTrack:
    """Where the landmarks of a clip's face are, frame by frame, beside those of the painting.

    `given` holds pairs by the number of the clip's frame. The first frame of a shot takes those that were given last
    before it; where none are given at all, a face is looked for in it, with the painting's `style`.
    """

    given: Mapping[int, Pair]
    style: Landmarks
    now: Pair | None = None
    """Those of the frame that was asked for last; None: whole pictures are aligned."""
    _blind: set[str] = field(default_factory=set)
    """Names of frames that were told to have no face."""

    @property
    def digests(self) -> list[list[str]]:
        """Return role and sha256 of all that were given, and of the painting's."""
        records = [list(record) for number in sorted(self.given) for record in self.given[number].digests]
        return records or [["style landmarks", self.style.sha256]]

    def at(self, number: int, photo: Picture, motion: Motion | None = None) -> Pair | None:
        """Return the landmarks in frame `number` of the clip, which is `photo`.

        `motion` leads from it back to the frame that was asked for last; None: nothing is known of that.
        """
        if number in self.given:
            self.now = _rounded(self.given[number])
        elif motion is not None:
            self.now = None if self.now is None else carried(self.now, motion)
        elif self.given:
            before = [given for given in self.given if given <= number]
            self.now = _rounded(self.given[max(before) if before else min(self.given)])
        else:
            self.now = self._found(photo)
        return self.now

    def _found(self, photo: Picture) -> Pair | None:
        face = detect.find(images.fill_hidden(photo).pixels)
        if face is not None:
            return _rounded(landmarks.pair(face, self.style))
        if photo.name not in self._blind:
            self._blind.add(photo.name)
            notice(f"no face is seen in {photo.name}; the whole pictures are aligned: give landmarks of both")
        return None

    def state(self) -> dict[str, Tensor]:
        """Return what the next frame's landmarks depend on, (n, 2) each."""
        if self.now is None:
            return {}
        return {"landmarks": self.now.content.points, "style landmarks": self.now.style.points}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self.now = None
        if "landmarks" in tensors:
            self.now = Pair(Landmarks(tensors["landmarks"]), Landmarks(tensors["style landmarks"]))


def read_faces(inputs: Inputs, style: Picture, info: ClipInfo, first: int) -> FaceTrack | None:
    """Return the landmarks of a clip; None where none are given, and no face is seen in the painting.

    The content's are a file, of frame `first` of the clip, or a folder of files called like its frames or by their
    numbers from 1. Raises `UsageError` where only one side has landmarks, and what reading them raises.
    """
    content, of_style = inputs.content_landmarks, inputs.style_landmarks
    if (content is None) != (of_style is None):
        raise UsageError("landmarks of the photograph and of the painting belong together; give both or neither")
    if content is None:
        face = detect.find(images.fill_hidden(style).pixels)
        if face is None:
            notice(f"no face is seen in {style.name}; the whole pictures are aligned: give landmarks of both")
        return None if face is None else FaceTrack({}, face)
    theirs = landmarks.load(of_style, style.size, "style landmarks")
    if isinstance(content, str | Path) and Path(content).is_dir():
        sources: dict[int, Any] = dict(numbered(Path(content), info))
    else:
        sources = {first: content}
    given = {
        number: landmarks.pair(landmarks.load(source, info.size, "content landmarks"), theirs)
        for number, source in sources.items()
    }
    return FaceTrack(given, theirs)


def numbered(folder: Path, info: ClipInfo) -> list[tuple[int, Path]]:
    """Return the files of landmarks in a folder, each with the number of its frame in the clip (`numbers_of`).

    Raises `InputError` for a folder without any, or with one that is of no frame.
    """
    names = in_order([path.name for path in folder.iterdir() if path.suffix.lower() in SUFFIXES])
    if not names:
        raise InputError(f"{folder}: has no landmarks ({', '.join(SUFFIXES)}); name a file, or a folder with some")
    numbers = numbers_of(folder, names, info.paths, "landmarks")
    return [(number, folder / name) for number, name in zip(numbers, names, strict=True)]


def carried(pair: Pair, motion: Motion) -> Pair:
    """Return the landmarks of a frame, from those of the one that its `motion` leads back to.

    Points that are hidden, or at the edge of a motion, go where the others go as a whole.
    """
    height, width = motion.backward.shape[1:]
    size = torch.tensor([width, height], dtype=torch.float32)
    before = pair.content.points.float() * size
    now = before.clone()
    for _ in range(INVERSIONS):
        now = before - _at(motion.backward, now, size)
    seen = _at(motion.reliable[0], now, size)[:, 0] > 0.5
    if 0 < int(seen.sum()) < len(seen):
        if int(seen.sum()) >= FEWEST and spline.spread(before[seen]) > 0:
            moved = spline.similarity(before[seen], now[seen]).float()
            now[~seen] = moved[0] + before[~seen] @ moved[1:]
        else:
            now[~seen] = before[~seen] + (now - before)[seen].mean(0)
    elif not bool(seen.any()):
        now = before
    return Pair(Landmarks(now / size, pair.content.names), pair.style)


def _at(planes: Tensor, points: Tensor, size: Tensor) -> Tensor:
    """Return planes (C, H, W) at points (n, 2) in pixels, of which 0 is the border: (n, C)."""
    places = points / size * 2 - 1
    values: Tensor = F.grid_sample(planes[None], places[None, None], padding_mode="border", align_corners=False)
    return values[0, :, 0].T


def _rounded(pair: Pair) -> Pair:
    """Return landmarks in float32, as they are kept: a shot that goes on then ends as one that was not interrupted."""
    ours, theirs = (Landmarks(one.points.float(), one.names) for one in (pair.content, pair.style))
    return Pair(ours, theirs)
