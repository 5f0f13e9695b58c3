"""Keras's HDF5 files, with everything that they declare bounded before anything is read."""

import math
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from impasto.errors import WeightsError

MAX_NAMES = 512
"""Entries at the top of a file; Keras's whole VGG-19 has 26, and a model that was built around it some more."""
MAX_LAYERS = 32
"""Groups of convolutions; VGG-19 has 16."""
MAX_ENTRIES = 8
"""Entries of a layer's group, which has two: links may form circles, and each adds its entries anew."""
MAX_DEPTH = 2
"""Groups below a layer's: Keras nests none or one, by version."""
MAX_GROUPS = 64
"""Groups that are entered in all, whatever the links between them."""
MAX_ELEMENTS = 512 * 512 * 3 * 3
"""Of one dataset and of one chunk: VGG-19's largest kernel."""
MAX_TOTAL_ELEMENTS = 24_000_000
"""Of all datasets together; VGG-19's convolutions have 20,024,384."""
MAX_CHUNKS = 2048
"""Of one dataset; h5py cuts VGG-19's largest kernel into some 300."""
MAX_NAME_BYTES = 200
"""The most bytes of a name; Keras's have some thirty."""

_SPARE_BYTES = 64
"""What a checksum may add to a chunk."""
_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
# Anything else would be run by code of the library, or of a plug-in, that unpacks without a bound.


class _Refused(Exception):
    """More is declared than VGG-19 has."""


@dataclass
class _Contents:
    """What of a file will be read."""

    datasets: dict[tuple[str, str], Any] = field(default_factory=dict)
    """By layer and kind."""
    groups: int = 0
    elements: int = 0


def read(path: Path) -> dict[str, torch.Tensor]:
    """Read the kernels and biases of a Keras file as they are stored, under `block1_conv1.kernel` and the like.

    Names, depth, links, datasets, their shapes, chunks and filters are looked at first; a file that declares more than
    VGG-19 has, or whose chunks unpack to more than their shapes, is refused unread. Raises `WeightsError`.
    """
    try:
        # Only reading, so no lock: it fails on file systems that have none.
        with h5py.File(path, "r", locking=False) as file:
            contents = _contents(file)
            return {
                f"{layer}.{kind}": torch.from_numpy(np.asarray(dataset[()], dtype=np.float32))
                for (layer, kind), dataset in contents.datasets.items()
            }
    except _Refused as refused:
        raise WeightsError(f"{path}: {refused}; refused unread, get VGG-19's file again") from None
    except (
        OSError,
        KeyError,
        ValueError,
        RuntimeError,
        TypeError,
        AttributeError,
        OverflowError,
        MemoryError,
        zlib.error,
    ) as error:
        raise WeightsError(f"{path}: is a damaged or truncated HDF5 file ({str(error)[:200]}); get it again") from None


def _contents(file: "h5py.File") -> _Contents:
    contents = _Contents()
    root = file
    if "model_weights" in _names(file, MAX_NAMES, "the file"):
        root = _plain(file, "model_weights")
    layers = [name for name in _names(root, MAX_NAMES, "the file") if name.startswith("block") and "_conv" in name]
    if len(layers) > MAX_LAYERS:
        raise _Refused(f"holds {len(layers)} convolutions, more than VGG-19")
    for layer in layers:
        _collect(_plain(root, layer), layer, contents, depth=0)
    return contents


def _names(group: Any, most: int, where: str) -> list[str]:
    """List a group's names, having counted them."""
    count = group.id.get_num_objs()
    if count > most:
        raise _Refused(f"{where} holds {count} entries, more than any layer or model of Keras's")
    names: list[str] = []

    def take(name: bytes) -> bool | None:
        if len(name) > MAX_NAME_BYTES or len(names) >= most:
            return True
        names.append(name.decode("utf-8", "surrogateescape"))
        return None

    # The low-level walk can be left; a name is as long as the file likes.
    group.id.links.iterate(take)
    if len(names) < count:
        raise _Refused(f"{where} holds a name of more than {MAX_NAME_BYTES} bytes")
    return names


