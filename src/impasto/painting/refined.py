"""A painting in two parts: by one pass of networks, and from there by some steps of optimisation."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto import feedforward
from impasto.checkpoint import Checkpoint
from impasto.encoders import Encoder, Petite
from impasto.errors import UsageError
from impasto.events import Progress
from impasto.images import Picture
from impasto.optim import parallel
from impasto.optim.memory import trim
from impasto.optim.resources import Resources
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene.inputs import Inputs
from impasto.scene.painting import After, Painting, PlannedLevel
from impasto.scene.resolve import result_size

_OF_FORWARD = ("method", "alpha", "passes", "network", "refine")


class RefinedPainting(Painting):
    """What `recipe.method` paints, then `recipe.refine` steps of a `Stylizer`.

    Steps are counted over both parts, and the history is that of the second. The arguments, and what is raised, are
    those of `FeedForward` and `Stylizer`.
    """

    resumable = True
    encoder: Encoder

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
        read = inputs.read(recipe)
        if not read.paintings and not METHODS[recipe.method].styles:
            raise UsageError("refine compares with a painting, and a network has none; name it with --style")
        plain = {key: Recipe.model_fields[key].get_default() for key in _OF_FORWARD}
        second = Recipe.parse(
            {**recipe.model_dump(), **plain, "init": "file", "levels": 1, "iterations": recipe.refine}
        )
        # What the second part begins with is not there yet; all else can be refused now.
        init = read.content
        if init is None:
            gray = torch.full((1, 3, 1, 1), 0.5).expand(-1, -1, *result_size(None, recipe, read.regions))
            init = Picture(gray, name="start")
        self.second = Stylizer.of(
            replace(read.without_landmarks(), init=init), second, encoder=encoder, resources=resources
        )
        own = self.second.encoder
        self.first = feedforward.create(
            read,
            recipe.replace(precision=self.second.recipe.precision),
            encoder=own if isinstance(own, Petite) else None,
            network=network,
            resources=resources,
        )
        self.encoder = self.second.encoder
        resolved = self.first.recipe.replace(encoder=self.second.recipe.encoder)
        super().__init__(self.first.scene, resolved, self.second.size, resources, inputs.load)
        self.steps = self.first.steps + self.second.steps
        self.memory_bytes = max(self.first.memory_bytes, self.second.memory_bytes)
        self._restored = False

    def __iter__(self) -> Generator[Progress, None, None]:
        """Paint, yielding one `Progress` a step; closing the iterator keeps the picture so far."""
        before = self.first.steps
        if not self._restored:
            self.second._reset()
            for progress in self.first:
                yield replace(progress, total_steps=self.steps)
            self._begin()
        self._restored = False
        for progress in self.second:
            yield replace(progress, total_step=before + progress.total_step, total_steps=self.steps)

    def _begin(self) -> None:
        """Start the second part where the first ended, before colours were put back."""
        if self.first.image is None:
            return
        image = self.first.image.float().cpu().contiguous()
        if (group := parallel.current_group()) is not None:
            group.copy(image)  # all processes have to step from the very same point
        self.second.scene.init = Picture(image, name="start")

    def checkpoint(self) -> Checkpoint:
        """Return the state after the last step, to be saved before the next one.

        Raises `UsageError` before the first step of the second part.
        """
        return replace(self.second.checkpoint(), recipe=self.recipe, inputs=tuple(self.first.scene.inputs()))

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from `checkpoint`, as `Stylizer.restore`, with what that raises."""
        checkpoint.check(self.recipe, self.encoder, self.first.scene.inputs(), {})
        # The start counts no more: it is not the same picture, but the solver has left it.
        inputs = tuple(self.second.scene.inputs())
        self.second.restore(replace(checkpoint, recipe=self.second.recipe, inputs=inputs))
        self._restored = True

    def seconds(self) -> float:
        """Estimate how long the painting will take."""
        return self.first.seconds() + self.second.seconds()

    @property
    def weights(self) -> tuple[Mapping[str, str], ...]:
        """Name and sha256 of each network, those of the second part first."""
        second = self.second.weights
        return (*second, *(record for record in self.first.weights if record not in second))

    @property
    def tile(self) -> int | None:
        """Side of the tiles of the second part, in pixels; None: in one piece."""
        return self.second.tile

    @property
    def tiles(self) -> int:
        """How many tiles the second part is painted in."""
        return self.second.tiles

    @property
    def schedule(self) -> tuple[PlannedLevel, ...]:
        """The levels of the second part."""
        return self.second.schedule

    @property
    def pixel_steps(self) -> int:
        """Steps times pixels over both parts."""
        return self.first.pixel_steps + self.second.pixel_steps

    @property
    def image(self) -> Tensor | None:
        """The picture so far: that of the second part, where it has begun."""
        return self.second.image if self.second.history else self.first.image

    @property
    def history(self) -> list[dict[str, Any]]:
        """One record for each step of the second part."""
        return self.second.history

    @property
    def timings(self) -> dict[str, float]:
        """Seconds of both parts."""
        return self.first.timings | {f"refine {key}": value for key, value in self.second.timings.items()}

    @property
    def finished(self) -> bool:
        """Whether the last step of the second part was taken."""
        return self.second.finished

    @property
    def taken(self) -> int:
        """How many steps were taken in both parts."""
        return (self.first.steps if self.second.history else self.first.taken) + self.second.taken

    def _first_image(self) -> Tensor:
        return self.first._first_image()

    def _release(self) -> None:
        trim()

    def _show(self, photo: Picture, after: After) -> None:
        for part in (self.first, self.second):
            after.put(part.scene, photo)
