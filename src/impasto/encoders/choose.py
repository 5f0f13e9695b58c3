"""From a name or a file to an encoder, and the choice of precision."""

import math
import time
from pathlib import Path
from typing import TypedDict, Unpack

import torch
import torch.nn.functional as F

from impasto import weights
from impasto.encoders.petite import Petite
from impasto.encoders.vgg import Vgg
from impasto.errors import UsageError
from impasto.events import notice

NAMES = ("auto", "petite", "vgg19")


class _Shared(TypedDict, total=False):
    padding: str
    precision: torch.dtype | None


class Options(_Shared, total=False):
    """How an encoder works, whichever it is; the arguments of `Vgg`."""

    pooling: str


def create(name: str = "auto", **options: Unpack[Options]) -> Vgg:
    """Build the encoder called `name`: auto, petite or vgg19.

    `auto` takes VGG-19 where its weights are already on the machine, petite elsewhere, and says so.

    Raises `WeightsError` when the weights are absent or damaged, `UsageError` for another name.
    """
    if name not in NAMES:
        raise UsageError(f"unknown encoder '{name[:60]}'; choose from {', '.join(NAMES)}, or give --encoder a file")
    if name == "petite":
        return _petite(options)
    path = weights.find_vgg19()
    if path is not None:
        if name == "auto":
            notice("encoder: vgg19, found on this machine (--encoder petite is faster)")
        return from_file(path, **options)
    if name == "vgg19":
        raise weights.missing_error("vgg19")
    notice("encoder: petite, impasto's own; for VGG-19: impasto weights fetch vgg19")
    return _petite(options)


def from_file(path: Path, **options: Unpack[Options]) -> Vgg:
    """Build the encoder whose weights are in `path`; what it holds is told from its content.

    Raises `WeightsError` when the file is damaged or of another network.
    """
    loaded = weights.load(path)
    if loaded.architecture == "petite":
        return Petite(loaded.tensors, sha256=loaded.sha256, **_of_petite(options))
    return Vgg.from_weights(loaded, **options)


def _petite(options: Options) -> Petite:
    return Petite.embedded(**_of_petite(options))


def _of_petite(options: Options) -> _Shared:
    if options.get("pooling", "average") != "average":
        notice("petite was trained with average pooling and keeps it; --pooling is for vgg19")
    return {"padding": options.get("padding", "reflect"), "precision": options.get("precision")}


PROBE_S = 1.0
"""How long a machine may take to show which type is faster."""


def faster_precision() -> torch.dtype:
    """Give the type in which this machine's CPU convolves faster: bfloat16 only where it clearly is."""

    def once(kind: torch.dtype) -> float:
        x, weight = cases[kind]
        began = time.perf_counter()
        F.conv2d(x, weight, padding=1)
        return time.perf_counter() - began

    with torch.no_grad():
        cases = {
            kind: (
                torch.zeros(1, 64, 64, 64, dtype=kind).contiguous(memory_format=torch.channels_last),
                torch.zeros(64, 64, 3, 3, dtype=kind),
            )
            for kind in (torch.float32, torch.bfloat16)
        }
        wide = half = math.inf
        deadline = time.perf_counter() + PROBE_S
        rounds = 0
        # The fastest of several short runs: other work on the machine can only slow a run down, and on a busy one it
        # may be a while until both had a free moment. Where bfloat16 pays, it is about twice as fast.
        while rounds < 16 or (half > 0.7 * wide and time.perf_counter() < deadline):
            wide, half = min(wide, once(torch.float32)), min(half, once(torch.bfloat16))
            rounds += 1
    return torch.bfloat16 if half < 0.8 * wide else torch.float32
