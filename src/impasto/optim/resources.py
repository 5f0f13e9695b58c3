"""What a painting may use: the device, memory, and how large tiles may be."""

from dataclasses import dataclass

import torch

from impasto.optim import devices, memory, parallel
from impasto.optim.tile_planner import Tiling


@dataclass(frozen=True)
class Resources:
    """What a painting may use. The picture does not depend on it, but for rounding.

    `tile` is the side in pixels of a square of as many pixels as a tile may have, or `auto`, or `off`; `memory` is in
    bytes for the whole process, None: what is free.
    """

    device: torch.device
    tile: Tiling = "auto"
    memory: int | None = None

    @classmethod
    def choose(cls, device: str = "auto", tile: Tiling = "auto", memory: int | None = None) -> "Resources":
        """Return the resources on the device called auto, cpu, cuda or mps.

        Raises `ResourceError` and `UsageError` as `devices.choose` and `parallel.device_of_process` do.
        """
        return cls(parallel.device_of_process(devices.choose(device)), tile, memory)

    def free(self) -> int | None:
        """Return the bytes that painting may use beside what the process has already; None where there is no telling.

        Of several processes, all return the least; those of one machine share what is free there.
        """
        on_device = memory.free_on_device(self.device)
        if on_device is not None:
            free: int | None = on_device if self.memory is None else min(on_device, self.memory)
        elif self.memory is not None:
            free = self.memory - memory.resident()
        elif (free := memory.available()) is not None:
            free //= parallel.processes_on_this_machine()
        return parallel.minimum(free)
