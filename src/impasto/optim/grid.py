"""The geometry of tiles: which pixels a tile owns, which it must see, and how a picture is best cut."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import UsageError
from impasto.losses.objective import Window


@dataclass(frozen=True)
class Span:
    """One side of a tile: it owns the pixels from `start` to `stop`, and is encoded from `begin` to `end`.

    `side` is that of the picture; what lies beyond it goes on at the other border.
    """

    start: int
    stop: int
    begin: int
    end: int
    side: int

    def __len__(self) -> int:
        """Return the pixels that are encoded."""
        return self.end - self.begin

    def window(self, stride: int) -> slice:
        """Return the own neurons in a layer's map of the whole picture."""
        return slice(self.start // stride, self.stop // stride)

    def margins(self, stride: int) -> tuple[int, int]:
        """Return the neurons of the halo, before and after the own, in a layer's map of the tile."""
        return (self.start - self.begin) // stride, len(self) // stride - (self.stop - self.begin) // stride

    def pieces(self) -> Iterator[slice]:
        """Return the parts of the picture that the encoded pixels are, in order."""
        at = self.begin
        while at < self.end:
            size = min(self.side - at % self.side, self.end - at)
            yield slice(at % self.side, at % self.side + size)
            at += size


@dataclass(frozen=True)
class Tile:
    """A rectangle of the picture."""

    rows: Span
    columns: Span

    def cut(self, image: Tensor) -> Tensor:
        """Return a copy (1, C, h, w) of the encoded pixels of `image` (1, C, H, W)."""
        columns = list(self.columns.pieces())
        strips = [torch.cat([image[..., rows, part] for part in columns], -1) for rows in self.rows.pieces()]
        return torch.cat(strips, -2) if len(strips) > 1 else strips[0]

    def add(self, whole: Tensor, part: Tensor) -> None:
        """Add `part`, shaped as what `cut` gives, to `whole` in place."""
        top = 0
        for rows in self.rows.pieces():
            left, height = 0, rows.stop - rows.start
            for columns in self.columns.pieces():
                width = columns.stop - columns.start
                whole[..., rows, columns] += part[..., top : top + height, left : left + width]
                left += width
            top += height

    def window(self, stride: int) -> Window:
        """Return the own neurons in a layer's map of the whole picture."""
        return self.rows.window(stride), self.columns.window(stride)

    def own(self, features: Tensor, stride: int) -> Tensor:
        """Return the own neurons of the `features` (1, C, h, w) of the tile."""
        (above, below), (left, right) = self.rows.margins(stride), self.columns.margins(stride)
        if not (above or below or left or right):
            return features
        # Padding by less than nothing keeps channels_last, in the gradient too; slices would not.
        return F.pad(features, (-left, -right, -above, -below))

    def beyond(self) -> "Tile":
        """Return the own pixels with the row below and the column beside them, at the other border where they wrap."""
        rows, columns = (replace(s, begin=s.start, end=s.stop + 1) for s in (self.rows, self.columns))
        return Tile(rows, columns)


class Grid:
    """The tiles of a picture of `size` (height, width), in reading order.

    A tile with its halo has at most `tile`² pixels; of all shapes and counts that fit, those are taken that encode the
    fewest pixels. `strides` are pixels per neuron of each layer, and `reach` is how far beyond its own square of
    stride x stride pixels the neuron sees that sees farthest: (receptive field - stride) / 2. With `wrap` the picture
    repeats; the encoder is then expected to pad circularly.

    Raises `UsageError` for a tile that is too small for one neuron and its halo, `ValueError` for a picture that
    repeats and is no multiple of all strides.
    """

    def __init__(
        self, size: tuple[int, int], *, tile: int, reach: int, strides: Mapping[str, int], wrap: bool = False
    ) -> None:
        self.size, self.strides = size, dict(strides)
        self._step = math.lcm(*self.strides.values())
        # Tiles begin where pools do, so the halo before is a multiple of the stride. The one after need not be: what
        # a pool drops there is never further in than what the false border has spoilt.
        self._before, self._after = -(-reach // self._step) * self._step, reach
        self._wrap = wrap
        if wrap and any(side % self._step for side in size):
            raise ValueError(
                f"a picture that repeats in tiles has sides that are multiples of {self._step}, not {size}"
            )
        rows, columns = self._best(tile**2)
        self.tiles = tuple(Tile(row, column) for row in rows for column in columns)

    @property
    def encoded(self) -> tuple[int, int]:
        """Return the height and width of the largest tile with its halo; memory follows from their product."""
        return max(len(tile.rows) for tile in self.tiles), max(len(tile.columns) for tile in self.tiles)

    @property
    def overhead(self) -> float:
        """Return the pixels encoded in one pass over those of the picture, 1 or more."""
        return sum(len(tile.rows) * len(tile.columns) for tile in self.tiles) / math.prod(self.size)

    def windows(self, tile: Tile) -> dict[str, Window]:
        """Return the own neurons of `tile` in each layer's map of the whole picture."""
        return {layer: tile.window(stride) for layer, stride in self.strides.items()}

    def own(self, tile: Tile, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the own neurons of the `features` of `tile`."""
        return {layer: tile.own(maps, self.strides[layer]) for layer, maps in features.items()}

    def _best(self, area: int) -> tuple[list[Span], list[Span]]:
        height, width = self.size
        low, narrow = (min(_longest(self._spans(side, n)) for n in (1, self._units(side))) for side in self.size)
        best: tuple[list[Span], list[Span]] | None = None
        fewest = math.inf
        for count in range(1, self._units(height) + 1):
            rows = self._spans(height, count)
            if _total(rows) * width >= fewest:
                break
            limit = area // _longest(rows)
            if limit >= narrow and (pixels := _total(rows) * _total(columns := self._fewest(width, limit))) < fewest:
                best, fewest = (rows, columns), pixels
        if best is None:
            least = math.isqrt(low * narrow - 1) + 1
            raise UsageError(f"a tile needs a side of {least} px for one neuron and all it sees; use --tile {least}")
        return best

    def _fewest(self, side: int, limit: int) -> list[Span]:
        """Cut a side into as few spans of at most `limit` pixels as can be; into the shortest where none can."""
        units, halo = self._units(side), self._before + self._after
        # No fewer can do: n spans share side + (n - 1) halo pixels, but for those that rounding saves at the borders.
        least = (side - halo - 2 * self._step) // (limit - halo) if limit > halo else 1
        for count in range(max(1, least), units):
            if _longest(spans := self._spans(side, count)) <= limit:
                return spans
        return self._spans(side, units)

    def _units(self, side: int) -> int:
        return max(1, side // self._step)

    def _spans(self, side: int, count: int) -> list[Span]:
        """Cut a side into `count` spans of about the same encoded length."""
        if count == 1:
            return [Span(0, side, 0, side, side)]
        units, before, after = self._units(side), self._before, self._after
        length = (side + (count - 1) * (before + after)) / count
        edges = [0]
        for number in range(1, count):
            # At the picture's borders there is no halo, so the first and the last own more.
            edge = number * side / count if self._wrap else number * (length - after) - (number - 1) * before
            edges.append(
                self._step * min(max(round(edge / self._step), edges[-1] // self._step + 1), units - count + number)
            )
        spans = []
        for start, stop in zip(edges, [*edges[1:], side], strict=True):
            begin, end = start - before, stop + after
            spans.append(Span(start, stop, *((begin, end) if self._wrap else (max(0, begin), min(side, end))), side))
        return spans


def _longest(spans: Sequence[Span]) -> int:
    return max(map(len, spans))


def _total(spans: Sequence[Span]) -> int:
    return sum(map(len, spans))
