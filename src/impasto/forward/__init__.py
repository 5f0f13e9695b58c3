"""Painting in one go: feed-forward networks and feature transforms behind the surface of a `Stylizer`."""

from collections.abc import Sequence
from typing import Any

from impasto.forward.base import Forward
from impasto.forward.rearranged import Neighbours, Reshuffle
from impasto.forward.single import Single
from impasto.forward.universal import Universal
from impasto.reading import Source
from impasto.recipe import Recipe

__all__ = ["Forward", "Neighbours", "Reshuffle", "Single", "Universal", "create"]

KINDS: dict[str, type[Forward]] = {
    "johnson": Single,
    "texture_net": Single,
    "reshuffle": Reshuffle,
    "nnst_fast": Neighbours,
    "wct": Universal,
    "adain": Universal,
    "linear": Universal,
}


def create(content: Source | None, styles: Source | Sequence[Source], recipe: Recipe, **options: Any) -> Forward:
    """Begin a painting by the network of `recipe.method`; `options` are those of `Forward`, with what it raises."""
    return KINDS[recipe.method](content, styles, recipe, **options)
