"""Distances between sets of features: Fréchet's, and the kernel distance."""

import torch
from torch import Tensor

from impasto.errors import UsageError

INFINITE_FROM = 5000
"""Pictures from which FID∞ is a line through several sizes: its reference code takes subsets of 5000 and more."""
LINE_POINTS = 15
"""Sizes that the line goes through (the reference code)."""


def frechet_distance(one: Tensor, other: Tensor) -> float:
    """Return |μ - μ'|² + tr(Σ + Σ' - 2 (Σ Σ')^½) of two sets (n, D) and (m, D): FID where features are Inception's.

    Covariances are over n - 1, as in the reference codes. tr (ΣΣ')^½ is the sum of the singular values of A Bᵀ, where
    Σ = AᵀA and Σ' = BᵀB: exact also where there are fewer pictures than dimensions, and no root of a matrix is taken.
    """
    for features in (one, other):
        if len(features) < 2:
            raise UsageError(f"a Fréchet distance needs at least 2 pictures a set, not {len(features)}")
    a, b = one.double(), other.double()
    means = a.mean(0), b.mean(0)
    a, b = (_root((x - mean) / (len(x) - 1) ** 0.5) for x, mean in zip((a, b), means, strict=True))
    roots = torch.linalg.svdvals(a @ b.T).sum()
    apart = (means[0] - means[1]).square().sum()
    return max(0.0, float(apart + a.square().sum() + b.square().sum() - 2 * roots))


def _root(rows: Tensor) -> Tensor:
    """Return R with RᵀR that of `rows` (n, D), and no more rows than columns."""
    return torch.linalg.qr(rows, mode="r").R if len(rows) > rows.shape[1] else rows


def frechet_at_infinity(one: Tensor, other: Tensor, seed: int = 0) -> float:
    """Return FID∞: the value at 1/N = 0 of the line through FID at 15 sizes N (Chong & Forsyth 2020).

    Raises `UsageError` below 5,000 pictures a set, or for sets of different sizes, which the protocol pairs.
    """
    count = min(len(one), len(other))
    if count < INFINITE_FROM:
        raise UsageError(
            f"FID∞ of {count} pictures: the line needs subsets of {INFINITE_FROM:,} and more, and below that the "
            "reference code computes plain FID and calls it FID∞; take ArtFID (FID), or more pictures"
        )
    if len(one) != len(other):
        raise UsageError(f"FID∞ pairs its sets: there are {len(one)} pictures and {len(other)}")
    random = torch.Generator().manual_seed(seed)
    sizes = torch.linspace(INFINITE_FROM, count, LINE_POINTS).long()
    values = []
    for size in sizes.tolist():
        chosen = torch.randperm(count, generator=random)[:size]
        values.append(frechet_distance(one[chosen], other[chosen]))
    design = torch.stack([torch.ones(LINE_POINTS).double(), 1 / sizes.double()], 1)
    line: Tensor = torch.linalg.lstsq(design, torch.tensor(values).double()[:, None]).solution
    return float(line[0, 0])


def kernel_distance(one: Tensor, other: Tensor) -> float:
    """Return the unbiased squared MMD of two sets (n, D) and (m, D) with (x·y/D + 1)³: KID (Bińkowski et al. 2018)."""
    a, b = one.double(), other.double()
    if min(len(a), len(b)) < 2:
        raise UsageError("a kernel distance needs at least 2 pictures a set")

    def within(x: Tensor) -> Tensor:
        table = _kernel(x, x)
        return (table.sum() - table.diagonal().sum()) / (len(x) * (len(x) - 1))

    return float(within(a) + within(b) - 2 * _kernel(a, b).mean())


def _kernel(one: Tensor, other: Tensor) -> Tensor:
    table: Tensor = (one @ other.T / one.shape[1] + 1) ** 3
    return table
