"""sRGB, linear light and OKLab (Ottosson 2020, "A perceptual color space for image processing"), and the sRGB gamut."""

from collections.abc import Callable

import torch
from torch import Tensor

CHUNK = 1 << 15
"""Pixels worked on at once: intermediate values stay in the processor's cache, and memory stays small."""

FIT_STEPS = 16
"""Halvings of the chroma interval: chroma is at most 0.33, so what is lost is below 6e-6, under 16 bits."""

SLACK = 1e-6
"""How far outside [0, 1] linear light may be and still count as rounding, of a, b stored as float32."""


def _matrices() -> tuple[Tensor, Tensor]:
    to_cones = torch.tensor(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ],
        dtype=torch.float64,
    )
    to_lab = torch.tensor(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ],
        dtype=torch.float64,
    )
    # The published digits make greys colourful by 4e-8; these corrections below the last digit make them exactly
    # grey, so that L of a grey is the cube root of its light.
    to_cones /= to_cones.sum(1, keepdim=True)
    to_lab[0] /= to_lab[0].sum()
    to_lab[1:, 2] = -to_lab[1:, :2].sum(1)
    return to_cones, to_lab


_CONES, _LAB = _matrices()
_FROM_CONES, _FROM_LAB = torch.linalg.inv(_CONES), torch.linalg.inv(_LAB)


def to_linear(values: Tensor) -> Tensor:
    """Decode sRGB to linear light (IEC 61966-2-1); odd in its argument, so values below 0 keep their sign."""
    size = values.abs()
    return torch.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055).pow(2.4)).copysign(values)


def from_linear(light: Tensor) -> Tensor:
    """Encode linear light as sRGB; odd in its argument."""
    size = light.abs()
    # The split lies where the decoded 0.04045 does; with 0.0031308 the round trip would jump there by 3e-8.
    return torch.where(size <= 0.04045 / 12.92, size * 12.92, 1.055 * size.pow(1 / 2.4) - 0.055).copysign(light)


def cube_root(values: Tensor) -> Tensor:
    """Return the real cube root, also of negative values."""
    return values.abs().pow(1 / 3).copysign(values)


def to_oklab(pixels: Tensor) -> Tensor:
    """Convert sRGB (B, 3, H, W) to (B, 3, H, W) of L, a, b: L in [0, 1], a and b within about ±0.35.

    Values a little outside [0, 1] are converted too, and come back from `from_oklab`.
    """
    return _by_chunk(_to_lab, pixels)


def from_oklab(lab: Tensor, *, fit: bool = False) -> Tensor:
    """Convert L, a, b (B, 3, H, W) to sRGB (B, 3, H, W), which may lie outside [0, 1].

    With `fit`, L is clamped to [0, 1] and chroma is reduced at constant L and hue until the colour is one that
    sRGB can show; colours that it can show already are not changed.
    """
    return _by_chunk(_fitted if fit else _from_lab, lab)


def _by_chunk(convert: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor:
    """Apply a conversion of (3, n) to (B, 3, H, W).

    It computes in float64: near black, sRGB is so steep that float32 comes back with errors of 2e-5.
    """
    flat = pixels.detach().flatten(2)
    out = torch.empty_like(flat)
    for batch in range(flat.shape[0]):
        for start in range(0, flat.shape[2], CHUNK):
            part = slice(start, start + CHUNK)
            out[batch, :, part] = convert(flat[batch, :, part].double())
    return out.reshape(pixels.shape)


def _to_lab(pixels: Tensor) -> Tensor:
    return _LAB.to(pixels) @ cube_root(_CONES.to(pixels) @ to_linear(pixels))


def _from_lab(lab: Tensor) -> Tensor:
    return from_linear(_FROM_CONES.to(lab) @ (_FROM_LAB.to(lab) @ lab).pow(3))


def _fitted(lab: Tensor) -> Tensor:
    lightness = lab[:1].clamp(0, 1)
    # Cone responses are L plus the chroma's part, so linear light is a cubic of the chroma's scale t.
    chroma_part = _FROM_LAB.to(lab)[:, 1:] @ lab[1:]
    mix = _FROM_CONES.to(lab)
    light = mix @ (lightness + chroma_part).pow(3)
    outside = ((light < -SLACK) | (light > 1 + SLACK)).any(0)
    if bool(outside.any()):
        gray, chroma_part = lightness[:, outside], chroma_part[:, outside]
        square, linear, constant = mix @ chroma_part.square(), mix @ chroma_part, gray.pow(3)
        cubic, square, linear = mix @ chroma_part.pow(3), 3 * gray * square, 3 * gray.square() * linear
        low = torch.zeros_like(gray)  # always inside, because greys are: no clamp will turn the hue
        step = 1.0
        for _ in range(FIT_STEPS):
            step /= 2
            scale = low + step
            tried = cubic.mul(scale).add_(square).mul_(scale).add_(linear).mul_(scale).add_(constant)
            far = tried.sub_(0.5).abs_()
            inside = torch.maximum(torch.maximum(far[:1], far[1:2]), far[2:]) <= 0.5
            low.add_(inside, alpha=step)
        light[:, outside] = ((cubic * low + square) * low + linear) * low + constant
    return from_linear(light.clamp(0, 1))
