"""Large pictures in tiles: how far networks see, which tiles fit into memory, and what is cut how."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from impasto.encoders import Encoder
from impasto.errors import NotTileableError, ResourceError, UsageError
from impasto.events import notice
from impasto.nets.decoder import PLAN
from impasto.optim import memory, tile_planner
from impasto.optim.grid import Grid, Span, Tile
from impasto.optim.resources import Resources

Encode = Callable[[Tensor], Mapping[str, Tensor]]
Size = tuple[int, int]


class Strides(Protocol):
    """What knows how many pixels of a picture one neuron of a layer stands for: an encoder, or more than one."""

    def stride(self, layer: str) -> int:
        """Return the pixels per neuron of `layer`, along one side."""


def decoder_reach(layer: str, encoder: Encoder) -> int:
    """Return how far beyond its own square of stride x stride pixels a decoder from `layer` looks, in pixels.

    A decoder is the mirror of its `encoder`: each of its convolutions works at the stride of a block.
    """
    reach = 0
    for name in reversed(list(PLAN)[list(PLAN).index(layer[4:]) :]):
        step = encoder.stride(f"relu{name[0]}_1")
        # Doubling gives a pixel what the whole neuron has that it lies in.
        reach = -(-reach // step) * step + step
    return reach


def grid(size: Size, layer: str, tile: int | None, encoder: Encoder, *, wrap: bool = False) -> Grid:
    """Return the tiles of a picture of `size` (height, width) that is encoded to `layer` and decoded again.

    What comes out of a tile's own pixels is then what would come out of the whole picture's. `tile` None: one for all.
    """
    step = encoder.stride(layer)
    seen = (encoder.receptive_field(layer) - step) // 2
    # A multiple of the stride, so that all tiles but those at the picture's border hold whole neurons.
    reach = -(-(decoder_reach(layer, encoder) + seen) // step) * step
    return Grid(size, tile=max(size) if tile is None else tile, reach=reach, strides={layer: step}, wrap=wrap)


def measuring(
    size: Size, layer: str, tile: int | None, encoder: Encoder, neighborhood: int = 0, *, wrap: bool = False
) -> Grid:
    """Return the tiles of a picture that is only measured, down to `layer`, with `neighborhood` neurons around each.

    A `tile` that is too small for the picture's shape is taken larger: it was chosen for painting another.
    """
    step = encoder.stride(layer)
    reach = -(-(encoder.receptive_field(layer) - step) // (2 * step)) * step + neighborhood * step
    side = max(size) if tile is None else tile
    while True:
        try:
            return Grid(size, tile=side, reach=reach, strides={layer: step}, wrap=wrap)
        except UsageError:
            side = side * 9 // 8 + 1


@dataclass(frozen=True)
class Piece:
    """A tile and its features (1, C, h, w), halo included."""

    tile: Tile
    features: Mapping[str, Tensor]
    strides: Strides

    def own(self, layer: str, features: Tensor | None = None) -> Tensor:
        """Return the own neurons of `features`, which are those of `layer` or made from them position by position."""
        return self.tile.own(self.features[layer] if features is None else features, self.strides.stride(layer))

    def window(self, maps: Tensor, layer: str) -> Tensor:
        """Return what lies over the own neurons of `maps` (..., h, w) of the whole picture at `layer`."""
        step = self.strides.stride(layer)
        rows, columns = (slice(s.start // step, -(-s.stop // step)) for s in (self.tile.rows, self.tile.columns))
        return maps[..., rows, columns]

    def around(self, maps: Tensor, layer: str) -> Tensor:
        """Return what lies over all neurons, halo included, of `maps` (R, h, w) of the whole picture at `layer`."""
        step = self.strides.stride(layer)
        return Tile(_in_neurons(self.tile.rows, step), _in_neurons(self.tile.columns, step)).cut(maps[None])[0]


class Pieces:
    """The pieces of a picture (1, 3, H, W), in order, encoded anew each time; a single one is kept."""

    def __init__(self, encode: Encode, image: Tensor, tiles: Grid, strides: Strides) -> None:
        self._encode, self._image, self._tiles, self._strides = encode, image, tiles.tiles, strides
        self._only: Piece | None = None

    def __iter__(self) -> Iterator[Piece]:
        if self._only is not None:
            yield self._only
            return
        for tile in self._tiles:
            piece = Piece(tile, self._encode(tile.cut(self._image)), self._strides)
            if len(self._tiles) == 1:
                self._only = piece
            yield piece
            del piece  # before the next one is encoded
            if len(self._tiles) > 1:
                memory.trim()


def put(canvas: Tensor, tile: Tile, painted: Tensor) -> None:
    """Put the own pixels of what was painted of a tile, halo included, into `canvas` (1, 3, H, W)."""
    rows, columns = tile.rows, tile.columns
    top, left = rows.start - rows.begin, columns.start - columns.begin
    own = painted[..., top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]
    canvas[..., rows.start : rows.stop, columns.start : columns.stop] = own


@dataclass(frozen=True)
class Need:
    """The memory that a method needs for a picture, in bytes."""

    fixed: int
    """Whole pictures and weights."""
    scratch: float
    """Per pixel that is encoded at a time."""
    cut: Callable[[Size, int | None], int]
    """From a picture's size and a tile to the pixels that are encoded at a time."""


