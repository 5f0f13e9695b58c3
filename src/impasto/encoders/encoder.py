"""What every encoder is: a function from a picture to named feature maps, with its geometry known."""

from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

import torch
from torch import Tensor

from impasto.errors import UsageError

BLOCKS: dict[int, int] = {1: 2, 2: 2, 3: 4, 4: 4, 5: 4}
"""Convolutions per block of VGG-19 (Simonyan & Zisserman 2014, table 1, column E)."""

LAYERS: tuple[str, ...] = tuple(f"relu{b}_{c}" for b, count in BLOCKS.items() for c in range(1, count + 1))
"""Every layer name, shallow to deep."""


def layer_name(name: str) -> str:
    """Return the canonical name of a layer; `conv4_2` is the field's loose name for `relu4_2`.

    Raises `UsageError` for a layer VGG-19 does not have.
    """
    canonical = name.replace("conv", "relu", 1) if name.startswith("conv") else name
    if canonical not in LAYERS:
        raise UsageError(f"unknown layer '{name}'; the layers are {LAYERS[0]} ... {LAYERS[-1]} ({', '.join(LAYERS)})")
    return canonical


def stride(layer: str) -> int:
    """Pixels of the picture per neuron of `layer`, along one side."""
    return int(2 ** (_block(layer) - 1))


def steps(layer: str) -> tuple[Literal["conv", "pool"], ...]:
    """What stands between a picture and `layer`: 3x3 convolutions and 2x2 pools, in order."""
    layer = layer_name(layer)
    found: list[Literal["conv", "pool"]] = []
    for block, convolutions in BLOCKS.items():
        if block > 1:
            found.append("pool")
        for convolution in range(1, convolutions + 1):
            found.append("conv")
            if f"relu{block}_{convolution}" == layer:
                return tuple(found)
    return tuple(found)


def receptive_field(layer: str) -> int:
    """Side in pixels of the square that one neuron of `layer` sees."""
    field, step = 1, 1
    for kind in steps(layer):
        if kind == "pool":
            field += step
            step *= 2
        else:
            field += 2 * step
    return field


def _block(layer: str) -> int:
    return int(layer_name(layer)[4])


class Encoder(Protocol):
    """Anything that turns pictures into features; it holds no cache and no state.

    `channels` gives the nominal width N of each layer, the one that the normalisations of losses use: an encoder
    may return fewer channels than that when they are an isometric image of the nominal ones (see `lift`).
    """

    @property
    def name(self) -> str:
        """Which network."""

    @property
    def sha256(self) -> str:
        """Which weights."""

    @property
    def channels(self) -> Mapping[str, int]:
        """Nominal width of each layer."""

    def __call__(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Encode `image` (B, 3, H, W), sRGB in [0, 1]; give {layer: (B, C, H/stride, W/stride)}."""

    def lift(self, layer: str) -> Tensor | None:
        """Return the (N, C) matrix with orthonormal columns from returned to nominal channels; None: identity."""

    def padded(self, padding: str) -> "Encoder":
        """Return this encoder with another padding: zero, reflect, replicate or circular."""

    def to(self, device: torch.device | str) -> "Encoder":
        """Return this encoder with its weights on `device`."""
