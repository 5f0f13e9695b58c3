"""From what a caller gives to what is painted: the encoder, the regions, the size, the recipe of a texture."""

import math
from pathlib import Path
from typing import Any, Literal

import torch

from impasto import encoders, images
from impasto.encoders import Encoder, Geometry
from impasto.errors import UsageError, WeightsError
from impasto.events import notice
from impasto.guides import Regions
from impasto.images import Picture
from impasto.optim import devices
from impasto.recipe import Recipe, sizes
from impasto.recipe.catalogue import METHODS

PictureLike = Any
"""A path, `-`, bytes, PIL image, NumPy array, tensor or `Picture`: what `images.load` takes."""


def result_size(
    content: Picture | None,
    recipe: Recipe,
    regions: Regions | None = None,
    network: Encoder | Geometry = encoders.VGG19,
) -> tuple[int, int]:
    """Return the (height, width) that the result will have; without content, that of a doodle or a texture.

    `network` is what `multiple_of` asks for strides; those of all named encoders are VGG-19's.
    """
    shape = _given_size(content, regions) or (1000, max(1, round(1000 * recipe.aspect)))
    size = images.fit_size(shape, long_side(content, recipe, regions))
    multiple = multiple_of(recipe, network)
    height, width = (multiple * max(1, round(side / multiple)) for side in size)
    return height, width


def long_side(content: Picture | None, recipe: Recipe, regions: Regions | None = None) -> int:
    """Return the pixels of the long side that the recipe's size means: a doodle's content is its mask.

    Raises `UsageError` for a size after the content's where there is none, or where it leads beyond the largest.
    """
    if isinstance(recipe.size, int):
        return recipe.size
    shape = _given_size(content, regions)
    if shape is None:
        raise UsageError(f"size '{recipe.size}': a texture has no content whose size it could have; give pixels")
    try:
        return sizes.long_side(recipe.size, shape)
    except ValueError as error:
        raise UsageError(f"size '{recipe.size}': {error}") from None


def init_shape_differs(init: tuple[int, int], result: tuple[int, int], multiple: int = 1) -> bool:
    """Return whether an `init` of (height, width) is stretched by more than sides in steps of `multiple` explain."""
    fitted = images.fit_size(init, max(result))
    return max(abs(one - other) for one, other in zip(fitted, result, strict=True)) > multiple


def _given_size(content: Picture | None, regions: Regions | None) -> tuple[int, int] | None:
    """Return the (height, width) of the photograph or the doodle; None where there is neither."""
    if content is not None:
        return content.size
    return None if regions is None else (regions.content.shape[1], regions.content.shape[2])


def encoder_of(recipe: Recipe, encoder: str | Path | Encoder | None, device: torch.device) -> tuple[Encoder, Recipe]:
    """Return the encoder, and the recipe with what `auto` turned out to mean."""
    precision = recipe.precision
    if encoder is not None and not isinstance(encoder, str | Path):
        if precision == "auto":
            precision = "bfloat16" if encoder.precision is torch.bfloat16 else "float32"
        return _on(device, encoder), recipe.replace(encoder=encoder.name, precision=precision)
    precision = precision_of(recipe, device)
    options: encoders.Options = {
        "pooling": recipe.pooling,
        "padding": recipe.padding,
        "precision": torch.bfloat16 if precision == "bfloat16" else None,
    }
    # Only a caller may name a file: a recipe can come out of anybody's picture.
    if encoder is None or encoder in encoders.NAMES:
        made = encoders.create(str(encoder or recipe.encoder), **options)
    else:
        made = encoders.from_file(Path(encoder), **options)
    return _on(device, made), recipe.replace(encoder=made.name, precision=precision)


def check_layers(recipe: Recipe, encoder: Encoder) -> None:
    """Raise `UsageError` for a layer of the recipe that the network does not have, `WeightsError` where weights end."""
    for layer in (*recipe.layers_of_style, *recipe.layers_of_content):
        encoder.stride(layer)
        encoder.lift(layer)
        if layer not in encoder.channels:
            raise WeightsError(f"these weights of {encoder.name} end at {encoder.layers[-1]} and have no {layer}")


def precision_of(recipe: Recipe, device: torch.device) -> Literal["float32", "bfloat16"]:
    """Return what the recipe's precision means on `device`."""
    return "float32" if devices.precision(recipe.precision, device) is None else "bfloat16"


def surrogate_of(recipe: Recipe, encoder: Encoder, device: torch.device) -> Encoder | None:
    """Return petite where it can take steps in place of `encoder`, as the recipe asks; None where it takes none.

    It has no lifts for other layers than those it was trained on, and was trained on average pooling. Its neurons lie
    where VGG's do: tiles that are cut for another shape would not fit it.
    """
    if encoder.name == "petite" or not 0 < recipe.finishing < recipe.steps:
        return None
    layers, own = (*recipe.layers_of_style, *recipe.layers_of_content), encoders.VGG19
    beyond = [layer for layer in layers if layer not in encoders.LIFTED]
    elsewhere = [] if beyond else [layer for layer in layers if encoder.steps(layer) != own.steps(layer)]
    if beyond or elsewhere or recipe.pooling != "average":
        why = f"has no {beyond[0]}" if beyond else f"knows no {recipe.pooling} pooling"
        if elsewhere:
            why = f"has another {elsewhere[0]}"
        notice(f"petite {why} and can take no steps for {encoder.name}, which takes all {recipe.steps}")
        return None
    return _on(device, encoders.create("petite", padding=recipe.padding, precision=encoder.precision))


def _on(device: torch.device, encoder: Encoder) -> Encoder:
    return encoder if device.type == "cpu" else encoder.to(device)


def check_texture(recipe: Recipe) -> None:
    """Raise `UsageError` where a recipe's method needs a photograph."""
    if not METHODS[recipe.method].textures:
        able = [name for name, method in METHODS.items() if method.textures]
        raise UsageError(f"{recipe.method} paints photographs; textures come from {', '.join(able)}")


def of_texture(recipe: Recipe) -> Recipe:
    """Return the recipe of a picture without content: it has no content term, and cannot start from one.

    Raises `UsageError` where its method needs one.
    """
    check_texture(recipe)
    changes: dict[str, Any] = {"content_layers": {}} if recipe.content_layers else {}
    if recipe.init in ("content", "blend"):
        changes["init"] = "style"
    return recipe.replace(**changes)


def multiple_of(recipe: Recipe, network: Encoder | Geometry = encoders.VGG19) -> int:
    """Return the step of the sides: whole neurons for a picture that repeats, whose layers must repeat too."""
    if not recipe.tileable:
        return 1
    layers = (*recipe.layers_of_style, *recipe.layers_of_content)
    return math.lcm(METHODS[recipe.method].multiple, *(network.stride(layer) for layer in layers))
