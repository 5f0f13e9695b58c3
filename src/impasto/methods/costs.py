"""What terms cost beside the encoder: values a pixel, and the time of what is matched."""

import time
from collections.abc import Callable

import torch

from impasto.encoders import Encoder
from impasto.losses import PatchBank, PatchSource

MATCHED = 40
"""Side in neurons of the maps whose patches are matched for time."""


def timed(do: Callable[[], object], times: int) -> list[float]:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        do()
        found.append(time.perf_counter() - began)
    return found


def seconds_per_pair(
    channels: int,
    size: int,
    stride: int,
    penalty: float = 0.0,
    capacity: float | None = None,
    precision: torch.dtype | None = None,
) -> float:
    """Time the matching of patches; return it for one neuron of the picture and one of a painting."""
    one, other = torch.rand(2, channels, MATCHED, MATCHED, generator=torch.Generator().manual_seed(0)).unbind()
    bank = PatchBank([PatchSource(other)], size=size, stride=stride, precision=precision)
    return min(timed(lambda: bank.match(one, penalty=penalty, capacity=capacity), 3)) / MATCHED**4


def density(encoder: Encoder, layer: str) -> float:
    """Return the values that the encoder returns for a layer, per pixel."""
    return width_of(encoder, layer) / encoder.stride(layer) ** 2


def width_of(encoder: Encoder, layer: str) -> int:
    """Return the channels that the encoder returns for a layer."""
    lift = encoder.lift(layer)
    return encoder.channels[layer] if lift is None else lift.shape[1]
