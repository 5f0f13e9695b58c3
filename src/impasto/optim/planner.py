"""From what is free to how a picture is painted: in one piece or in tiles, and where L-BFGS keeps its history."""

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch

from impasto.errors import NotTileableError, ResourceError, UsageError, WholeTooLargeError
from impasto.limits import spoken as spoken
from impasto.optim import memory
from impasto.optim.grid import Grid
from impasto.optim.history import HistoryStorage, scratch_bytes
from impasto.optim.memory import Work
from impasto.optim.pyramid import Level
from impasto.recipe.catalogue import METHODS

Tiling = int | Literal["auto", "off"]
Cut = Callable[[tuple[int, int], int | None], Grid]
"""From (height, width) and a tile to the grid; None is one tile."""

LARGE = 4_000_000
"""Pixels from which the history is kept in bfloat16: by the size alone, so that memory does not change the picture."""
TILES = (4096, 3072, 2048, 1536, 1280, 1024, 896, 768, 640, 512, 448, 384, 320, 256)
"""Sides to choose from. Below the last, a tile of all five blocks is nearly all halo."""
FILLED = 0.6
"""The least part of a tile's square that is used: it is the shape of whole neurons that suits the picture best."""
LESS = 0.7
"""The most that a tile may be of one for which memory ran out."""
AWAY_COST = 1.2
"""A step with the history in a file, over one with it in memory."""
AWAY_PASS = 3
"""A pass over a pair of the history in a file, over one in memory: read, and widened."""
SUMMED = 0.75
"""The time that a tile takes in the first pass, which sums, over that of its evaluation. A third would be the share of
its products; the rest is memory, which each tile gives back and takes anew (0.7-1.0 in benchmarks/scale.py)."""


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
        """Pixels' worth of one evaluation."""
        return share(self.grid, 1)


