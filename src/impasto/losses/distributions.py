"""Statistics made of whole distributions: `Histogram` along each channel, `SlicedWasserstein` along random directions.

Both sort. Their distance is the squared 2-Wasserstein distance in one dimension, Σ w (f - R(f))² / Σ w, summed over
channels or directions, where R(f) is the target's value at the rank of f. The rank does not change under a small step,
so R(f) is a constant for the gradient, which is exact. Sorting is: D·M values a step, some 0.09 µs each on one core.

A state is the samples themselves: states still add (they concatenate), but take memory that grows with the picture.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from impasto.losses.statistics import Distance, State
from impasto.losses.weighted_sums import (
    accumulator_dtype,
    flatten_positions,
    guide_weights,
    total_weight,
)

QUANTILES = 4096
"""The values in a target's table of quantiles: enough to keep samples of a third as many positions without loss."""

CHUNK = 1 << 22
"""The values that are sorted at a time: 16 MiB of float32, small beside the maps."""

PLAIN_CHUNK = 1 << 19
"""The values without weights whose quantiles are taken at a time: 4 MiB of float64, which stay in the cache."""


@dataclass(frozen=True)
class Samples(State):
    """Features themselves: `sums` (C, M), the `weights` (M,) of positions (None: 1 each), and their `total` ()."""

    weights: Tensor | None = None

    def __add__(self, other: State) -> "Samples":
        if not isinstance(other, Samples):
            raise TypeError("samples add to samples")
        weights = None
        if self.weights is not None or other.weights is not None:
            weights = torch.cat([self.position_weights(), other.position_weights()])
        return Samples(torch.cat([self.sums, other.sums], 1), self.total + other.total, weights)

    def position_weights(self) -> Tensor:
        """Return the weights, ones where there are none."""
        return self.sums.detach().new_ones(self.sums.shape[1]) if self.weights is None else self.weights


class SortedStatistic:
    """What statistics of sorted values share: subclasses say along which directions the samples are taken."""

    def directions(self, channels: int) -> Tensor | None:
        """Return the directions (D, C), or None for the channels themselves."""
        raise NotImplementedError

    def measure(self, features: Tensor, guide: Tensor | None = None) -> Samples:
        """Take the samples of `features` (1, C, h, w) where `guide` (h, w) is above zero."""
        flat, weight = flatten_positions(features), guide_weights(features, guide)
        flat = flat.to(accumulator_dtype(flat.dtype))
        if weight is not None and not bool((weight > 0).all()):
            inside = (weight > 0).nonzero()[:, 0]
            flat, weight = flat[:, inside], weight[inside]
        return Samples(flat, total_weight(flat, weight), weight)

    def measure_each(self, features: Tensor, guides: Sequence[Tensor | None]) -> list[State]:
        """Take the samples of `features` (1, C, h, w) for each of the guides."""
        return [self.measure(features, guide) for guide in guides]

    def finish(self, state: State) -> Tensor:
        """Return quantiles (D, 4096): means over equal fractions of the weight, rising.

        Blending such tables makes the barycentre of the styles' distributions, not two heaps side by side.
        """
        samples = _samples(state)
        matrix = self.directions(len(samples.sums))
        rows = len(samples.sums) if matrix is None else len(matrix)
        table = samples.sums.new_zeros(rows, QUANTILES)
        if samples.sums.shape[1]:
            for part, values in _projected_rows(samples.sums.detach(), matrix):
                table[part] = _quantiles(values, samples.weights).to(table.dtype)
        return table

    def distance_to(self, target: Tensor) -> Distance:
        """Return the sum of the squared distances of all directions as a function of the state."""
        drawn: dict[int, Tensor | None] = {}

        def distance(state: State) -> Tensor:
            samples = _samples(state)
            channels, count = samples.sums.shape
            if not count:
                return samples.sums.sum()
            if channels not in drawn:
                drawn[channels] = self.directions(channels)
            value: Tensor = _RankedDistance.apply(  # type: ignore[no-untyped-call]  # torch's own
                samples.sums, samples.weights, drawn[channels], target
            )
            return value

        return distance

    def distance(self, state: State, target: Tensor) -> Tensor:
        """Return the distance of `state` to `target`; `distance_to` is the way to ask for many."""
        return self.distance_to(target)(state)

    def power(self, target: Tensor) -> float:
        """Return the sum over directions of the mean square."""
        return float(target.double().square().mean(1).sum())


class Histogram(SortedStatistic):
    """The distribution of each channel (Risser et al. 2017), by exact sorting instead of bins.

    Histograms are not the same along other axes, so those of an encoder with a `lift` (N, C) are taken along the N
    channels it lifts to: a recipe means the same with every encoder, and an isometric basis is arbitrary, the channels
    of a trained network are not. The wide features are built some rows at a time, and sorting them costs what it
    costs with the wide encoder.
    """

    name = "histogram"
    calibration = 1.5  # 1.4 to 1.7

    def __init__(self, lift: Tensor | None = None) -> None:
        self.lift = lift

    def directions(self, channels: int) -> Tensor | None:
        """Return the lift."""
        return self.lift


