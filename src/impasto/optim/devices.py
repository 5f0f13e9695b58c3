"""Where a painting or a training is computed, and in which type its convolutions run."""

import math
import time
from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import ResourceError
from impasto.optim import parallel

KINDS = ("cpu", "mps", "cuda")
"""What pictures are painted on."""
FOR_TRAINING = ("cpu", "cuda")
"""What networks are trained on: the kinds that trainings have been run on."""
PROBES = ((64, 64), (128, 96), (64, 128))
"""Channels and sides of the layers that are timed."""
PROBE_S = 0.4
"""How many seconds each may take to show which type is faster."""
HOPELESS = 3.0
"""Times as long as float32 that bfloat16 takes where the CPU only emulates it: from here on nothing more is measured.

A processor that computes in bfloat16 needs at most about as long, and other work slows one of several rounds, not all.
"""


def choose(name: str = "auto", kinds: Sequence[str] = KINDS) -> torch.device:
    """Return the device called `name`, one of `kinds`; `auto` is the last of those that this machine has.

    Raises `ResourceError` for a device that torch does not know or this machine does not have.
    """
    there = [kind for kind in present() if kind in kinds]
    if name == "auto":
        return torch.device(there[-1])
    kind, _, number = name.partition(":")
    if kind not in there or (number and not (kind == "cuda" and number.isdigit())):
        raise ResourceError(f"device '{name[:40]}' is not on this machine; choose from auto, {', '.join(there)}")
    if number and int(number) >= (count := torch.cuda.device_count()):
        raise ResourceError(f"device '{name[:40]}': this machine has cuda:0 to cuda:{count - 1}")
    return torch.device(name)


def present() -> list[str]:
    """Return the kinds of device there are, the one to prefer last."""
    kinds = ["cpu"]
    if torch.backends.mps.is_available():
        kinds.append("mps")
    if torch.cuda.is_available():
        kinds.append("cuda")
    return kinds


def precision(name: str, device: torch.device) -> torch.dtype | None:
    """Return the type called `name` that convolutions run in: `auto`, `float32` or `bfloat16`; None means float32.

    `auto` is the faster one on `device`, and the same in all processes of one painting or training.
    """
    if name == "auto":
        # Measured: of several processes, each may find something else.
        wide = parallel.maximum(faster_precision(device) is not torch.bfloat16)
        name = "float32" if wide else "bfloat16"
    return torch.bfloat16 if name == "bfloat16" else None


def faster_precision(device: torch.device) -> torch.dtype:
    """Return the type in which `device` convolves faster: bfloat16 only where it clearly is."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return _faster_on_cpu() if device.type == "cpu" else torch.float32


@cache
def _faster_on_cpu() -> torch.dtype:
    """Return the type in which this CPU convolves faster, measured once a process."""

    def once(x: Tensor, weight: Tensor) -> float:
        began = time.perf_counter()
        F.conv2d(x, weight, padding=1)
        return time.perf_counter() - began

    fraction = math.inf
    with torch.no_grad():
        deadline = time.perf_counter() + PROBE_S
        # Layers of several shapes: beside other work, now one of them shows the difference and now another. Where
        # bfloat16 does not pay, none does, and mostly it is many times slower.
        for channels, side in PROBES:
            cases = [
                (
                    torch.zeros(1, channels, side, side, dtype=kind).contiguous(memory_format=torch.channels_last),
                    torch.zeros(channels, channels, 3, 3, dtype=kind),
                )
                for kind in (torch.float32, torch.bfloat16)
            ]
            best = [math.inf, math.inf]
            rounds = 0
            while rounds < 12 or (best[1] > 0.7 * best[0] and time.perf_counter() < deadline):
                best = [min(least, once(*case)) for least, case in zip(best, cases, strict=True)]
                rounds += 1
                if rounds >= 3 and best[1] > HOPELESS * best[0]:
                    return torch.float32
            fraction = min(fraction, best[1] / best[0])
            if fraction < 0.7:
                break
            deadline += PROBE_S
    return torch.bfloat16 if fraction < 0.8 else torch.float32
