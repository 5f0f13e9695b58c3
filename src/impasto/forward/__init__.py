"""Painting in one go: feed-forward networks and feature transforms behind the surface of a `Stylizer`."""

from collections.abc import Sequence
from typing import Any

from impasto.forward.base import Forward
from impasto.forward.single import Single
from impasto.forward.universal import Universal
from impasto.reading import Source
from impasto.recipe import Recipe

__all__ = ["Forward", "Single", "Universal", "create"]


def create(content: Source | None, styles: Source | Sequence[Source], recipe: Recipe, **options: Any) -> Forward:
    """Begin a painting by the network of `recipe.method`; `options` are those of `Forward`, with what it raises."""
    kind = Single if recipe.method in ("johnson", "texture_net") else Universal
    return kind(content, styles, recipe, **options)
