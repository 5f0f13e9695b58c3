"""Weighted sums of features and of their products, with a gradient that keeps no copy of the features.

Left to autograd, each region would keep its own weighted copy of the widest maps for the backward, and half-precision
features a float32 one. Here only the features and the guides are kept, whatever the number of regions.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

CHUNK = 1 << 18
"""The values that are weighted or widened at a time: a MiB of float32, which stays in the cache."""


def flatten_positions(features: Tensor) -> Tensor:
    """Return `features` (1, C, h, w) as (C, M)."""
    if features.shape[0] != 1:
        raise ValueError(f"a statistic takes the features of one picture, not of {features.shape[0]}")
    # As a view: the slope of an index fills a map with zeros first.
    return features.flatten(2).squeeze(0)


def guide_weights(features: Tensor, guide: Tensor | None) -> Tensor | None:
    """Return `guide` (h, w) as weights (M,) in a type that holds sums over `features` (1, C, h, w)."""
    if guide is None:
        return None
    if guide.shape != features.shape[-2:]:
        raise ValueError(f"a guide of {tuple(guide.shape)} does not fit features of {tuple(features.shape[-2:])}")
    return guide.detach().flatten().to(features.device, accumulator_dtype(features.dtype))


def accumulator_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the type that sums over many positions need: half precision overflows, and cannot count to 4097."""
    return torch.float32 if dtype in (torch.bfloat16, torch.float16) else dtype


def total_weight(flat: Tensor, weight: Tensor | None) -> Tensor:
    """Return the weight () of all positions of `flat` (C, M)."""
    return (
        torch.tensor(flat.shape[1], dtype=accumulator_dtype(flat.dtype), device=flat.device)
        if weight is None
        else weight.sum()
    )


def second_moments(flat: Tensor, weight: Sequence[Tensor | None], *, mean: bool = False) -> Tensor:
    """Sum w f fᵀ over the positions of `flat` (C, M) for each of R weights (M,); None weighs all alike.

    Returns (R, C, C). With `mean`, f is taken with a 1 appended, (R, C + 1, C + 1): the last column then holds Σ w f.
    Differentiable once, with respect to `flat` alone.
    """
    result: Tensor = _SecondMoments.apply(flat, mean, *weight)  # type: ignore[no-untyped-call]  # torch's own
    return result


def _positions_at_once(flat: Tensor, weight: Sequence[Tensor | None]) -> int:
    """Return how many positions to take at a time: all, where nothing but a product of matrices is asked for."""
    if all(w is None for w in weight) and flat.dtype is accumulator_dtype(flat.dtype):
        return max(1, flat.shape[1])
    return max(256, CHUNK // flat.shape[0])


class _SecondMoments(Function):
    @staticmethod
    def forward(ctx: Any, flat: Tensor, mean: bool, *weight: Tensor | None) -> Tensor:
        ctx.save_for_backward(flat, *weight)
        ctx.mean = mean
        channels, count = flat.shape
        sums = flat.new_zeros(len(weight), channels + mean, channels + mean, dtype=accumulator_dtype(flat.dtype))
        step = _positions_at_once(flat, weight)
        for begin in range(0, count, step):
            part = flat[:, begin : begin + step].to(sums.dtype)
            for of_region, w in zip(sums, weight, strict=True):
                weighted = part if w is None else part * w[begin : begin + step]
                of_region[:channels, :channels].addmm_(weighted, part.T)
                if mean:
                    of_region[:channels, channels] += weighted.sum(1)
        if mean:
            for of_region, w in zip(sums, weight, strict=True):
                of_region[channels, :channels] = of_region[:channels, channels]
                of_region[channels, channels] = total_weight(flat, w)
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        flat, *weight = ctx.saved_tensors
        channels, count = flat.shape
        both = gradient + gradient.mT
        square, line = both[:, :channels, :channels], both[:, :channels, channels:]
        slopes = torch.empty_like(flat)
        # The channels of a position lie together in the maps of encoders, and a product laid out likewise is written
        # where it belongs, without a map between.
        together = flat.stride(0) == 1 and slopes.stride() == flat.stride() and flat.dtype is both.dtype
        step = _positions_at_once(flat, weight)
        for begin in range(0, count, step):
            part = flat[:, begin : begin + step].to(both.dtype)
            place = slopes[:, begin : begin + step]
            total: Tensor | None = None
            for of_region, (slope, w) in enumerate(zip(square, weight, strict=True)):
                out = place.T if total is None and together else None
                piece = torch.mm(part.T, slope, out=out).T
                if ctx.mean:
                    piece += line[of_region]
                if w is not None:
                    piece *= w[begin : begin + step]
                total = piece if total is None else total.add_(piece)
            if total is not None and not together:
                place.copy_(total)
        return (slopes, None, *(None for _ in weight))
