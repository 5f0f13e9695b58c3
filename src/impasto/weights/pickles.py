"""What a PyTorch file's pickles would call, read without running them: nothing but what state dicts are made of."""

import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from impasto.errors import WeightsError
from impasto.weights.sniff import Container

MAX_PICKLE_BYTES = 4 << 20
"""That of torchvision's VGG-19 takes 3 kB; the numbers lie beside it."""
MAX_STEPS = 200_000
"""The most instructions of a pickle, far more than it takes to rebuild some hundred tensors."""

_LEGACY_PICKLES = 5
"""A magic number, a version, the machine, the tensors, and the names of their storages."""

_CALLED = frozenset(
    {
        "collections OrderedDict",
        "torch device",
        "torch Size",
        "torch._utils _rebuild_tensor",
        "torch._utils _rebuild_tensor_v2",
        "torch._utils _rebuild_parameter",
        "torch._utils _rebuild_sparse_tensor",
        "torch.nn.parameter Parameter",
        "torch.serialization _get_layout",
    }
)
"""Torch's restricted loader knows more, `bytearray` among it, which takes any number of bytes when it is called."""


def check(path: Path, container: Container) -> None:
    """Make sure that a PyTorch file's pickles are short and call only what rebuilds tensors.

    Raises `WeightsError` otherwise; what cannot be followed is left for torch to refuse.
    """
    refused = f"{path}: holds Python objects other than tensors"
    try:
        names = _zipped(path) if container is Container.TORCH_ZIP else _legacy(path)
        for name in names:
            if name not in _CALLED and not (name.startswith("torch ") and name.endswith("Storage")):
                raise WeightsError(f"{refused} ({name[:60]}); refused, nothing was executed")
    except (ValueError, OSError, zipfile.BadZipFile, KeyError, NotImplementedError, EOFError, IndexError) as error:
        raise WeightsError(f"{refused}, or is damaged ({str(error)[:100]}); refused, nothing was executed") from None


def _zipped(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if not entry.filename.endswith("/data.pkl"):
                continue
            if entry.file_size > MAX_PICKLE_BYTES:
                raise ValueError(f"a pickle of {entry.file_size} bytes")
            with archive.open(entry) as stream:
                yield from _globals(stream)


def _legacy(path: Path) -> Iterator[str]:
    with path.open("rb") as stream:
        for _ in range(_LEGACY_PICKLES):
            yield from _globals(stream)


def _globals(stream: IO[bytes]) -> Iterator[str]:
    """Yield `module name` of whatever one pickle refers to. Raises `ValueError` when it is long, or none."""
    bounded: Any = _Bounded(stream)  # of a file, genops needs no more than this has
    for number, (opcode, argument, _) in enumerate(pickletools.genops(bounded)):
        if number > MAX_STEPS:
            raise ValueError("a pickle that does not end")
        if opcode.name in ("GLOBAL", "INST"):
            yield str(argument)
        elif opcode.name in ("STACK_GLOBAL", "EXT1", "EXT2", "EXT4"):
            # Torch writes the second protocol and no extensions, and its restricted loader reads nothing else.
            raise ValueError("a pickle that torch did not write")


class _Bounded:
    """A stream whose next `MAX_PICKLE_BYTES` can be read, in pieces that are counted before they are read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._left = stream, MAX_PICKLE_BYTES

    def read(self, size: int) -> bytes:
        """Read `size` bytes. Raises `ValueError` beyond the bound."""
        if not 0 <= size <= self._left:
            raise ValueError("a pickle that is too long")
        self._left -= size
        return self._stream.read(size)

    def readline(self) -> bytes:
        """Read a line. Raises `ValueError` beyond the bound."""
        line = self._stream.readline(self._left + 1)
        if len(line) > self._left:
            raise ValueError("a pickle that is too long")
        self._left -= len(line)
        return line
