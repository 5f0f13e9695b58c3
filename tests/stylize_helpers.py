"""Short forms for what the tests of `stylize` look at."""

import torch

from impasto.images import Picture
from impasto.result import Result


def pixels(result: Result) -> torch.Tensor:
    """(1, 3, H, W)."""
    return result.picture.pixels


def finite(result: Result) -> bool:
    return bool(torch.isfinite(pixels(result)).all())


def with_alpha(rgb: torch.Tensor, alpha: torch.Tensor) -> Picture:
    """A picture of (3, H, W) colours with an (H, W) alpha."""
    return Picture(rgb[None].clone(), alpha[None, None].clone(), name="cut-out")