def _plain(group: Any, name: str) -> Any:
    """Follow a name only within the file: HDF5 links can lead to any other file of the machine."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise _Refused(f"{name} is a link")
    return group[name]


def _collect(node: Any, layer: str, contents: _Contents, depth: int) -> None:
    """Gather one layer's kernel and bias; Keras nests them by version: `W_1:0`, or `kernel:0` one deeper."""
    contents.groups += 1
    if contents.groups > MAX_GROUPS:
        raise _Refused(f"holds more than {MAX_GROUPS} groups")
    if not isinstance(node, h5py.Group):
        raise _Refused(f"{layer} is no group")
    for name in _names(node, MAX_ENTRIES, layer):
        item = _plain(node, name)
        if isinstance(item, h5py.Group):
            if depth < MAX_DEPTH:
                _collect(item, layer, contents, depth + 1)
            continue
        if not isinstance(item, h5py.Dataset):
            raise _Refused(f"{layer}/{name} is neither a group nor numbers")
        kind = "kernel" if "kernel" in name or "_W" in name else "bias"
        if (layer, kind) in contents.datasets:
            raise _Refused(f"{layer} has two of a {kind}")
        contents.elements += _checked(item, f"{layer}/{name}")
        if contents.elements > MAX_TOTAL_ELEMENTS:
            raise _Refused(f"declares more than {MAX_TOTAL_ELEMENTS} numbers, more than VGG-19 has")
        contents.datasets[layer, kind] = item


def _checked(dataset: Any, where: str) -> int:
    """Bound what reading a dataset would take, from what it declares and from its chunks; return its elements."""
    how = dataset.id.get_create_plist()
    layout = how.get_layout()
    if layout == h5py.h5d.VIRTUAL or how.get_external_count():
        raise _Refused(f"{where} lies outside the file")
    stored = dataset.id.get_type()
    if stored.get_class() != h5py.h5t.FLOAT or stored.get_size() > 8:
        raise _Refused(f"{where} holds no floating-point numbers")
    shape = dataset.shape
    if shape is None or len(shape) > 4 or math.prod(shape) > MAX_ELEMENTS:
        raise _Refused(f"{where} has shape {shape}, more than any layer of VGG-19")
    if layout == h5py.h5d.CHUNKED:
        _check_chunks(dataset.id, how, stored.get_size(), where)
    return math.prod(shape)


def _check_chunks(stored: Any, how: Any, item_bytes: int, where: str) -> None:
    """Unpack each chunk as far as its shape allows: HDF5's own filters unpack as far as the data go."""
    chunk = how.get_chunk()
    # A chunk may be larger than its dataset, and is unpacked whole.
    if math.prod(chunk) > MAX_ELEMENTS:
        raise _Refused(f"{where} has chunks of shape {chunk}, more than any layer of VGG-19")
    filters = [how.get_filter(number)[0] for number in range(how.get_nfilters())]
    if set(filters) - _FILTERS or len(set(filters)) < len(filters):
        raise _Refused(f"{where} is packed in a way that Keras does not use (filters {filters})")
    if stored.get_num_chunks() > MAX_CHUNKS:
        raise _Refused(f"{where} has more than {MAX_CHUNKS} chunks")
    most = math.prod(chunk) * item_bytes + _SPARE_BYTES
    for number in range(stored.get_num_chunks()):
        info = stored.get_chunk_info(number)
        # Deflate makes what it cannot pack a little larger.
        if info.size > most + most // 512:
            raise _Refused(f"{where} has a chunk of {info.size} bytes")
        if h5py.h5z.FILTER_DEFLATE not in filters:
            continue
        mask, packed = stored.read_direct_chunk(info.chunk_offset)
        if mask & 1 << filters.index(h5py.h5z.FILTER_DEFLATE):
            continue  # this chunk was left as it is
        unpacking = zlib.decompressobj()
        if len(unpacking.decompress(packed, most + 1)) > most:
            raise _Refused(f"{where} has a chunk that unpacks to more than its shape")
