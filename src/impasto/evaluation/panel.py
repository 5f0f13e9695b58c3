"""A picture as metrics look at it: pixels at one size, and what encoders say of them, computed once."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from impasto.encoders import Encoder


class Panel:
    """Pixels (1, 3, H, W) with features and statistics of them, kept for the next question."""

    def __init__(self, pixels: Tensor) -> None:
        self.pixels = pixels
        self._features: dict[tuple[str, str], dict[str, Tensor]] = {}
        self._expected: dict[tuple[str, str], set[str]] = {}
        self._facts: dict[Any, Any] = {}

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels.shape[2], self.pixels.shape[3]

    def expect(self, encoder: Encoder, layers: Iterable[str]) -> None:
        """Announce layers that will be asked for, so that the first question encodes them all in one pass."""
        self._expected.setdefault((encoder.name, encoder.sha256), set()).update(layers)

    @torch.no_grad()
    def features(self, encoder: Encoder, layers: Iterable[str]) -> dict[str, Tensor]:
        """Return the features (1, C, h, w) of `layers`; what is missing is encoded in one pass."""
        key = (encoder.name, encoder.sha256)
        known = self._features.setdefault(key, {})
        wanted = list(layers)
        if any(layer not in known for layer in wanted):
            missing = dict.fromkeys([*wanted, *sorted(self._expected.get(key, ()))])
            known.update(encoder(self.pixels, [layer for layer in missing if layer not in known]))
        return {layer: known[layer] for layer in wanted}

    def fact(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Return what `compute` returned when this `key` was asked for first."""
        if key not in self._facts:
            self._facts[key] = compute()
        return self._facts[key]

    def rest(self) -> None:
        """Forget features: what was measured on them is kept, and takes less memory."""
        self._features.clear()
        self._expected.clear()

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept."""
        return self.pixels.nbytes + _bytes(self._facts)


class Shelf:
    """The panels that were used last, by a key of each: as many as fit into `most` bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._panels: OrderedDict[Any, Panel] = OrderedDict()

    def panel(self, key: Any, pixels: Callable[[], Tensor]) -> Panel:
        """Return the panel of `key`, made of `pixels` where it is not there any more."""
        if key not in self._panels:
            self._panels[key] = Panel(pixels())
        self._panels.move_to_end(key)
        return self._panels[key]

    def rest(self) -> None:
        """Let all panels forget features, and drop those that were not used for the longest time."""
        for panel in self._panels.values():
            panel.rest()
        total = sum(panel.nbytes for panel in self._panels.values())
        while total > self._most:
            total -= self._panels.popitem(last=False)[1].nbytes


def _bytes(value: Any) -> int:
    """Return the bytes of the tensors in a value, and in what it holds."""
    if isinstance(value, Tensor):
        return value.nbytes
    if isinstance(value, Mapping):
        return sum(map(_bytes, value.values()))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return sum(map(_bytes, value))
    return _bytes(vars(value)) if hasattr(value, "__dict__") and not isinstance(value, type) else 0
