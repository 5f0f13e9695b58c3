"""How a painting fits the machine: tiles, memory and time, from its pictures, its encoder and what is free."""

import contextlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

import torch
from torch import Tensor

from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.events import notice
from impasto.losses import Content, Gram, Objective, Style, TotalVariation
from impasto.methods import base
from impasto.optim import memory, parallel, tile_planner
from impasto.optim.evaluate import Encode, WholeImage
from impasto.optim.grid import Grid
from impasto.optim.memory import Work
from impasto.optim.pyramid import Level
from impasto.optim.resources import Resources
from impasto.optim.tile_planner import MakeGrid, Plan
from impasto.optim.timing import timed
from impasto.recipe.catalogue import METHODS
from impasto.scene import Scene
from impasto.scene.areas import area_scales
from impasto.scene.tiles import grid

PROBE = 512
"""Largest side of the square whose evaluation is timed. A smaller one would stay in the cache, as no print does."""
PASSES = 12
"""Passes over the canvas that a solver makes in a step, beside four for each pair that L-BFGS remembers."""
STIRRED = 1 << 22
"""Values that such a pass is timed on."""

SURROGATE = 1 / 6
"""Of the time of VGG-19's step, that of petite's (docs/performance.md)."""


def plan(levels: Sequence[Level], scene: Scene, encoder: Encoder, resources: Resources) -> tuple[Plan, ...]:
    """Return the plan of each level, and say so where it is painted in tiles.

    Raises `ResourceError` where no plan fits, `NotTileableError` where only tiles would fit and a statistic that is
    asked for needs the whole picture.
    """
    work, make_grid, unfit = workload(levels[-1], scene, encoder), cutting(scene, encoder), whole_only(scene)
    free = resources.free()
    away = resources.device.type == "cuda"
    planned = tile_planner.plan(levels, work, make_grid, resources.tile, free, unfit=unfit, away=away)
    height, width = levels[-1].picture
    if isinstance(planned, int):
        tiling = "off" if unfit else resources.tile
        side = tile_planner.largest_side_of(levels[-1].size, work, make_grid, tiling, free or 0)
        have = 0 if away else memory.resident()
        what = f"painting {width}x{height} px with {encoder.name}"
        raise tile_planner.too_little_memory(what, planned + have, max(0, (free or 0) + have), side)
    processes = parallel.process_count()
    why = (
        f"{tile_planner.format_bytes(planned[-1].whole_bytes)} would be needed for one piece"
        if resources.tile == "auto"
        else ""
    )
    if processes > 1:
        why = f"{processes} processes share them"
        planned = _shared(planned, make_grid, processes if resources.tile != "off" and not unfit else 1)
    last = planned[-1]
    if len(last.grid.tiles) > 1:
        notice(f"painting in {_tiles(last.grid)}{why and f', because {why}'}")
    if last.storage.file:
        notice("the history of L-BFGS does not fit into memory and is kept in a temporary file")
    return planned


def cutting(scene: Scene, encoder: Encoder) -> MakeGrid:
    """Return what cuts pictures of a painting into tiles for an encoder."""
    recipe = scene.recipe
    layers = tuple(dict.fromkeys((*recipe.layers_of_content, *recipe.layers_of_style)))
    return lambda size, tile: grid(size, encoder, layers, tile, wrap=recipe.tileable)


def whole_only(scene: Scene) -> str:
    """Return the name of the statistic, or of the method, that cannot be tiled; empty where all can."""
    return base.find(scene.recipe.method).untileable(scene.recipe)


def smaller(plans: Sequence[Plan], index: int, scene: Scene, encoder: Encoder) -> tuple[Plan, ...] | None:
    """Return the plans for when memory ran out at level `index` after all; None where its tiles cannot be smaller.

    What was too much there would be too much at the levels after it.
    """
    make_grid = cutting(scene, encoder)
    smaller_plan = None if whole_only(scene) else tile_planner.with_smaller_tiles(plans[index], make_grid)
    if smaller_plan is None or smaller_plan.tile is None:
        return None
    changed = [*plans[:index], smaller_plan]
    for plan in plans[index + 1 :]:
        if math.prod(plan.grid.encoded) > smaller_plan.tile**2:
            with contextlib.suppress(UsageError):  # in a larger picture, a tile can have a wider halo
                plan = replace(plan, tile=smaller_plan.tile, grid=make_grid(plan.grid.size, smaller_plan.tile))
        changed.append(plan)
    notice(f"memory ran out; going on from there in {_tiles(smaller_plan.grid)}")
    return tuple(changed)


def _shared(plans: Sequence[Plan], make_grid: MakeGrid, processes: int) -> tuple[Plan, ...]:
    """Return the plans with tiles for so many processes: in all of them those of the first."""
    shared = [tile_planner.split_among(plan, make_grid, processes) for plan in plans]
    group = parallel.current_group()
    if group is not None:
        tiles = group.of_first([plan.tile or 0 for plan in shared])
        for number, (plan, tile) in enumerate(zip(shared, tiles, strict=True)):
            shared[number] = replace(plan, tile=tile or None, grid=make_grid(plan.grid.size, tile or None))
    return tuple(shared)


def _tiles(grid: Grid) -> str:
    rows, columns = grid.encoded
    return f"{len(grid.tiles)} tiles of about {columns}x{rows} px"


