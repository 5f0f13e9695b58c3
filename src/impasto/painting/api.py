"""The façade: `stylize(content, styles, ...) -> Result`, and `begin`, the one place that knows all methods."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto import feedforward
from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.events import Progress
from impasto.optim.planner import Tiling
from impasto.painting.refined import RefinedPainting
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS, shipped
from impasto.result import Result
from impasto.scene.painting import Painting
from impasto.scene.resolve import Source, regions_of


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
        return RefinedPainting(content, styles, recipe, encoder=encoder, network=network, **options)
    return feedforward.create(content, styles, recipe, encoder=encoder, network=network, **options)


def stylize(
    content: Source | None,
    styles: Source | Sequence[Source],
    recipe: Recipe | None = None,
    *,
    preset: str | None = None,
    encoder: str | Path | Encoder | None = None,
    network: str | Path | None = None,
    init_image: Source | None = None,
    content_mask: Source | None = None,
    style_masks: Sequence[Source | None] | Source | None = None,
    region_masks: Mapping[str, tuple[Source, Sequence[Source | None]]] | None = None,
    content_landmarks: Source | None = None,
    style_landmarks: Source | None = None,
    tile: Tiling = "auto",
    memory: int | None = None,
    device: str = "auto",
    on_progress: Callable[[Progress], None] | None = None,
    **overrides: Any,
) -> Result:
    """Paint `content` in the style of `styles`.

    Pictures are paths, bytes, PIL images, NumPy arrays (H, W, 3) or tensors (3, H, W), sRGB in [0, 1] when
    floating. Settings come from `recipe`, or from the defaults, `preset` and keyword `overrides` (any recipe
    key). `content` None paints a texture, or with a `content_mask` a doodle: what the mask says, in the mask's shape.
    `on_progress` sees every step.

    `recipe.method` says how: by optimisation, or in one go by a network: one that ships with impasto, or a file, or a
    folder of several, as `network` says. Styles are `[]` for a network that has its own.

    Regions come from colour masks, `content_mask` with one of `style_masks` for each style (None: all of that style),
    or from grey ones: `region_masks={"sky": (of the content, [of each style])}`.

    `content_landmarks` and `style_landmarks` say where the faces of a portrait are, in the photograph and in the first
    painting: files, or lists of [x, y] (docs/portraits.md).

    `tile`, `memory` and `device` are those of `Stylizer`. Raises `ImpastoError`s, one line each.

    >>> result = stylize("photo.jpg", "painting.jpg", size=768)  # doctest: +SKIP
    >>> result.save("out.png")  # doctest: +SKIP
    """
    if recipe is None:
        recipe = Recipe.from_preset(preset, **overrides)
    elif preset is not None:
        raise UsageError("give a recipe or a preset, not both; recipe.replace() changes single settings")
    elif overrides:
        recipe = recipe.replace(**overrides)
    count = len(styles) if isinstance(styles, list | tuple) else 1
    regions = regions_of(content_mask, style_masks, region_masks, count, recipe.regions)
    both = {"content_landmarks": content_landmarks, "style_landmarks": style_landmarks}
    given = {key: value for key, value in both.items() if value is not None}
    painting = begin(
        content,
        styles,
        recipe,
        encoder=encoder,
        network=network,
        init_image=init_image,
        regions=regions,
        **given,
        tile=tile,
        memory=memory,
        device=device,
    )
    for progress in painting:
        if on_progress is not None:
            on_progress(progress)
    return painting.result()
