"""From a name or a file to an encoder."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict, Unpack

import torch

from impasto import weights
from impasto.encoders.encoder import VGG16, VGG19, Encoder, Geometry
from impasto.encoders.petite import GEOMETRY, Petite
from impasto.encoders.vgg import Vgg
from impasto.errors import UsageError, WeightsError
from impasto.events import notice
from impasto.recipe.catalogue import ENCODERS

NAMES = ENCODERS
"""The names that `create` knows; `auto` is a choice between two."""

GEOMETRIES: Mapping[str, Geometry] = {"petite": GEOMETRY, "vgg16": VGG16, "vgg19": VGG19, "auto": VGG19}
"""The layers of each, for what is said of an encoder before its weights are loaded; petite and vgg19 are of one shape,
so that `auto` has it too."""


class _Shared(TypedDict, total=False):
    padding: str
    precision: torch.dtype | None


class Options(_Shared, total=False):
    """How an encoder works, whichever it is; the arguments of `Vgg`."""

    pooling: str


def create(name: str = "auto", **options: Unpack[Options]) -> Encoder:
    """Build the encoder called `name`, one of `NAMES`.

    `auto` takes VGG-19 where its weights are already on the machine, petite elsewhere, and says so.

    Raises `WeightsError` when the weights are absent or damaged, `UsageError` for another name.
    """
    if name not in NAMES:
        raise UsageError(f"unknown encoder '{name[:60]}'; choose from {', '.join(NAMES)}, or give --encoder a file")
    if name == "petite":
        return _petite(options)
    if name != "auto":
        return _named(name, options)
    path = weights.find("vgg19")
    if path is not None:
        notice("encoder: vgg19, found on this machine (--encoder petite is faster)")
        return from_file(path, **options)
    notice("encoder: petite, impasto's own; for VGG-19: impasto weights fetch vgg19")
    return _petite(options)


def geometry(name: str) -> Geometry:
    """Return the layers of the encoder called `name`; of any other name, as a file has, those of VGG-19."""
    return GEOMETRIES.get(name, VGG19)


def from_file(path: Path, **options: Unpack[Options]) -> Vgg:
    """Build the encoder whose weights are in `path`; what it holds is told from its content.

    Raises `WeightsError` when the file is damaged or of another network.
    """
    loaded = weights.load(path)
    if loaded.architecture == "petite":
        return Petite(loaded.tensors, sha256=loaded.sha256, **_of_petite(options))
    return Vgg.from_weights(loaded, **options)


def _named(name: str, options: Options) -> Vgg:
    path = weights.find(name)
    if path is None:
        raise weights.missing_error(name)
    made = from_file(path, **options)
    if made.name != name:
        raise WeightsError(
            f"{path}: holds {made.name}, not {name}; name the file with --encoder, or unset the variable"
        )
    return made


def _petite(options: Options) -> Petite:
    return Petite.embedded(**_of_petite(options))


def _of_petite(options: Options) -> _Shared:
    if options.get("pooling", "average") != "average":
        notice("petite was trained with average pooling and keeps it; --pooling is for vgg16 and vgg19")
    return {"padding": options.get("padding", "reflect"), "precision": options.get("precision")}
