"""The means and variances that instance normalisation takes, of one picture or of another, whole or in tiles."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

Moments = tuple[Tensor, Tensor]
"""Mean and biased variance, (B, C, 1, 1) each."""


@dataclass(frozen=True)
class HaloTile:
    """A tile of a picture with the halo that a net sees around it: slices of pixels.

    `seen` are of the picture, `own`, without the halo, of what is seen.
    """

    seen: tuple[slice, slice]
    own: tuple[slice, slice]


class NormStatistics:
    """The means and variances that a net normalises with: those of the first picture, for every one after it.

    Within a tile they are those of the whole picture: a norm that has none yet adds up what is the tile's own and ends
    the pass by raising `IncompleteStatistics`. They belong to one net.
    """

    def __init__(self) -> None:
        self._measured: dict[nn.Module, Moments] = {}
        self._tile: tuple[HaloTile, int] | None = None
        self._sums: dict[nn.Module, tuple[int, Tensor, Tensor, torch.device, torch.dtype]] = {}

    def within(self, tile: HaloTile, stride: int) -> "NormStatistics":
        """Take what comes next for maps of `tile`, whose sides the net pads to multiples of `stride`."""
        self._tile = tile, stride
        return self

    def settle(self) -> bool:
        """Make moments of what was added up since the last time; say whether there was anything."""
        for norm, (count, mean, squares, device, dtype) in self._sums.items():
            self._measured[norm] = mean.to(device, dtype), (squares / count).to(device, dtype)
        some = bool(self._sums)
        self._sums = {}
        return some

    def of(self, norm: nn.Module, x: Tensor) -> Moments:
        """Return what `norm` normalises `x` (B, C, H, W) with, measuring it the first time."""
        if norm not in self._measured:
            if self._tile is not None:
                self._add(norm, x, *self._tile)
                raise IncompleteStatistics
            self._measured[norm] = moments(x)
        return self._measured[norm]

    def _add(self, norm: nn.Module, x: Tensor, tile: HaloTile, stride: int) -> None:
        own = []
        for seen, inner, side in zip(tile.seen, tile.own, x.shape[-2:], strict=True):
            step = -(-(seen.stop - seen.start) // stride) * stride // side
            # What the picture is padded with counts as in the whole: the last tile owns it.
            own.append(slice(inner.start // step, -(-inner.stop // stride) * stride // step))
        part = x[..., own[0], own[1]]
        measured = moments(part)
        mean, variance = (value.cpu().double() for value in measured)
        count = part.shape[-2] * part.shape[-1]
        squares = variance * count
        if norm in self._sums:
            # Sums of squares that were taken around two means (Chan, Golub & LeVeque 1979): nothing cancels.
            before, other, added, *_ = self._sums[norm]
            apart, total = mean - other, before + count
            mean, squares = other + apart * (count / total), added + squares + apart**2 * (before * count / total)
            count = total
        self._sums[norm] = count, mean, squares, x.device, measured[0].dtype


class IncompleteStatistics(Exception):
    """Raised by a norm that has measured a tile, and knows too little yet to normalise it."""


def moments(x: Tensor) -> Moments:
    """Measure mean and biased variance of each picture and channel of `x` (B, C, H, W), in float32 or wider."""
    wide = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
    # In two passes: as exact as torch.var_mean, whose one pass takes fifteen times as long on a CPU.
    mean = wide.mean((2, 3), keepdim=True)
    return mean, (wide - mean).square().mean((2, 3), keepdim=True)
