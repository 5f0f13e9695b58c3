"""Whether a batch of crops can fit into memory at all, asked before anything is read."""

import torch

from impasto.errors import ResourceError
from impasto.optim import memory

CROPS_BYTES = 36
"""Bytes for each pixel of a batch where it is cut: three channels of four bytes, as read, stacked, and roughened."""
STEP_BYTES = 250
"""Bytes that a step keeps for each pixel of a batch, at the very least. The smallest training there is, a decoder of
relu1_1 in float32, was seen to take 510; narrower types halve what is kept."""


def check(crop: int, batch: int, device: torch.device) -> None:
    """Raise `ResourceError` where not even the smallest network could be trained on such crops here."""
    free = memory.available()
    needed = batch * crop**2 * (STEP_BYTES if device.type == "cpu" else CROPS_BYTES)
    if free is not None and needed > free:
        fits = max(32, int((free / needed) ** 0.5 * crop) // 32 * 32)
        raise ResourceError(
            f"--batch {batch} of --crop {crop} takes {needed / 2**30:.1f} GiB at the least, and {free / 2**30:.1f} GiB "
            f"are free; use a smaller --batch, or --crop {fits}, which may still be too large"
        )
