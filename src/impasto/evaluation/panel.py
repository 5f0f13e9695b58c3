"""A picture as metrics look at it: pixels at one size, and what encoders say of them, computed once."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor

from impasto.encoders import Encoder
from impasto.evaluation.reductions import Reduction, encode


class Panel:
    """Pixels (1, 3, H, W) with what was found of them and of their features, kept for the next question."""

    def __init__(self, pixels: Tensor) -> None:
        self.pixels = pixels
        self._read: dict[tuple[str, str, str, str], Any] = {}
        self._expected: dict[tuple[str, str, str, str], tuple[str, Reduction]] = {}
        self._passing: set[tuple[str, str, str, str]] = set()
        self._facts: dict[Any, Any] = {}

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width)."""
        return self.pixels.shape[2], self.pixels.shape[3]

    def expect(self, encoder: Encoder, layer: str, reduction: Reduction) -> None:
        """Announce what will be asked for, so that the first question encodes for all of it in one pass."""
        self._expected[_key(encoder, layer, reduction)] = (layer, reduction)

    def read(self, encoder: Encoder, layer: str, reduction: Reduction) -> Any:
        """Return what a reduction leaves of the features of a layer; what is expected too is found in the same pass."""
        key = _key(encoder, layer, reduction)
        if key not in self._read:
            wanted = {key: (layer, reduction)}
            wanted |= {other: what for other, what in self._expected.items() if other[:2] == key[:2]}
            wanted = {other: what for other, what in wanted.items() if other not in self._read}
            self._read.update(zip(wanted, encode(self.pixels, encoder, list(wanted.values())), strict=True))
            self._passing.update(other for other, (_, reduction) in wanted.items() if not reduction.kept)
        return self._read[key]

    def fact(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Return what `compute` returned when this `key` was asked for first."""
        if key not in self._facts:
            self._facts[key] = compute()
        return self._facts[key]

    def release(self, needed: Iterable[tuple[Encoder, str, Reduction]] = ()) -> None:
        """Forget maps of features but those that are `needed` still: what was measured on them is kept."""
        keys = {_key(encoder, layer, reduction) for encoder, layer, reduction in needed}
        for key in self._passing - keys:
            del self._read[key]
        self._passing &= keys
        self._expected = {key: what for key, what in self._expected.items() if key in keys}

    @property
    def nbytes(self) -> int:
        """Return the bytes of what is kept."""
        return self.pixels.nbytes + _bytes(self._facts) + _bytes(self._read)


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
            panel.release()
        total = sum(panel.nbytes for panel in self._panels.values())
        while total > self._most:
            total -= self._panels.popitem(last=False)[1].nbytes


def _key(encoder: Encoder, layer: str, reduction: Reduction) -> tuple[str, str, str, str]:
    return encoder.name, encoder.sha256, layer, reduction.name


def _bytes(value: Any) -> int:
    """Return the bytes of the tensors in a value, and in what it holds."""
    if isinstance(value, Tensor):
        return value.nbytes
    if isinstance(value, Mapping):
        return sum(map(_bytes, value.values()))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return sum(map(_bytes, value))
    return _bytes(vars(value)) if hasattr(value, "__dict__") and not isinstance(value, type) else 0
