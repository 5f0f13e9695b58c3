"""The façade: `stylize(content, styles, ...) -> Result`, and `Stylizer` for those who want to watch."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto import encoders, guides, images
from impasto.encoders import Encoder
from impasto.errors import DivergedError, ImageError, ResourceError, UsageError
from impasto.events import Progress, notice
from impasto.guides import Regions
from impasto.images import Picture
from impasto.losses import Objective
from impasto.optim import memory, pyramid
from impasto.optim.evaluate import Evaluator, Viewed, WholeImage
from impasto.optim.loop import Run
from impasto.optim.pyramid import Level
from impasto.optim.solver import Adam, Lbfgs, Solver, learning_rate
from impasto.recipe import Recipe
from impasto.result import Result
from impasto.scene import SMALLEST, Scene
from impasto.targets import Targets

Source = Any
"""A path, `-`, bytes, PIL image, NumPy array, tensor or `Picture`: what `images.load` takes."""


class Stylizer:
    """One painting in progress: iterate over it for `Progress`, ask for `result()` at any time.

    `content` None paints a texture from the styles alone. `encoder` is a name, a file of weights or an `Encoder`; it
    goes before the recipe's. `regions` are what `guides` makes of masks. Everything that can be refused is refused
    here, before any step.

    Raises `ImpastoError`s: `ImageError` for inputs, `WeightsError` for the encoder, `UsageError` for settings
    that do not fit together.
    """

    def __init__(
        self,
        content: Source | None,
        styles: Source | Sequence[Source],
        recipe: Recipe | None = None,
        *,
        encoder: str | Path | Encoder | None = None,
        init_image: Source | None = None,
        regions: Regions | None = None,
        max_pixels: int = images.DEFAULT_MAX_PIXELS,
        allow_truncated: bool = False,
    ) -> None:
        recipe = recipe or Recipe.parse({})
        load = partial(images.load, max_pixels=max_pixels, allow_truncated=allow_truncated)
        photo: Picture | None = None if content is None else load(content)
        if photo is None:
            recipe = _of_texture(recipe)
        if (init_image is None) != (recipe.init != "file"):
            raise UsageError("init 'file' and init_image belong together; give both or neither")
        many: Sequence[Source] = styles if isinstance(styles, list | tuple) else [styles]
        start = None if init_image is None else load(init_image)
        self.scene = Scene(recipe, photo, [load(style) for style in many], regions, start)
        self.size = result_size(photo, recipe)
        multiple = _multiple(recipe)
        if max(self.size) != recipe.size:
            notice(f"a picture that repeats has sides in steps of {multiple}: {self.size[1]}x{self.size[0]} px")
        self.levels: tuple[Level, ...] = pyramid.plan(self.size, recipe.levels, recipe.iterations, multiple=multiple)
        if min(self.levels[0].size) < SMALLEST:
            height, width = self.levels[0].size
            raise ImageError(
                f"{'texture' if photo is None else photo.name}: would be painted at {width}x{height} px; the short "
                f"side needs at least {SMALLEST} px at every level: use a larger --size, fewer --levels, or a less "
                "narrow picture"
            )
        for style in self.scene.styles:
            for scale in {1.0, *recipe.region_scales.values()}:
                self.scene.style_size(style, self.levels[0], scale)
        self.encoder, self.recipe = _encoder(recipe, encoder)
        self._targets = Targets(self.scene, self.encoder)
        self.memory_bytes = memory.predict(
            self.size, getattr(self.encoder, "tensors", {}), self.recipe.precision, recipe.history
        )
        """Estimated peak while painting."""
        limit = memory.available()
        if limit is not None and self.memory_bytes > limit:
            raise ResourceError(
                f"painting {self.size[1]}x{self.size[0]} px with {self.encoder.name} needs about "
                f"{self.memory_bytes / 2**30:.1f} GiB of memory and {limit / 2**30:.1f} GiB are free; use a smaller "
                "--size, --encoder petite, or --precision bfloat16"
            )
        self.history: list[dict[str, Any]] = []
        self.timings: dict[str, float] = {}
        self._image: Tensor | None = None
        self._finished = False

    def __iter__(self) -> Iterator[Progress]:
        """Paint, yielding one `Progress` a step; closing the iterator keeps the picture so far."""
        began = time.monotonic()
        self.history.clear()
        self.timings.clear()
        self._finished = False
        clock = _Clock([level.steps * level.size[0] * level.size[1] for level in self.levels])
        taken, total = 0, sum(level.steps for level in self.levels)
        point = self.scene.start(self.levels[0])
        self._image = self.scene.view(self.levels[0])(point)
        for level in self.levels:
            level_began = time.monotonic()
            if level.index:
                point = self.scene.enlarge(point, level)
            view = self.scene.view(level)
            evaluate: Evaluator = WholeImage(self._encode, self.objective(level))
            if not view.plain:
                evaluate = Viewed(evaluate, view)
            solver = self._solver(point, level)
            run = Run(solver, evaluate, level.steps)
            try:
                for step, report in enumerate(run, 1):
                    taken += 1
                    self._image = view(solver.point)
                    progress = Progress(
                        level=level.index,
                        levels=len(self.levels),
                        step=step,
                        steps=level.steps,
                        total_step=taken,
                        total_steps=total,
                        loss=report.total,
                        losses=report.group(),
                        size=level.size,
                        elapsed_s=(elapsed := time.monotonic() - began),
                        eta_s=clock.remaining(level.index, step / level.steps, elapsed),
                        image=self._image,
                    )
                    self.history.append(_line(progress))
                    yield progress
            except DivergedError as error:
                if not level.index:
                    raise
                notice(f"{error}; the picture of the level before is kept")
                self._image = view(point)
                return
            point = solver.point if run.sound else run.best
            self._image = view(point)
            self.timings[f"level {level.index} ({level.size[1]}x{level.size[0]})"] = time.monotonic() - level_began
        self._finished = True
        self.timings["total"] = time.monotonic() - began

    def objective(self, level: Level) -> Objective:
        """Build the objective of one level: targets measured on pictures of the level's size."""
        return self._targets.objective(level)

    @property
    def content(self) -> Picture | None:
        """The photograph; None for a texture."""
        return self.scene.content

    @property
    def styles(self) -> list[Picture]:
        """The paintings."""
        return self.scene.styles

    def result(self) -> Result:
        """Give the picture so far, at the size of the recipe, with the content's alpha."""
        first = self.levels[0]
        image = self.scene.view(first)(self.scene.start(first)) if self._image is None else self._image
        content, regions = self.scene.content, self.scene.regions
        alpha = None if content is None or content.alpha is None else images.resize(content.alpha, self.size)
        named = [] if content is None else [("content", content)]
        named += [("style", style) for style in self.scene.styles]
        if self.scene.start_from is not None:
            named.append(("init", self.scene.start_from))
        inputs = [_record(role, picture) for role, picture in named]
        if regions is not None:
            inputs += [{"role": role, "sha256": digest} for role, digest in regions.digests]
        return Result(
            picture=Picture(self.scene.finish(image, self.size), alpha, name="result"),
            recipe=self.recipe,
            history=tuple(self.history),
            timings=dict(self.timings),
            inputs=tuple(inputs),
            weights=({"name": self.encoder.name, "sha256": self.encoder.sha256},),
            finished=self._finished,
        )

    def shown(self, progress: Progress) -> Picture:
        """Give the picture of a step as it would be saved, at the size of its level."""
        return Picture(self.scene.finish(progress.image, progress.size), name="preview")

    def _encode(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        # A canvas that repeats goes on at its other side; the paintings it is compared with do not.
        encoder = self.encoder.padded("circular") if self.recipe.tileable else self.encoder
        return encoder(image, layers)

    def _solver(self, point: Tensor, level: Level) -> Solver:
        recipe = self.recipe
        if recipe.solver == "lbfgs":
            return Lbfgs(point, history=recipe.history)
        rate = learning_rate(recipe.schedule, recipe.learning_rate / 255, recipe.learning_rate_end / 255, level.steps)
        return Adam(point, rate)


def stylize(
    content: Source | None,
    styles: Source | Sequence[Source],
    recipe: Recipe | None = None,
    *,
    preset: str | None = None,
    encoder: str | Path | Encoder | None = None,
    init_image: Source | None = None,
    content_mask: Source | None = None,
    style_masks: Sequence[Source | None] | Source | None = None,
    region_masks: Mapping[str, tuple[Source, Sequence[Source | None]]] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    **overrides: Any,
) -> Result:
    """Paint `content` in the style of `styles`.

    Pictures are paths, bytes, PIL images, NumPy arrays (H, W, 3) or tensors (3, H, W), sRGB in [0, 1] when
    floating. Settings come from `recipe`, or from the defaults, `preset` and keyword `overrides` (any recipe
    key). `content` None paints a texture. `on_progress` sees every step.

    Regions come from colour masks, `content_mask` with one of `style_masks` for each style (None: all of that style),
    or from grey ones: `region_masks={"sky": (of the content, [of each style])}`.

    Raises `ImpastoError`s, one line each.

    >>> result = stylize("photo.jpg", "painting.jpg", size=768)  # doctest: +SKIP
    >>> result.save("out.png")  # doctest: +SKIP
    """
    if recipe is None:
        recipe = Recipe.from_preset(preset, **overrides)
    elif preset is not None:
        raise UsageError("give a recipe or a preset, not both; recipe.replace() changes single settings")
    elif overrides:
        recipe = recipe.replace(**overrides)
    count = len(styles) if isinstance(styles, list | tuple) else 1
    regions = _regions(content_mask, style_masks, region_masks, count, recipe.regions)
    stylizer = Stylizer(content, styles, recipe, encoder=encoder, init_image=init_image, regions=regions)
    for progress in stylizer:
        if on_progress is not None:
            on_progress(progress)
    return stylizer.result()


def result_size(content: Picture | None, recipe: Recipe) -> tuple[int, int]:
    """Give the (height, width) that the result will have; without content, that of a texture."""
    if content is not None:
        size = images.fit_size(content.size, recipe.size)
    else:
        size = images.fit_size((1000, max(1, round(1000 * recipe.aspect))), recipe.size)
    multiple = _multiple(recipe)
    height, width = (multiple * max(1, round(side / multiple)) for side in size)
    return height, width


class _Clock:
    """Estimate the time left from the pixels still to be stepped over."""

    def __init__(self, work: Sequence[float]) -> None:
        self._work = list(work)

    def remaining(self, level: int, share: float, elapsed_s: float) -> float:
        done = sum(self._work[:level]) + share * self._work[level]
        return elapsed_s * (sum(self._work) - done) / done if done else 0.0


def _encoder(recipe: Recipe, encoder: str | Path | Encoder | None) -> tuple[Encoder, Recipe]:
    """Give the encoder, and the recipe with what `auto` turned out to mean."""
    precision = recipe.precision
    if encoder is not None and not isinstance(encoder, str | Path):
        if precision == "auto":
            precision = "bfloat16" if getattr(encoder, "precision", None) is torch.bfloat16 else "float32"
        return encoder, recipe.replace(encoder=encoder.name, precision=precision)
    if precision == "auto":
        precision = "bfloat16" if encoders.faster_precision() is torch.bfloat16 else "float32"
    options: encoders.Options = {
        "pooling": recipe.pooling,
        "padding": recipe.padding,
        "precision": torch.bfloat16 if precision == "bfloat16" else None,
    }
    # Only a caller may name a file: a recipe can come out of anybody's picture.
    if encoder is None or encoder in encoders.NAMES:
        made = encoders.create(str(encoder or recipe.encoder), **options)
    else:
        made = encoders.from_file(Path(encoder), **options)
    return made, recipe.replace(encoder=made.name, precision=precision)


def _line(progress: Progress) -> dict[str, Any]:
    """Give what a history keeps of a step."""
    line = {"level": progress.level, "step": progress.step, "loss": progress.loss, "elapsed_s": progress.elapsed_s}
    return line | progress.losses


def _record(role: str, picture: Picture) -> dict[str, Any]:
    record: dict[str, Any] = {"role": role, "sha256": picture.sha256}
    return record | {"truncated": True} if picture.truncated else record


def _regions(
    content_mask: Source | None,
    style_masks: Sequence[Source | None] | Source | None,
    region_masks: Mapping[str, tuple[Source, Sequence[Source | None]]] | None,
    styles: int,
    count: int,
) -> Regions | None:
    """Read the masks that `stylize` was given."""

    def load(mask: Source | None) -> Picture | None:
        return None if mask is None else images.load(mask)

    if region_masks:
        if content_mask is not None or style_masks is not None:
            raise UsageError("colour masks and region_masks exclude each other; give one kind")
        layers = {
            name: (images.load(mask), [load(each) for each in of_styles] or [None] * styles)
            for name, (mask, of_styles) in region_masks.items()
        }
        return guides.from_layers(layers)
    if content_mask is None:
        if style_masks is not None:
            raise UsageError("style_masks belong to a content_mask; give both")
        return None
    many = list(style_masks) if isinstance(style_masks, list | tuple) else [style_masks]
    many += [None] * (styles - len(many))
    return guides.from_colours(images.load(content_mask), [load(mask) for mask in many], count)


def _of_texture(recipe: Recipe) -> Recipe:
    """Give the recipe of a picture without content: it has no content term, and cannot start from one."""
    changes: dict[str, Any] = {"content_layers": {}} if recipe.content_layers else {}
    if recipe.init in ("content", "blend"):
        changes["init"] = "style"
    return recipe.replace(**changes)


def _multiple(recipe: Recipe) -> int:
    """Give the step of the sides: the deepest stride for a picture that repeats, whose layers must repeat too."""
    if not recipe.tileable:
        return 1
    return max(encoders.stride(layer) for layer in (*recipe.style_layers, *recipe.content_layers))
