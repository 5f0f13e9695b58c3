"""Gain maps: how much stronger each feature of an example is than that of a photograph, channel by channel.

Painting a photograph whose features are multiplied by them gives it the example's light where features lie alike, and
leaves its forms where they are.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-4
"""Added to the photograph's features, or their energy, before dividing by them: one that it lacks then has a finite
gain. It is the value of Selim et al. 2016, section 4."""
CHANNELS_AT_ONCE = 32
"""The channels that are multiplied at a time, so that the nominal maps of a large picture are never there all at once:
32 of VGG-19's up to 512 keep the scratch to a sixteenth of them."""

GainRule = Callable[[Tensor, Tensor], Tensor]
"""From features of the example and of the photograph, both (1, C, h, w) >= 0, to gains (1, C, h, w)."""


def ratio(example: Tensor, photo: Tensor, least: float = 0.7, most: float = 5.0) -> Tensor:
    """Return clamp(F_E / (F_I + 1e-4), least, most) of features (1, C, h, w) >= 0 (Selim et al. 2016, section 4)."""
    return (example / (photo + EPSILON)).clamp(least, most)


def energy(example: Tensor, photo: Tensor, least: float = 0.9, most: float = 2.8, window: float = 2.0) -> Tensor:
    """Return clamp(√(S_E / (S_I + 1e-4)), least, most) of features (1, C, h, w) (Shih et al. 2014, eq. 4).

    S is a channel's local energy: its square, averaged by a Gaussian of standard deviation `window`, in neurons.
    """
    return (
        (gaussian_blur(example.square(), window) / (gaussian_blur(photo.square(), window) + EPSILON))
        .sqrt()
        .clamp(least, most)
    )


def gaussian_blur(maps: Tensor, deviation: float) -> Tensor:
    """Average maps (1, C, h, w) by a Gaussian; beyond a border they go on with its values."""
    reach = math.ceil(3 * deviation)
    at = torch.arange(-reach, reach + 1, dtype=maps.dtype, device=maps.device)
    kernel = torch.exp(-0.5 * (at / deviation) ** 2)
    kernel = (kernel / kernel.sum()).expand(maps.shape[1], 1, 1, -1)
    for along in (kernel, kernel.transpose(2, 3)):
        sides = (reach, reach, 0, 0) if along is kernel else (0, 0, reach, reach)
        maps = F.conv2d(F.pad(maps, sides, mode="replicate"), along, groups=maps.shape[1])
    return maps


def apply_gains(
    photo: Tensor, example: Tensor, rule: GainRule, *, lift: Tensor | None = None, strength: Tensor | float = 1.0
) -> Tensor:
    """Return the features `photo` (1, c, h, w) times their gains towards `example`, where they are positive.

    `lift` (N, c) with orthonormal columns leads to the nominal features, None: they are these. Linear lifts can be
    negative where VGG's rectified features are zero. The gains are those of the rectified nominal features, P -> P +
    (G - 1) max(P, 0), and the change goes back through the transposed lift: for ‖Q x - T‖² that is the nominal target
    itself, but for what no x reaches. So G = 1 gives `photo`, exactly.

    `strength` (1, 1, h, w), or a number, is how much of the way is gone: 0 none, 1 all of it.
    """
    # What is kept in bfloat16 is not to be computed in it.
    own = photo.to(torch.promote_types(photo.dtype, torch.float32))
    if lift is None:
        return (own + strength * _change(own, example, rule)).to(photo.dtype)
    target = own.clone()
    for begin in range(0, len(lift), CHANNELS_AT_ONCE):
        rows = lift[begin : begin + CHANNELS_AT_ONCE].to(own)
        nominal, wanted = (torch.einsum("nc,bchw->bnhw", rows, features.to(own)) for features in (own, example))
        target += strength * torch.einsum("nc,bnhw->bchw", rows, _change(nominal, wanted, rule))
    return target.to(photo.dtype)


def _change(photo: Tensor, example: Tensor, rule: GainRule) -> Tensor:
    """Return what gains add to features."""
    photo, example = photo.clamp_min(0), example.to(photo).clamp_min(0)
    return photo * (rule(example, photo) - 1)
