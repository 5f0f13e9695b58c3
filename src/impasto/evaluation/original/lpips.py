"""LPIPS (Zhang et al. 2018), version 0.1 with AlexNet: how far apart two pictures are in deep features."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import WeightsError

# AlexNet's convolutions by their places in torchvision's sequence: output and input channels, side, stride, padding.
CONVOLUTIONS = {
    0: (64, 3, 11, 4, 2),
    3: (192, 64, 5, 1, 2),
    6: (384, 192, 3, 1, 1),
    8: (256, 384, 3, 1, 1),
    10: (256, 256, 3, 1, 1),
}
POOLED = (3, 6)
"""Convolutions that a maximum over 3x3 with the stride 2 comes before."""
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of pictures in [-1, 1]: ImageNet's means and deviations, as LPIPS writes them."""
TINY = 1e-10
"""Added to lengths (the reference code)."""
SMALLEST = 63
"""Pixels a side below which the last pool has nothing left."""


class Lpips:
    """The distance of two pictures, from AlexNet's tensors in torchvision's names and the heads in LPIPS's.

    Raises `WeightsError` where tensors are absent or have other shapes.
    """

    def __init__(self, alexnet: Mapping[str, Tensor], heads: Mapping[str, Tensor]) -> None:
        self._weights = {
            at: (
                _checked(alexnet, f"features.{at}.weight", (out, into, side, side)),
                _checked(alexnet, f"features.{at}.bias", (out,)),
            )
            for at, (out, into, side, _, _) in CONVOLUTIONS.items()
        }
        self._heads = [
            _checked(heads, f"lin{number}.model.1.weight", (1, shape[0], 1, 1))
            for number, shape in enumerate(CONVOLUTIONS.values())
        ]

    @torch.no_grad()
    def __call__(self, one: Tensor, other: Tensor) -> tuple[float, Tensor]:
        """Return the distance of two pictures (1, 3, H, W) in [0, 1], and where it is (H, W).

        A picture of one channel counts as grey.
        """
        total = one.new_zeros((1, 1, *one.shape[2:]))
        distance = 0.0
        for ours, theirs, head in zip(self._features(one), self._features(other), self._heads, strict=True):
            apart = F.conv2d((_unit(ours) - _unit(theirs)).square(), head)
            distance += float(apart.double().mean())
            total += F.interpolate(apart, total.shape[2:], mode="bilinear", align_corners=False)
        return distance, total[0, 0]

    def _features(self, picture: Tensor) -> list[Tensor]:
        x = (2 * picture - 1 - picture.new_tensor(SHIFT)[:, None, None]) / picture.new_tensor(SCALE)[:, None, None]
        features = []
        for at, (_, _, _, stride, padding) in CONVOLUTIONS.items():
            if at in POOLED:
                x = F.max_pool2d(x, 3, 2)
            x = F.relu(F.conv2d(x, *self._weights[at], stride=stride, padding=padding))
            features.append(x)
        return features


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True).sqrt() + TINY)


def _checked(tensors: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
    tensor = tensors.get(name)
    if tensor is None or tuple(tensor.shape) != shape:
        held = "is absent" if tensor is None else f"has the shape {tuple(tensor.shape)}"
        raise WeightsError(
            f"LPIPS needs {name} of shape {shape}, which {held}; get the file that docs/metrics.md names"
        )
    return tensor.float()
