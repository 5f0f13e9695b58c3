"""From maps over the picture to maps over a layer's neurons."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as functional
from torch import Tensor

from impasto.errors import UsageError

Mode = Literal["simple", "mean", "all", "inside"]
MODES: tuple[Mode, ...] = ("simple", "mean", "all", "inside")


def propagate(maps: Tensor, steps: Sequence[str], mode: Mode) -> Tensor:
    """Take `maps` (R, H, W) or (H, W) in [0, 1] through the "conv" (3 x 3) and "pool" (2 x 2) steps to a layer.

    simple: the mean over the neuron's own cell (pools only). mean: each step averages, so the weight is that of a
    uniform network. all: the largest value in the neuron's receptive field, so every neuron that sees the region at
    all. inside: `1 - all(1 - m)`, the neurons that see nothing else. A region between two others can therefore be
    empty at a deep layer in the mode `inside`, and `all` counts a neuron for several regions; `simple` and `mean`
    keep a partition of unity. The borders are replicated, and odd sides lose their last row as in the network.

    Gatys et al. 2017 find `all` and `inside` by disturbing one side with noise and testing which outputs move; these
    are the exact limit of that probe, without its chance and its threshold.

    Raises `UsageError` for an unknown step or mode, and for a picture too small for the pools. Source: the modes of
    Gatys et al. 2017 (supplement) and their geometric form in later implementations.
    """
    if mode not in MODES:
        raise UsageError(f"guide mode {mode!r}: choose from {', '.join(MODES)}")
    unknown = set(steps) - {"conv", "pool"}
    if unknown:
        raise UsageError(f"step {sorted(unknown)[0]!r}: a layer is reached by 'conv' and 'pool' steps")
    if maps.ndim not in (2, 3):
        raise UsageError(f"maps are (R, H, W) or (H, W), not {tuple(maps.shape)}")
    if min(maps.shape[-2:]) >> list(steps).count("pool") == 0:
        height, width = maps.shape[-2:]
        raise UsageError(f"maps of {width} x {height} are too small for {list(steps).count('pool')} pools")
    if mode == "inside":
        return 1 - propagate(1 - maps, steps, "all")
    found = maps if maps.ndim == 3 else maps[None]
    for step in steps:
        found = _conv(found, mode) if step == "conv" else _pool(found, mode)
    return found if maps.ndim == 3 else found[0]


def grow(maps: Tensor, k: int) -> Tensor:
    """Dilate `maps` (R, H, W) or (H, W) by a box of side 2k + 1 for k > 0, erode by one of side 2|k| + 1 for k < 0."""
    if k < 0:
        return 1 - grow(1 - maps, -k)
    if k == 0:
        return maps
    found = maps if maps.ndim == 3 else maps[None]
    # One axis at a time: a box's maximum is the maximum of maxima. No wider than the map: the rest is padding.
    down, across = (min(k, side - 1) for side in found.shape[1:])
    found = functional.max_pool2d(found, (2 * down + 1, 1), stride=1, padding=(down, 0))
    found = functional.max_pool2d(found, (1, 2 * across + 1), stride=1, padding=(0, across))
    return found if maps.ndim == 3 else found[0]


def boundary(maps: Tensor, width: int) -> Tensor:
    """Return (h, w): 1 where two regions of `maps` (R, h, w) meet within `width` pixels along each axis, else 0.

    Each pixel is of the region with the most weight there; where all maps are zero it is of none, which counts as one.
    """
    if width < 1:
        raise UsageError(f"a band of width {width}: give at least 1 pixel")
    winner = torch.where(maps.sum(0) > 0, maps.argmax(0), len(maps))
    one_hot = torch.stack([winner == index for index in range(len(maps) + 1)]).to(maps.dtype)
    return (grow(one_hot, width).sum(0) > 1).to(maps.dtype)


def _conv(maps: Tensor, mode: str) -> Tensor:
    if mode == "all":
        return functional.max_pool2d(maps, 3, stride=1, padding=1)
    if mode == "mean":
        return functional.avg_pool2d(functional.pad(maps[None], (1, 1, 1, 1), mode="replicate"), 3, stride=1)[0]
    return maps


def _pool(maps: Tensor, mode: str) -> Tensor:
    return functional.max_pool2d(maps, 2) if mode == "all" else functional.avg_pool2d(maps, 2)
