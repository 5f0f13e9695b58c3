"""Paintings that are done in a moment, for what follows from frame to frame; and clips in memory."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from impasto.events import Progress
from impasto.images import Picture
from impasto.optim.pyramid import Level
from impasto.optim.resources import Resources
from impasto.recipe import Recipe
from impasto.scene.inputs import Inputs
from impasto.scene.painting import Painting
from impasto.video.clip import ClipInfo, Shown
from impasto.video.shot import Shot

Make = Callable[[Tensor, int], Tensor]
"""From a photograph (1, 3, H, W), and how many were painted before it, to a painting."""
RECIPE = Recipe.parse({"method": "adain", "size": "content", "precision": "float32"})


class Quick(Painting):
    """Paints by a function; counts how often."""

    steps = 1
    memory_bytes = 0

    def __init__(self, photo: Picture, make: Make) -> None:
        inputs = Inputs(photo, [Picture(torch.rand(1, 3, 32, 32))])
        super().__init__(inputs.scene(RECIPE), RECIPE, photo.size, Resources(torch.device("cpu")))
        self.make, self.count = make, 0
        self.inits: list[Tensor | None] = []
        self.anchors: list[Tensor | None] = []

    def __iter__(self) -> Generator[Progress, None, None]:
        self._reset()
        init, anchor = self.scene.init, self.scene.anchor
        self.inits.append(None if init is None else init.pixels)
        self.anchors.append(None if anchor is None else anchor.weights)
        self._image = self.make(self.scene.photo(Level(0, self.size, 1)), self.count)
        self.count += 1
        self._history.append({"loss": 1.0})
        yield Progress(0, 1, 1, 1, 1, 1, 1.0, {}, self.size, 0.0, 0.0, self._image)

    def seconds(self) -> float:
        return 0.0

    @property
    def weights(self) -> tuple[Mapping[str, str], ...]:
        return ()

    @property
    def tile(self) -> int | None:
        return None

    @property
    def tiles(self) -> int | None:
        return 1

    def _first_image(self) -> Tensor:
        return self.scene.photo(Level(0, self.size, 1))


class Beginner:
    """Begins quick paintings, and remembers them: the first kind, and those that follow others."""

    def __init__(self, make: Make) -> None:
        self.make = make
        self.made: dict[bool, Quick] = {}

    def __call__(self, photo: Picture, after: bool = False) -> Quick:
        self.made[after] = Quick(photo, self.make)
        return self.made[after]

    def count(self, after: bool) -> int:
        return self.made[after].count if after in self.made else 0


class Frames:
    """A clip of pictures in memory; what was read of it is counted."""

    path = Path("frames")

    def __init__(self, frames: Sequence[Tensor]) -> None:
        self._frames = [Picture(frame.contiguous(), name=f"frame {number}") for number, frame in enumerate(frames)]
        step = Fraction(1, 25)
        shown = tuple(Shown(number * step, step) for number in range(len(frames)))
        self.info = ClipInfo("frames", self._frames[0].size, shown)

    def scan(self) -> Iterator[Picture]:
        return iter(self._frames)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Picture]:
        return iter(self._frames[start:stop])


def shot_of(frames: Sequence[Tensor]) -> Shot:
    return Shot(Frames(frames), range(len(frames)))


def pan(wide: Tensor, count: int, step: int, width: int) -> list[Tensor]:
    """Cut frames of `width` out of a wide picture, each `step` pixels further right."""
    return [wide[..., step * number : step * number + width] for number in range(count)]


def noisy(strength: float) -> Make:
    """Paints the photograph with other noise each time."""

    def make(photo: Tensor, count: int) -> Tensor:
        random = torch.Generator().manual_seed(count)
        return photo + strength * torch.randn(photo.shape, generator=random)

    return make
