"""Matching features to those of a painting in terms that a graph can say: without eigenvalues."""

import torch
from torch import Tensor

ROOT_STEPS = 40
"""Steps of Newton and Schulz's iteration: each brings a small eigenvalue up by 9/4, so that those of a billionth of the
largest are at their root after 26, and all have converged after some more."""


def matched(content: Tensor, style: Tensor, alpha: Tensor, ridge: float) -> Tensor:
    """Return `content` (B, C, h, w) whitened and coloured as `style` (1, C, h', w'), at a strength `alpha` (1,).

    As `transforms.whitening`, but for eigenvalues, which ONNX has none of: roots come from products of matrices.
    """
    mean, covariance = _moments(content)
    style_mean, style_covariance = _moments(style)
    eye = torch.eye(content.shape[1], dtype=torch.float64)
    variance = covariance.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
    _, inverse = roots(covariance + (ridge * variance + 1e-12) * eye)
    # A direction in which the painting does not vary at all has no root that an iteration finds.
    least = 1e-9 * style_covariance.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] + 1e-12
    root, _ = roots(style_covariance + least * eye)
    matrix = (root @ inverse).float()
    flat = content.flatten(2)
    changed = matrix @ (flat - mean.float()) + style_mean.float()
    return torch.lerp(content, changed.reshape(content.shape), alpha[:, None, None, None])


def roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return the root and the inverse root of positive definite `matrix` (B, C, C), by coupled Newton-Schulz steps.

    Higham, *Functions of Matrices* (2008), section 6.7: Y to the root and Z to its inverse, from a matrix of norm 1.
    """
    size = matrix.square().sum((1, 2), keepdim=True).sqrt()
    eye = torch.eye(matrix.shape[1], dtype=matrix.dtype)
    y, z = matrix / size, eye.expand(matrix.shape)
    for _ in range(ROOT_STEPS):
        step = 1.5 * eye - 0.5 * (z @ y)
        y, z = y @ step, step @ z
    return y * size.sqrt(), z / size.sqrt()


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return means (B, C, 1) and covariances (B, C, C) over places, float64."""
    flat = features.flatten(2).double()
    mean = flat.mean(2, keepdim=True)
    centered = flat - mean
    return mean, (centered @ centered.mT) / flat.shape[2]
