"""The whole distribution of colours moved onto another's (Pitié, Kokaram & Dahyot 2007, "Automated colour grading")."""

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.color.regions import Weights, moments

ROUNDS = 12
"""Rotations; after them the distance to the target no longer falls by much."""

SEED = 0
"""The seed of the random rotations: the same ones each time, so that a recipe repeats."""

CELLS = 128
"""Colours nearer than a 128th of the range are moved as one; `smooth` would make them move alike anyway."""

GRID = 33
"""Nodes a side of the lattice on which displacements are smoothed: one every eight grey levels."""

KERNEL = (0.06, 0.24, 0.4, 0.24, 0.06)
"""A bell of standard deviation one node; with the lattice's own blur, 0.035 of the range."""

CHUNK = 1 << 17
"""The points that are interpolated at a time: a few MB of scratch."""


def displaced(
    points: Tensor, weights: Weights, targets: Tensor, target_weights: Weights, matrix: Tensor, shift: Tensor
) -> Tensor:
    """Return `points` (3, n) in [0, 1] with the distribution of `targets` (3, m), as a smooth function of colour.

    The linear map `matrix` (3, 3), `shift` (3, 1) goes first, so that the rotations have only shape left to change,
    and colours keep their relations. What they add is averaged over neighbouring colours: exact transfer
    tears a flat sky apart into whatever the target holds in that quantity, and its noise with it. The mean
    is the target's, the distribution close to it.
    """
    lattice = displaced_lattice(points, weights, targets, target_weights, matrix, shift)
    moved = torch.empty_like(points)
    for first in range(0, points.shape[1], CHUNK):
        part = points[:, first : first + CHUNK].double()
        moved[:, first : first + CHUNK] = matrix @ part + shift + interpolate(lattice, part)
    # Smoothing moves the mean by a little; put it back.
    drift = moments(targets, target_weights)[0] - moments(moved, weights)[0]
    return moved + drift.to(moved)


def displaced_lattice(
    points: Tensor, weights: Weights, targets: Tensor, target_weights: Weights, matrix: Tensor, shift: Tensor
) -> Tensor:
    """Return the lattice of `smooth` with what the rotations add to the linear map; arguments as for `displaced`."""
    before, mass = gather(points, weights)
    aims, aim_mass = gather(targets, target_weights)
    start = matrix @ before + shift
    added = transfer(start, mass, aims, aim_mass) - start
    return smooth(before, added, mass)


def gather(points: Tensor, weights: Weights) -> tuple[Tensor, Tensor]:
    """Return the mean colour (3, k) of each cell of a lattice that has weight, and its fraction (k,) of the weight."""
    values = points.double()
    counts = torch.ones_like(values[0]) if weights is None else weights.double()
    cell = values.mul(CELLS).floor().clamp(0, CELLS - 1).long()
    _, index = torch.unique((cell[0] * CELLS + cell[1]) * CELLS + cell[2], return_inverse=True)
    sums = torch.zeros(4, int(index.max()) + 1, dtype=values.dtype, device=values.device)
    sums.index_add_(1, index, torch.cat([values * counts, counts[None]]))
    sums = sums[:, sums[3] > 0]
    return sums[:3] / sums[3], sums[3] / sums[3].sum()


def transfer(points: Tensor, weights: Tensor, targets: Tensor, target_weights: Tensor, rounds: int = ROUNDS) -> Tensor:
    """Move `points` (3, n) with `weights` (n,) onto `targets` (3, m): in turn along the axes of random rotations.

    Along each axis the transport is exact, so in the limit the distributions are the same (Pitié et al. 2007).
    """
    for rotation in rotations(rounds).to(points):
        turned, aims = rotation @ points, rotation @ targets
        axes = [transport(*axis, weights, target_weights) for axis in zip(turned, aims, strict=True)]
        points = rotation.T @ torch.stack(axes)
    return points


def rotations(count: int) -> Tensor:
    """Return random orthogonal matrices (count, 3, 3) float64, the same ones each time."""
    random = torch.Generator().manual_seed(SEED)
    factor, triangle = torch.linalg.qr(torch.randn(count, 3, 3, generator=random, dtype=torch.float64))
    signs: Tensor = triangle.diagonal(dim1=1, dim2=2).sign()
    uniform: Tensor = factor * signs[:, None]
    return uniform


def transport(values: Tensor, aims: Tensor, weights: Tensor, aim_weights: Tensor) -> Tensor:
    """Return where optimal transport takes `values` (n,) with `weights` > 0, onto `aims` (m,) with `aim_weights` > 0.

    Each value goes to the mean of those aims that its weight covers when both are sorted, so the mean becomes the
    target's whatever the numbers and weights are.
    """
    aims, aim_order = aims.sort()
    aim_weights = aim_weights[aim_order] / aim_weights.sum()
    ends = aim_weights.cumsum(0)
    starts = ends - aim_weights
    area = (aim_weights * aims).cumsum(0) - aim_weights * aims  # of the sorted aims, up to each start
    order = values.argsort(stable=True)
    mass = weights[order] / weights.sum()
    upto = mass.cumsum(0)
    at = torch.searchsorted(ends, upto).clamp_(max=len(aims) - 1)
    covered = area[at] + (upto - starts[at]) * aims[at]
    mean = covered.diff(prepend=covered.new_zeros(1)) / mass
    first = torch.cat([at.new_zeros(1), at[:-1]])
    # Differences of sums lose digits where a weight is tiny; the mean lies between the aims it covers.
    mean = torch.minimum(torch.maximum(mean, aims[first]), aims[at])
    return torch.empty_like(values).scatter_(0, order, mean)


def smooth(points: Tensor, displacements: Tensor, weights: Tensor) -> Tensor:
    """Return the lattice (4, GRID, GRID, GRID) of blurred sums of weighted `displacements` (3, k) and of weights."""
    place = points.clamp(0, 1) * (GRID - 1)
    corner = place.floor().clamp(max=GRID - 2).long()
    fraction = place - corner
    values = torch.cat([displacements * weights, weights[None]])
    sums = torch.zeros(4, GRID**3, dtype=values.dtype, device=values.device)
    for offset in torch.cartesian_prod(*[torch.arange(2, device=corner.device)] * 3):
        node = corner + offset[:, None]
        near = torch.where(offset[:, None] > 0, fraction, 1 - fraction).prod(0)
        sums.index_add_(1, (node[0] * GRID + node[1]) * GRID + node[2], values * near)
    kernel = values.new_tensor(KERNEL)
    lattice = sums.reshape(4, 1, GRID, GRID, GRID)
    for axis in range(3):
        shape, padding = [1, 1, 1, 1, 1], [0, 0, 0]
        shape[2 + axis], padding[axis] = len(kernel), len(kernel) // 2
        lattice = F.conv3d(lattice, kernel.reshape(shape), padding=padding)
    return lattice[:, 0]


def interpolate(lattice: Tensor, points: Tensor) -> Tensor:
    """Return the mean displacement (3, n) at `points` (3, n); zero where the lattice has no weight."""
    where = (points.clamp(0, 1) * 2 - 1).flip(0).T.reshape(1, 1, 1, -1, 3)
    sums = F.grid_sample(lattice[None], where, mode="bilinear", padding_mode="border", align_corners=True)
    sums = sums.reshape(4, -1)
    return torch.where(sums[3] > 0, sums[:3] / sums[3].clamp_min(torch.finfo(sums.dtype).tiny), 0)
