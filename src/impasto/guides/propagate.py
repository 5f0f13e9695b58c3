"""From maps over the picture to maps over a layer's neurons."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as functional
from torch import Tensor

from impasto.errors import UsageError

Step = Literal["conv", "pool"] | tuple[int, int]
"""A window and its stride in neurons: a 3x3 convolution, a 2x2 pool, or (side, stride) of any other."""
_NAMED: dict[str, tuple[int, int]] = {"conv": (3, 1), "pool": (2, 2)}

Mode = Literal["simple", "mean", "all", "inside"]
MODES: tuple[Mode, ...] = ("simple", "mean", "all", "inside")


def propagate(maps: Tensor, steps: Sequence[Step], mode: Mode) -> Tensor:
    """Take `maps` (R, H, W) or (H, W) in [0, 1] through the steps to a layer, as an encoder's `steps` gives them.

    simple: the mean over the neuron's own cell (strides only). mean: each step averages, so the weight is that of a
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
    windows = [_window(step) for step in steps]
    if maps.ndim not in (2, 3):
        raise UsageError(f"maps are (R, H, W) or (H, W), not {tuple(maps.shape)}")
    if min(maps.shape[-2:]) < math.prod(stride for _, stride in windows):
        height, width = maps.shape[-2:]
        pools = sum(stride > 1 for _, stride in windows)
        raise UsageError(f"maps of {width} x {height} are too small for {pools} pools")
    if mode == "inside":
        return 1 - propagate(1 - maps, steps, "all")
    propagated = maps if maps.ndim == 3 else maps[None]
    for side, stride in windows:
        propagated = _taken(propagated, side, stride, mode)
    return propagated if maps.ndim == 3 else propagated[0]


def grow(maps: Tensor, k: int) -> Tensor:
    """Dilate `maps` (R, H, W) or (H, W) by a box of side 2k + 1 for k > 0, erode by one of side 2|k| + 1 for k < 0."""
    if k < 0:
        return 1 - grow(1 - maps, -k)
    if k == 0:
        return maps
    grown = maps if maps.ndim == 3 else maps[None]
    # One axis at a time: a box's maximum is the maximum of maxima. No wider than the map: the rest is padding.
    down, across = (min(k, side - 1) for side in grown.shape[1:])
    grown = functional.max_pool2d(grown, (2 * down + 1, 1), stride=1, padding=(down, 0))
    grown = functional.max_pool2d(grown, (1, 2 * across + 1), stride=1, padding=(0, across))
    return grown if maps.ndim == 3 else grown[0]


def boundary(maps: Tensor, width: int) -> Tensor:
    """Return (h, w): 1 where two regions of `maps` (R, h, w) meet within `width` pixels along each axis, else 0.

    Each pixel is of the region with the most weight there; where all maps are zero it is of none, which counts as one.
    """
    if width < 1:
        raise UsageError(f"a band of width {width}: give at least 1 pixel")
    winner = torch.where(maps.sum(0) > 0, maps.argmax(0), len(maps))
    one_hot = torch.stack([winner == index for index in range(len(maps) + 1)]).to(maps.dtype)
    return (grow(one_hot, width).sum(0) > 1).to(maps.dtype)


def _window(step: Step) -> tuple[int, int]:
    window = _NAMED.get(step, (0, 0)) if isinstance(step, str) else step
    if min(window) < 1:
        raise UsageError(f"step {step!r}: a layer is reached by 'conv' and 'pool' steps, or (side, stride) of others")
    return window


def _taken(maps: Tensor, side: int, stride: int, mode: str) -> Tensor:
    """Take maps (R, h, w) to the neurons whose windows have this side and stride; each lies about its own cell."""
    if mode == "simple":
        return maps if stride == 1 else functional.avg_pool2d(maps, stride)
    around = max(0, side - stride)
    before, after = around // 2, around - around // 2
    if around:
        maps = functional.pad(maps[None], (before, after, before, after), mode="replicate")[0]
    return functional.max_pool2d(maps, side, stride) if mode == "all" else functional.avg_pool2d(maps, side, stride)
