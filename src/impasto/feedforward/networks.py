"""The files of networks: those that ship with impasto, and those that somebody names."""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from torch import Tensor

from impasto.errors import UsageError, WeightsError
from impasto.nets import store
from impasto.nets.store import Card
from impasto.recipe import shipped_networks, unknown
from impasto.recipe.catalogue import METHODS


@dataclass(frozen=True)
class Loaded:
    """A file that was read."""

    tensors: Mapping[str, Tensor]
    card: Card
    where: str
    """Its name, for messages."""
    sha256: str

    def record(self, name: str) -> dict[str, str]:
        """Return what a result says of it."""
        return {"name": name, "sha256": self.sha256}


def shipped(method: str) -> list[Loaded]:
    """Read the networks that ship for a method. Raises `WeightsError` where there are none."""
    files = shipped_networks.shipped(method)
    if not files:
        raise missing(method)
    return [_shipped(file) for file in files.values()]


def load(path: Path) -> list[Loaded]:
    """Read the network in a file, or all in a folder. Raises `WeightsError` where there is none."""
    if not path.is_dir():
        return [_file(path)]
    files = sorted(path.glob("*.safetensors"))
    if not files:
        raise WeightsError(f"{path}: holds no network (*.safetensors); name a file, or a folder with some")
    return [_file(file) for file in files]


def by_name(method: str, name: str) -> tuple[Loaded, str]:
    """Read the network that ships for a method under a name, and give it with that name.

    `auto` is the only one. Raises `WeightsError` where there is none, `UsageError` where there are several or it is
    another.
    """
    files = shipped_networks.shipped(method)
    if not files:
        raise missing(method)
    if name == "auto" and len(files) > 1:
        raise UsageError(f"{method} paints with the network of a style; name one with --network: {', '.join(files)}")
    if name == "auto":
        (name,) = files
    if name not in files:
        raise UsageError(f"{unknown(name, files, f'network of {method}')}, or name a file with --network")
    return _shipped(files[name]), name


def missing(method: str, what: str = "") -> WeightsError:
    """Return the error of networks that are not there."""
    return WeightsError(
        f"{method}: no {what or 'network'} of it is in this installation; train one with `{METHODS[method].training}` "
        "and name its weights with --network"
    )


def only(loaded: Sequence[Loaded], kind: str, method: str) -> Loaded:
    """Return the one network of a kind. Raises `WeightsError` where there is none, or more than one."""
    able = [network for network in loaded if network.card.kind == kind]
    if not able:
        raise missing(method, kind)
    if len(able) > 1:
        listing = ", ".join(network.where for network in able)
        raise WeightsError(f"{method} needs one {kind}, and there are {len(able)} ({listing}); name one with --network")
    return able[0]


def _shipped(file: Traversable) -> Loaded:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise WeightsError(f"{file.name}: cannot be read ({error.strerror or error}); install impasto again") from None
    return _parsed(data, file.name)


@functools.lru_cache(maxsize=16)
def _parsed(data: bytes, name: str) -> Loaded:
    # Once for a process that paints many pictures; all that ship have a few megabytes together.
    return Loaded(*store.parse(data, name), name, hashlib.sha256(data).hexdigest())


def _file(path: Path) -> Loaded:
    tensors, card = store.load(path)
    return Loaded(tensors, card, str(path), hashlib.sha256(path.read_bytes()).hexdigest())
