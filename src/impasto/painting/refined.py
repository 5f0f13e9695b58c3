"""A painting in two parts: by a network in one go, and from there by some steps of optimisation."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from impasto import feedforward, images
from impasto.checkpoint import Checkpoint
from impasto.encoders import Encoder, Petite
from impasto.errors import UsageError
from impasto.events import Progress
from impasto.guides import Regions
from impasto.images import Picture
from impasto.optim import parallel
from impasto.optim.planner import Plan
from impasto.optim.pyramid import Level
from impasto.optim.resources import Resources
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.result import Result
from impasto.scene.resolve import Source

_OF_FORWARD = ("method", "alpha", "passes", "network", "refine")


class RefinedPainting:
    """One painting in progress: what `recipe.method` paints, then `recipe.refine` steps of a `Stylizer`.

    Used as a `Stylizer` is; steps are counted over both parts, and the history is that of the second. The arguments,
    and what is raised, are those of `FeedForward` and `Stylizer`.
    """

    def __init__(
        self,
        content: Source | None,
        styles: Source | Sequence[Source],
        recipe: Recipe,
        *,
        encoder: str | Path | Encoder | None = None,
        network: str | Path | None = None,
        max_pixels: int = images.DEFAULT_MAX_PIXELS,
        allow_truncated: bool = False,
        regions: Regions | None = None,
        **options: Any,
    ) -> None:
        load = partial(images.load, max_pixels=max_pixels, allow_truncated=allow_truncated)
        photo = None if content is None else load(content)
        many: Sequence[Source] = styles if isinstance(styles, list | tuple) else [styles]
        paintings = [load(style) for style in many]
        if not paintings and not METHODS[recipe.method].styles:
            raise UsageError("refine compares with a painting, and a network has none; name it with --style")
        plain = {key: Recipe.model_fields[key].get_default() for key in _OF_FORWARD}
        second = recipe.replace(**plain, init="file", levels=1, iterations=recipe.refine)
        # Its start is not there yet; all else can be refused now.
        start = Picture(torch.full((1, 3, 1, 1), 0.5), name="start") if photo is None else photo
        self.second = Stylizer(photo, paintings, second, encoder=encoder, init_image=start, regions=regions, **options)
        found = self.second.encoder
        self.first = feedforward.create(
            photo,
            paintings,
            recipe.replace(precision=self.second.recipe.precision),
            encoder=found if isinstance(found, Petite) else None,
            network=network,
            regions=regions,
            **options,
        )
        self.recipe = self.first.recipe.replace(encoder=self.second.recipe.encoder)
        self.steps = self.first.steps + recipe.refine
        self._restored = False

    def __iter__(self) -> Iterator[Progress]:
        """Paint, yielding one `Progress` a step; closing the iterator keeps the picture so far."""
        before = self.first.steps
        if not self._restored:
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
        if (group := parallel.group()) is not None:
            group.copy(image)  # all processes have to step from the very same point
        self.second.scene.start_from = Picture(image, name="start")

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

    def result(self) -> Result:
        """Return the picture so far: that of the second part, where it has begun."""
        if not self.second.history:
            return replace(self.first.result(), recipe=self.recipe, history=(), finished=False)
        second = self.second.result()
        weights = [dict(each) for each in second.weights]
        return replace(
            second,
            recipe=self.recipe,
            timings=self.first.timings | {f"refine {key}": value for key, value in second.timings.items()},
            inputs=tuple(self.first.scene.inputs()),
            weights=(*weights, *(each for each in self.first.weights if each not in weights)),
        )

    def shown(self, progress: Progress) -> Picture:
        """Return the picture of a step as it would be saved."""
        return self.first.shown(progress)

    def seconds(self) -> float:
        """Estimate how long the painting will take."""
        return self.first.seconds() + self.second.seconds()

    @property
    def encoder(self) -> Encoder:
        """What the second part is judged by."""
        return self.second.encoder

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the result."""
        return self.second.size

    @property
    def levels(self) -> tuple[Level, ...]:
        """Those of the second part."""
        return self.second.levels

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Those of the second part."""
        return self.second.plans

    @property
    def resources(self) -> Resources:
        """What the painting may use."""
        return self.second.resources

    @property
    def memory_bytes(self) -> int:
        """Estimated peak of the process while painting."""
        return max(self.first.memory_bytes, self.second.memory_bytes)

    @property
    def content(self) -> Picture | None:
        """The photograph; None for a texture."""
        return self.second.content

    @property
    def styles(self) -> list[Picture]:
        """The paintings."""
        return self.second.styles
