"""What the per-style networks are made of: convolutions, and instance normalisation by own or given statistics."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import UsageError, WeightsError
from impasto.nets.norm_statistics import NormStatistics, moments
from impasto.nets.store import Card

EPSILON = 1e-5
"""Added to a variance before its root, as in PyTorch's norms: a constant channel is then no division by zero."""
Plan = TypeVar("Plan")


class InstanceNorm(nn.Module):
    """Each channel of each picture to mean 0 and variance 1 over its positions, then a learnt scale and shift.

    The same at test as in training (Ulyanov et al. 2017); the output does not know the contrast of the input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, statistics: NormStatistics | None = None) -> Tensor:
        """Normalise `x` (B, C, H, W) by its own moments, or by those in `statistics`."""
        if statistics is None and x[0, 0].numel() > 1:
            # In one call, with a backward that keeps less than autograd would through the formula below.
            return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=EPSILON)
        mean, variance = moments(x) if statistics is None else statistics.of(self, x)
        scale = self.weight[:, None, None] * (variance + EPSILON).rsqrt()
        return torch.addcmul((self.bias[:, None, None] - mean * scale).to(x.dtype), x, scale.to(x.dtype))


class Conv(nn.Module):
    """A k x k convolution that pads by k // 2, so that only `stride` changes the size."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.reach = stride, kernel // 2
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, padding: str = "reflect") -> Tensor:
        """Convolve `x` (B, C, H, W), in its own type."""
        padded = pad(x, self.reach, padding)
        return F.conv2d(padded, self.weight.to(x.dtype), self.bias.to(x.dtype), stride=self.stride)


class UpConv(nn.Module):
    """Enlargement to twice the size, nearest or bilinear, and a k x k convolution, computed at the small size.

    Resize and convolve, because transposed convolutions leave checkerboards (Odena et al. 2016). Each of the four
    pixels that replace one is a weighted sum over a window of the small map: four small kernels and a pixel shuffle
    give the same numbers, and nothing wide is ever at the large size. Only the border differs: the small map is
    padded, not the large one.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, smooth: bool = False) -> None:
        super().__init__()
        reach = kernel // 2
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.reach = (reach + 1 + smooth) // 2
        # taps[p, s, t]: how much of the small map's position s, from its pixel, is in what tap t sees in phase p.
        taps = torch.zeros(2, 2 * self.reach + 1, kernel)
        for phase in range(2):
            for tap in range(kernel):
                at = phase + tap - reach
                near = self.reach + at // 2
                taps[phase, near, tap] += 0.75 if smooth else 1.0
                if smooth:
                    # Pixel centres: an even one lies a quarter towards the position before, an odd one after.
                    taps[phase, near + (1 if at % 2 else -1), tap] += 0.25
        self.register_buffer("taps", taps, persistent=False)
        self.taps: Tensor

    def forward(self, x: Tensor, padding: str = "reflect") -> Tensor:
        """Enlarge and convolve `x` (B, C, H, W), in its own type."""
        outputs, inputs = self.weight.shape[:2]
        size = self.taps.shape[1]
        folded = torch.einsum("oiyx,pty,qsx->opqits", self.weight, self.taps, self.taps)
        folded = folded.reshape(4 * outputs, inputs, size, size).to(x.dtype)
        bias = self.bias.repeat_interleave(4).to(x.dtype)
        return F.pixel_shuffle(F.conv2d(pad(x, self.reach, padding), folded, bias), 2)


class Residual(nn.Module):
    """conv, norm, ReLU, conv, norm, plus what came in; no ReLU after the sum (Johnson et al. 2016, supplement)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = Conv(channels, channels, 3), InstanceNorm(channels)
        self.conv2, self.norm2 = Conv(channels, channels, 3), InstanceNorm(channels)

    def forward(self, x: Tensor, statistics: NormStatistics | None = None) -> Tensor:
        """Change `x` (B, C, H, W)."""
        inner = F.relu(self.norm1(self.conv1(x), statistics))
        changed: Tensor = x + self.norm2(self.conv2(inner), statistics)
        return changed


def pad(x: Tensor, amount: int, mode: str) -> Tensor:
    """Pad each side of `x` (B, C, H, W); a map too small to reflect is continued with its border."""
    return _pad(x, (amount, amount, amount, amount), mode) if amount else x


def to_multiple(image: Tensor, stride: int, mode: str = "reflect") -> Tensor:
    """Pad `image` (B, C, H, W) at its right and lower border until its sides are multiples of `stride`."""
    height, width = image.shape[-2:]
    below, beside = -height % stride, -width % stride
    return _pad(image, (0, beside, 0, below), mode) if below or beside else image


def _pad(x: Tensor, sides: tuple[int, int, int, int], mode: str) -> Tensor:
    height, width = x.shape[-2:]
    if mode == "reflect" and (max(sides[:2]) >= width or max(sides[2:]) >= height):
        mode = "replicate"
    return F.pad(x, sides, mode=mode)


def initialize(net: nn.Module, seed: int) -> None:
    """Fill the convolutions of `net` with random weights that keep the variance (He et al. 2015)."""
    random = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, Conv | UpConv):
            spread = (2 / module.weight[0].numel()) ** 0.5
            with torch.no_grad():
                module.weight.copy_(spread * torch.randn(module.weight.shape, generator=random))


def plan_of(kind: Callable[..., Plan], card: Card, where: str) -> Plan:
    """Make the plan that a card tells of. Raises `WeightsError` for missing, unknown or impossible entries."""
    parts = fields(kind)  # type: ignore[arg-type]  # plans are dataclasses
    known = {part.name for part in parts}
    if known != card.plan.keys():
        different = ", ".join(sorted(known ^ card.plan.keys()))
        raise WeightsError(f"{where}: its plan differs in {different[:80]}; get it again, or a newer impasto")
    for part in parts:
        # An entry is of the type of its default; pairs are lists in JSON, and a truth value is no number.
        wanted, value = list if isinstance(part.default, tuple) else type(part.default), card.plan[part.name]
        if type(value) is not wanted:
            entry = f"{part.name}={value!r:.60}"
            raise WeightsError(f"{where}: its plan's {entry} is not of the type {wanted.__name__}; get it again")
    try:
        return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in card.plan.items()})
    except (UsageError, TypeError, ValueError) as error:
        raise WeightsError(f"{where}: its plan cannot be built ({str(error)[:200]}); get it again") from None


def check(entries: Mapping[str, tuple[Any, int, int]]) -> None:
    """Make sure of {name: (value, lowest, highest)}: whole numbers in their range. Raises `UsageError`."""
    for name, (value, low, high) in entries.items():
        if type(value) is not int or not low <= value <= high:
            raise UsageError(f"{name}={value!r}: must be a whole number from {low} to {high}")
