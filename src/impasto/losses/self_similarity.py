"""Self-similarity: how places of a picture differ from one another (Kolkin, Salavon & Shakhnarovich 2019).

Sets are (n, D): n positions of a picture. All is compared by angles, and so is the same for features and for their
isometric lift.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from impasto.losses.statistics import TINY


def relative_distances(points: Tensor) -> Tensor:
    """Return the cosine distances (n, n) of `points` (n, D), each column divided by its sum."""
    return _relative(F.normalize(points, dim=1, eps=TINY), points.dtype)[0]


def self_similarity(
    one: Tensor, other: Tensor, weights: Tensor | None = None, precision: torch.dtype | None = None
) -> Tensor:
    """Compare how positions of a picture differ from one another with how the same ones do in another picture.

    Of both sets (n, D), in the same order, all cosine distances are taken, and each column is divided by its sum
    (Kolkin et al. 2019, eq. 10): returns the mean over columns, `weights` (n,) times each, of the absolute differences'
    sum, in [0, 2]. `other` gets no gradient. Cosines are multiplied in `precision`, None being that of the sets: in
    bfloat16 they are off by up to 0.002, in both pictures alike. Needs a few times n² values.
    """
    precision = precision or one.dtype
    with torch.no_grad():
        target = _relative(F.normalize(other, dim=1, eps=TINY), precision)[0]
    if weights is None:
        weights = target.new_ones(len(target))
    arguments = F.normalize(one, dim=1, eps=TINY), target, weights.to(target) / len(target), precision
    difference: Tensor = _Difference.apply(*arguments)  # type: ignore[no-untyped-call]  # torch's own
    return difference


class _Difference(Function):
    """Sum of |R - T|, columns times `weights` (n,), R being the relative distances of `directions` (n, D).

    What autograd makes of it reads and writes tables of n² some thirty times, and multiplies two more of them.
    """

    @staticmethod
    def forward(ctx: Any, directions: Tensor, target: Tensor, weights: Tensor, precision: torch.dtype) -> Tensor:
        relative, sums = _relative(directions, precision)
        apart = relative - target
        ctx.save_for_backward(directions, relative, apart, sums, weights)
        ctx.precision = precision
        total: Tensor = apart.abs().sum(0) @ weights
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        directions, relative, apart, sums, weights = ctx.saved_tensors
        slopes = apart.sign().mul_(gradients[0] * weights)
        # What is as good as nothing, all places being alike, has no slope that would be more than rounding.
        slopes.sub_(torch.linalg.vecdot(slopes, relative, dim=0)).mul_(torch.where(sums > TINY, 1 / sums, 0))
        # Distances are 1 less the product of directions with themselves, and either factor has a gradient.
        narrow, factors = slopes.neg_().to(ctx.precision), directions.to(ctx.precision)
        return (narrow @ factors + narrow.T @ factors).to(directions.dtype), None, None, None


def _relative(directions: Tensor, precision: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return the relative distances (n, n) of `directions` (n, D), and the sums (n,) that were divided by."""
    narrow = directions.to(precision)
    # Rounded directions may be a little longer than 1, and no distance is less than 0.
    distances = (narrow @ narrow.T).to(directions.dtype).neg_().add_(1).clamp_min_(0)
    sums = distances.sum(0)
    return distances.div_(sums.clamp_min(TINY)), sums
