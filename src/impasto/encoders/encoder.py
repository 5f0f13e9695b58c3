"""What every encoder is: a function from a picture to named feature maps, with its geometry known."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from impasto.errors import UsageError

Step = tuple[int, int]
"""What a convolution or a pool does to a map: the side of the window that it looks at, and its stride, in neurons."""
CONVOLUTION: Step = (3, 1)
"""The step of VGG's convolutions: 3x3, at every neuron."""
POOL: Step = (2, 2)
"""The step of VGG's pools: 2x2, at every second neuron."""


@dataclass(frozen=True)
class Geometry:
    """The layers of the network called `name`, from shallow to deep, and the steps from a picture to each."""

    name: str
    paths: Mapping[str, tuple[Step, ...]]

    @classmethod
    def of_blocks(cls, name: str, convolutions: Iterable[int]) -> "Geometry":
        """Build the geometry of blocks of so many 3x3 convolutions, with a 2x2 pool between two blocks."""
        paths: dict[str, tuple[Step, ...]] = {}
        path: tuple[Step, ...] = ()
        for block, count in enumerate(convolutions, start=1):
            if block > 1:
                path += (POOL,)
            for index in range(1, count + 1):
                path += (CONVOLUTION,)
                paths[f"relu{block}_{index}"] = path
        return cls(name, paths)

    @property
    def layers(self) -> tuple[str, ...]:
        """Return every layer name, shallow to deep."""
        return tuple(self.paths)

    def layer(self, name: str) -> str:
        """Return the canonical name of a layer; `conv4_2` is the field's loose name for `relu4_2`.

        Raises `UsageError` for a layer that the network does not have.
        """
        canonical = name.replace("conv", "relu", 1) if name.startswith("conv") else name
        if canonical not in self.paths:
            first, *_, last = self.layers
            every = ", ".join(self.layers)
            raise UsageError(f"unknown layer '{name}'; the layers of {self.name} are {first} ... {last} ({every})")
        return canonical

    def steps(self, layer: str) -> tuple[Step, ...]:
        """Return the convolutions and pools between a picture and `layer`, in order."""
        return self.paths[self.layer(layer)]

    def stride(self, layer: str) -> int:
        """Return the pixels of the picture per neuron of `layer`, along one side."""
        return math.prod(stride for _, stride in self.steps(layer))

    def receptive_field(self, layer: str) -> int:
        """Return the side in pixels of the square that one neuron of `layer` sees."""
        field, step = 1, 1
        for side, stride in self.steps(layer):
            field += (side - 1) * step
            step *= stride
        return field


VGG19 = Geometry.of_blocks("vgg19", (2, 2, 4, 4, 4))
"""Simonyan & Zisserman 2014, table 1, column E."""
VGG16 = Geometry.of_blocks("vgg16", (2, 2, 3, 3, 3))
"""Ibid., column D."""

LAYERS: tuple[str, ...] = VGG19.layers
"""Every layer name of VGG-19, shallow to deep."""


class Encoder(Protocol):
    """Anything that turns pictures into features; it holds no cache and no state.

    Whatever shape a network has, it is known from here alone: nothing else in impasto counts its blocks. A map has
    H // stride times W // stride neurons, and the windows of `steps` lie about the middles of what they take together;
    the last ones may look at neurons that are too few to become one more.

    `channels` gives the nominal width N of each layer, the one that the normalisations of losses use: an encoder
    may return fewer channels than that when they are an isometric image of the nominal ones (see `lift`).
    """

    @property
    def name(self) -> str:
        """Return which network it is."""

    @property
    def sha256(self) -> str:
        """Return which weights it has."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the layers that it can encode to, shallow to deep."""

    @property
    def channels(self) -> Mapping[str, int]:
        """Return the nominal width of each layer."""

    @property
    def precision(self) -> torch.dtype | None:
        """Return the type of its convolutions; None: that of the picture."""

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """Return its weights by name, whose bytes count when memory is planned."""

    def __call__(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Encode `image` (B, 3, H, W), sRGB in [0, 1]; return {layer: (B, C, H // stride, W // stride)}."""

    def steps(self, layer: str) -> tuple[Step, ...]:
        """Return the windows between a picture and `layer`, in order. Raises `UsageError` for an unknown layer."""

    def stride(self, layer: str) -> int:
        """Return the pixels of the picture per neuron of `layer`, along one side."""

    def receptive_field(self, layer: str) -> int:
        """Return the side in pixels of the square that one neuron of `layer` sees."""

    def neurons(self, layers: Iterable[str]) -> float:
        """Return the values per pixel that are computed on the way to the deepest of `layers`, for planning memory."""

    def lift(self, layer: str) -> Tensor | None:
        """Return the (N, C) matrix with orthonormal columns from returned to nominal channels; None: identity."""

    def padded(self, padding: str) -> "Encoder":
        """Return this encoder with another padding: zero, reflect, replicate or circular."""

    def to(self, device: torch.device | str) -> "Encoder":
        """Return this encoder with its weights on `device`."""
