"""What a benchmark measures with: two encoders, and layers that none of its paintings was optimised at."""

import contextlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from impasto import encoders
from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.evaluation import Evaluator
from impasto.events import logger
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS

DEEPEST_STRIDE = 8
"""Pixels per neuron of the deepest layer that styles are compared at; coarser maps have too few positions."""


class MeasuringEncoders:
    """The encoders of a benchmark's metrics, names or files that are loaded when they are first needed.

    `encoder` measures what names its layers, `second_encoder` the style, at layers that none of the `recipes` optimises
    with it.
    """

    def __init__(
        self, encoder: str | Path | Encoder, second_encoder: str | Path | Encoder, recipes: Sequence[Recipe]
    ) -> None:
        self._named, self._recipes = (encoder, second_encoder), recipes

    def load(self) -> None:
        """Load the encoders. Raises `WeightsError` where they are not there, `UsageError` where no layer is left."""
        _ = self._loaded

    @cached_property
    def evaluator(self) -> Evaluator:
        """What measures a picture."""
        first, second, layers = self._loaded
        return Evaluator(first, second, second_layers=layers)

    @property
    def setting(self) -> dict[str, Any]:
        """The encoders by name and sha256, and the layers of the second."""
        first, second, layers = self._loaded
        return {
            "first": {"name": first.name, "sha256": first.sha256},
            "second": {"name": second.name, "sha256": second.sha256, "layers": list(layers)},
        }

    @cached_property
    def _loaded(self) -> tuple[Encoder, Encoder, tuple[str, ...]]:
        first, second = (_encoder(which) for which in self._named)
        return first, second, _unoptimized(second, self._recipes)


def _encoder(which: str | Path | Encoder) -> Encoder:
    if not isinstance(which, str | Path):
        return which
    if str(which) in encoders.NAMES or which == "auto":
        return encoders.create(str(which))
    return encoders.from_file(Path(which))


def _unoptimized(encoder: Encoder, recipes: Sequence[Recipe]) -> tuple[str, ...]:
    """Return the deepest layer of each stride that no recipe optimises; the deepest of each where none is left."""
    taken: set[str] = set()
    for recipe in recipes:
        method = METHODS[recipe.method]
        if method.optimizes and recipe.encoder in ("auto", encoder.name):
            taken.update(getattr(recipe, method.style_key))
    for layers in ([layer for layer in encoder.layers if layer not in taken], encoder.layers):
        by_stride = {encoder.stride(layer): layer for layer in layers if encoder.stride(layer) <= DEEPEST_STRIDE}
        if by_stride:
            return tuple(by_stride.values())
    raise UsageError(f"{encoder.name}: has no layers to compare styles at; name another with --metrics-encoder")


@contextlib.contextmanager
def without_notices() -> Iterator[None]:
    """Keep notices from being said: a benchmark would repeat them for each of thousands of pictures."""
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before
