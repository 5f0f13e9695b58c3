"""From a recipe to what paints by it: the one place that knows all methods."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from impasto import forward
from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.forward import Forward
from impasto.methods import METHODS, shipped
from impasto.reading import Source
from impasto.recipe import Recipe
from impasto.refining import Refined
from impasto.stylizer import Stylizer

Painting = Stylizer | Forward | Refined
"""A painting in progress: iterate over it for `Progress`, ask for `result()` at any time."""

Stepped = Stylizer | Refined
"""A painting of steps, which can be gone on with."""


def begin(
    content: Source | None,
    styles: Source | Sequence[Source],
    recipe: Recipe | None = None,
    *,
    encoder: str | Path | Encoder | None = None,
    init_image: Source | None = None,
    network: str | Path | None = None,
    **options: Any,
) -> Painting:
    """Begin a painting by `recipe.method`: all that can be refused is, and nothing is painted yet.

    `network` is the name of one that ships with impasto, a file, or a folder of several, for methods that have one; it
    goes before the recipe's. Other `options` are those of `Stylizer`, with what it raises.
    """
    recipe = recipe or Recipe.parse({})
    if isinstance(network, str) and (network == "auto" or network in shipped(recipe.method)):
        recipe, network = recipe.replace(network=network), None
    if not METHODS[recipe.method].forward:
        if network is not None:
            raise UsageError(f"{recipe.method} paints without a network; leave it out, or name a method that has one")
        return Stylizer(content, styles, recipe, encoder=encoder, init_image=init_image, **options)
    for key in ("content_landmarks", "style_landmarks"):
        if options.pop(key, None) is not None:
            raise UsageError(f"landmarks belong to method portrait, not to {recipe.method}; leave them out")
    if init_image is not None:
        raise UsageError(f"{recipe.method} starts from no picture; leave init_image out, or use gatys")
    if recipe.refine:
        return Refined(content, styles, recipe, encoder=encoder, network=network, **options)
    return forward.create(content, styles, recipe, encoder=encoder, network=network, **options)
