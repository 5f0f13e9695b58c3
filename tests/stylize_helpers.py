"""Short forms for what the tests of `stylize` look at."""

from collections.abc import Callable

import torch

from impasto.images import Picture
from impasto.painting.stylizer import Stylizer
from impasto.result import Result

Build = Callable[..., Stylizer]
"""A fixture that begins a small painting, changed by keywords."""
Paint = Callable[..., Result]
"""A fixture that paints one."""


def pixels(result: Result) -> torch.Tensor:
    """(1, 3, H, W)."""
    return result.picture.pixels


def finite(result: Result) -> bool:
    return bool(torch.isfinite(pixels(result)).all())


def with_alpha(rgb: torch.Tensor, alpha: torch.Tensor) -> Picture:
    """A picture of (3, H, W) colours with an (H, W) alpha."""
    return Picture(rgb[None].clone(), alpha[None, None].clone(), name="cut-out")


def halves(height: int, width: int, share: float = 0.5) -> torch.Tensor:
    """(2, H, W): left and right."""
    left = (torch.arange(width) < share * width).float().expand(height, width)
    return torch.stack([left, 1 - left])


def gone_on_with(begin: Callable[[], Stylizer], taken: int) -> Result:
    """What a painting ends as that was interrupted after so many steps, and gone on with by another `Stylizer`."""
    first, second = begin(), begin()
    steps = iter(first)
    for _ in range(taken):
        next(steps)
    saved = first.checkpoint()
    steps.close()
    second.restore(saved)
    for _ in second:
        pass
    return second.result()
