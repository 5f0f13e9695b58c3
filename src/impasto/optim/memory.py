"""How much memory a painting will take, and how much there is."""

import contextlib
import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from impasto.limits import available as available
from impasto.limits import resident as resident
from impasto.optim.history import HistoryStorage

Result = TypeVar("Result")

NEURON_BYTES = {"float32": 7, "bfloat16": 4}
"""Bytes per neuron at the peak of forward and backward: its value, and its share of gradients and scratch. This and the
next fitted to what was seen with petite and VGG-19 (benchmarks/scale.py)."""
ENCODED_BYTES = {"float32": 350, "bfloat16": 480}
"""Bytes per pixel that is encoded, whatever the encoder: the first layer's padded maps, sums, and gaps in the heap."""
FRAGMENTATION = 1.2
"""The room for tiles over what one of them needs: the C library's heap has gaps after some of them. As seen in
benchmarks/scale.py."""
STARTUP_BYTES = 60 << 20
"""The bytes that a painting takes whatever its size: oneDNN's compiled kernels, and what the allocator holds on to."""
FLOAT32_BYTES = 4
"""The bytes of one float32, the type of pictures, gradients and L-BFGS's pairs."""


@dataclass(frozen=True)
class Work:
    """What of a painting decides on its memory, whatever its size. `..._bytes` are per pixel of the level."""

    neurons: float
    """Of all convolutions down to the deepest layer that is compared, per pixel."""
    precision: str
    weight_bytes: int = 0
    """In all."""
    target_bytes: float = 0.0
    """Content targets in float32."""
    solver: str = "lbfgs"
    pairs: int = 12
    channels: int = 3
    """Of the canvas."""
    averaged: bool = False
    """The mean of the last points is kept beside them."""
    viewed: bool = False
    """The canvas is not the picture itself: there are both, and what is kept of the photograph."""
    areas: int = 0
    """Regions that are compared apart, each with a guide for every style layer."""
    style_scale: float = 1.0
    """Pixels of the largest style over those of the canvas."""
    sample_bytes: float = 0.0
    """Copies of features that statistics make which sort."""
    recolored: bool = False
    """Colours are matched, at full size and in float64."""


def bytes_of_evaluation(
    work: Work, pixels: int, encoded: int, storage: HistoryStorage, *, tiled: bool, steps: int
) -> int:
    """Return the bytes while `pixels` are evaluated for the last of `steps`, so many of them `encoded` at a time."""
    plane = pixels * FLOAT32_BYTES
    point = plane * work.channels
    # The point, the gradient, and the old gradient and the trial; or Adam's two moments.
    total: float = (3 + (not storage.file) + work.averaged) * point
    if work.solver == "lbfgs" and not storage.off_device:
        total += 2 * min(work.pairs, steps) * point * (0.5 if storage.narrow else 1)
    if work.viewed:
        # The picture shown last, the one evaluated now, its gradient, the photograph and what is kept of it.
        total += 13 * plane
    total += pixels * work.target_bytes * (0.5 if tiled and work.precision == "bfloat16" else 1)
    total += 1.4 * plane * work.areas + encoded * work.sample_bytes
    scratch = encoded * (work.neurons * NEURON_BYTES[work.precision] + ENCODED_BYTES[work.precision])
    return round(total + scratch * (FRAGMENTATION if tiled else 1))


def bytes_outside_steps(work: Work, pixels: int) -> int:
    """Return the most bytes before or after the steps: pictures that are resized, matched and saved."""
    picture = 3 * pixels * FLOAT32_BYTES
    resized = 2 + 2 * work.style_scale + 3 * work.areas / 3
    return round(picture * max(3.5, resized, (2 + 6 * (1 + work.style_scale)) * work.recolored))


def trim() -> None:
    """Hand back to the system what the C library holds on to: after many tiles that is as much as one of them."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another system, another library
        ctypes.CDLL(None).malloc_trim(0)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that there was not enough memory."""
    # torch tells of memory in words: its CPU allocator, cuDNN and MPS raise a plain RuntimeError.
    words = ("allocate memory", "out of memory", "ALLOC_FAILED", "bad_alloc")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(word in str(error) for word in words)


def retry_smaller(do: Callable[[], Result], shrink: Callable[[], bool]) -> Result:
    """Return what `do` returns; where memory runs out, try once more as often as `shrink` makes it need less.

    Raises what `do` does, when `shrink` says that it cannot.
    """
    while True:
        try:
            return do()
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error) or not shrink():
                raise
        # Only now, with the error, are the tensors let go that its traceback held.
        trim()
        torch.cuda.empty_cache()


def free_on_device(device: torch.device) -> int | None:
    """Return the bytes that are free on a device with memory of its own; None where it cannot be told."""
    return int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else None
