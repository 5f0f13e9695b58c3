"""The façade: `stylize(content, styles, ...) -> Result`, and `Stylizer` for those who want to watch."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto import encoders, images
from impasto.encoders import Encoder
from impasto.errors import DivergedError, ImageError, ResourceError, UsageError
from impasto.events import Progress, notice
from impasto.images import Picture
from impasto.losses import NORMALISATIONS, Content, Gamut, Gram, Objective, Style, TotalVariation, blend
from impasto.losses.normalisation import power
from impasto.optim import canvas, memory, pyramid
from impasto.optim.evaluate import WholeImage
from impasto.optim.loop import Run
from impasto.optim.pyramid import Level
from impasto.optim.solver import Adam, Lbfgs, Solver, learning_rate
from impasto.recipe import Recipe
from impasto.result import Result

Source = Any
"""A path, `-`, bytes, PIL image, NumPy array, tensor or `Picture`: what `images.load` takes."""

SMALLEST = 16
"""Pixels on the short side of any level: the deepest style layer then has one neuron."""


class Stylizer:
    """One painting in progress: iterate over it for `Progress`, ask for `result()` at any time.

    `encoder` is a name, a file of weights or an `Encoder`; it goes before the recipe's. Everything that can be
    refused is refused here, before any step.

    Raises `ImpastoError`s: `ImageError` for inputs, `WeightsError` for the encoder, `UsageError` for settings
    that do not fit together.
    """

    def __init__(
        self,
        content: Source,
        styles: Source | Sequence[Source],
        recipe: Recipe | None = None,
        *,
        encoder: str | Path | Encoder | None = None,
        init_image: Source | None = None,
        max_pixels: int = images.DEFAULT_MAX_PIXELS,
        allow_truncated: bool = False,
    ) -> None:
        recipe = recipe or Recipe.parse({})
        load = partial(images.load, max_pixels=max_pixels, allow_truncated=allow_truncated)
        self.content: Picture = load(content)
        many: Sequence[Source] = styles if isinstance(styles, list | tuple) else [styles]
        self.styles: list[Picture] = [_cut_out(load(style)) for style in many]
        if not self.styles:
            raise UsageError("no style given; name at least one painting with --style")
        if recipe.style_weights and len(recipe.style_weights) != len(self.styles):
            raise UsageError(
                f"style_weights has {len(recipe.style_weights)} numbers for {len(self.styles)} styles; give each one"
            )
        if (init_image is None) != (recipe.init != "file"):
            raise UsageError("init 'file' and init_image belong together; give both or neither")
        self.init: Picture | None = None if init_image is None else load(init_image)
        self.size = images.fit_size(self.content.size, recipe.size)
        self.levels: tuple[Level, ...] = pyramid.plan(self.size, recipe.levels, recipe.iterations)
        if min(self.levels[0].size) < SMALLEST:
            height, width = self.levels[0].size
            raise ImageError(
                f"{self.content.name}: would be painted at {width}x{height} px; the short side needs at least "
                f"{SMALLEST} px at every level: use a larger --size, fewer --levels, or a less narrow picture"
            )
        for style in self.styles:
            self._style_size(style, recipe, self.levels[0])
        self.encoder, self.recipe = _encoder(recipe, encoder)
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
        self._canvas: Tensor | None = None
        self._finished = False

    def __iter__(self) -> Iterator[Progress]:
        """Paint, yielding one `Progress` a step; closing the iterator keeps the picture so far."""
        began = time.monotonic()
        self.history.clear()
        self.timings.clear()
        self._finished = False
        clock = _Clock([level.steps * level.size[0] * level.size[1] for level in self.levels])
        detail = self.recipe.init in ("content", "blend")
        taken, total = 0, sum(level.steps for level in self.levels)
        point = self._start(self.levels[0])
        self._canvas = point
        for level in self.levels:
            level_began = time.monotonic()
            content = images.resize(self.content.pixels, level.size)
            if level.index:
                point = canvas.enlarge(point, content, detail=detail)
            evaluate = WholeImage(self.encoder, self.objective(level))
            solver = self._solver(point, level)
            run = Run(solver, evaluate, level.steps)
            try:
                for step, report in enumerate(run, 1):
                    taken += 1
                    self._canvas = solver.point
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
                        image=solver.point,
                    )
                    self.history.append(_line(progress))
                    yield progress
            except DivergedError as error:
                if not level.index:
                    raise
                notice(f"{error}; the picture of the level before is kept")
                self._canvas = point
                return
            point = solver.point if run.sound else run.best
            self._canvas = point
            self.timings[f"level {level.index} ({level.size[1]}x{level.size[0]})"] = time.monotonic() - level_began
        self._finished = True
        self.timings["total"] = time.monotonic() - began

    def objective(self, level: Level) -> Objective:
        """Build the objective of one level: targets measured on pictures of the level's size."""
        recipe, normal = self.recipe, NORMALISATIONS[self.recipe.normalisation]
        statistic = Gram()
        with torch.no_grad():
            photo = images.resize(self.content.pixels, level.size)
            contents = []
            for layer, features in self.encoder(photo, recipe.content_layers).items():
                channels, positions = self.encoder.channels[layer], features[0, 0].numel()
                factor = normal.content(channels, positions, power(features))
                weight = recipe.content_weight * recipe.content_layers[layer]
                contents.append(Content(layer, features, weight * factor))
            grams: dict[str, list[Tensor]] = {layer: [] for layer in recipe.style_layers}
            for style in self.styles:
                painted, guide = self._scaled_style(style, level)
                for layer, features in self.encoder(painted, recipe.style_layers).items():
                    weight_map = None if guide is None else images.resize(guide, _size(features))[0, 0]
                    grams[layer].append(statistic.finish(statistic.measure(features, weight_map)))
        shares = recipe.style_weights or (1.0,) * len(self.styles)
        styles = []
        for layer, targets in grams.items():
            target = blend(targets, shares)
            factor = normal.style(self.encoder.channels[layer], power(target))
            weight = recipe.style_weight * recipe.style_layers[layer]
            styles.append(Style(layer, statistic, target, weight * factor))
        pixels: list[TotalVariation | Gamut] = []
        positions = level.size[0] * level.size[1]
        if recipe.tv_weight:
            pixels.append(TotalVariation(recipe.tv, recipe.tv_weight * normal.variation(recipe.tv, positions)))
        if recipe.gamut_weight:
            pixels.append(Gamut(recipe.gamut_weight * normal.gamut(positions)))
        return Objective(tuple(contents), tuple(styles), tuple(pixels))

    def result(self) -> Result:
        """Give the picture so far, at the size of the recipe, with the content's alpha."""
        pixels = self._start(self.levels[0]) if self._canvas is None else self._canvas
        pixels = images.resize(pixels.detach().clamp(0, 1), self.size)
        alpha = None if self.content.alpha is None else images.resize(self.content.alpha, self.size)
        named = [("content", self.content), *(("style", style) for style in self.styles)]
        if self.init is not None:
            named.append(("init", self.init))
        inputs = [_record(role, picture) for role, picture in named]
        return Result(
            picture=Picture(pixels.float(), alpha, name="result"),
            recipe=self.recipe,
            history=tuple(self.history),
            timings=dict(self.timings),
            inputs=tuple(inputs),
            weights=({"name": self.encoder.name, "sha256": self.encoder.sha256},),
            finished=self._finished,
        )

    def _start(self, level: Level) -> Tensor:
        source = self.content if self.init is None else self.init
        pixels = images.resize(source.pixels, level.size)
        styles = [self._scaled_style(style, level)[0] for style in self.styles]
        return canvas.start(self.recipe.init, pixels, styles, blend=self.recipe.init_blend, seed=self.recipe.seed)

    def _scaled_style(self, style: Picture, level: Level) -> tuple[Tensor, Tensor | None]:
        """Give the style's pixels for a level, and its alpha as a guide where part of it is transparent."""
        size = self._style_size(style, self.recipe, level)
        planes = [style.pixels] if style.alpha is None else [style.pixels, style.alpha]
        if self.recipe.style_fit == "crop":
            planes = [images.crop_to_aspect(plane, size) for plane in planes]
        pixels, *alpha = (images.resize(plane, size) for plane in planes)
        return pixels, alpha[0] if alpha else None

    @staticmethod
    def _style_size(style: Picture, recipe: Recipe, level: Level) -> tuple[int, int]:
        if recipe.style_fit == "crop":
            size = level.size
        else:
            size = images.fit_size(style.size, max(SMALLEST, round(recipe.style_scale * max(level.size))))
        if min(size) < SMALLEST:
            raise ImageError(
                f"{style.name}: would be used at {size[1]}x{size[0]} px; the short side needs at least {SMALLEST} px: "
                "use a larger --style-scale or a less narrow picture"
            )
        return size

    def _solver(self, point: Tensor, level: Level) -> Solver:
        recipe = self.recipe
        if recipe.solver == "lbfgs":
            return Lbfgs(point, history=recipe.history)
        rate = learning_rate(recipe.schedule, recipe.learning_rate / 255, recipe.learning_rate_end / 255, level.steps)
        return Adam(point, rate)


