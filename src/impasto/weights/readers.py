"""From a file to named tensors as they are stored, one function a container; nothing in it is executed."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from impasto.errors import WeightsError
from impasto.weights import hdf5, pickles
from impasto.weights.sniff import Container

Tensors = dict[str, torch.Tensor]


def read(path: Path, container: Container) -> Tensors:
    """Read every tensor of a file whose container was sniffed. Raises `WeightsError` when it cannot be."""
    match container:
        case Container.SAFETENSORS:
            return _read_safetensors(path)
        case Container.HDF5:
            return hdf5.read(path)
        case Container.TORCH_ZIP | Container.TORCH_LEGACY:
            pickles.check(path, container)
            return _read_torch(path)


def _read_safetensors(path: Path) -> Tensors:
    try:
        # Read whole rather than mapped: a mapped file that shrinks meanwhile kills the process.
        return safetensors.torch.load(path.read_bytes())
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, safetensors.SafetensorError) as error:
        raise WeightsError(
            f"{path}: is a damaged or truncated safetensors file ({str(error)[:200]}); get it again"
        ) from None


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
