"""The pairs that L-BFGS remembers: whole, in half the bytes, or in a file.

They are vectors as long as the picture, two for each pair: 24 pictures with the usual twelve. They are written and read
in pieces, so that no full-size copy is ever made beside the direction that is being found.
"""

import math
import shutil
import tempfile
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import torch
from torch import Tensor

from impasto.errors import InputError, ResourceError
from impasto.optim.state import Pieces

VALUES_AT_ONCE = 1 << 20
"""The values of a vector that are read and widened at a time: 4 MiB of float32, so that no full-size copy is made."""


class Vector(Protocol):
    """Numbers kept somewhere, as long as a picture."""

    def read(self, part: slice) -> Tensor:
        """Return some of them in the type they are kept in, (n,)."""

    def write(self, part: slice, values: Tensor) -> None:
        """Replace some of them by `values` (n,)."""


@dataclass(frozen=True)
class InMemory:
    """A vector in memory."""

    values: Tensor

    def read(self, part: slice) -> Tensor:
        """Return a view of some of them."""
        return self.values[part]

    def write(self, part: slice, values: Tensor) -> None:
        """Replace some of them."""
        self.values[part] = values


@dataclass(frozen=True)
class OnDisk:
    """A vector in a file, read and written rather than mapped: mapped pages count as memory of the process."""

    file: IO[bytes]
    offset: int
    dtype: torch.dtype

    def read(self, part: slice) -> Tensor:
        """Return a copy of some of them."""
        values = torch.empty(part.stop - part.start, dtype=self.dtype)
        self.file.seek(self.offset + part.start * self.dtype.itemsize)
        bytes_ = _bytes(values)
        while bytes_:
            if not (count := self.file.readinto(bytes_)):  # type: ignore[attr-defined]  # of raw files
                raise ResourceError("the file that L-BFGS keeps its history in was cut short; is the disk full?")
            bytes_ = bytes_[count:]
        return values

    def write(self, part: slice, values: Tensor) -> None:
        """Replace some of them."""
        self.file.seek(self.offset + part.start * self.dtype.itemsize)
        bytes_ = _bytes(values.detach().to("cpu", self.dtype).contiguous())
        try:
            while bytes_:
                bytes_ = bytes_[self.file.write(bytes_) :]
        except OSError as error:
            raise ResourceError(
                f"the history of L-BFGS cannot be written ({error.strerror or error}); free the disk, "
                "set TMPDIR to a larger one, or use a smaller --history"
            ) from None


@dataclass(frozen=True)
class HistoryStorage:
    """How the vectors of a solver are kept.

    `narrow`: in bfloat16, half the bytes. Curvature is that of the numbers kept, so that the pairs agree with each
    other; they only are those of a function that differs by 1/256. `file`: in a file without a name, which goes when
    the process goes, however it does; the gradient too waits there, in full, while a step is evaluated. `device` holds
    what is kept in memory, None: the point's own.
    """

    narrow: bool = False
    file: bool = False
    device: torch.device | None = None

    @property
    def off_device(self) -> bool:
        """Return whether pairs take no room where the picture is."""
        return self.file or self.device is not None


@dataclass
class Pair:
    """A move, how it changed the gradient, and their product."""

    moved: Vector
    changed: Vector
    curvature: float
    bend: float
    """The product of `changed` with itself."""


