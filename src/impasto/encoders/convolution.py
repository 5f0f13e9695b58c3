"""What networks of VGG's shape are made of, 3x3 convolutions with ReLU and average pooling, with slopes of our own.

torch's give the slopes of weights too, which a painting has no use for; those of reflected borders and of pooling took
together a tenth of a whole step. What is computed forwards is the same.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


def rectified_convolution(x: Tensor, weight: Tensor, bias: Tensor, padding: str) -> Tensor:
    """Return the ReLU (B, O, H, W) of a 3x3 convolution of `x` (B, I, H, W), which goes on beyond its borders.

    `padding` is one of `PADDINGS` (vgg.py). The slope of `x` is the same as that of torch's operations, but for the
    last bits; where a weight has one too, or where graphs are written, torch's are taken.
    """
    if x.requires_grad and torch.is_grad_enabled() and not (weight.requires_grad or bias.requires_grad):
        maps: Tensor = _Rectified.apply(x, weight, bias, padding)  # type: ignore[no-untyped-call]  # torch's own
        return maps
    return F.relu(_convolved(x, weight, bias, padding), inplace=True)


def average_pool(x: Tensor) -> Tensor:
    """Return the means (B, C, H // 2, W // 2) of squares of four neurons of `x` (B, C, H, W)."""
    if x.requires_grad and torch.is_grad_enabled():
        maps: Tensor = _Averaged.apply(x)  # type: ignore[no-untyped-call]  # torch's own
        return maps
    return F.avg_pool2d(x, 2)


def _convolved(x: Tensor, weight: Tensor, bias: Tensor, padding: str) -> Tensor:
    if padding == "zero":
        return F.conv2d(x, weight, bias, padding=1)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode=_padding_of(x.shape, padding)), weight, bias)


def _padding_of(shape: Sequence[int], padding: str) -> str:
    # A map of one pixel has nothing to reflect.
    return "replicate" if padding == "reflect" and min(shape[-2:]) < 2 else padding


class _Rectified(Function):
    """A convolution with its ReLU. Only the result is kept for the slope: torch keeps the padded maps beside it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, padding: str) -> Tensor:
        maps = _convolved(x, weight, bias, padding).relu_()
        ctx.save_for_backward(maps, weight)
        ctx.padding, ctx.shape = padding, x.shape
        return maps

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        maps, weight = ctx.saved_tensors
        slope = torch.ops.aten.threshold_backward(gradients[0], maps, 0)
        batch, channels, height, width = ctx.shape
        beyond = ctx.padding != "zero"
        shape = (batch, channels, height + 2 * beyond, width + 2 * beyond)
        # Never written, and so without memory: torch looks at its shape and its layout.
        unwritten = torch.empty(shape, dtype=slope.dtype, device=slope.device, memory_format=torch.channels_last)
        padding = [0, 0] if beyond else [1, 1]
        arguments = [1, 1], padding, [1, 1], False, [0, 0], 1, [True, False, False]
        slopes = torch.ops.aten.convolution_backward(slope, unwritten, weight, None, *arguments)[0]
        if beyond:
            slopes = _folded(slopes, _padding_of(ctx.shape, ctx.padding))
        return slopes, None, None, None


class _Averaged(Function):
    """Average pooling, whose slope torch takes twice as long for."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.size = x.shape[2:]
        return F.avg_pool2d(x, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        height, width = ctx.size
        slopes: Tensor = torch.ops.aten.upsample_nearest2d(gradients[0] / 4, [height, width], 2.0, 2.0)
        # Of an odd number of neurons the last is in no square.
        if height % 2:
            slopes[..., -1, :] = 0
        if width % 2:
            slopes[..., -1] = 0
        return slopes


def _folded(slopes: Tensor, padding: str) -> Tensor:
    """Add what lies beyond the borders of `slopes` (B, C, H + 2, W + 2) to where it was taken from: (B, C, H, W)."""
    for dim in (3, 2):
        side = slopes.shape[dim] - 2
        first, last = {"reflect": (2, side - 1), "replicate": (1, side), "circular": (side, 1)}[padding]
        slopes.select(dim, first).add_(slopes.select(dim, 0))
        slopes.select(dim, last).add_(slopes.select(dim, side + 1))
    return slopes[..., 1:-1, 1:-1]
