"""A picture as metrics look at it: pixels at one size, and what encoders say of them, computed once."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from impasto.encoders import Encoder

COARSE = 4
"""Pixels per neuron from which a layer's features are kept between evaluations: finer ones are mostly memory, and what
is measured on them is kept in their place."""


class Panel:
    """Pixels (1, 3, H, W) with features and statistics of them, kept for the next question."""

    def __init__(self, pixels: Tensor) -> None:
        self.pixels = pixels
        self._features: dict[tuple[str, str], dict[str, Tensor]] = {}
        self._strides: dict[tuple[str, str], dict[str, int]] = {}
        self._facts: dict[Any, Any] = {}

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels.shape[2], self.pixels.shape[3]

    @torch.no_grad()
    def features(self, encoder: Encoder, layers: Iterable[str]) -> dict[str, Tensor]:
        """Return the features (1, C, h, w) of `layers`; what is missing is encoded in one pass."""
        key = (encoder.name, encoder.sha256)
        known = self._features.setdefault(key, {})
        wanted = list(layers)
        if missing := [layer for layer in wanted if layer not in known]:
            known.update(encoder(self.pixels, missing))
            self._strides.setdefault(key, {}).update({layer: encoder.stride(layer) for layer in missing})
        return {layer: known[layer] for layer in wanted}

    def fact(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Return what `compute` returned when this `key` was asked for first."""
        if key not in self._facts:
            self._facts[key] = compute()
        return self._facts[key]

    def rest(self) -> None:
        """Forget the features of fine layers."""
        for key, known in self._features.items():
            for layer in [layer for layer in known if self._strides[key][layer] < COARSE]:
                del known[layer]


class Shelf:
    """The panels that were used last, by a key of each."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._panels: OrderedDict[Any, Panel] = OrderedDict()

    def panel(self, key: Any, pixels: Callable[[], Tensor]) -> Panel:
        """Return the panel of `key`, made of `pixels` where it is not there any more."""
        if key not in self._panels:
            self._panels[key] = Panel(pixels())
        self._panels.move_to_end(key)
        while len(self._panels) > self._most:
            self._panels.popitem(last=False)
        return self._panels[key]

    def rest(self) -> None:
        """Let all panels forget what takes much memory."""
        for panel in self._panels.values():
            panel.rest()
