"""How a painting fits the machine: tiles, memory and time, from its pictures, its encoder and what is free."""

import contextlib
import math
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import Tensor

from impasto import encoders
from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.events import notice
from impasto.losses import Content, Gram, Objective, Style, TotalVariation, statistic
from impasto.losses.statistics import Summed
from impasto.optim import memory, planner
from impasto.optim.evaluate import Encode, WholeImage
from impasto.optim.grid import Grid
from impasto.optim.memory import Work
from impasto.optim.planner import Plan, Tiling
from impasto.optim.pyramid import Level
from impasto.scene import Scene

PROBE = 320
"""Side of the square whose evaluation is timed."""


@dataclass(frozen=True)
class Resources:
    """What a painting may use. The picture does not depend on it, but for rounding.

    `tile` is the side in pixels of a square of as many pixels as a tile may have, or `auto`, or `off`; `memory` is in
    bytes for the whole process, None: what is free.
    """

    device: torch.device
    tile: Tiling = "auto"
    memory: int | None = None

    def free(self) -> int | None:
        """Give the bytes that painting may use beside what the process has already; None where there is no telling."""
        on_device = memory.on_device(self.device)
        if on_device is not None:
            return on_device if self.memory is None else min(on_device, self.memory)
        return memory.available() if self.memory is None else self.memory - memory.resident()


