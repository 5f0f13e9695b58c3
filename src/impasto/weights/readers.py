"""From a file to named tensors as they are stored, one function a container; nothing in it is executed."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import safetensors
import safetensors.torch
import torch

from impasto.errors import WeightsError
from impasto.weights.sniff import Container

Tensors = dict[str, torch.Tensor]

_MAX_KERNEL_ELEMENTS = 512 * 512 * 3 * 3
# Links may form circles; a layer of Keras's has two entries.
_MAX_ENTRIES = 8


def read(path: Path, container: Container) -> Tensors:
    """Read every tensor of a file whose container was sniffed. Raises `WeightsError` when it cannot be."""
    match container:
        case Container.SAFETENSORS:
            return _read_safetensors(path)
        case Container.HDF5:
            return _read_hdf5(path)
        case Container.TORCH_ZIP | Container.TORCH_LEGACY:
            return _read_torch(path)


def _read_safetensors(path: Path) -> Tensors:
    try:
        # Read whole rather than mapped: a mapped file that shrinks meanwhile kills the process.
        return safetensors.torch.load(path.read_bytes())
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, safetensors.SafetensorError) as error:
        raise WeightsError(f"{path}: is a damaged or truncated safetensors file ({error}); get it again") from None


def _read_torch(path: Path) -> Tensors:
    try:
        # A stream, since torch picks a reader by the name's ending when it is given a path.
        with path.open("rb") as stream:
            loaded = torch.load(stream, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise WeightsError(
            f"{path}: holds Python objects other than tensors, or is damaged; refused, nothing was executed"
        ) from None
    except Exception as error:  # a hostile pickle can make torch raise nearly anything
        raise WeightsError(
            f"{path}: is a damaged or truncated PyTorch file ({type(error).__name__}); get it again"
        ) from None
    if not isinstance(loaded, Mapping):
        raise WeightsError(f"{path}: holds a {type(loaded).__name__} instead of a state dict of named tensors")
    return {
        name: tensor.detach()
        for name, tensor in loaded.items()
        if isinstance(name, str) and isinstance(tensor, torch.Tensor)
    }


def _read_hdf5(path: Path) -> Tensors:
    tensors: Tensors = {}
    try:
        # Only reading, so no lock: it fails on file systems that have none.
        with h5py.File(path, "r", locking=False) as file:
            root = _plain(file, "model_weights") if "model_weights" in file else file
            for group in root:
                if group.startswith("block") and "_conv" in group:
                    _collect(path, _plain(root, group), group, tensors, depth=0)
    except (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path}: is a damaged or truncated HDF5 file ({error}); get it again") from None
    return tensors


def _plain(group: "h5py.Group", name: str) -> "h5py.Group | h5py.Dataset":
    """Follow a name only within the file: HDF5 links can lead to any other file of the machine."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is a link")
    return group[name]


def _collect(path: Path, node: "h5py.Group | h5py.Dataset", layer: str, tensors: Tensors, depth: int) -> None:
    """Gather one layer's kernel and bias; Keras nests them by version: `W_1:0`, or `kernel:0` one deeper."""
    if len(node) > _MAX_ENTRIES:
        raise ValueError(f"{layer} holds {len(node)} entries")
    for name in node:
        item = _plain(node, name)
        if isinstance(item, h5py.Group):
            if depth < 2:
                _collect(path, item, layer, tensors, depth + 1)
            continue
        if item.is_virtual or item.external:
            raise ValueError(f"{name} lies outside the file")
        if item.size is None or item.size > _MAX_KERNEL_ELEMENTS:
            raise WeightsError(f"{path}: {layer}/{name} has shape {item.shape}, more than any layer of VGG-19")
        kind = "kernel" if "kernel" in name or "_W" in name else "bias"
        tensors[f"{layer}.{kind}"] = torch.from_numpy(np.asarray(item[()], dtype=np.float32))
