"""What a painting may use: the device, memory, and how large tiles may be."""

from dataclasses import dataclass

import torch

from impasto.optim import memory, parallel
from impasto.optim.planner import Tiling


@dataclass(frozen=True)
class Resources:
    """What a painting may use. The picture does not depend on it, but for rounding.

    `tile` is the side in pixels of a square of as many pixels as a tile may have, or `auto`, or `off`; `memory` is in
    bytes for the whole process, None: what is free.
    """

    device: torch.device
    tile: Tiling = "auto"
    memory: int | None = None

    def free(self) -> int | None:
        """Return the bytes that painting may use beside what the process has already; None where there is no telling.

        Of several processes, all give the least; those of one machine share what is free there.
        """
        on_device = memory.on_device(self.device)
        if on_device is not None:
            found: int | None = on_device if self.memory is None else min(on_device, self.memory)
        elif self.memory is not None:
            found = self.memory - memory.resident()
        elif (found := memory.available()) is not None:
            found //= parallel.neighbors()
        return parallel.least(found)
