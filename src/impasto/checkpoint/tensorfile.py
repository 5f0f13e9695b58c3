"""A safetensors file, written and read in pieces: what is saved may be larger than the memory that is left.

The last tensor is a checksum of all bytes before it, so that a damaged file is known before anything is made of it.
Other readers of safetensors see it as one more tensor.
"""

import contextlib
import functools
import json
import math
import os
import stat
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.files import absence
from impasto.optim.state import Pieces, parts

MAX_HEADER_BYTES = 4 << 20
"""Two hundred pairs take some forty kilobytes."""
CHECKSUM = "checksum"
_TYPES = {
    "F32": torch.float32,
    "F64": torch.float64,
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "U8": torch.uint8,
    "I64": torch.int64,
}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}
_CHECKSUM_BYTES = 4
_PIECE_BYTES = 1 << 22


def size_bytes(tensors: Mapping[str, Tensor | Pieces]) -> int:
    """Return about how long the file of some tensors will be."""
    return sum(math.prod(tensor.shape) * tensor.dtype.itemsize for tensor in tensors.values()) + (1 << 16)


def write(stream: IO[bytes], tensors: Mapping[str, Tensor | Pieces], metadata: Mapping[str, str]) -> None:
    """Write tensors and notes to `stream`."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, tensor in tensors.items():
        begin, end = end, end + math.prod(tensor.shape) * tensor.dtype.itemsize
        header[name] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    header[CHECKSUM] = {"dtype": "U8", "shape": [_CHECKSUM_BYTES], "data_offsets": [end, end + _CHECKSUM_BYTES]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    checksum = 0
    for piece in _pieces(struct.pack("<Q", len(text)) + text, tensors):
        checksum = zlib.crc32(piece, checksum)
        stream.write(piece)
    stream.write(struct.pack("<I", checksum))


def _pieces(head: bytes, tensors: Mapping[str, Tensor | Pieces]) -> Iterator[bytes | memoryview]:
    yield head
    for tensor in tensors.values():
        flat = tensor if isinstance(tensor, Pieces) else tensor.detach().reshape(-1)
        for part in parts(math.prod(tensor.shape)):
            yield _bytes(flat[part].cpu().contiguous())


def _bytes(values: Tensor) -> memoryview:
    return memoryview(values.view(torch.uint8).numpy().data)


@dataclass(frozen=True)
class TensorFile:
    """A file whose header and checksum were found right; its tensors are read when they are wanted."""

    path: Path
    metadata: Mapping[str, str]
    tensors: Mapping[str, Pieces]

    @classmethod
    def open(cls, path: Path) -> "TensorFile":
        """Look at a file, holding no more of it than its header.

        Raises `InputError` when it cannot be read or is not such a file, whole and undamaged.
        """
        with _opened(path) as (stream, status):
            size = status.st_size
            (length,) = struct.unpack("<Q", stream.read(8).ljust(8, b"\xff"))
            if length > min(MAX_HEADER_BYTES, size - 8):
                raise InputError(f"{path}: is not a checkpoint, or only a part of one; {_REMEDY}")
            try:
                metadata, tensors = _header(stream.read(length), size - 8 - length)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                raise InputError(f"{path}: is not a checkpoint, or a damaged or truncated one; {_REMEDY}") from None
            _check_sum(path, stream, size)
        pieces = {}
        for name, (dtype, shape, offset) in tensors.items():
            read = functools.partial(_read, path, _identity(status), 8 + length + offset, dtype)
            pieces[name] = Pieces(shape, dtype, read)
        return cls(path, metadata, pieces)


_REMEDY = "name another, or paint again"


def _header(text: bytes, room: int) -> tuple[dict[str, str], dict[str, tuple[torch.dtype, tuple[int, ...], int]]]:
    """Take a header apart. Raises whatever is wrong with it."""
    header = json.loads(text)
    metadata = header.pop("__metadata__", {})
    if not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError
    end, layout = 0, {}
    for name, entry in header.items():
        dtype, shape = _TYPES[entry["dtype"]], tuple(entry["shape"])
        if len(shape) > 8 or not all(type(side) is int and 0 <= side <= room for side in shape):
            raise ValueError
        begin, end = end, end + math.prod(shape) * dtype.itemsize
        # In order, without gaps or overlaps, and no longer than the file.
        if entry["data_offsets"] != [begin, end] or end > room:
            raise ValueError
        layout[name] = (dtype, shape, begin)
    if end != room or list(header)[-1] != CHECKSUM or layout.pop(CHECKSUM)[:2] != (torch.uint8, (_CHECKSUM_BYTES,)):
        raise ValueError
    return metadata, layout


def _check_sum(path: Path, stream: IO[bytes], size: int) -> None:
    stream.seek(0)
    left, checksum = size - _CHECKSUM_BYTES, 0
    while left and (piece := stream.read(min(left, _PIECE_BYTES))):
        checksum = zlib.crc32(piece, checksum)
        left -= len(piece)
    if left or stream.read() != struct.pack("<I", checksum):
        raise InputError(f"{path}: is damaged (its checksum is wrong); {_REMEDY}")


def _read(path: Path, identity: tuple[int, ...], offset: int, dtype: torch.dtype, part: slice) -> Tensor:
    values = torch.empty(part.stop - part.start, dtype=dtype)
    with _opened(path) as (stream, status):
        stream.seek(offset + part.start * dtype.itemsize)
        complete = stream.readinto(_bytes(values)) == values.nbytes  # type: ignore[attr-defined]  # of buffered files
    if not complete or _identity(status) != identity:
        raise InputError(f"{path}: was changed while it was read; run again")
    return values


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], os.stat_result]]:
    """Open a regular file, without waiting for a pipe's other end."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path}: is not a regular file; name a checkpoint")
            with os.fdopen(handle, "rb", closefd=False) as stream:
                yield stream, status
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise InputError(f"{path}: {absence(path)}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason}); check the name") from None
