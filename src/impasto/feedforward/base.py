"""What feed-forward paintings have in common: pictures, size, progress and time."""

import time
from abc import abstractmethod
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from impasto.encoders import Encoder
from impasto.errors import ImageError
from impasto.events import Progress, notice
from impasto.optim.memory import resident, trim
from impasto.optim.pyramid import Level
from impasto.optim.resources import Resources
from impasto.optim.timing import timed
from impasto.recipe import Recipe
from impasto.scene import SMALLEST
from impasto.scene.inputs import Inputs
from impasto.scene.painting import Painting
from impasto.scene.resolve import check_texture, long_side, multiple_of, result_size


class FeedForward(Painting):
    """One painting by one pass of networks.

    Inputs without content paint a texture, where the method can. `encoder` is a petite, `network` a file of a network,
    or a folder with the several that `wct` needs; without, what ships with impasto is taken. Everything that can be
    refused is refused here, before anything is painted.

    Raises `ImpastoError`s: `ImageError` for inputs, `WeightsError` for networks, `ResourceError` for what does not fit,
    `UsageError` for settings that do not fit together.
    """

    def __init__(
        self,
        inputs: Inputs,
        recipe: Recipe,
        *,
        encoder: str | Path | Encoder | None = None,
        network: str | Path | None = None,
        resources: Resources | None = None,
    ) -> None:
        resources = resources or Resources.choose()
        if (strength := recipe.wanted_strength) is not None:
            recipe = recipe.model_copy(update={"alpha": strength})
        if inputs.content is None:
            check_texture(recipe)
        scene = inputs.scene(recipe)
        photo, regions = scene.content, scene.regions
        super().__init__(scene, recipe, result_size(photo, recipe, regions), resources, inputs.load)
        height, width = self.size
        if max(self.size) != long_side(photo, recipe, regions):
            notice(f"a picture that repeats has sides in steps of {multiple_of(recipe)}: {width}x{height} px")
        if min(self.size) < SMALLEST:
            raise ImageError(
                f"{self.scene.called}: would be painted at {width}x{height} px; the short "
                f"side needs at least {SMALLEST} px: use a larger --size, or a less narrow picture"
            )
        self.level = Level(0, self.size, 1)
        for style in self.scene.styles:
            self.scene.style_size(style, self.level)
        self.steps = 1
        self._tile: int | None = None
        self._weights: tuple[Mapping[str, str], ...] = ()
        self._bytes = 0
        self._prepare(encoder, None if network is None else Path(network))
        self.memory_bytes = self._bytes + (0 if self.resources.device.type == "cuda" else resident())

    @abstractmethod
    def _prepare(self, encoder: str | Path | Encoder | None, network: Path | None) -> None:
        """Load the networks and plan the tiles."""

    @abstractmethod
    def _painted(self) -> Iterator[tuple[str, Tensor]]:
        """Paint; return after each step its name and the picture (1, 3, H, W), sRGB in [0, 1]."""

    @abstractmethod
    def _tried(self, image: Tensor) -> None:
        """Put a small picture through what a painting goes through, for the time that it takes."""

    def __iter__(self) -> Generator[Progress, None, None]:
        """Paint, yielding one `Progress` a step; closing the iterator keeps the picture so far."""
        began = last = time.monotonic()
        self._reset()
        for step, (name, image) in enumerate(self._painted(), 1):
            self._image = image
            now = time.monotonic()
            self._timings[name], last = now - last, now
            progress = Progress(
                level=0,
                levels=1,
                step=step,
                steps=self.steps,
                total_step=step,
                total_steps=self.steps,
                loss=0.0,
                losses={},
                size=self.size,
                elapsed_s=now - began,
                eta_s=(now - began) * (self.steps - step) / step,
                image=image,
            )
            self._history.append({"level": 0, "step": step, "elapsed_s": progress.elapsed_s})
            yield progress
        self._finished = True
        self._timings["total"] = time.monotonic() - began

    @property
    def weights(self) -> tuple[Mapping[str, str], ...]:
        """Name and sha256 of each network, that of the encoder first."""
        return self._weights

    @property
    def tile(self) -> int | None:
        """Side of the tiles in pixels; None: in one piece."""
        return self._tile

    @property
    def tiles(self) -> int | None:
        """1 for a picture in one piece; tiles are not counted before."""
        return 1 if self._tile is None else None

    def _first_image(self) -> Tensor:
        return self.scene.photo(self.level)

    def _release(self) -> None:
        """Return memory to the system where tiles left much of it: it takes as long as a small network."""
        if self._tile is not None:
            trim()

    def seconds(self) -> float:
        """Estimate how long the painting will take, by painting a small picture."""
        side = 256
        image = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(self.resources.device)
        return min(timed(lambda: self._tried(image), 3)) / side**2 * self.size[0] * self.size[1]
