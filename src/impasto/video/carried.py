"""What is carried from frame to frame beside the painting: where regions are, and where the face is."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from impasto.images import Picture
from impasto.scene.painting import After
from impasto.video.faces import FaceTrack
from impasto.video.flow import Motion
from impasto.video.masks import MaskTrack


@dataclass(frozen=True, eq=False)
class Carried:
    """The tracks of a clip; None for what it does not have."""

    masks: MaskTrack | None = None
    faces: FaceTrack | None = None

    @property
    def any(self) -> bool:
        """Return whether anything is carried."""
        return self.masks is not None or self.faces is not None

    def after(self, number: int, photo: Picture, motion: Motion | None = None) -> After:
        """Return what frame `number` of the clip, which is `photo`, has of those before.

        `motion` leads from it back to the frame that was asked for last; None where nothing is known of that.
        """
        regions = None if self.masks is None else self.masks.at(number, motion)
        pair = None if self.faces is None else self.faces.at(number, photo, motion)
        return After(regions, landmarks=pair)

    def now(self) -> After:
        """Return the same of the frame that was asked for last, or whose state was restored."""
        regions = None if self.masks is None else self.masks.now()
        return After(regions, landmarks=None if self.faces is None else self.faces.now)

    def state(self) -> dict[str, Tensor]:
        """Return what the next frame's depend on."""
        tensors = {} if self.masks is None else self.masks.state()
        return tensors | ({} if self.faces is None else self.faces.state())

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        if self.masks is not None:
            self.masks.restore(dict(tensors))
        if self.faces is not None:
            self.faces.restore(tensors)
