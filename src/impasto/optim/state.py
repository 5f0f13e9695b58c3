"""What a solver and its loop need to go on from where they are: tensors and plain values, by name."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from impasto.errors import InputError

VALUES_AT_ONCE = 1 << 22
"""The values that are read at a time: 16 MiB of float32, little beside a picture that has to be read in pieces."""


@dataclass(frozen=True)
class Pieces:
    """A tensor that is read in pieces when it is wanted: it may be larger than memory."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    read: Callable[[slice], Tensor] = field(repr=False)
    """From a range of values, start and stop, to a tensor (n,)."""

    def __getitem__(self, part: slice) -> Tensor:
        """Return some of the values, in the order of a contiguous tensor."""
        return self.read(part)

    def whole(self) -> Tensor:
        """Return all of it in memory."""
        # A new tensor of torch's own: its alignment decides in which order sums are taken, and so their last bits.
        tensor = torch.empty(self.shape, dtype=self.dtype)
        for part in parts(math.prod(self.shape)):
            tensor.view(-1)[part] = self.read(part)
        return tensor


def parts(count: int) -> list[slice]:
    """Return the ranges of `VALUES_AT_ONCE` values that make up `count`."""
    return [slice(begin, min(begin + VALUES_AT_ONCE, count)) for begin in range(0, count, VALUES_AT_ONCE)]


@dataclass(frozen=True)
class State:
    """Tensors, and values that JSON can hold exactly.

    The readers take nothing on trust, because a state may come out of a file; they raise `InputError` for what is
    missing or is not what it should be.
    """

    tensors: Mapping[str, Tensor | Pieces] = field(repr=False)
    values: Mapping[str, Any]

    def tensor(self, name: str, like: Tensor) -> Tensor:
        """Return a finite tensor of the shape, type and device of `like`."""
        kept = self.kept(name, tuple(like.shape), like.dtype)
        tensor = kept.whole() if isinstance(kept, Pieces) else kept
        if not all(map(math.isfinite, map(float, torch.aminmax(tensor)))):
            raise InputError(f"its {name} is not finite")
        return tensor.to(like.device)

    def kept(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor | Pieces:
        """Return what there is of a shape and type, wherever it is."""
        kept = self.tensors.get(name)
        if kept is None or tuple(kept.shape) != shape or kept.dtype != dtype:
            actual = "missing" if kept is None else f"{kept.dtype} {tuple(kept.shape)}"
            raise InputError(f"its {name} should be {dtype} {shape}, and is {actual}")
        return kept

    def count(self, name: str, most: int = 2**31) -> int:
        """Return a whole number from 0 to `most`."""
        value = self.values.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise InputError(f"its {name} should be a whole number from 0 to {most}")
        return value

    def number(self, name: str) -> float:
        """Return a finite number."""
        return _number(self.values.get(name), name)

    def numbers(self, name: str) -> dict[str, float]:
        """Return finite numbers by name."""
        value = self.values.get(name)
        if not isinstance(value, dict):
            raise InputError(f"its {name} should be numbers by name")
        return {str(key): _number(item, name) for key, item in value.items()}

    def listed(self, name: str, most: int) -> list[float]:
        """Return finite numbers, 1 to `most`."""
        value = self.values.get(name)
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise InputError(f"its {name} should be 1 to {most} numbers")
        return [_number(item, name) for item in value]


def _number(value: object, name: str) -> float:
    # JSON gives back every float64 as it was; a whole number too large for one was never ours.
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300:
        return float(value)
    raise InputError(f"its {name} should be finite numbers")
