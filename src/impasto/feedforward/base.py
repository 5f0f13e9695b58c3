"""What paintings in one go have in common: pictures, progress, and the result, as a `Stylizer` has them."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto import images
from impasto.encoders import Encoder
from impasto.errors import ImageError, UsageError
from impasto.events import Progress, notice
from impasto.guides import Regions
from impasto.images import Picture
from impasto.optim import devices, parallel
from impasto.optim.memory import resident, trim
from impasto.optim.planner import Tiling
from impasto.optim.pyramid import Level
from impasto.optim.resources import Resources
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.result import Result
from impasto.scene import SMALLEST, Scene
from impasto.scene.resolve import Source, check_texture, long_side, multiple_of, result_size


class FeedForward(ABC):
    """One painting by a network: iterate over it for `Progress`, ask for `result()` at any time.

    `content` None paints a texture, where the method can. `encoder` is a petite, `network` a file of a network, or a
    folder with the several that `wct` needs; without, what ships with impasto is taken. `regions` are what `guides`
    makes of masks. Everything that can be refused is refused here, before anything is painted.

    `tile`, `memory` and `device` are those of `Stylizer`. Raises `ImpastoError`s: `ImageError` for inputs,
    `WeightsError` for networks, `ResourceError` for what does not fit, `UsageError` for settings that do not fit
    together.
    """

    def __init__(
        self,
        content: Source | None,
        styles: Source | Sequence[Source],
        recipe: Recipe,
        *,
        encoder: str | Path | Encoder | None = None,
        network: str | Path | None = None,
        regions: Regions | None = None,
        max_pixels: int = images.DEFAULT_MAX_PIXELS,
        allow_truncated: bool = False,
        tile: Tiling = "auto",
        memory: int | None = None,
        device: str = "auto",
    ) -> None:
        self.resources = Resources(parallel.place(devices.choose(device)), tile, memory)
        self.method = METHODS[recipe.method]
        load = self._load_picture = partial(images.load, max_pixels=max_pixels, allow_truncated=allow_truncated)
        photo: Picture | None = None if content is None else load(content)
        if photo is None:
            check_texture(recipe)
        many: Sequence[Source] = styles if isinstance(styles, list | tuple) else [styles]
        self.scene = Scene(recipe, photo, [load(style) for style in many], regions)
        self.size = result_size(photo, recipe, regions)
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
        self.recipe = recipe
        self.steps = 1
        """How many times `Progress` is made."""
        self.tile: int | None = None
        """Side of the tiles; None: in one piece."""
        self.weights: tuple[dict[str, str], ...] = ()
        """Name and sha256 of each network."""
        self.history: list[dict[str, Any]] = []
        self.timings: dict[str, float] = {}
        self.image: Tensor | None = None
        """What is painted so far (1, 3, H, W), before colours and regions are put back."""
        self._finished = False
        self._bytes = 0
        self._prepare(encoder, None if network is None else Path(network))
        self.memory_bytes = self._bytes + (0 if self.resources.device.type == "cuda" else resident())
        """Estimated peak of the process while painting; on a device with memory of its own, of that."""

    @abstractmethod
    def _prepare(self, encoder: str | Path | Encoder | None, network: Path | None) -> None:
        """Load the networks and plan the tiles."""

    @abstractmethod
    def _painted(self) -> Iterator[tuple[str, Tensor]]:
        """Paint; give after each step its name and the picture (1, 3, H, W), sRGB in [0, 1]."""

    @abstractmethod
    def _tried(self, image: Tensor) -> None:
        """Put a small picture through what a painting goes through, for the time that it takes."""

    def __iter__(self) -> Iterator[Progress]:
        """Paint, yielding one `Progress` a step; closing the iterator keeps the picture so far."""
        began = last = time.monotonic()
        self.history.clear()
        self.timings.clear()
        self._finished = False
        for step, (name, image) in enumerate(self._painted(), 1):
            self.image = image
            now = time.monotonic()
            self.timings[name], last = now - last, now
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
            self.history.append({"level": 0, "step": step, "elapsed_s": progress.elapsed_s})
            yield progress
        self._finished = True
        self.timings["total"] = time.monotonic() - began

    def frames(self, photos: Iterable[Source]) -> Iterator[Picture]:
        """Paint a stream of photographs that have the shape of the first, each by itself; give each when it is done.

        What does not depend on them, the styles above all, is measured once. Raises `UsageError` for one of another
        shape, or where the painting is a texture, and what `images.load` raises.
        """
        if self.scene.content is None:
            raise UsageError("a texture has no frames; begin with the first of them as content")
        for number, source in enumerate(photos):
            photo = self._load_picture(source)
            if result_size(photo, self.recipe) != self.size:
                height, width = photo.size
                raise UsageError(
                    f"frame {number} is {width}x{height} px, another shape than the first; begin a painting for it"
                )
            self.scene.show(photo)
            for _ in self:
                pass
            yield self.result().picture

    @property
    def content(self) -> Picture | None:
        """The photograph; None for a texture."""
        return self.scene.content

    @property
    def styles(self) -> list[Picture]:
        """The paintings."""
        return self.scene.styles

    def result(self) -> Result:
        """Return the picture so far, at the size of the recipe, with the content's alpha."""
        self._trim()
        image = self.scene.photo(self.level) if self.image is None else self.image.cpu()
        content = self.scene.content
        alpha = None if content is None or content.alpha is None else images.resize(content.alpha, self.size)
        return Result(
            picture=Picture(self.scene.finish(image, self.size), alpha, name="result"),
            recipe=self.recipe,
            history=tuple(self.history),
            timings=dict(self.timings),
            inputs=tuple(self.scene.inputs()),
            weights=self.weights,
            finished=self._finished,
        )

    def _trim(self) -> None:
        """Return memory back to the system, where there is much of it: it takes as long as a small network."""
        if self.tile is not None:
            trim()

    def shown(self, progress: Progress) -> Picture:
        """Return the picture of a step as it would be saved."""
        return Picture(self.scene.finish(progress.image.cpu(), progress.size), name="preview")

    def seconds(self) -> float:
        """Estimate how long the painting will take, by painting a small picture."""
        side = 256
        image = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(self.resources.device)
        times = []
        for _ in range(3):
            began = time.perf_counter()
            self._tried(image)
            times.append(time.perf_counter() - began)
        return min(times) / side**2 * self.size[0] * self.size[1]