def choose(
    what: str, size: Size, need: Callable[[Size], Need], resources: Resources, *, whole: bool = False
) -> tuple[int | None, int]:
    """Return the tile, None for the whole picture in one piece, and the bytes above what the process has already.

    `what` is painted, for messages. `whole`: it can only be painted in one piece. Raises `NotTileableError` where a
    tile is asked for then, `ResourceError` where nothing fits, `UsageError` for a tile that is too
    small.
    """
    free = resources.free()
    if whole and isinstance(resources.tile, int) and resources.tile < max(size):
        raise NotTileableError(f"{what} is done in one piece; leave --tile out, or use another method")
    tiling: tile_planner.Tiling = "off" if whole else resources.tile
    planned, least = _choose(size, need(size), tiling, free)
    if planned is None:
        side = tile_planner.largest_side(
            size, lambda smaller: _choose(smaller, need(smaller), tiling, free or 0)[0] is not None
        )
        have = memory.resident() if resources.device.type != "cuda" else 0
        smaller = f"--size {side} would fit" if side else "use a smaller --size"
        raise ResourceError(
            f"{what} needs about {tile_planner.format_bytes(least + have)} of memory and "
            f"{tile_planner.format_bytes(max(0, (free or 0) + have))} are free; {smaller}, or use "
            f"{'' if whole else '--tile auto, --precision bfloat16, or '}--memory if there is more"
        )
    if planned.tile is not None and tiling == "auto":
        one_piece = _bytes(need(size), size, None)
        notice(f"painting in tiles, because {tile_planner.format_bytes(one_piece)} would be needed for one piece")
    return planned.tile, planned.bytes


@dataclass(frozen=True)
class _Fitting:
    tile: int | None
    bytes: int


def _choose(size: Size, need: Need, tiling: tile_planner.Tiling, free: int | None) -> tuple[_Fitting | None, int]:
    """Return what fits, or None, and the least bytes there would have to be."""
    refused = []
    if not isinstance(tiling, int):
        whole = _Fitting(None, _bytes(need, size, None))
        if free is None or whole.bytes <= free:
            return whole, whole.bytes
        if tiling == "off":
            return None, whole.bytes
        refused.append(whole.bytes)

    def rough(encoded: int) -> int:
        return round(need.fixed + need.scratch * encoded)

    def plan(side: int) -> _Fitting:
        return _Fitting(side, _bytes(need, size, side))

    planned, too_large = tile_planner.first_fitting(size, tiling, free, rough, plan)
    return planned, min([*refused, *too_large]) if planned is None else planned.bytes


def _bytes(need: Need, size: Size, tile: int | None) -> int:
    scratch = need.scratch * need.cut(size, tile)
    return round(memory.STARTUP_BYTES + need.fixed + scratch * (1 if tile is None else memory.FRAGMENTATION))


def of_grid(layer: str, encoder: Encoder, *, wrap: bool) -> Callable[[Size, int | None], int]:
    """Return the `Need.cut` of what is encoded to `layer` and decoded again."""
    return lambda size, tile: math.prod(grid(size, layer, tile, encoder, wrap=wrap).encoded)


def _in_neurons(span: Span, step: int) -> Span:
    begin, start = span.begin // step, span.start // step
    stop, end, side = (-(-edge // step) for edge in (span.stop, span.end, span.side))
    return Span(start, stop, begin, end, side)
