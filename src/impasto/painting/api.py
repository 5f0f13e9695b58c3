"""The façade: `stylize` paints, `begin` and `begin_with` return the painting to be iterated over."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from impasto import feedforward
from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.events import Progress
from impasto.optim.resources import Resources
from impasto.optim.tile_planner import Tiling
from impasto.painting.options import PaintingOptions, read_options
from impasto.painting.refined import RefinedPainting
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.recipe.shipped_networks import shipped
from impasto.result import Result
from impasto.scene.inputs import Inputs, Masks, RegionNames
from impasto.scene.painting import Painting
from impasto.scene.resolve import PictureLike


def begin(
    content: PictureLike | None,
    styles: PictureLike | Sequence[PictureLike],
    recipe: Recipe | None = None,
    *,
    network: str | Path | None = None,
    **options: Unpack[PaintingOptions],
) -> Painting:
    """Begin a painting by `recipe.method`: all that can be refused is, and nothing is painted yet.

    `network` is the name of one that ships with impasto, a file, or a folder of several, for methods that have one; it
    goes before the recipe's. All else is as for `Stylizer`, with what it raises.
    """
    inputs, resources = read_options(content, styles, options)
    encoder = options.get("encoder")
    return begin_with(inputs, recipe or Recipe.parse({}), encoder=encoder, network=network, resources=resources)


def begin_with(
    inputs: Inputs,
    recipe: Recipe,
    *,
    encoder: str | Path | Encoder | None = None,
    network: str | Path | None = None,
    resources: Resources | None = None,
) -> Painting:
    """Begin a painting of inputs that were put together already, as `begin`: the one place that knows all methods.

    Without `resources`, what the machine has is used.
    """
    if isinstance(network, str) and (network == "auto" or network in shipped(recipe.method)):
        recipe, network = recipe.replace(network=network), None
    if not METHODS[recipe.method].feed_forward:
        if network is not None:
            raise UsageError(f"{recipe.method} paints without a network; leave it out, or name a method that has one")
        return Stylizer.of(inputs, recipe, encoder=encoder, resources=resources)
    if inputs.init is not None:
        raise UsageError(f"{recipe.method} starts from no picture; leave init_image out, or use gatys")
    kind = RefinedPainting if recipe.refine else feedforward.create
    return kind(inputs, recipe, encoder=encoder, network=network, resources=resources)


def stylize(
    content: PictureLike | None,
    styles: PictureLike | Sequence[PictureLike],
    recipe: Recipe | None = None,
    *,
    preset: str | None = None,
    encoder: str | Path | Encoder | None = None,
    network: str | Path | None = None,
    init_image: PictureLike | None = None,
    content_mask: PictureLike | None = None,
    style_masks: Sequence[PictureLike | None] | PictureLike | None = None,
    region_masks: Mapping[str, tuple[PictureLike, Sequence[PictureLike | None]]] | None = None,
    region_names: RegionNames | None = None,
    content_landmarks: PictureLike | None = None,
    style_landmarks: PictureLike | None = None,
    protect_image: PictureLike | None = None,
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

    `recipe.method` says how: by optimisation, or feed-forward, by a network: one that ships with impasto, or a file, or
    a folder of several, as `network` says. Styles are `[]` for a network that has its own.

    Regions come from colour masks, `content_mask` with one of `style_masks` for each style (None: all of that style),
    or from grey ones: `region_masks={"sky": (of the content, [of each style])}`. `region_names={"#804080": "road"}`
    says how the regions of colour masks are called.

    `content_landmarks` and `style_landmarks` say where the faces of a portrait are, in the photograph and in the first
    painting: files, or lists of [x, y] (docs/portraits.md). `protect_image`, for `protect` 'file', is white where the
    photograph counts more (docs/control.md).

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
    inputs = Inputs(
        content,
        styles,
        init_image,
        Masks.given(content_mask, style_masks, region_masks, region_names),
        content_landmarks,
        style_landmarks,
        protect_image,
    )
    painting = begin_with(
        inputs, recipe, encoder=encoder, network=network, resources=Resources.choose(device, tile, memory)
    )
    for progress in painting:
        if on_progress is not None:
            on_progress(progress)
    return painting.result()
