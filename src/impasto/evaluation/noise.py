"""Faults of the picture itself: residual noise, dead borders, clipped colours."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.evaluation import luma
from impasto.evaluation.case import Case
from impasto.evaluation.metric import Measured
from impasto.evaluation.panel import Panel

SMOOTH = 2.0
"""Standard deviation in pixels of the blur before edges are looked for: noise is no edge."""
ROUNDING = 1 / (255 * math.sqrt(12))
"""Standard deviation of what rounding to 8 bits adds: no picture is taken to have less noise."""
FRAME = 8
"""Pixels of the border that are compared with as many beside them."""
EPSILON = 1 / 2550
"""A tenth of a level of 8 bits: added to slopes, so that flat parts have a finite ratio."""


def residual_noise(case: Case) -> Measured:
    """Return the standard deviation of noise away from edges, over the style's own."""
    own, where = noise(case.lightness, mapped=case.maps)
    style = sum(weight * _level(panel) for weight, panel in zip(case.weights, case.textures, strict=True))
    return Measured(own / max(style, ROUNDING), None if where is None else where / max(style, ROUNDING))


def _level(panel: Panel) -> float:
    return float(panel.fact("noise", lambda: noise(luma.lightness(panel.pixels), mapped=False)[0]))


def noise(values: Tensor, *, mapped: bool) -> tuple[float, Tensor | None]:
    """Return the standard deviation of the noise in a plane (1, 1, H, W); `mapped`: also where it is (H - 2, W - 2).

    From the mean of |x * N| over the half of the places with the least slope, N the difference of two Laplacians, which
    planes and single steps leave alone (Immerkaer 1996); exact for Gaussian noise.
    """
    kernel = values.new_tensor([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])
    rough = F.conv2d(values, kernel[None, None])[0, 0].abs() * (math.sqrt(math.pi / 2) / 6)
    slopes = luma.slopes(luma.blurred(values, SMOOTH))[0, 0, 1:-1, 1:-1]
    flat = slopes <= slopes.flatten().kthvalue((slopes.numel() + 1) // 2).values
    where = luma.blurred((rough * flat)[None, None], SMOOTH)[0, 0] if mapped else None
    return float(rough[flat].double().mean()), where


def border(case: Case) -> Measured:
    """Return how unlike a frame of 8 px is to the 8 px beside it: in its slopes' energy, and by being their mirror."""
    return Measured(frame(case.lightness[0, 0]))


def frame(values: Tensor) -> float:
    """Return the mean over the sides of a plane (H, W) of |log2 of the ratio of slopes| plus the mirror's correlation.

    Slopes are differences along the side, which a dead frame does not have. A mirrored frame has those of what it
    mirrors; then its fine structure is that beside it, in reverse order of rows.
    """
    kernel = values.new_tensor([[0.0, -1.0, 0.0], [-1.0, 4.0, -1.0], [0.0, -1.0, 0.0]])
    fine = F.conv2d(F.pad(values[None, None], (1, 1, 1, 1), mode="replicate"), kernel[None, None])[0, 0]
    total = 0.0
    for turn in range(4):
        plane, details = (torch.rot90(unturned, turn, (0, 1)) for unturned in (values, fine))
        one, other = (
            float(rows.diff(dim=1).abs().mean()) + EPSILON for rows in (plane[:FRAME], plane[FRAME : 2 * FRAME])
        )
        total += abs(math.log2(one / other)) + _mirrored(details)
    return total / 4


def _mirrored(details: Tensor) -> float:
    """Return how much better the first rows of a plane correlate with those beside them mirrored than moved, >= 0.

    What runs across the border, as the trunks of trees, is alike both ways. The mirror may be a row or lie between
    two; rows next to it look alike in any picture and are left out, and so is the first, which was padded.
    """
    rows = torch.arange(1, FRAME - 2)
    moved = _correlation(details[rows], details[rows + FRAME])
    mirrored = max(_correlation(details[rows], details[axis - rows]) for axis in (2 * FRAME - 1, 2 * FRAME))
    return max(0.0, mirrored - max(0.0, moved))


def _correlation(one: Tensor, other: Tensor) -> float:
    a, b = one.double(), other.double()
    lengths = float(a.norm() * b.norm())
    return 0.0 if lengths < EPSILON**2 * a.numel() else float((a * b).sum()) / lengths


def clipping(case: Case) -> Measured:
    """Return the part of all channel values that are the least or the most that 8 bits hold."""
    clipped = (case.pixels < 0.5 / 255) | (case.pixels > 254.5 / 255)
    return Measured(int(clipped.sum()) / clipped.numel(), clipped[0].float().mean(0) if case.maps else None)
