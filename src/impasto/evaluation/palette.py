"""Histograms of colours: of each channel, and of the ratios of channels (HistoGAN's RGB-uv)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto import images
from impasto.losses.statistics import TINY

CHANNEL_BINS = 128
"""Of each channel, over [0, 1] (Wang et al. 2021, whose code spans each picture's own range instead)."""
UV_BINS, UV_REACH, UV_WIDTH = 64, 3.0, 0.02
"""Bins a side, the largest log-ratio and the half width of the kernel (Afifi et al. 2021)."""
UV_SIDE = 256
"""Long side in pixels of the picture that is counted (the setting of Chung et al. 2024)."""
UV_CHUNK = 1024
"""Pixels that are counted at a time: their three kernels, 0.8 MiB, stay in the cache."""
PAIRS = ((0, 1), (0, 2), (1, 2))
"""Channels whose log-ratios are taken; the others are those turned over."""
DARKEST = 1e-6
"""Added to channels before their logarithm (Afifi et al. 2021)."""


def channels(pixels: Tensor) -> Tensor:
    """Return the histograms (3, 128) of the channels of `pixels` (1, 3, H, W), each with the sum 1."""
    counts = []
    for channel in pixels[0].flatten(1):
        levels = (channel.clamp(0, 1) * CHANNEL_BINS).long().clamp_max(CHANNEL_BINS - 1)
        counts.append(torch.bincount(levels, minlength=CHANNEL_BINS))
    return torch.stack(counts).double() / (pixels.shape[2] * pixels.shape[3])


def ratios(pixels: Tensor, guide: Tensor | None = None) -> Tensor:
    """Return the histogram (3, 64, 64) of log-ratios of channels of `pixels` (1, 3, H, W); its sum is 1.

    For each channel, the pixels' log-ratios to the other two, each pixel as much as it is bright, over [-3, 3] with an
    inverse quadratic kernel (Afifi et al. 2021, eq. 1-3). `guide` (h, w) >= 0 weighs places, as large as it likes.
    """
    size = (pixels.shape[2], pixels.shape[3])
    small = images.resize(pixels, images.fit_size(size, min(UV_SIDE, max(size))))
    flat = small[0].flatten(1).clamp(0, 1).double()
    bright = (flat.square().sum(0) + DARKEST).sqrt()
    if guide is not None:
        bright = bright * images.resize(guide[None, None].clamp(0, 1), (small.shape[2], small.shape[3])).flatten()
    logs = (flat + DARKEST).log()
    turned = torch.zeros(3, UV_BINS, UV_BINS, dtype=flat.dtype)
    for begin in range(0, flat.shape[1], UV_CHUNK):
        part = slice(begin, begin + UV_CHUNK)
        red_green, red_blue, green_blue = (_kernel(logs[one, part] - logs[other, part]) for one, other in PAIRS)
        weight = bright[part].float()
        of_green = red_green.mul_(weight)
        turned[0] += of_green @ red_blue.T
        turned[1] += of_green @ green_blue.T
        turned[2] += red_blue.mul_(weight) @ green_blue.T
    # log(g/r) is -log(r/g), and the bins lie evenly about 0: histograms of one are those of the other turned over.
    histogram = torch.stack([turned[0], turned[1].flip(0), turned[2].flip(0, 1)])
    return histogram / histogram.sum().clamp_min(TINY)


def hellinger(one: Tensor, other: Tensor) -> float:
    """Return the Hellinger distance √(1 - Σ√(p q)) of two histograms with the sum 1, in [0, 1]."""
    # As half the squares of the differences, which does not cancel where the histograms are alike.
    return float(((one.sqrt() - other.sqrt()).square().sum() / 2).clamp(0, 1).sqrt())


def blended(histograms: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Return the weighted mean of histograms."""
    return torch.stack([weight * histogram for weight, histogram in zip(weights, histograms, strict=True)]).sum(0)


def _kernel(values: Tensor) -> Tensor:
    """Return how much each of `values` (n,) adds to each bin, (64, n) in float32; differences are taken in float64."""
    middles = torch.linspace(-UV_REACH, UV_REACH, UV_BINS, dtype=values.dtype) / UV_WIDTH
    away = (values / UV_WIDTH - middles[:, None]).float()
    return away.square_().add_(1).reciprocal_()
