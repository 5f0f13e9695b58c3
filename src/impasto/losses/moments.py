"""Statistics made of means and variances: `MeanStd` of each channel, `Covariance` with all their correlations.

Both distances are squared 2-Wasserstein distances between Gaussians, in the units of squared features, summed over
channels; the power of a target is then E|f|², the trace of its uncentred second moment.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from impasto.losses.statistics import TINY, Distance, State, SumStatistic
from impasto.losses.weighted_sums import (
    accumulator_dtype,
    flatten_positions,
    guide_weights,
    second_moments,
    total_weight,
)

FLOOR = 1e-6
"""Added to each variance, as a fraction of the mean E f² over channels: a constant channel then has a finite slope,
and any other changes by less than rounding shows."""

RIDGE = 1e-5
"""Added to each covariance matrix's diagonal, as a fraction of the target's trace.

Directions in which a layer hardly varies would otherwise pull at the picture with the root of a rounding error.
"""


class MeanStd(SumStatistic):
    """Mean and standard deviation of each channel: Σ(μ-μ')² + Σ(σ-σ')² (Li et al. 2017; AdaIN's style loss).

    `lift` (N, C), with orthonormal columns, asks for those of the N channels of `lift @ features`, which are read off
    the C x C second moment without building them: a state is (C + 1, C + 1) then, and (2, C) without a lift.
    """

    name = "mean_std"
    calibration = 2.5  # 2.3 to 2.7

    def __init__(self, lift: Tensor | None = None) -> None:
        self.lift = lift

    def measure_each(self, features: Tensor, guides: Sequence[Tensor | None]) -> list[State]:
        """Sum f and its products over the positions of `features` (1, C, h, w), for each of the guides."""
        flat = flatten_positions(features)
        weights = [guide_weights(features, guide) for guide in guides]
        totals = [total_weight(flat, weight) for weight in weights]
        if self.lift is not None:
            moments = second_moments(flat, weights, mean=True)
        else:
            flat = flat.to(accumulator_dtype(flat.dtype))
            ones = torch.ones_like(flat[0])
            columns = torch.stack([ones if weight is None else weight for weight in weights], 1)
            moments = torch.stack([flat @ columns, flat.square() @ columns]).permute(2, 0, 1)
        return [State(f, total) for f, total in zip(moments.unbind(), totals, strict=True)]

    def finish(self, state: State) -> Tensor:
        """Return means and standard deviations (2, N); blending them is the barycentre of each channel's Gaussians."""
        mean, square = self._first_two(state.mean())
        floor = FLOOR * square.clamp_min(0).mean() + TINY
        return torch.stack([mean, ((square - mean.square()).clamp_min(0) + floor).sqrt()])

    def _first_two(self, moments: Tensor) -> tuple[Tensor, Tensor]:
        """Return E f and E f² of each channel."""
        if self.lift is None:
            return moments[0], moments[1]
        lift = self.lift.to(moments)
        return lift @ moments[:-1, -1], ((lift @ moments[:-1, :-1]) * lift).sum(1)

    def distance_to(self, target: Tensor) -> Distance:
        """Return Σ(μ-μ')² + Σ(σ-σ')² as a function of the state."""
        return lambda state: (self.finish(state) - target).square().sum()

    def power(self, target: Tensor) -> float:
        """Return Σμ² + Σσ²."""
        return float(target.double().square().sum())


class Covariance(SumStatistic):
    """Means and covariance, compared as Gaussians: |μ-μ'|² + tr(Σ + Σ' - 2 (Σ'^½ Σ Σ'^½)^½) (Bures, Wasserstein-2).

    The same for features and for their isometric lift. A state and a target are (C + 1, C + 1): the second moment of
    f with a 1 appended. Targets blend as such raw moments, which makes the spread between two styles part of the mix.
    """

    name = "covariance"
    calibration = 0.6  # 0.55 to 0.65

    def measure_each(self, features: Tensor, guides: Sequence[Tensor | None]) -> list[State]:
        """Sum f and f fᵀ over the positions of `features` (1, C, h, w), for each of the guides."""
        flat = flatten_positions(features)
        weights = [guide_weights(features, guide) for guide in guides]
        moments = second_moments(flat, weights, mean=True)
        return [State(f, total_weight(flat, w)) for f, w in zip(moments.unbind(), weights, strict=True)]

    def finish(self, state: State) -> Tensor:
        """Return the raw moments (C + 1, C + 1)."""
        return state.mean()

    def distance_to(self, target: Tensor) -> Distance:
        """Return the squared distance of Gaussians as a function of the state; the target's root is taken here."""
        target = _wide(target.detach())
        mean, wanted = _gaussian(target)
        ridge = RIDGE * float(wanted.trace().clamp_min(0)) + TINY
        eye = torch.eye(len(wanted), dtype=wanted.dtype, device=wanted.device)
        values, vectors = _eigh(wanted + ridge * eye)
        values = values.clamp_min(ridge)
        root = (vectors * values.sqrt()) @ vectors.T
        trace = values.sum()

        def distance(state: State) -> Tensor:
            # float64: the traces cancel when the picture is nearly right, and the eigenvalues of Σ'^½ Σ Σ'^½ span
            # the square of what those of Σ do. Beside an encoder the decompositions cost nothing.
            own, covariance = _gaussian(_wide(state.mean()))
            covariance = covariance + ridge * eye
            fidelity: Tensor = _RootTrace.apply(covariance, root, ridge)  # type: ignore[no-untyped-call]  # torch's own
            squared: Tensor = (own - mean).square().sum() + covariance.trace() + trace - 2 * fidelity
            return squared.clamp_min(0).to(state.sums)

        return distance

    def power(self, target: Tensor) -> float:
        """Return E|f|², the trace of the second moment: the distance to zero features but for the ridge."""
        return float(target.double().diagonal()[:-1].sum())


def _eigh(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues and eigenvectors of a symmetric matrix; NaN where it is not finite.

    torch raises an error for those, as if the matrix were to blame: what reads the loss tells of a picture that
    diverged.
    """
    if not torch.isfinite(matrix).all():
        return torch.full_like(matrix[0], torch.nan), torch.full_like(matrix, torch.nan)
    values, vectors = torch.linalg.eigh(matrix)
    return values, vectors


def _wide(values: Tensor) -> Tensor:
    """Return `values` in float64, on the CPU where their device has none of it (Apple's)."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def _gaussian(moments: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and covariance of raw moments (C + 1, C + 1)."""
    mean = moments[:-1, -1]
    covariance = moments[:-1, :-1] - torch.outer(mean, mean)
    return mean, (covariance + covariance.T) / 2


class _RootTrace(Function):
    """tr (R S R)^½ of symmetric S and R, with its slope ½ R (R S R)^-½ R.

    The analytic slope has no differences of eigenvalues in a denominator: autograd through `eigh` has.
    """

    @staticmethod
    def forward(ctx: Any, covariance: Tensor, root: Tensor, ridge: float) -> Tensor:
        product = root @ covariance @ root
        values, vectors = _eigh((product + product.T) / 2)
        roots = values.clamp_min(ridge**2).sqrt()
        if ctx.needs_input_grad[0]:
            turned = root @ vectors
            ctx.save_for_backward((turned / (2 * roots)) @ turned.T)
        trace: Tensor = roots.sum()
        return trace

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = ctx.saved_tensors
        return gradients[0] * slope, None, None
