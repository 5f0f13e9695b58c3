"""Heat maps: where in a result a metric finds what it counts."""

from dataclasses import dataclass

import torch
from torch import Tensor

from impasto import color, images
from impasto.images import Picture

RAMP = ((0.0, 0.0, 0.0), (0.16, 0.05, 0.45), (0.55, 0.1, 0.5), (0.93, 0.36, 0.2), (1.0, 0.8, 0.25), (1.0, 1.0, 0.85))
"""Colours of equally spaced values, from none to the most: each is lighter than the one before, so that the order shows
in print and to those who see no hues."""
HIGHEST = 0.99
"""The quantile of a map that has the last colour: single places must not darken all others."""
UNDER = 0.45
"""How much of the result shows through, in grey."""


@dataclass(frozen=True)
class Heat:
    """A heat map, and the value that its last colour stands for."""

    picture: Picture
    highest: float


def heat(result: Picture, values: Tensor, name: str = "map") -> Heat:
    """Lay a map (h, w) >= 0 over a `result`: grey where it is 0, and the lighter the more."""
    highest = float(values.double().flatten().quantile(HIGHEST)) if values.numel() < 1 << 24 else float(values.max())
    highest = highest if highest > 0 else float(values.max())
    scaled = (values.float() / highest if highest > 0 else values.float() * 0).clamp(0, 1)
    fitted = images.resize(scaled[None, None], result.size)[0, 0]
    ramp = torch.tensor(RAMP)
    at = fitted * (len(RAMP) - 1)
    low = at.long().clamp_max(len(RAMP) - 2)
    colors = torch.lerp(ramp[low], ramp[low + 1], (at - low)[..., None]).permute(2, 0, 1)[None]
    gray = color.gray(result.pixels).expand(-1, 3, -1, -1)
    return Heat(Picture((UNDER * gray + (1 - UNDER) * colors).clamp(0, 1).contiguous(), name=name), highest)
