"""How much memory a painting will take, and how much there is."""

import os
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

ACTIVATION_BYTES = {"float32": 14, "bfloat16": 11}
"""Bytes at the peak per neuron of the encoder: its value, padded copy and gradient (benchmarks/paint.py)."""
PIXEL_BYTES = 500
"""Bytes per pixel beside that: pictures and scratch."""
PAIR_BYTES = 24
"""Bytes per pixel of one of L-BFGS's pairs."""


def predict(size: tuple[int, int], tensors: Mapping[str, Tensor], precision: str, pairs: int) -> int:
    """Estimate the peak in bytes of painting (height, width) with an encoder of these weights, in one piece.

    An upper estimate: 1.3 to 1.8 times what was seen with petite and VGG-19 (docs/performance.md).
    """
    neurons: float = sum(
        tensor.shape[0] / 4 ** (int(key[4]) - 1)
        for key, tensor in tensors.items()
        if key.startswith("conv") and key.endswith(".weight") and key[4:7] <= "5_1"
    )
    weights = sum(tensor.numel() * 4 for tensor in tensors.values())
    pixels = size[0] * size[1]
    return round(pixels * (neurons * ACTIVATION_BYTES[precision] + PIXEL_BYTES + pairs * PAIR_BYTES) + 2 * weights)


def available(root: Path = Path("/")) -> int | None:
    """Give the bytes this process may still use: the machine's or its control group's, whichever is less.

    None where neither can be told. `root` is for tests.
    """
    limits = []
    meminfo = _read(root / "proc/meminfo")
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            limits.append(int(line.split()[1]) * 1024)
    for limit, used in (
        ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        most, now = _read(root / limit).strip(), _read(root / used).strip()
        if most.isdigit() and now.isdigit():
            limits.append(max(0, int(most) - int(now)))
    if not limits and hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(limits) if limits else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
