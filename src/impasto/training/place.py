"""Where a network is trained, and in which type its convolutions run."""

import torch

from impasto import encoders
from impasto.errors import ResourceError


def device(name: str) -> torch.device:
    """Return the device called `name`: auto, cpu or cuda. Raises `ResourceError` where there is none."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ResourceError("--device cuda: torch finds no such device here; use --device cpu")
    return torch.device(name)


def precision(name: str, place: torch.device) -> torch.dtype | None:
    """Return the type called `name`: auto (the faster on `place`), float32 (None) or bfloat16."""
    if name == "auto":
        half = torch.cuda.is_bf16_supported() if place.type == "cuda" else encoders.faster_precision() is torch.bfloat16
        name = "bfloat16" if half else "float32"
    return torch.bfloat16 if name == "bfloat16" else None
