"""What is kept of a layer's features: maps put together of tiles, thinned ones, and sums that need no map."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from impasto.encoders import Encoder
from impasto.losses import Gram
from impasto.losses.objective import Window
from impasto.scene.tiles import grid

WHOLE_SIDE = 512
"""Pictures of up to this many pixels squared are encoded as one; larger ones in tiles where that takes less memory."""
ENCODE_BYTES = 96 << 20
"""Of neurons of a tile on the way to the deepest layer: with petite, tiles of some 600 px; with VGG-19 of WHOLE_SIDE.
Smaller ones would see mostly halo, of 80 px on each side."""

Size = tuple[int, int]


@dataclass(frozen=True)
class Reduction:
    """What is kept of the map of a layer: `of` what neurons (1, C, r, c) of a tile, and how tiles are put together."""

    name: str
    """Says all that the outcome depends on beside the features."""
    of: Callable[[Tensor], Any] | None = None
    """None: the neurons themselves."""
    step: Callable[[Size], int] | None = None
    """Neurons from one that is looked at to the next, in a map of a size; None: all are."""
    added: bool = False
    """Whether the parts of tiles are added up, not put side by side."""
    kept: bool = False
    """Whether it stays when the evaluation is over, as it takes little memory."""


def thinned(most: int) -> Reduction:
    """Return every so many rows and columns: the smallest step with which whole ones are no more than `most`."""

    def step(size: Size) -> int:
        number = 1
        while (size[0] // number) * (size[1] // number) > most:
            number += 1
        return number

    return Reduction(f"thinned to {most}", step=step)


def spaced(most: int) -> Reduction:
    """Return every so many rows and columns: √(h·w / most), rounded up."""
    return Reduction(f"spaced to {most}", step=lambda size: max(1, math.ceil((size[0] * size[1] / most) ** 0.5)))


MAPS = Reduction("maps")
"""(1, C, h, w), whole."""
GRAM = Reduction("gram", of=Gram().measure, added=True, kept=True)
"""The `State` of the Gram matrix of all neurons."""
ENERGY = Reduction("energy", of=lambda own: own.square().sum(1, keepdim=True), kept=True)
"""The sum over channels of squares, (1, 1, h, w)."""


@torch.no_grad()
def encode(pixels: Tensor, encoder: Encoder, wanted: Sequence[tuple[str, Reduction]]) -> list[Any]:
    """Return what is `wanted` of layers of `pixels` (1, 3, H, W), in order, in one pass of the encoder.

    Exact in tiles: each is encoded with all that its neurons see.
    """
    layers = list(dict.fromkeys(layer for layer, _ in wanted))
    size = (pixels.shape[2], pixels.shape[3])
    side = WHOLE_SIDE if size[0] * size[1] <= WHOLE_SIDE**2 else _tile_side(encoder, layers)
    if size[0] * size[1] <= side**2:
        features = encoder(pixels, layers)
        return [_whole(features[layer], reduction) for layer, reduction in wanted]
    cut = grid(size, encoder, layers, side)
    reduced: list[Any] = [None for _ in wanted]
    for tile in cut.tiles:
        features = cut.own(tile, encoder(tile.cut(pixels), layers))
        for number, (layer, reduction) in enumerate(wanted):
            stride = cut.strides[layer]
            whole = (size[0] // stride, size[1] // stride)
            reduced[number] = _put(reduced[number], features[layer], tile.window(stride), whole, reduction)
    return reduced


def _tile_side(encoder: Encoder, layers: Sequence[str]) -> int:
    """Return the side in pixels of tiles whose neurons take `ENCODE_BYTES`."""
    return max(WHOLE_SIDE, math.isqrt(int(ENCODE_BYTES / (4 * encoder.neurons(layers)))))


def _whole(features: Tensor, reduction: Reduction) -> Any:
    size = (features.shape[2], features.shape[3])
    return _put(None, features, (slice(0, size[0]), slice(0, size[1])), size, reduction)


def _put(reduced: Any, own: Tensor, window: Window, size: Size, reduction: Reduction) -> Any:
    """Add what is kept of a tile's `own` neurons to `reduced`, that of other tiles; `size` is that of the whole map."""
    part = own if reduction.of is None else reduction.of(own)
    if reduction.added:
        return part if reduced is None else reduced + part
    step = 1 if reduction.step is None else reduction.step(size)
    if step == 1 and tuple(part.shape[2:]) == size:
        return part
    # The places that `losses.neighbors.subsampled` takes.
    rows, columns = (torch.arange(min(step // 2, side - 1), side, step) for side in size)
    inside = [(at >= span.start) & (at < span.stop) for at, span in zip((rows, columns), window, strict=True)]
    if reduced is None:
        reduced = part.new_empty(*part.shape[:2], len(rows), len(columns))
    top, left = (int(places.int().argmax()) for places in inside)
    kept = part[:, :, rows[inside[0]] - window[0].start][:, :, :, columns[inside[1]] - window[1].start]
    reduced[:, :, top : top + kept.shape[2], left : left + kept.shape[3]] = kept
    return reduced