class Pairs:
    """The last `most` pairs of moves and changes of the gradient, of vectors like `point`."""

    def __init__(self, most: int, point: Tensor, storage: HistoryStorage | None = None) -> None:
        self.most, self._count = most, point.numel()
        self._storage, self._like = storage or HistoryStorage(), point.dtype
        self._device = point.device
        self._kept = torch.bfloat16 if self._storage.narrow else point.dtype
        self._pairs: deque[Pair] = deque()
        self._file: IO[bytes] | None = None
        self._spare: list[Pair] = []
        self._taken = 0

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self._pairs)

    def clear(self) -> None:
        """Forget all pairs; their room is used again."""
        if self._storage.file:
            self._spare += self._pairs
        self._pairs.clear()

    def remember(self, before: Tensor, after: Tensor, gradient: Vector, new_gradient: Tensor) -> None:
        """Keep the move from `before` to `after` and what it did to the gradient, unless the curvature is negative."""
        points = _flat(before), _flat(after)
        news = _flat(new_gradient)

        def differences(part: slice) -> tuple[Tensor, Tensor]:
            moved = points[1][part] - points[0][part]
            changed = news[part] - gradient.read(part).to(news)
            return moved.to(self._kept), changed.to(self._kept)

        curvature = bend = length = 0.0
        for part in self._parts():
            moved, changed = (values.to(self._like) for values in differences(part))
            curvature += _dot(moved, changed)
            bend += _dot(changed, changed)
            length += _dot(moved, moved)
        if not curvature > 1e-10 * bend**0.5 * length**0.5:
            return
        pair = self._room()
        for part in self._parts():
            moved, changed = differences(part)
            pair.moved.write(part, moved)
            pair.changed.write(part, changed)
        pair.curvature, pair.bend = curvature, bend
        self._pairs.append(pair)

    def apply(self, direction: Tensor) -> None:
        """Multiply `direction`, contiguous, by the inverse of the Hessian that the pairs tell of, in place.

        Nocedal & Wright 2006, algorithm 7.4. There must be a pair.
        """
        flat = direction.view(-1)
        factors = []
        for pair in reversed(self._pairs):
            factor = self.dot(pair.moved, flat) / pair.curvature
            factors.append(factor)
            self._add(flat, pair.changed, -factor)
        last = self._pairs[-1]
        flat.mul_(last.curvature / last.bend)
        for pair, factor in zip(self._pairs, reversed(factors), strict=True):
            self._add(flat, pair.moved, factor - self.dot(pair.changed, flat) / pair.curvature)

    def dot(self, vector: Vector, other: Tensor) -> float:
        """Return the product of a vector with a tensor of as many values."""
        flat = _flat(other)
        return sum(_dot(vector.read(part).to(flat), flat[part]) for part in self._parts())

    def park(self, tensor: Tensor) -> Vector:
        """Put a tensor where it does not count as memory, if there is such a place; none but the last is kept."""
        if not self._storage.file:
            return InMemory(_flat(tensor))
        vector = OnDisk(self._opened(), 0, self._like)
        for part in self._parts():
            vector.write(part, _flat(tensor)[part])
        return vector

    def fetch(self, vector: Vector, like: Tensor) -> Tensor:
        """Return a vector as a tensor like `like`; not a copy where it is in memory anyway."""
        if isinstance(vector, InMemory):
            return vector.values.view_as(like)
        tensor = torch.empty_like(like, memory_format=torch.contiguous_format)
        for part in self._parts():
            tensor.view(-1)[part] = vector.read(part).to(tensor)
        return tensor

    @property
    def narrow(self) -> bool:
        """Return whether pairs are kept in bfloat16."""
        return self._storage.narrow

    def export(self) -> list[tuple[Tensor | Pieces, Tensor | Pieces]]:
        """Return all pairs (N,), the oldest first, as they are kept: bfloat16 where they are narrow.

        They are not copies, and the next `remember` writes over the oldest.
        """
        return [(self.kept(pair.moved, self._kept), self.kept(pair.changed, self._kept)) for pair in self._pairs]

    def kept(self, vector: Vector, dtype: torch.dtype) -> Tensor | Pieces:
        """Return a vector of some type (N,): the tensor itself, or what reads it from its file."""
        return vector.values if isinstance(vector, InMemory) else Pieces((self._count,), dtype, vector.read)

    def restore(self, pairs: Sequence[tuple[Tensor | Pieces, Tensor | Pieces]]) -> None:
        """Take back what `export` returned, in place of all pairs there are.

        Raises `InputError` where a pair has no positive, finite curvature, as any that was remembered has.
        """
        self.clear()
        for moved, changed in pairs[-self.most :]:
            pair = self._room()
            pair.curvature = pair.bend = 0.0
            for part in self._parts():
                pair.moved.write(part, moved[part])
                pair.changed.write(part, changed[part])
                one, other = (vector.read(part).to(self._device, self._like) for vector in (pair.moved, pair.changed))
                pair.curvature += _dot(one, other)
                pair.bend += _dot(other, other)
            if not (0 < pair.curvature < math.inf and 0 < pair.bend < math.inf):
                raise InputError("its pairs should be of positive curvature")
            self._pairs.append(pair)

    def _parts(self) -> Iterator[slice]:
        for begin in range(0, self._count, VALUES_AT_ONCE):
            yield slice(begin, min(begin + VALUES_AT_ONCE, self._count))

    def _add(self, flat: Tensor, vector: Vector, factor: float) -> None:
        for part in self._parts():
            flat[part].add_(vector.read(part).to(flat), alpha=factor)

    def _room(self) -> Pair:
        """Return a pair to write to: the oldest one when there are enough."""
        if len(self._pairs) == self.most:
            return self._pairs.popleft()
        if self._spare:
            return self._spare.pop()
        return Pair(self._vector(), self._vector(), 0.0, 0.0)

    def _vector(self) -> Vector:
        if not self._storage.file:
            return InMemory(torch.empty(self._count, dtype=self._kept, device=self._storage.device or self._device))
        offset = self._count * (self._like.itemsize + self._taken * self._kept.itemsize)
        self._taken += 1
        return OnDisk(self._opened(), offset, self._kept)

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0, dir=scratch_folder())  # noqa: SIM115  # as long as this lives
            weakref.finalize(self, self._file.close)
        return self._file


def scratch_folder() -> str:
    """Return the folder for what does not fit into memory: TMPDIR, or /var/tmp, because /tmp may be memory itself."""
    folder = Path(tempfile.gettempdir())
    lasting = Path("/var/tmp")
    return str(lasting if folder == Path("/tmp") and lasting.is_dir() else folder)


def scratch_bytes() -> int:
    """Return the bytes that are free where vectors are kept in a file."""
    return shutil.disk_usage(scratch_folder()).free


def _bytes(values: Tensor) -> memoryview:
    return memoryview(values.view(torch.uint8).numpy().data)


def _flat(tensor: Tensor) -> Tensor:
    return tensor.detach().reshape(-1)


def _dot(a: Tensor, b: Tensor) -> float:
    return float(torch.dot(a, b))
