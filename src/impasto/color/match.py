"""One picture's colours made to follow another's, by a linear map or by the whole distribution."""

import torch
from torch import Tensor

from impasto.color.histogram import displaced
from impasto.color.regions import Weights, by_region, check_pictures, check_strength, moments
from impasto.errors import UsageError

METHODS = ("sym", "pca", "chol", "histogram")
"""The ways to match colours, as `color_transform` names them."""

GAIN = 8.0
"""The most that a linear map may stretch a principal direction of the source's colours.

Over 53 paintings matched to each of 80 photographs, 95% of the pairs need less than 6.5. What needs more is a
direction that holds nothing but JPEG noise, as the chroma of a pencil drawing: stretched further it becomes confetti.
"""

FLOOR = 1e-10
"""Variance below this counts as this much: it is far under a grey level of 16 bits, and can be inverted."""

PASSES = 50
"""The most rounds in which variances are widened until no direction is stretched more than `GAIN`: a few do mostly."""


def match(
    source: Tensor,
    target: Tensor,
    method: str = "sym",
    *,
    strength: float = 1.0,
    source_maps: Tensor | None = None,
    target_maps: Tensor | None = None,
) -> Tensor:
    """Return `source` (1, 3, H, W) with the colours of `target` (1, 3, h, w), both sRGB, clipped to [0, 1].

    `strength`, from 0 (the source, bit for bit) to 1, blends linearly. `method` and maps: see `transform`.

    Raises `UsageError` for an unknown method, a strength out of range, and shapes that do not fit.
    """
    check_strength(strength)
    matched = transform(source, target, method, source_maps=source_maps, target_maps=target_maps)
    return source.clone() if strength == 0 else source.lerp(matched.clamp(0, 1), strength)


def transform(
    source: Tensor,
    target: Tensor,
    method: str,
    *,
    source_maps: Tensor | None = None,
    target_maps: Tensor | None = None,
) -> Tensor:
    """Return what `match` clips: `source` (1, 3, H, W) mapped, with values that may lie outside [0, 1].

    `sym`, `pca` and `chol` map linearly, so that mean and covariance become the target's (see `linear_map`);
    `histogram` moves the whole distribution (see `histogram.displaced`). They work on sRGB as it is, like Gatys et
    al. 2016b: in OKLab the pictures look alike, and leave the gamut as often.

    `source_maps` (R, H, W) and `target_maps` (R, h, w) say how much each pixel belongs to each of R regions; a region
    takes the colours of the same region, and the maps blend the results. A source without maps is one region with
    the whole target; a target without maps lends all of itself to every region. A region that one of the pictures
    (nearly) lacks is changed as if there were no maps.

    Raises `UsageError` for an unknown method and shapes that do not fit.
    """
    if method not in METHODS:
        raise UsageError(f"color match method={method!r}: choose one of {', '.join(METHODS)}")
    check_pictures(3, source=source, target=target)
    points, aims = source.detach().flatten(2)[0], target.detach().flatten(2)[0]

    def change(weights: Weights, aim_weights: Weights) -> Tensor:
        mean, covariance = moments(points, weights)
        aim_mean, aim_covariance = moments(aims, aim_weights)
        form = "sym" if method == "histogram" else method
        matrix = linear_map(covariance, aim_covariance, form)
        if method == "histogram":
            return displaced(points, weights, aims, aim_weights, matrix, aim_mean - matrix @ mean)
        return (matrix @ (points.double() - mean) + aim_mean).to(points.dtype)

    return by_region(source, target, source_maps, target_maps, change)


def linear_map(source: Tensor, target: Tensor, method: str) -> Tensor:
    """Return the matrix A (3, 3) float64 with A S Aᵀ = T, for covariances `source` S and `target` T (3, 3).

    `chol`: L_T L_S⁻¹ with Cholesky factors; depends on the order of the channels. `pca`: T^½ S^-½ with symmetric
    roots (Hertzmann et al. 2001, "Image Analogies"). `sym`: S^-½ (S^½ T S^½)^½ S^-½, symmetric and positive
    definite, the map of optimal transport between Gaussians: of all A it moves the colours least, so hues turn
    least (Pitié & Kokaram 2007).

    Where S is singular, or nearly, no A that answers is useful. S is then taken to be wider along its principal
    directions than it is, until none of them is stretched more than `GAIN`; A S Aᵀ is less than T there, and the map
    keeps its form.
    """
    variances, directions = torch.linalg.eigh(source)
    variances = variances.clamp_min(FLOOR)
    matrix = torch.eye(3, dtype=source.dtype, device=source.device)
    for _ in range(PASSES):
        matrix = _closed_form(variances, directions, target, method)
        gains = (matrix @ directions).norm(dim=0)
        if bool((gains <= GAIN * (1 + 1e-6)).all()):
            break
        variances = variances * (gains / GAIN).clamp_min(1).square()
    return matrix


def _closed_form(variances: Tensor, directions: Tensor, target: Tensor, method: str) -> Tensor:
    if method == "chol":
        factor, aim = _cholesky((directions * variances) @ directions.T), _cholesky(target)
        solved: Tensor = torch.linalg.solve_triangular(factor, aim, upper=False, left=False)
        return solved
    root, inverse = ((directions * variances.pow(power)) @ directions.T for power in (0.5, -0.5))
    if method == "pca":
        return _root(target) @ inverse
    matrix = inverse @ _root(root @ target @ root) @ inverse
    return (matrix + matrix.T) / 2  # symmetric but for rounding


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    root: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return root


def _cholesky(matrix: Tensor) -> Tensor:
    # M = RᵀR for R of the root's QR form: also where M is singular, as a grey picture's is.
    upper = torch.linalg.qr(_root(matrix)).R
    lower: Tensor = (upper * torch.where(upper.diagonal() < 0, -1.0, 1.0)[:, None]).T
    return lower