def adopt(plans: Sequence[Plan], tiles: object, scene: Scene, encoder: Encoder) -> tuple[Plan, ...]:
    """Return the plans with the `tiles` of an earlier process, one for each level, where those need no more memory.

    A sum over other tiles has other last bits.
    """
    if not isinstance(tiles, list) or len(tiles) != len(plans):
        return tuple(plans)
    make_grid, adopted = cutting(scene, encoder), []
    for plan, tile in zip(plans, tiles, strict=True):
        if type(tile) is int and tile < (plan.tile or max(plan.grid.size) + 1):
            with contextlib.suppress(UsageError):  # it was never ours
                plan = replace(plan, tile=tile, grid=make_grid(plan.grid.size, tile))
        adopted.append(plan)
    return tuple(adopted)


def peak(plans: Sequence[Plan], resources: Resources) -> int:
    """Return the most bytes that the process will have; on a device with memory of its own, that it will have there."""
    own = memory.free_on_device(resources.device) is None
    return max(plan.bytes for plan in plans) + (memory.resident() if own else 0)


def workload(level: Level, scene: Scene, encoder: Encoder) -> Work:
    """Return what of a painting decides on its memory."""
    recipe, regions = scene.recipe, scene.regions
    layers = (*recipe.layers_of_content, *recipe.layers_of_style)
    count = 0 if regions is None else len(regions.names)
    sizes = [scene.style_size(style, level, scale) for style in scene.styles for scale in area_scales(scene)]
    held = base.find(recipe.method).memory(level, scene, encoder)
    return Work(
        neurons=encoder.neurons(layers),
        precision="bfloat16" if encoder.precision is torch.bfloat16 else "float32",
        weight_bytes=sum(tensor.nbytes for tensor in encoder.tensors.values()) + held.scratch_bytes,
        target_bytes=4 * held.target_values,
        solver=recipe.solved_by,
        pairs=recipe.history,
        channels=1 if scene.gray else 3,
        averaged=recipe.averaged > 0,
        viewed=scene.gray or bool(recipe.keep) or METHODS[recipe.method].laplacian,
        areas=count * (count + 1) // 2 if recipe.guides == "border" else count,
        style_scale=max(math.prod(size) for size in sizes) / math.prod(level.size),
        sample_bytes=held.sample_bytes,
        recolored=scene.content is not None and recipe.color in ("match", "luminance"),
    )


def seconds(
    levels: Sequence[Level],
    plans: Sequence[Plan],
    scene: Scene,
    encoder_of: Callable[[Level], Encoder],
    device: torch.device,
) -> float:
    """Estimate the time of the whole painting, by timing the encoder of each level at a small size."""
    recipe = scene.recipe
    rates: dict[bool, float] = {}
    stirring = _seconds_per_value(device)
    total = 0.0
    for level, plan in zip(levels, plans, strict=True):
        if level.surrogate not in rates:
            largest = max(
                math.prod(p.grid.encoded)
                for at, p in zip(levels, plans, strict=True)
                if at.surrogate == level.surrogate
            )
            encode = partial(_encode_on, encoder_of(level), device)
            side = min(PROBE, math.isqrt(largest))
            rates[level.surrogate] = _seconds_per_pixel(encode, recipe.layers_of_style, recipe.layers_of_content, side)
        terms = base.find(recipe.method).time(level, scene, encoder_of(level))
        total += terms.seconds
        # One evaluation a step, one before the first, and a third of one for each picture that is encoded.
        pixels = tile_planner.pixels_per_process(plan.grid, parallel.process_count()) * (level.steps + 1)
        pixels += plan.grid.overhead * (math.prod(level.size) + terms.style_pixels) / 3
        total += rates[level.surrogate] * pixels
        pairs = min(recipe.history, level.steps) if recipe.solved_by == "lbfgs" else 0
        away = tile_planner.OFFLOADED_PASS if plan.storage.off_device else 1
        total += level.steps * 3 * math.prod(level.size) * stirring * (PASSES + 4 * pairs * away)
    return total


class Clock:
    """Estimates the time left from the pixels still to be stepped over."""

    def __init__(self, levels: Sequence[Level]) -> None:
        self._work = [level.steps * math.prod(level.size) * (SURROGATE if level.surrogate else 1) for level in levels]

    def remaining(self, level: int, fraction: float, elapsed_s: float) -> float:
        """Return the seconds left after a `fraction` of a level's steps."""
        done = sum(self._work[:level]) + fraction * self._work[level]
        return elapsed_s * (sum(self._work) - done) / done if done else 0.0


def _encode_on(encoder: Encoder, device: torch.device, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
    return encoder(image.to(device), layers)


def _seconds_per_pixel(encode: Encode, styles: Iterable[str], contents: Iterable[str], side: int) -> float:
    """Time evaluations of a square of `side` pixels: of two, after one that warms up, the faster."""
    random = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, side, side, generator=random)
    gram = Gram()
    with torch.no_grad():
        features = encode(picture, dict.fromkeys(chain(styles, contents)))
        targets = [Content(layer, features[layer] * 0.9, 1e-6) for layer in contents]
        pooled = [Style(layer, gram, gram.finish(gram.measure(features[layer])) * 0.9, 1e-6) for layer in styles]
    evaluate = WholeImage(encode, Objective(tuple(targets), tuple(pooled), (TotalVariation("vector", 1e-6),)))
    return min(timed(lambda: evaluate(picture), 3)[1:]) / side**2


def _seconds_per_value(device: torch.device) -> float:
    """Time one pass over vectors that no cache holds."""
    one, other = torch.zeros(2, STIRRED, device=device)
    return min(timed(lambda: one.add_(other, alpha=0.5), 4)[1:]) / STIRRED
