"""Encoder weights: a registry of files, verified download, the caches of other tools, and conversion.

Finding and fetching never import torch; `load` does, at its first use.
"""

from typing import TYPE_CHECKING, Any

from impasto.weights.download import Patience, fetch, missing_error
from impasto.weights.locate import cache_folder, cached, find, writable_cache_folder
from impasto.weights.records import (
    CAFFE,
    IDENTITY,
    TORCHVISION,
    VGG16_CONVOLUTIONS,
    VGG19_CONVOLUTIONS,
    EncoderWeights,
    Preprocessing,
)
from impasto.weights.registry import REGISTRY, WeightFile, lookup
from impasto.weights.sniff import Container, Sniffed, file_digest, sniff

if TYPE_CHECKING:
    from impasto.weights.convert import load

__all__ = [
    "CAFFE",
    "IDENTITY",
    "REGISTRY",
    "TORCHVISION",
    "VGG16_CONVOLUTIONS",
    "VGG19_CONVOLUTIONS",
    "Container",
    "EncoderWeights",
    "Patience",
    "Preprocessing",
    "Sniffed",
    "WeightFile",
    "cache_folder",
    "cached",
    "fetch",
    "file_digest",
    "find",
    "load",
    "lookup",
    "missing_error",
    "sniff",
    "writable_cache_folder",
]


def __getattr__(name: str) -> Any:
    if name == "load":
        from impasto.weights.convert import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