def grid(size: tuple[int, int], layers: Iterable[str], tile: int | None, *, wrap: bool = False) -> Grid:
    """Give the tiles of a picture of `size` (height, width) for an encoder's `layers`; `tile` None: one for all."""
    strides = {layer: encoders.stride(layer) for layer in layers}
    reach = max(((encoders.receptive_field(layer) - stride) // 2 for layer, stride in strides.items()), default=0)
    return Grid(size, tile=max(size) if tile is None else tile, reach=reach, strides=strides, wrap=wrap)


def plan(levels: Sequence[Level], scene: Scene, encoder: Encoder, resources: Resources) -> tuple[Plan, ...]:
    """Give the plan of each level, and say so where it is painted in tiles.

    Raises `ResourceError` where no plan fits, `NotTileableError` where only tiles would fit and a statistic that is
    asked for needs the whole picture.
    """
    recipe = scene.recipe
    work = workload(levels[-1], scene, encoder)
    layers = tuple(dict.fromkeys((*recipe.content_layers, *recipe.style_layers)))
    asked = [name for name, weight in recipe.statistics.items() if weight]
    unfit = next((name for name in asked if not isinstance(statistic(name, lift=None, seed=0), Summed)), "")

    def cut(size: tuple[int, int], tile: int | None) -> Grid:
        return grid(size, layers, tile, wrap=recipe.tileable)

    free = resources.free()
    away = resources.device.type == "cuda"
    found = planner.plan(levels, work, cut, resources.tile, free, unfit=unfit, away=away)
    height, width = levels[-1].size
    if isinstance(found, int):
        tiling = "off" if unfit else resources.tile
        side = planner.fitting(levels[-1].size, work, cut, tiling, free or 0)
        have = 0 if away else memory.resident()
        what = f"painting {width}x{height} px with {encoder.name}"
        raise planner.refusal(what, found + have, max(0, (free or 0) + have), side)
    last = found[-1]
    if last.tile is not None and len(last.grid.tiles) > 1:
        rows, columns = last.grid.encoded
        why = f"{planner.spoken(last.whole_bytes)} would be needed for one piece" if resources.tile == "auto" else ""
        notice(f"painting in {len(last.grid.tiles)} tiles of about {columns}x{rows} px{why and f', because {why}'}")
    if last.keeping.file:
        notice("the history of L-BFGS does not fit into memory and is kept in a temporary file")
    return found


def adopt(plans: Sequence[Plan], tiles: object, scene: Scene) -> tuple[Plan, ...]:
    """Give the plans with the `tiles` of an earlier process, one for each level, where those need no more memory.

    A sum over other tiles has other last bits.
    """
    if not isinstance(tiles, list) or len(tiles) != len(plans):
        return tuple(plans)
    recipe, found = scene.recipe, []
    layers = tuple(dict.fromkeys((*recipe.content_layers, *recipe.style_layers)))
    for plan, tile in zip(plans, tiles, strict=True):
        if type(tile) is int and tile < (plan.tile or max(plan.grid.size) + 1):
            with contextlib.suppress(UsageError):  # it was never ours
                plan = replace(plan, tile=tile, grid=grid(plan.grid.size, layers, tile, wrap=recipe.tileable))
        found.append(plan)
    return tuple(found)


def peak(plans: Sequence[Plan], resources: Resources) -> int:
    """Give the most bytes that the process will have; on a device with memory of its own, that it will have there."""
    own = memory.on_device(resources.device) is None
    return max(plan.bytes for plan in plans) + (memory.resident() if own else 0)


def workload(level: Level, scene: Scene, encoder: Encoder) -> Work:
    """Give what of a painting decides on its memory."""
    recipe, regions = scene.recipe, scene.regions
    tensors: Mapping[str, Tensor] = getattr(encoder, "tensors", {})
    layers = (*recipe.content_layers, *recipe.style_layers)
    count = 0 if regions is None else len(regions.names)
    scales = {1.0, *recipe.region_scales.values()}
    sizes = [scene.style_size(style, level, scale) for style in scene.styles for scale in scales]
    sorted_ones = sum(bool(recipe.statistics.get(name)) for name in ("histogram", "sliced_wasserstein"))
    return Work(
        neurons=memory.neurons(tensors, layers) or sum(_density(encoder, layer) for layer in encoder.channels),
        precision="bfloat16" if getattr(encoder, "precision", None) is torch.bfloat16 else "float32",
        weight_bytes=sum(tensor.nbytes for tensor in tensors.values()),
        target_bytes=4 * sum(_density(encoder, layer) for layer in recipe.content_layers),
        solver=recipe.solver,
        pairs=recipe.history,
        channels=1 if scene.grey else 3,
        viewed=scene.grey or bool(recipe.keep),
        areas=count * (count + 1) // 2 if recipe.guides == "border" else count,
        style_scale=max(math.prod(size) for size in sizes) / math.prod(level.size),
        sample_bytes=16 * sorted_ones * sum(_density(encoder, layer) for layer in recipe.style_layers),
        recoloured=scene.content is not None and recipe.color in ("match", "luminance"),
    )


def seconds(
    levels: Sequence[Level], plans: Sequence[Plan], scene: Scene, encoder: Encoder, device: torch.device
) -> float:
    """Estimate the time of the whole painting, by timing the encoder at a small size."""
    recipe = scene.recipe
    rate = _seconds_per_pixel(
        lambda x, layers: encoder(x.to(device), layers), recipe.style_layers, recipe.content_layers
    )
    total = 0.0
    for level, plan in zip(levels, plans, strict=True):
        styles = sum(math.prod(scene.style_size(style, level)) for style in scene.styles)
        # One evaluation a step, one before the first, and a third of one for each picture that is encoded.
        total += plan.work * (level.steps + 1) + plan.grid.overhead * (math.prod(level.size) + styles) / 3
    return rate * total


def _seconds_per_pixel(encode: Encode, styles: Iterable[str], contents: Iterable[str]) -> float:
    random = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, PROBE, PROBE, generator=random)
    gram = Gram()
    with torch.no_grad():
        features = encode(picture, dict.fromkeys(chain(styles, contents)))
        targets = [Content(layer, features[layer] * 0.9, 1e-6) for layer in contents]
        pooled = [Style(layer, gram, gram.finish(gram.measure(features[layer])) * 0.9, 1e-6) for layer in styles]
    evaluate = WholeImage(encode, Objective(tuple(targets), tuple(pooled), (TotalVariation("vector", 1e-6),)))
    times = []
    for _ in range(4):
        began = time.perf_counter()
        evaluate(picture)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:]) / PROBE**2


def _density(encoder: Encoder, layer: str) -> float:
    """Give the values that the encoder returns for a layer, per pixel."""
    lift = encoder.lift(layer)
    return (encoder.channels[layer] if lift is None else lift.shape[1]) / encoders.stride(layer) ** 2
