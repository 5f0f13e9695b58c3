"""Convolutions with ReLU and pooling: forwards and backwards the same as torch's own operations."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.convolution import average_pool, rectified_convolution
from impasto.encoders.vgg import PADDINGS

SIZES = [(1, 1), (1, 5), (2, 2), (2, 3), (3, 2), (5, 4), (6, 9)]


def plain(x: Tensor, weight: Tensor, bias: Tensor, padding: str) -> Tensor:
    mode = "constant" if padding == "zero" else padding
    if padding == "reflect" and min(x.shape[2:]) < 2:
        mode = "replicate"
    return F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode=mode), weight, bias))


def slope(layer: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `layer` makes of `x`, and a gradient of it."""
    leaf = x.clone().requires_grad_()
    maps = layer(leaf)
    pull = torch.linspace(-1, 2, maps.numel(), dtype=maps.dtype).view_as(maps)
    (gradient,) = torch.autograd.grad((maps * pull).sum(), leaf)
    return maps.detach(), gradient


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("padding", PADDINGS)
def test_convolutions_are_those_of_torch_with_their_slopes(padding: str, size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    weight, bias = torch.randn(4, 3, 3, 3, dtype=torch.float64), torch.randn(4, dtype=torch.float64)

    expected, wanted = slope(lambda leaf: plain(leaf, weight, bias, padding), x)
    found, gradient = slope(lambda leaf: rectified_convolution(leaf, weight, bias, padding), x)

    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient, wanted)
    torch.testing.assert_close(rectified_convolution(x, weight, bias, padding), expected)


@pytest.mark.parametrize("size", [(2, 2), (2, 3), (3, 2), (5, 4), (7, 9), (8, 6)])
def test_pools_are_those_of_torch_with_their_slopes(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.float64)

    expected, wanted = slope(lambda leaf: F.avg_pool2d(leaf, 2), x)
    found, gradient = slope(average_pool, x)

    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient, wanted)


def test_half_precision_of_maps_whose_channels_lie_together() -> None:
    x = torch.randn(1, 16, 31, 22).bfloat16().contiguous(memory_format=torch.channels_last)
    weight, bias = torch.randn(8, 16, 3, 3).bfloat16() / 12, torch.randn(8).bfloat16()

    found, gradient = slope(lambda leaf: average_pool(rectified_convolution(leaf, weight, bias, "reflect")), x)
    factors, offset = weight.float(), bias.float()
    expected, wanted = slope(lambda leaf: F.avg_pool2d(plain(leaf, factors, offset, "reflect"), 2), x.float())

    assert found.dtype is gradient.dtype is torch.bfloat16
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert float((found.float() - expected).norm() / expected.norm()) < 0.01
    assert float((gradient.float() - wanted).norm() / wanted.norm()) < 0.02


def test_weights_that_are_trained_get_their_slopes() -> None:
    x = torch.randn(1, 3, 6, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(4, dtype=torch.float64, requires_grad=True)

    def loss(layer: Callable[..., Tensor]) -> list[Tensor]:
        return list(torch.autograd.grad(layer(x, weight, bias, "reflect").square().sum(), (x, weight, bias)))

    torch.testing.assert_close(loss(rectified_convolution), loss(plain))
