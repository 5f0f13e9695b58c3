"""Patterns that networks leave, found in spectra: the weave of a pooling grid, and a fine pattern on even parts."""

from itertools import pairwise

import torch
from torch import Tensor

from impasto.evaluation import luma
from impasto.evaluation.case import Case
from impasto.evaluation.metric import Measured
from impasto.evaluation.noise import ROUNDING

WEAVE_SIDE = 128
"""Pixels a side of the squares whose spectra are taken: a multiple of the periods, and 16 of the longest."""
PERIODS = (2, 4, 8)
"""Pixels: the steps of the first three pooling grids."""
BESIDE = (3, 8)
"""Bins of the spectrum, from and to, that a frequency is compared with: beyond the window's own width."""
FINE_SIDE = 32
"""Pixels a side of the squares in which a fine pattern is looked for: an even piece of cloth is no larger."""
FINE_BLUR = 4.0
"""Standard deviation in pixels of the blur whose deviation says how even a square is: it takes the pattern off."""
FINE_PART = 1 / 3
"""The part of the squares that are looked at, the most even ones."""
RINGS = (*(2 ** (number / 3 - 4) for number in range(9)), 0.47)
"""Edges in cycles a pixel of rings of the spectrum, thirds of octaves from 16 px to short of 2 px, where a grid of
every second pixel would stand out."""
FINE = (5, 6)
"""The rings of a fine pattern: periods of 3.2 to 5 px, finer than strokes and coarser than grain."""


def weave(case: Case) -> Measured:
    """Return the largest of six means over squares, in decibels; 0 where none stands out.

    They are of the energy at 1/2, 1/4 and 1/8 cycles a pixel over the trend, along rows and along columns.
    """
    ratios = spectra(case.lightness[0, 0])
    shown = ratios.flatten(0, 1).amax(0).clamp_min(0) if case.maps else None
    return Measured(max(0.0, float(ratios.mean((2, 3)).max())), shown)


def spectra(values: Tensor) -> Tensor:
    """Return how much each period of `PERIODS` stands out of each square of a plane (H, W), in decibels.

    (2, 3, y, x): along rows and along columns.
    """
    side = min(WEAVE_SIDE, *(size // 16 * 16 for size in values.shape))
    window = torch.hann_window(side, dtype=torch.float64)
    floor = ROUNDING**2 * side * 3 / 8  # what rounding adds to a bin under the window
    lines = []
    for squares in _squares(values, side):
        flat = squares.double()
        flat = flat - flat.mean((1, 2), keepdim=True)
        both = []
        for axis in (2, 1):
            power = torch.fft.rfft(flat * window.view((1, 1, side) if axis == 2 else (1, side, 1)), dim=axis)
            # Lines across the axis are averaged: their spectra are those of one pattern in different phases.
            power = power.abs().square().mean(3 - axis)
            both.append(_stand_out(10 * (power + floor).log10(), side))
        lines.append(torch.stack(both).movedim(2, 1))
    return torch.stack(lines, 2)


def _squares(values: Tensor, side: int) -> list[Tensor]:
    """Return lines of squares (x, side, side) that overlap by half, as many as fit."""
    step = side // 2
    return list(values.unfold(0, side, step).unfold(1, side, step))


def _stand_out(level: Tensor, side: int) -> Tensor:
    """Return how far levels (..., bins) at each period lie above a line in log-frequency through those beside them.

    Levels are in decibels; (..., 3). The spectra of photographs and paintings are such lines.
    """
    heights = []
    last = level.shape[-1] - 1
    for period in PERIODS:
        at = side // period
        beside = [at + sign * off for off in range(BESIDE[0], BESIDE[1] + 1) for sign in (-1, 1)]
        beside = [number for number in beside if 0 < number <= last]
        distance = (torch.tensor(beside, dtype=level.dtype) / at).log2()
        # The weights of least squares: the value of the line at the frequency itself.
        weights = torch.linalg.pinv(torch.stack([torch.ones_like(distance), distance], 1))[0]
        heights.append(level[..., at] - level[..., beside] @ weights)
    return torch.stack(heights, -1)


def fine_pattern(case: Case) -> Measured:
    """Return how far periods of 3.2 to 5 px stand out of the spectrum of the most even parts, in decibels, >= 0.

    Strands of three or four pixels have no fixed phase, and no line of their own in a spectrum as a weave has.
    """
    plane = case.lightness
    level, even = _rings(plane)
    chosen = even <= even.flatten().kthvalue(max(1, round(FINE_PART * even.numel()))).values
    shown = (_excess(level).clamp_min(0) * chosen) if case.maps else None
    return Measured(max(0.0, float(_excess(level[chosen].mean(0)))), shown)


def _rings(plane: Tensor) -> tuple[Tensor, Tensor]:
    """Return the levels (y, x, rings) in decibels of the spectra of squares of a plane (1, 1, H, W), and how even they
    are, (y, x): the deviation of the square when it is blurred.
    """
    side = FINE_SIDE
    line = torch.hann_window(side, dtype=torch.float64)
    window = line[:, None] * line
    floor = ROUNDING**2 * float(window.square().sum())
    across = torch.fft.fftfreq(side, dtype=torch.float64)
    radius = (across[:, None] ** 2 + across[: side // 2 + 1] ** 2).sqrt()
    inside = [(radius >= low) & (radius < high) for low, high in pairwise(RINGS)]
    blurred = luma.blurred(plane, FINE_BLUR)[0, 0]
    levels, even = [], []
    for squares, smooth in zip(_squares(plane[0, 0], side), _squares(blurred, side), strict=True):
        flat = squares.double()
        power = torch.fft.rfft2((flat - flat.mean((1, 2), keepdim=True)) * window).abs().square()
        levels.append(torch.stack([10 * (power[:, ring].mean(1) + floor).log10() for ring in inside], 1))
        even.append(smooth.double().std((1, 2)))
    return torch.stack(levels), torch.stack(even)


def _excess(level: Tensor) -> Tensor:
    """Return how far the rings of a fine pattern lie above the trend of the others, (...) of levels (..., rings).

    The trend a + b·log f + c·f² is a power law that was blurred, or sharpened: neither is a pattern.
    """
    middle = torch.tensor([(low * high) ** 0.5 for low, high in pairwise(RINGS)], dtype=level.dtype)
    terms = torch.stack([torch.ones_like(middle), middle.log2(), middle.square()], 1)
    others = [number for number in range(len(middle)) if number not in FINE]
    weights = terms[list(FINE)].mean(0) @ torch.linalg.pinv(terms[others])
    excess: Tensor = level[..., list(FINE)].mean(-1) - level[..., others] @ weights
    return excess
