"""Lightness, its edges and its structural similarity: what metrics see without an encoder."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import color

BAND = 1 << 20
"""Pixels of a band of a picture that is looked at band by band: 8 MiB a plane in float64."""
SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
SSIM_SIDE, SSIM_SIGMA = 11, 1.5
"""The window of Wang et al. 2004: pixels a side, and standard deviation."""
SSIM_K = (0.01, 0.03)
"""Its constants, as parts of the range of values (ibid.)."""


def lightness(pixels: Tensor) -> Tensor:
    """Return OKLab's L (1, 1, H, W) in [0, 1] of `pixels` (1, 3, H, W), sRGB."""
    return torch.cat([color.to_oklab(pixels[:, :, rows])[:, :1].clamp(0, 1) for rows in bands(pixels)], 2)


def bands(pixels: Tensor, beside: int = 0) -> Iterator[slice]:
    """Yield the rows of bands of a picture (..., H, W) of some `BAND` pixels each, one band where that is enough.

    Each has `beside` rows of the next one at its end.
    """
    height, width = pixels.shape[-2:]
    step = max(1, BAND // width)
    for begin in range(0, max(1, height - beside), step):
        yield slice(begin, min(height, begin + step + beside))


def slopes(values: Tensor) -> Tensor:
    """Return the magnitude (1, 1, H, W) of the Sobel slopes of `values`, borders replicated.

    Scaled so that a step of 1 along an axis has the magnitude 1.
    """
    kernel = torch.tensor(SOBEL, dtype=values.dtype, device=values.device) / 4
    framed = F.pad(values, (1, 1, 1, 1), mode="replicate")
    along = F.conv2d(framed, torch.stack([kernel, kernel.T])[:, None])
    return along.square().sum(1, keepdim=True).sqrt()


def gaussian(sigma: float, reach: int) -> Tensor:
    """Return the weights (2·reach + 1,) of a Gaussian; they add to 1."""
    at = torch.arange(-reach, reach + 1, dtype=torch.float64)
    weights = torch.exp(-at.square() / (2 * sigma**2))
    return weights / weights.sum()


def blurred(values: Tensor, sigma: float, *, valid: bool = False, reach: int | None = None) -> Tensor:
    """Blur `values` (B, 1, H, W) by a Gaussian; borders are replicated, or with `valid` left out."""
    reach = math.ceil(3 * sigma) if reach is None else reach
    weights = gaussian(sigma, reach).to(values)
    if not valid:
        values = F.pad(values, (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(values, weights[None, None, :, None]), weights[None, None, None, :])


def ssim_map(one: Tensor, other: Tensor, highest: float = 1.0) -> Tensor:
    """Return the structural similarity (1, 1, H - 10, W - 10) of two planes (1, 1, H, W) with values up to `highest`.

    Wang et al. 2004, with their Gaussian window, where it lies inside of the picture.
    """
    return Windows.of(one).ssim_map(Windows.of(other), highest)


@dataclass(frozen=True)
class Windows:
    """A plane with what structural similarity asks of it alone, to be compared with many."""

    values: Tensor
    """(1, 1, H, W) in float64."""
    mean: Tensor
    """(1, 1, H - 10, W - 10): of the window at each place."""
    variance: Tensor

    @classmethod
    def of(cls, values: Tensor) -> "Windows":
        """Measure the windows of a plane (1, 1, H, W)."""
        values = values.double()
        mean, squares = _windowed(values), _windowed(values * values)
        return cls(values, mean, squares - mean**2)

    def ssim_map(self, other: "Windows", highest: float = 1.0) -> Tensor:
        """Return the structural similarity with another plane, as `ssim_map` does."""
        first, second = ((k * highest) ** 2 for k in SSIM_K)
        covariance = _windowed(self.values * other.values) - self.mean * other.mean
        above = (2 * self.mean * other.mean + first) * (2 * covariance + second)
        below = (self.mean**2 + other.mean**2 + first) * (self.variance + other.variance + second)
        return above / below


def _windowed(values: Tensor) -> Tensor:
    return blurred(values, SSIM_SIGMA, valid=True, reach=SSIM_SIDE // 2)
