"""The frames of a clip that are in memory at once: what is left beside them is what painting may use."""

from dataclasses import replace

from impasto.errors import ResourceError
from impasto.optim import memory
from impasto.optim.resources import Resources
from impasto.optim.tile_planner import format_bytes

PHOTOGRAPHS = 7
"""Photographs at most: two that were read ahead and one that is read, two with their flow and one whose flow is found,
and the one that is painted."""
PAINTINGS = 12
"""Paintings, and as large ones that are made of them, at most: four that wait to be encoded and one that is, the one
that is painted and the one before, that one moved, and four parts of a blend."""
BYTES = 12
"""Of a pixel: three channels of float32."""
LEAST = 256 << 20
"""Bytes below which frames are not counted: as much as estimates of the painting itself are off."""


def bytes_of_frames(source: tuple[int, int], painted: tuple[int, int]) -> int:
    """Return the bytes of the frames that are in memory at once, from (height, width) of both kinds."""
    return BYTES * (PHOTOGRAPHS * source[0] * source[1] + PAINTINGS * painted[0] * painted[1])


def beside_frames(resources: Resources, source: tuple[int, int], painted: tuple[int, int]) -> Resources:
    """Return what painting may use beside the frames. Raises `ResourceError` where these alone do not fit."""
    held, free = bytes_of_frames(source, painted), resources.free()
    if free is None or held < LEAST or resources.device.type == "cuda":
        return resources
    if held >= free:
        fits = max(painted) * (max(0.0, free - BYTES * PHOTOGRAPHS * source[0] * source[1]) / held) ** 0.5
        side = int(fits) // 64 * 64
        remedy = f"--size {side} would fit" if side else "make the film smaller in another program"
        raise ResourceError(
            f"frames of {source[1]}x{source[0]} px, painted at {painted[1]}x{painted[0]}, take about "
            f"{format_bytes(held)} of memory while they are read and written, and {format_bytes(max(0, free))} are "
            f"free; {remedy}, or use --memory if there is more"
        )
    return replace(resources, memory=free - held + memory.resident())
