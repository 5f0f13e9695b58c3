"""How long things take on this machine, measured on a small part of them."""

import time
from collections.abc import Callable

import torch

from impasto.losses import PatchBank, PatchSource

MATCHED_SIDE = 40
"""Side in neurons of the maps whose patches are matched for time: of 512 channels that takes some hundredths of a
second."""


def timed(do: Callable[[], object], times: int) -> list[float]:
    """Return the seconds that each of so many calls of `do` takes."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        do()
        seconds.append(time.perf_counter() - began)
    return seconds


def seconds_per_pair(
    channels: int,
    size: int,
    stride: int,
    penalty: float = 0.0,
    capacity: float | None = None,
    precision: torch.dtype | None = None,
    side: int = MATCHED_SIDE,
) -> float:
    """Time the matching of patches, as `PatchBank.match`; return it for one neuron of the picture and one of a style.

    Maps have `side` neurons a side. Raises `ValueError` as `PatchBank` does.
    """
    one, other = torch.rand(2, channels, side, side, generator=torch.Generator().manual_seed(0)).unbind()
    bank = PatchBank([PatchSource(other)], size=size, stride=stride, precision=precision)
    return min(timed(lambda: bank.match(one, penalty=penalty, capacity=capacity), 3)) / side**4
