"""Painting a large picture by a per-style network, tile by tile, as the network paints it in one piece."""

import contextlib
from typing import Protocol

import torch
from torch import Tensor

from impasto.nets.norm_statistics import HaloTile, IncompleteStatistics, NormStatistics


class StyleNet(Protocol):
    """A net that maps pictures to pictures."""

    stride: int
    """Sides are padded to multiples of this."""

    @property
    def halo(self) -> int:
        """Return the pixels around a tile that its paint depends on, statistics apart."""

    def __call__(self, image: Tensor, statistics: NormStatistics | None = None) -> Tensor:
        """Paint `image` (B, 3, H, W)."""


def in_tiles(net: StyleNet, image: Tensor, tile: int = 1024) -> Tensor:
    """Paint a large `image` (1, 3, H, W) in tiles of about `tile` pixels a side: what the net makes of it in one piece.

    Each norm needs the moments of the whole picture, and those depend on the norms before: the picture is passed once
    for each norm, as far as that one, and once more to be painted. Memory is that of one tile with its halo, and of
    the result.
    """
    tiles = _tiles(net, (image.shape[-2], image.shape[-1]), tile)
    painted, statistics = torch.empty_like(image), NormStatistics()
    with torch.no_grad():
        measuring = True
        while measuring:
            for part in tiles:
                # The first pass that no norm ends is the one that paints.
                with contextlib.suppress(IncompleteStatistics):
                    painted_part = net(image[..., part.seen[0], part.seen[1]], statistics.within(part, net.stride))
                    rows, columns = (
                        slice(seen.start + own.start, seen.start + own.stop)
                        for seen, own in zip(part.seen, part.own, strict=True)
                    )
                    painted[..., rows, columns] = painted_part[..., part.own[0], part.own[1]]
            measuring = statistics.settle()
    return painted


def _tiles(net: StyleNet, size: tuple[int, int], tile: int) -> list[HaloTile]:
    """Cut a picture of `size` into tiles with their halos.

    They begin at multiples of the stride, and end there or where the picture does: the net then pads them as it would
    the picture.
    """
    step = max(net.stride, tile // net.stride * net.stride)
    halo = -(-net.halo // net.stride) * net.stride
    spans = []
    for side in size:
        of_side = []
        for start in range(0, side, step):
            begin, stop = max(0, start - halo), min(side, start + step)
            of_side.append((slice(begin, min(side, stop + halo)), slice(start - begin, stop - begin)))
        spans.append(of_side)
    return [
        HaloTile((rows, columns), (own_rows, own_columns))
        for rows, own_rows in spans[0]
        for columns, own_columns in spans[1]
    ]
