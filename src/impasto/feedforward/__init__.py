"""Feed-forward methods: networks and feature transforms."""

import importlib
from pathlib import Path

from impasto.encoders import Encoder
from impasto.feedforward.any_style import AnyStyle
from impasto.feedforward.base import FeedForward
from impasto.feedforward.nnst_fast import NnstFast
from impasto.feedforward.per_style import PerStyle
from impasto.feedforward.reshuffle import Reshuffle
from impasto.optim.resources import Resources
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene.inputs import Inputs

__all__ = ["AnyStyle", "FeedForward", "NnstFast", "PerStyle", "Reshuffle", "create"]


def create(
    inputs: Inputs,
    recipe: Recipe,
    *,
    encoder: str | Path | Encoder | None = None,
    network: str | Path | None = None,
    resources: Resources | None = None,
) -> FeedForward:
    """Begin a painting by the networks of `recipe.method`; the arguments, and what is raised, are `FeedForward`'s."""
    module, _, name = METHODS[recipe.method].implementation.partition(":")
    kind: type[FeedForward] = getattr(importlib.import_module(module), name)
    return kind(inputs, recipe, encoder=encoder, network=network, resources=resources)