class SlicedWasserstein(SortedStatistic):
    """The distribution along the directions of a random orthonormal basis (Heitz et al. 2021).

    Heitz draws new directions for every evaluation; here they follow from `seed`, because L-BFGS needs one function.
    The sum over a basis of C directions is C times their mean. In that form nothing need be known of a lift to N
    channels: a random direction of the N has the squared length C/N within the features' C, so N times the mean over
    the wide directions is C times the mean over the narrow ones. A shift by v costs exactly |v|².
    """

    name = "sliced_wasserstein"
    calibration = 2.0  # 1.7 to 2.2

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def directions(self, channels: int) -> Tensor:
        """Return an orthonormal basis (C, C), uniformly distributed."""
        return _basis(channels, self.seed)


@functools.lru_cache(maxsize=8)
def _basis(channels: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    q, r = torch.linalg.qr(torch.randn(channels, channels, generator=random, dtype=torch.float64))
    basis: Tensor = q * r.diagonal().sign()
    return basis


def _samples(state: State) -> Samples:
    if not isinstance(state, Samples):
        raise TypeError("a statistic of sorted values needs the samples it measured")
    return state


def _projected_rows(flat: Tensor, matrix: Tensor | None) -> Iterator[tuple[slice, Tensor]]:
    """Return some rows at a time of the values (D, M) of `flat` (C, M) along the rows of `matrix` (D, C)."""
    count = len(flat) if matrix is None else len(matrix)
    step = max(1, CHUNK // max(1, flat.shape[1]))
    for begin in range(0, count, step):
        part = slice(begin, begin + step)
        yield part, flat[part] if matrix is None else matrix[part].to(flat) @ flat


def _quantiles(values: Tensor, weight: Tensor | None) -> Tensor:
    """Return the means of `values` (D, M) over equal fractions of the `weight` (M,), in float64: (D, LEVELS).

    Without weights all rows have one set of fractions, and sorting need not say what came from where.
    """
    if weight is None:
        step = max(1, PLAIN_CHUNK // values.shape[1])
        fraction = torch.full((1, values.shape[1]), 1 / values.shape[1], dtype=torch.float64, device=values.device)
        return torch.cat([_means_of_ranks(_sorted(rows).double(), fraction) for rows in torch.split(values, step)])
    values, order = values.double().sort(dim=1)
    fraction = weight.double()[order]
    return _means_of_ranks(values, fraction / fraction.sum(1, keepdim=True))


def _sorted(values: Tensor) -> Tensor:
    """Return the rows of `values` (D, M) sorted: on the CPU by NumPy, which takes a tenth of torch's time."""
    if values.device.type != "cpu" or values.requires_grad:
        return values.sort(dim=1).values
    return torch.from_numpy(np.sort(values.numpy(), axis=1))


def _means_of_ranks(values: Tensor, fraction: Tensor) -> Tensor:
    """Return the means of rising `values` (D, M) over 4096 equal parts; `fraction` (D or 1, M) of the weight each."""
    # The integral of the quantile function is linear between the cumulated fractions.
    edges = F.pad(fraction.cumsum(1), (1, 0))
    integral = F.pad((values * fraction).cumsum(1), (1, 0))
    levels = torch.arange(QUANTILES + 1, dtype=values.dtype, device=values.device) / QUANTILES
    levels = levels.expand(len(fraction), -1).contiguous()
    at = torch.searchsorted(edges[:, 1:].contiguous(), levels).clamp_max(values.shape[1] - 1)
    beyond = levels - edges.gather(1, at)
    at = at.expand(len(values), -1)
    reached = integral.gather(1, at) + beyond * values.gather(1, at)
    return reached.diff(dim=1) * QUANTILES


class _RankedDistance(Function):
    """Σ w (p - R(p))² / Σ w for p = `matrix` @ samples; its gradient is found on the way, and is all that is kept."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor, weight: Tensor | None, matrix: Tensor | None, target: Tensor) -> Tensor:
        gradient = torch.zeros_like(flat) if ctx.needs_input_grad[0] else None
        loss = flat.new_zeros((), dtype=torch.float64)
        fraction = 1 / flat.shape[1] if weight is None else weight / weight.sum()
        for part, values in _projected_rows(flat, matrix):
            ranked, order = values.sort(dim=1)
            away = ranked - _ranked_target(target[part].to(flat), order, weight)
            residual = torch.empty_like(values).scatter_(1, order, away)
            weighted = residual * fraction
            loss += (weighted * residual).sum(dtype=torch.float64)
            if gradient is not None:
                if matrix is None:
                    gradient[part] = 2 * weighted
                else:
                    gradient.addmm_(matrix[part].to(flat).T, weighted, alpha=2)
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return loss.to(flat.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradients[0] * gradient, None, None, None


def _ranked_target(table: Tensor, order: Tensor, weight: Tensor | None) -> Tensor:
    """Return the values (D, M) of the quantile `table` (D, K) at the middle of each sample's rank, rising."""
    count, last = order.shape[1], table.shape[1] - 1
    if weight is None:
        return F.interpolate(table[None], size=count, mode="linear", align_corners=False)[0]
    fraction = weight.index_select(0, order.flatten()).view_as(order)
    reached = fraction.cumsum(1)
    place = ((reached - fraction / 2) / reached[:, -1:] * (last + 1) - 0.5).clamp(0, last)
    low = place.long()
    below, above = table.gather(1, low), table.gather(1, (low + 1).clamp_max(last))
    return torch.lerp(below, above, place - low)
