"""Networks of the shape of VGG-16 and VGG-19: 3x3 convolutions in five blocks, written out."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.convolution import average_pool, rectified_convolution
from impasto.encoders.encoder import VGG16, VGG19, Geometry, Step
from impasto.errors import UsageError, WeightsError
from impasto.weights import EncoderWeights, Preprocessing

POOLINGS = ("average", "max")
"""The ways to pool: Gatys et al. 2016 take the average, VGG was trained with the maximum."""
PADDINGS = ("zero", "reflect", "replicate", "circular")
"""The ways to continue a map beyond its border; `circular` is for pictures that repeat."""
WIDTHS = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}
"""The channels of VGG's convolutions in each block (Simonyan & Zisserman 2015)."""


class Vgg:
    """VGG-16 or VGG-19 up to the deepest layer that its weights reach, or a network of their shape and other widths.

    `tensors` holds `conv1_1.weight` (O, I, 3, 3), `conv1_1.bias` (O,), ...; they may require gradients (training).
    Average pooling instead of max: Gatys et al. 2016, section 2. `precision` is the type of the convolutions;
    features are returned in the type of the image, but for those of `narrowed` layers.

    Raises `UsageError` for an unknown pooling or padding.
    """

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        preprocessing: Preprocessing,
        *,
        pooling: str = "average",
        padding: str = "reflect",
        precision: torch.dtype | None = None,
        sha256: str = "",
        channels: Mapping[int, int] = WIDTHS,
        geometry: Geometry = VGG19,
    ) -> None:
        if pooling not in POOLINGS:
            raise UsageError(f"unknown pooling '{pooling}'; choose from {', '.join(POOLINGS)}")
        if padding not in PADDINGS:
            raise UsageError(f"unknown padding '{padding}'; choose from {', '.join(PADDINGS)}")
        self.tensors = dict(tensors)
        self.preprocessing = preprocessing
        self.pooling, self.padding, self.precision, self.sha256 = pooling, padding, precision, sha256
        self.geometry, self.name = geometry, geometry.name
        self.layers = tuple(layer for layer in geometry.layers if f"conv{layer[4:]}.weight" in self.tensors)
        self.channels = {layer: channels[int(layer[4])] for layer in self.layers}
        self._narrow: frozenset[str] = frozenset()
        self._matrix = torch.tensor(preprocessing.matrix, dtype=torch.float64).reshape(3, 3)
        self._bias = torch.tensor(preprocessing.bias, dtype=torch.float64)[:, None]
        self._scales, self._reversed = _channel_scales(preprocessing.matrix)

    @classmethod
    def from_weights(
        cls,
        weights: EncoderWeights,
        *,
        pooling: str = "average",
        padding: str = "reflect",
        precision: torch.dtype | None = None,
    ) -> "Vgg":
        """Build the encoder from verified weights."""
        return cls(
            weights.tensors,
            weights.preprocessing,
            pooling=pooling,
            padding=padding,
            precision=precision,
            sha256=weights.sha256,
            geometry={"vgg16": VGG16, "vgg19": VGG19}[weights.architecture],
        )

    def __call__(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Encode `image` (B, 3, H, W), sRGB in [0, 1], no deeper than needed.

        Raises `WeightsError` when a layer is deeper than the weights reach.
        """
        return {layer: self._widened(layer, f, image.dtype) for layer, f in self.raw(image, layers).items()}

    def raw(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Encode as `__call__` does, but leave the features in the type of the convolutions."""
        wanted = {self.geometry.layer(layer) for layer in layers}
        if missing := wanted - set(self.layers):
            raise WeightsError(f"these weights end at {self.layers[-1]} and have no {', '.join(sorted(missing))}")
        features: dict[str, Tensor] = {}
        x = self._enter(image)
        block = "1"
        for layer in self.geometry.layers:
            if not wanted - features.keys():
                break
            if layer[4] != block:
                x = average_pool(x) if self.pooling == "average" else F.max_pool2d(x, 2)
                block = layer[4]
            weight, bias = (self.tensors[f"conv{layer[4:]}.{part}"].to(x.dtype) for part in ("weight", "bias"))
            x = rectified_convolution(x, weight, bias, self.padding)
            if layer in wanted:
                features[layer] = x
        return features

    def steps(self, layer: str) -> tuple[Step, ...]:
        """Return the convolutions and pools between a picture and `layer`, in order."""
        return self.geometry.steps(layer)

    def stride(self, layer: str) -> int:
        """Return the pixels of the picture per neuron of `layer`, along one side."""
        return self.geometry.stride(layer)

    def receptive_field(self, layer: str) -> int:
        """Return the side in pixels of the square that one neuron of `layer` sees."""
        return self.geometry.receptive_field(layer)

    def neurons(self, layers: Iterable[str]) -> float:
        """Return the neurons per pixel of all convolutions down to the deepest of `layers`."""
        deepest = max((layer[4:] for layer in layers), default="")
        neurons_per_pixel: float = sum(
            tensor.shape[0] / 4 ** (int(key[4]) - 1)
            for key, tensor in self.tensors.items()
            if key.startswith("conv") and key.endswith(".weight") and key[4:7] <= deepest
        )
        return neurons_per_pixel

    def padded(self, padding: str) -> Self:
        """Return this encoder with another padding; `circular` takes a picture for one that repeats.

        Features of a picture that repeats are its own only where its sides are multiples of the stride.
        """
        changed = copy.copy(self)
        changed.padding = padding
        return changed

    def narrowed(self, layers: Iterable[str]) -> Self:
        """Return this encoder, which leaves the features of `layers` in the type of its convolutions."""
        changed = copy.copy(self)
        changed._narrow = frozenset(layers)
        return changed

    def lift(self, layer: str) -> Tensor | None:
        """Return None: the features returned are the nominal ones."""
        return None

    def to(self, device: torch.device | str) -> Self:
        """Return this encoder with its weights on `device`."""
        moved = copy.copy(self)
        moved.tensors = {key: tensor.to(device) for key, tensor in self.tensors.items()}
        moved._matrix, moved._bias = self._matrix.to(device), self._bias.to(device)
        return moved

    def _widened(self, layer: str, features: Tensor, dtype: torch.dtype) -> Tensor:
        return features if layer in self._narrow else features.to(dtype)

    def _enter(self, image: Tensor) -> Tensor:
        # In the image's own precision, because 255 levels do not fit into bfloat16's 8 bits.
        bias = self._bias.to(image.dtype)
        if self._scales is not None:
            ordered = image.flip(1) if self._reversed else image
            x = ordered * image.new_tensor(self._scales)[:, None, None] + bias[..., None]
        else:
            # Files may have a colour layer of their own (AdaIN's). As a product: as a convolution, three channels take
            # 30 times as long, a tenth of the whole encoder.
            x = (self._matrix.to(image.dtype) @ image.flatten(2) + bias).view_as(image)
        if self.precision is not None:
            x = x.to(self.precision)
        return x.contiguous(memory_format=torch.channels_last)


def _channel_scales(matrix: Sequence[Sequence[float]]) -> tuple[list[float] | None, bool]:
    """Return what each channel is multiplied by, and whether their order is reversed; None where colours are mixed."""
    for turned in (False, True):
        rows = [row[::-1] if turned else row for row in matrix]
        if not any(rows[row][column] for row in range(3) for column in range(3) if row != column):
            return [rows[channel][channel] for channel in range(3)], turned
    return None, False