def stylize(
    content: Source,
    styles: Source | Sequence[Source],
    recipe: Recipe | None = None,
    *,
    preset: str | None = None,
    encoder: str | Path | Encoder | None = None,
    init_image: Source | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    **overrides: Any,
) -> Result:
    """Paint `content` in the style of `styles`.

    Pictures are paths, bytes, PIL images, NumPy arrays (H, W, 3) or tensors (3, H, W), sRGB in [0, 1] when
    floating. Settings come from `recipe`, or from the defaults, `preset` and keyword `overrides` (any recipe
    key). `on_progress` sees every step.

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
    stylizer = Stylizer(content, styles, recipe, encoder=encoder, init_image=init_image)
    for progress in stylizer:
        if on_progress is not None:
            on_progress(progress)
    return stylizer.result()


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


def _cut_out(style: Picture) -> Picture:
    """Drop an alpha that hides nothing, and replace hidden colours by the mean of the visible ones.

    Resampling and receptive fields would otherwise carry colours nobody can see into the statistics.
    """
    alpha = None if style.opaque else style.alpha
    if alpha is not None and not bool((alpha > 0).any()):
        notice(f"{style.name}: is fully transparent; its hidden colours are used")
        alpha = None
    if alpha is None:
        return replace(style, alpha=None)
    mean = (style.pixels * alpha).sum((2, 3), keepdim=True) / alpha.sum()
    return replace(style, pixels=torch.lerp(mean.expand_as(style.pixels), style.pixels, alpha), alpha=alpha)


def _line(progress: Progress) -> dict[str, Any]:
    """Give what a history keeps of a step."""
    line = {"level": progress.level, "step": progress.step, "loss": progress.loss, "elapsed_s": progress.elapsed_s}
    return line | progress.losses


def _record(role: str, picture: Picture) -> dict[str, Any]:
    record: dict[str, Any] = {"role": role, "sha256": picture.sha256}
    return record | {"truncated": True} if picture.truncated else record


def _size(features: Tensor) -> tuple[int, int]:
    return features.shape[-2], features.shape[-1]
