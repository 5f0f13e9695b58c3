"""From what is free to how a picture is painted: in one piece or in tiles, and where L-BFGS keeps its history."""

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, Protocol, TypeVar

import torch

from impasto.errors import NotTileableError, ResourceError, UsageError, WholeTooLargeError
from impasto.images import fit_size
from impasto.limits import format_bytes as format_bytes
from impasto.optim import memory
from impasto.optim.grid import Grid
from impasto.optim.history import HistoryStorage, scratch_bytes
from impasto.optim.memory import Work
from impasto.optim.pyramid import Level
from impasto.recipe.catalogue import METHODS

Tiling = int | Literal["auto", "off"]
MakeGrid = Callable[[tuple[int, int], int | None], Grid]
"""From (height, width) and a tile to the grid; None is one tile."""

NARROW_FROM_PIXELS = 4_000_000
"""The pixels of a level from which the history is kept in bfloat16: by the size alone, so that memory does not change
the picture. Below, float32 takes less than 1.2 GB."""
TILE_SIDES = (4096, 3072, 2048, 1536, 1280, 1024, 896, 768, 640, 512, 448, 384, 320, 256)
"""The sides in pixels that tiles are chosen from. Below the last, a tile of all five blocks is nearly all halo."""
FILLED_FRACTION = 0.6
"""The least fraction of a tile's square that is used: a tile has the shape of whole neurons that suits the picture."""
SHRINK_TO = 0.7
"""The largest fraction that a tile may be of one for which memory ran out: clearly less, so that a few tries do."""
OFFLOADED_STEP = 1.2
"""The time of a step with the history in a file, over one with it in memory (benchmarks/scale.py)."""
OFFLOADED_PASS = 3
"""The time of a pass over a pair of the history in a file, over one in memory: it is read, and widened."""
FIRST_PASS_COST = 0.75
"""The time that a tile takes in the first pass, which sums, over that of its evaluation. A third would be that of its
products; the rest is memory, which each tile gives back and takes anew (0.7-1.0 in benchmarks/scale.py)."""


@dataclass(frozen=True)
class Plan:
    """How one level is painted."""

    grid: Grid
    tile: int | None
    """None: in one piece."""
    storage: HistoryStorage
    bytes: int
    """Above what the process has already."""
    whole_bytes: int
    """What they would be in one piece."""

    @property
    def work(self) -> float:
        """Return the pixels' worth of one evaluation."""
        return pixels_per_process(self.grid, 1)


def plan(
    levels: Sequence[Level],
    work: Work,
    make_grid: MakeGrid,
    tiling: Tiling,
    free: int | None,
    *,
    unfit: str = "",
    away: bool = False,
) -> tuple[Plan, ...] | int:
    """Return the plan of each level within `free` bytes, or the bytes that would do where there are too few.

    None: there is no telling what is free, and all is done in one piece. `unfit` names a statistic, or
    method, that cannot be tiled. With `away`, memory is that of a device, which the history can leave for
    the machine's.

    Raises `NotTileableError` where that one would have to be (`WholeTooLargeError` where memory, and not the caller,
    asks for tiles); `UsageError` for a tile too small for the layers.
    """
    plans = [_level(level, work, make_grid, tiling, free, unfit, away) for level in levels]
    least = max((plan for plan in plans if isinstance(plan, int)), default=0)
    return least or tuple(plan for plan in plans if isinstance(plan, Plan))


def with_smaller_tiles(plan: Plan, make_grid: MakeGrid) -> Plan | None:
    """Return the plan with tiles that need clearly less memory, None where there are none."""
    encoded = math.prod(plan.grid.encoded)
    with contextlib.suppress(UsageError):  # too small for the layers, and smaller ones are as well
        for side in TILE_SIDES:
            if side**2 <= SHRINK_TO * encoded:
                return replace(plan, tile=side, grid=make_grid(plan.grid.size, side))
    return None


def pixels_per_process(grid: Grid, count: int) -> float:
    """Return the pixels' worth of one evaluation by `count` processes: of the one that has the most to do.

    Tiles overlap, and of each process all but one are encoded twice.
    """
    pixels = []
    for rank in range(min(count, len(grid.tiles))):
        tiles = grid.tiles[rank::count]
        encoded = sum(len(tile.rows) * len(tile.columns) for tile in tiles)
        pixels.append(encoded * (1 + FIRST_PASS_COST * (1 - 1 / len(tiles))))
    return max(pixels)


def split_among(plan: Plan, make_grid: MakeGrid, count: int) -> Plan:
    """Return the plan with as many tiles as pay for `count` processes."""
    best, side = plan, math.isqrt(math.prod(plan.grid.encoded))
    with contextlib.suppress(UsageError):
        while len((grid := make_grid(plan.grid.size, side)).tiles) <= 4 * count:
            if pixels_per_process(grid, count) < pixels_per_process(best.grid, count):
                best = replace(plan, tile=side, grid=grid)
            side = side * 15 // 16
    return best


def largest_side(size: tuple[int, int], fits: Callable[[tuple[int, int]], bool]) -> int:
    """Return a long side near the largest, in the shape of `size` (height, width), that `fits`; 0 where none does."""
    side = max(size)
    while side > 64:
        side = side * 4 // 5
        if fits(fit_size(size, side)):
            return side // 16 * 16
    return 0


def largest_side_of(size: tuple[int, int], work: Work, make_grid: MakeGrid, tiling: Tiling, free: int) -> int:
    """Return a long side near the largest that can be painted within `free` bytes, 0 where none can."""

    def fits(smaller: tuple[int, int]) -> bool:
        level = Level(0, smaller, 1 << 20)
        return min(smaller) >= 16 and isinstance(_level(level, work, make_grid, tiling, free), Plan)

    return largest_side(size, fits)


