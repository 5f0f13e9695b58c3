"""What every training is given, whatever it learns: pictures, crops, a seed, and what it runs on."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import torch

from impasto.optim import devices
from impasto.training import budget
from impasto.training.data import PictureStream


@dataclass(frozen=True)
class Training:
    """What a run trains, and on which data; each kind of training adds what is its own."""

    data: Sequence[Path]
    """Folders or tar files of pictures."""
    _: KW_ONLY
    held_out: Path | None = None
    """A folder of pictures that are measured on and never trained on."""
    batch: int = 4
    """Crops of a step."""
    crop: int = 192
    """Side of a crop, pixels."""
    seed: int = 0
    precision: str = "auto"
    """Type of the convolutions: auto, float32 or bfloat16."""
    device: str = "auto"
    """auto, cpu or cuda."""

    def place(self) -> tuple[torch.device, torch.dtype | None]:
        """Return the device and the type of its convolutions. Raises `ResourceError` where a step does not fit."""
        device = devices.choose(self.device, devices.FOR_TRAINING)
        budget.check(self.crop, self.batch, device)
        return device, devices.precision(self.precision, device)

    def stream(self, sources: Sequence[Path], number: int = 0, *, rough: bool = False) -> PictureStream:
        """Return crops of the pictures in `sources`, some of them with noise or mixed with another where `rough`.

        Streams of another `number` draw others.
        """
        return PictureStream(sources, crop=self.crop, batch=self.batch, seed=self.seed + number, rough=rough)

    def notes(self, steps: int, **more: object) -> dict[str, Any]:
        """Return what the trained file says of its training: these settings, and `more`."""
        return {"steps": steps, "batch": self.batch, "crop": self.crop, "seed": self.seed, **more}


def has_checkpoint(folder: Path) -> bool:
    """Return whether an earlier run left a checkpoint, which knows more than any start."""
    return any(folder.glob("checkpoint*.safetensors"))
