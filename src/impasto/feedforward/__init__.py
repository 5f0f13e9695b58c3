"""Feed-forward methods: networks and feature transforms, used as a `Stylizer` is."""

import importlib
from collections.abc import Sequence
from typing import Any

from impasto.feedforward.any_style import AnyStyle
from impasto.feedforward.base import FeedForward
from impasto.feedforward.per_style import PerStyle
from impasto.feedforward.rearranged import NnstFast, Reshuffle
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene.resolve import Source

__all__ = ["AnyStyle", "FeedForward", "NnstFast", "PerStyle", "Reshuffle", "create"]


def create(content: Source | None, styles: Source | Sequence[Source], recipe: Recipe, **options: Any) -> FeedForward:
    """Begin a painting by the network of `recipe.method`; `options` are those of `FeedForward`, with what it raises."""
    module, _, name = METHODS[recipe.method].implementation.partition(":")
    kind: type[FeedForward] = getattr(importlib.import_module(module), name)
    return kind(content, styles, recipe, **options)