class Sized(Protocol):
    """Something that takes memory."""

    @property
    def bytes(self) -> int:
        """Return the bytes that it takes."""


Fitting = TypeVar("Fitting", bound=Sized)


def first_fitting(
    size: tuple[int, int],
    tiling: int | Literal["auto"],
    free: int | None,
    rough: Callable[[int], int],
    plan: Callable[[int], Fitting],
) -> tuple[Fitting | None, list[int]]:
    """Return the plan with the largest tiles that fits into `free` bytes, or None, and the bytes of those that do not.

    `rough` is from the pixels that are encoded at a time to the least bytes that takes, `plan` from the side of a tile,
    which is exact and takes a while for a large picture. Raises `UsageError` for a tile of the caller's that is too
    small for the layers, and what `plan` raises of `NotTileableError`.
    """
    sides = [tiling] if isinstance(tiling, int) else [side for side in TILE_SIDES if side < max(size)]
    refused = []
    for side in sides:
        least = rough(round(FILLED_FRACTION * min(side**2, math.prod(size))))
        if free is not None and least > free:
            refused.append(least)
            continue
        try:
            planned = plan(side)
        except NotTileableError:
            raise
        except UsageError:
            if isinstance(tiling, int):
                raise
            break  # smaller ones are too small as well
        if free is None or planned.bytes <= free:
            return planned, refused  # smaller ones are slower
        refused.append(planned.bytes)
    return None, refused


def _level(
    level: Level, work: Work, make_grid: MakeGrid, tiling: Tiling, free: int | None, unfit: str = "", away: bool = False
) -> Plan | int:
    narrow = math.prod(level.size) >= NARROW_FROM_PIXELS
    here = HistoryStorage(narrow)
    whole = _plan_of(level, work, make_grid, None, here)
    fits = free is None or whole.bytes <= free
    if tiling == "off" or (tiling == "auto" and fits):
        return whole if fits else whole.bytes
    fitting, refused = [], [whole.bytes]

    def tiled(storage: HistoryStorage, side: int) -> Plan:
        plan = _plan_of(level, work, make_grid, side, storage)
        if unfit and len(plan.grid.tiles) > 1:
            raise _untileable(unfit, whole.bytes, tiling)
        return plan

    for storage in (here, *_elsewhere(level, work, narrow=narrow, away=away)):
        rough = partial(_rough_bytes, level, work, storage)
        plan, too_large = first_fitting(level.size, tiling, free, rough, partial(tiled, storage))
        fitting += [] if plan is None else [plan]
        refused += too_large
    if not fitting:
        return min(refused)
    return min(fitting, key=lambda plan: plan.work * (OFFLOADED_STEP if plan.storage.off_device else 1))


def _rough_bytes(level: Level, work: Work, storage: HistoryStorage, encoded: int) -> int:
    return _bytes(level, work, encoded, storage)


def _elsewhere(level: Level, work: Work, *, narrow: bool, away: bool) -> list[HistoryStorage]:
    """Return where else the history of L-BFGS can be: in the memory of the machine, or in a file that has room."""
    if work.solver != "lbfgs":
        return []
    if away:
        return [HistoryStorage(narrow, device=torch.device("cpu"))]
    return [HistoryStorage(narrow, file=True)] if _bytes_on_disk(level, work, narrow=narrow) < scratch_bytes() else []


def _untileable(name: str, whole_bytes: int, tiling: Tiling) -> UsageError | ResourceError:
    """Return the error of a method or statistic that cannot be evaluated tile by tile."""
    remedy = "a smaller --size, or more --memory" if tiling == "auto" else "or --tile off"
    kind, other = ("method", "--method gatys") if name in METHODS else ("statistic", "--statistics gram")
    error = WholeTooLargeError if tiling == "auto" else NotTileableError
    return error(
        f"the {kind} '{name}' needs the whole picture at once, here about "
        f"{format_bytes(whole_bytes)} of memory, and cannot be tiled; use {other}, {remedy}"
    )


def _plan_of(level: Level, work: Work, make_grid: MakeGrid, tile: int | None, storage: HistoryStorage) -> Plan:
    grid = make_grid(level.size, tile)
    several = len(grid.tiles) > 1
    own = _bytes(level, work, math.prod(grid.encoded), storage, tiled=several)
    return Plan(grid, tile, storage, own, _bytes(level, work, math.prod(level.size), storage, tiled=False))


def _bytes(level: Level, work: Work, encoded: int, storage: HistoryStorage, *, tiled: bool = True) -> int:
    pixels = math.prod(level.size)
    evaluating = memory.bytes_of_evaluation(work, pixels, encoded, storage, tiled=tiled, steps=level.steps)
    return work.weight_bytes + memory.STARTUP_BYTES + max(memory.bytes_outside_steps(work, pixels), evaluating)


def _bytes_on_disk(level: Level, work: Work, *, narrow: bool) -> int:
    values = math.prod(level.size) * work.channels
    return values * (4 + 2 * work.pairs * (2 if narrow else 4))


def too_little_memory(what: str, least: int, free: int, side: int) -> ResourceError:
    """Return the error of a painting for which even `least` bytes are too many; `side` is one that would do."""
    smaller = f"--size {side} would fit" if side else "use a smaller --size"
    return ResourceError(
        f"{what} needs about {format_bytes(least)} of memory and {format_bytes(free)} are free; {smaller}, or use "
        "--encoder petite, --precision bfloat16, --tile auto, or --memory if there is more"
    )
