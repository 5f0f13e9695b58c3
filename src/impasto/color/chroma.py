"""Luminance without colour, and colour without luminance (Gatys et al. 2016b, section 5.2), in OKLab."""

from torch import Tensor

from impasto.color.match import FLOOR, GAIN
from impasto.color.oklab import cube_root, from_linear, from_oklab, to_linear, to_oklab
from impasto.color.regions import Weights, by_region, check_pictures, check_strength, moments
from impasto.errors import UsageError


def gray(pixels: Tensor) -> Tensor:
    """Return the sRGB grey (B, 1, H, W) with the same OKLab L as `pixels` (B, 3, H, W)."""
    return _gray_of(to_oklab(pixels)[:, :1])


def match_luminance(
    source: Tensor, target: Tensor, *, source_maps: Tensor | None = None, target_maps: Tensor | None = None
) -> Tensor:
    """Return the sRGB grey `source` (1, 1, H, W) with the luminance of `target` (1, 1, h, w), in [0, 1].

    Mean and standard deviation become the target's in OKLab's L, before clipping: L is even to the eye, so that
    shadows and lights are stretched alike, where the sRGB values that Gatys et al. match (2016b, eq. 10) stretch
    shadows less. A flat source is stretched no more than `match.GAIN` times. Maps (R, H, W) and (R, h, w) as in
    `match.transform`.

    Raises `UsageError` for shapes that do not fit.
    """
    lightness = transform_luminance(source, target, source_maps=source_maps, target_maps=target_maps)
    return _gray_of(lightness).clamp(0, 1)


def transform_luminance(
    source: Tensor, target: Tensor, *, source_maps: Tensor | None = None, target_maps: Tensor | None = None
) -> Tensor:
    """Return what `match_luminance` turns to grey and clips: OKLab's L (1, 1, H, W)."""
    check_pictures(1, source=source, target=target)
    ours, theirs = _lightness_of(source), _lightness_of(target)
    points, aims = ours.flatten(2)[0], theirs.flatten(2)[0]

    def change(weights: Weights, aim_weights: Weights) -> Tensor:
        mean, variance = moments(points, weights)
        aim_mean, aim_variance = moments(aims, aim_weights)
        gain = (aim_variance / variance.clamp_min(FLOOR)).sqrt().clamp_max(GAIN)
        return (gain * (points.double() - mean) + aim_mean).to(points.dtype)

    return by_region(ours, theirs, source_maps, target_maps, change)


def keep_chroma(painted: Tensor, content: Tensor, *, strength: float = 1.0) -> Tensor:
    """Return `painted` with the chroma of `content`, both sRGB (1, 3, H, W), in [0, 1].

    L is the painted one's, a and b are the content's, or `strength` of the way there; chroma that sRGB cannot
    show at that L is reduced, and hue stays. Strength 0 gives `painted`, bit for bit.

    Raises `UsageError` for a strength out of range and pictures that differ in size.
    """
    check_strength(strength)
    lab = with_chroma(painted, content, strength)
    return painted.clone() if strength == 0 else from_oklab(lab, fit=True)


def with_chroma(painted: Tensor, content: Tensor, strength: float) -> Tensor:
    """Return what `keep_chroma` fits into the gamut: L, a, b (1, 3, H, W)."""
    check_pictures(3, painted=painted, content=content)
    if painted.shape != content.shape:
        raise UsageError(
            f"content: of size {tuple(content.shape[2:])}, but the painting whose colours it gives is of "
            f"{tuple(painted.shape[2:])}; resize it with impasto.images.resize"
        )
    lab = to_oklab(painted)
    lab[:, 1:] = lab[:, 1:].lerp(to_oklab(content)[:, 1:].to(lab.dtype), strength)
    return lab


def _gray_of(lightness: Tensor) -> Tensor:
    return from_linear(lightness.double().pow(3)).to(lightness.dtype)


def _lightness_of(gray: Tensor) -> Tensor:
    return cube_root(to_linear(gray.detach().double())).to(gray.dtype)