def plan(
    levels: Sequence[Level],
    work: Work,
    cut: Cut,
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
    found = [_level(level, work, cut, tiling, free, unfit, away) for level in levels]
    least = max((each for each in found if isinstance(each, int)), default=0)
    return least or tuple(each for each in found if isinstance(each, Plan))


def smaller(plan: Plan, cut: Cut) -> Plan | None:
    """Return the plan with tiles that need clearly less memory, None where there are none."""
    encoded = math.prod(plan.grid.encoded)
    with contextlib.suppress(UsageError):  # too small for the layers, and smaller ones are as well
        for side in TILES:
            if side**2 <= LESS * encoded:
                return replace(plan, tile=side, grid=cut(plan.grid.size, side))
    return None


def share(grid: Grid, count: int) -> float:
    """Return the pixels' worth of one evaluation by `count` processes: of the one that has the most to do.

    Tiles overlap, and of each process all but one are encoded twice.
    """
    shares = []
    for rank in range(min(count, len(grid.tiles))):
        tiles = grid.tiles[rank::count]
        encoded = sum(len(tile.rows) * len(tile.columns) for tile in tiles)
        shares.append(encoded * (1 + SUMMED * (1 - 1 / len(tiles))))
    return max(shares)


def spread(plan: Plan, cut: Cut, count: int) -> Plan:
    """Return the plan with as many tiles as pay for `count` processes."""
    best, side = plan, math.isqrt(math.prod(plan.grid.encoded))
    with contextlib.suppress(UsageError):
        while len((grid := cut(plan.grid.size, side)).tiles) <= 4 * count:
            if share(grid, count) < share(best.grid, count):
                best = replace(plan, tile=side, grid=grid)
            side = side * 15 // 16
    return best


def fitting(size: tuple[int, int], work: Work, cut: Cut, tiling: Tiling, free: int) -> int:
    """Return a long side near the largest that can be painted within `free` bytes, 0 where none can."""
    side = max(size)
    while side > 64:
        side = side * 4 // 5
        smaller = max(1, min(size) * side // max(size)), side
        if min(smaller) >= 16 and isinstance(_level(Level(0, smaller, 1 << 20), work, cut, tiling, free), Plan):
            return side // 16 * 16
    return 0


def _level(
    level: Level, work: Work, cut: Cut, tiling: Tiling, free: int | None, unfit: str = "", away: bool = False
) -> Plan | int:
    narrow = math.prod(level.size) >= LARGE
    here = HistoryStorage(narrow)
    whole = _with(level, work, cut, None, here)

    def fits(found: Plan) -> bool:
        return free is None or found.bytes <= free

    if tiling == "off" or (tiling == "auto" and fits(whole)):
        return whole if fits(whole) else whole.bytes
    sides = [tiling] if isinstance(tiling, int) else [side for side in TILES if side < max(level.size)]
    storages = [here]
    if work.solver == "lbfgs" and away:
        storages.append(HistoryStorage(narrow, device=torch.device("cpu")))
    elif work.solver == "lbfgs" and _filed_bytes(level, work, narrow=narrow) < scratch_bytes():
        storages.append(HistoryStorage(narrow, file=True))
    tried = [whole]
    least = whole.bytes
    for storage in storages:
        for side in sides:
            used = round(FILLED * min(side**2, math.prod(level.size)))
            if free is not None and (rough := _bytes(level, work, used, storage)) > free:
                least = min(least, rough)
                continue  # finding the tiles of a large picture takes a while
            try:
                found = _with(level, work, cut, side, storage)
            except UsageError:
                if isinstance(tiling, int):
                    raise
                break  # smaller ones are too small as well
            if unfit and len(found.grid.tiles) > 1:
                remedy = "a smaller --size, or more --memory" if tiling == "auto" else "or --tile off"
                kind, other = ("method", "--method") if unfit in METHODS else ("statistic", "--statistics")
                other += " gatys" if unfit in METHODS else " gram"
                error = WholeTooLargeError if tiling == "auto" else NotTileableError
                raise error(
                    f"the {kind} '{unfit}' needs the whole picture at once, here about "
                    f"{spoken(whole.bytes)} of memory, and cannot be tiled; use {other}, {remedy}"
                )
            tried.append(found)
            if fits(found):
                break  # smaller ones are slower
    able = [found for found in tried if fits(found) and (tiling == "auto" or found.tile is not None)]
    if not able:
        return min(least, *(found.bytes for found in tried))
    return min(able, key=lambda found: found.work * (AWAY_COST if found.storage.away else 1))


def _with(level: Level, work: Work, cut: Cut, tile: int | None, storage: HistoryStorage) -> Plan:
    grid = cut(level.size, tile)
    several = len(grid.tiles) > 1
    own = _bytes(level, work, math.prod(grid.encoded), storage, tiled=several)
    return Plan(grid, tile, storage, own, _bytes(level, work, math.prod(level.size), storage, tiled=False))


def _bytes(level: Level, work: Work, encoded: int, storage: HistoryStorage, *, tiled: bool = True) -> int:
    pixels = math.prod(level.size)
    judging = memory.evaluating(work, pixels, encoded, storage, tiled=tiled, steps=level.steps)
    return work.weight_bytes + memory.START_BYTES + max(memory.beside(work, pixels), judging)


def _filed_bytes(level: Level, work: Work, *, narrow: bool) -> int:
    values = math.prod(level.size) * work.channels
    return values * (4 + 2 * work.pairs * (2 if narrow else 4))


def refusal(what: str, least: int, free: int, side: int) -> ResourceError:
    """Return the error of a painting for which even `least` bytes are too many; `side` is one that would do."""
    smaller = f"--size {side} would fit" if side else "use a smaller --size"
    return ResourceError(
        f"{what} needs about {spoken(least)} of memory and {spoken(free)} are free; {smaller}, or use "
        "--encoder petite, --precision bfloat16, --tile auto, or --memory if there is more"
    )
