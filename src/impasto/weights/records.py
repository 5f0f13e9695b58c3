"""What weights are once they are read: tensors by layer, the preprocessing they expect, their origin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

Row = tuple[float, float, float]


@dataclass(frozen=True)
class Preprocessing:
    """The affine colour map from sRGB to what a first convolution expects: `y = matrix @ rgb + bias`.

    `rgb` is a pixel in [0, 1]; rows of `matrix` are the network's input channels.
    """

    matrix: tuple[Row, Row, Row]
    bias: Row


IDENTITY = Preprocessing(matrix=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), bias=(0.0, 0.0, 0.0))
"""RGB in [0, 1], as it is."""

CAFFE = Preprocessing(
    matrix=((0.0, 0.0, 255.0), (0.0, 255.0, 0.0), (255.0, 0.0, 0.0)),
    bias=(-103.939, -116.779, -123.68),
)
"""BGR, 0-255, minus ImageNet's mean: the original Oxford weights (Simonyan & Zisserman 2014)."""

_MEAN: Row = (0.485, 0.456, 0.406)
_STD: Row = (0.229, 0.224, 0.225)

TORCHVISION = Preprocessing(
    matrix=((1 / _STD[0], 0.0, 0.0), (0.0, 1 / _STD[1], 0.0), (0.0, 0.0, 1 / _STD[2])),
    bias=(-_MEAN[0] / _STD[0], -_MEAN[1] / _STD[1], -_MEAN[2] / _STD[2]),
)
"""RGB in [0, 1], minus ImageNet's mean, over its standard deviation: torchvision's retrained weights."""


@dataclass(frozen=True)
class EncoderWeights:
    """One encoder's tensors, checked, and what is known about them."""

    architecture: str
    """`vgg16`, `vgg19` or `petite`."""
    tensors: dict[str, torch.Tensor] = field(repr=False)
    """`conv1_1.weight` (O, I, 3, 3) and `conv1_1.bias` (O,), float32, down to the deepest layer present; for
    petite the tensors as they are stored."""
    preprocessing: Preprocessing
    sha256: str
    """Hex digest of the file they were read from."""
    origin: str
    """Where they are from in human words; never a path."""
    licence: str
    metadata: dict[str, str] = field(default_factory=dict)
    """The file's own notes (safetensors only)."""


def _convolutions(counts: tuple[int, ...]) -> dict[str, tuple[int, int]]:
    table: dict[str, tuple[int, int]] = {}
    channels = 3
    for block, (count, width) in enumerate(zip(counts, (64, 128, 256, 512, 512), strict=True), start=1):
        for index in range(1, count + 1):
            table[f"conv{block}_{index}"] = (width, channels)
            channels = width
    return table


VGG16_CONVOLUTIONS: dict[str, tuple[int, int]] = _convolutions((2, 2, 3, 3, 3))
"""Every 3x3 convolution of VGG-16, first to last: (output channels, input channels)."""
VGG19_CONVOLUTIONS: dict[str, tuple[int, int]] = _convolutions((2, 2, 4, 4, 4))
"""The same of VGG-19."""
