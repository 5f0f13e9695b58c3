"""What `impasto masks` shows and says of regions."""

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from impasto import guides, images
from impasto.encoders import Geometry
from impasto.guides import Regions
from impasto.guides.colors import color_names
from impasto.guides.naming import in_words
from impasto.guides.overlay import COLORS
from impasto.images import Picture
from impasto.recipe import STYLE_LAYERS

HEIGHT = 720
"""The height in pixels of the pictures on an overlay: two of them side by side fit on a screen."""
UNEVEN = 8.0
"""The fraction that a region has of one picture over that of another, from which a warning is due: less is usual."""
_GAP = 16
"""The white between two pictures of an overlay, in pixels."""


def load(names: Sequence[str], max_pixels: int | None) -> list[Picture]:
    """Read files."""
    limit = images.DEFAULT_MAX_PIXELS if max_pixels is None else max_pixels
    return [images.load(Path(name), max_pixels=limit) for name in names]


def colors(names: Sequence[str]) -> list[tuple[int, int, int]]:
    """Choose colours to show regions in: what a region is named after, and others for names that are no colours."""
    words = {color_names([torch.tensor(color, dtype=torch.float64)])[0]: color for color in reversed(COLORS)}
    own = {name: words[name] for name in names if name in words}
    for name in names:
        if re.fullmatch("#[0-9a-f]{6}", name):
            red, green, blue = bytes.fromhex(name[1:])
            own[name] = (red, green, blue)
    free = itertools.cycle([color for color in COLORS if color not in own.values()] or COLORS)
    return [own[name] if name in own else next(free) for name in names]


def side_by_side(pictures: Sequence[Picture], regions: Regions) -> Picture:
    """Put the pictures beside each other, as high as each other, tinted by their regions where they have a mask."""
    maps = [regions.content, *regions.styles]
    shown = colors(regions.names)
    tiles: list[Tensor] = []
    for picture, one in zip(pictures, maps, strict=True):
        width = max(1, round(picture.size[1] * HEIGHT / picture.size[0]))
        small = Picture(images.resize(picture.pixels, (HEIGHT, width)), name=picture.name)
        tinted = small if one is None else guides.overlay(small, one, shown)
        tiles.append(functional.pad(tinted.pixels, (_GAP if tiles else 0, 0), value=1.0))
    return Picture(torch.cat(tiles, dim=3), name="overlay")


def describe(regions: Regions) -> list[dict[str, Any]]:
    """List name, colour on the overlay, and fractions: of the content, and of each style (None: it has no mask)."""
    content = guides.area_fractions(regions.content)
    styles = [None if maps is None else guides.area_fractions(maps) for maps in regions.styles]
    shown = colors(regions.names)
    return [
        {
            "name": name,
            "colour": "#" + bytes(shown[index]).hex(),
            "colour_name": in_words(shown[index]),
            "content": round(float(content[index]), 4),
            "styles": [None if fractions is None else round(float(fractions[index]), 4) for fractions in styles],
        }
        for index, name in enumerate(regions.names)
    ]


def table(regions: Regions) -> Iterator[str]:
    """Write the same as lines."""
    rows = describe(regions)
    styles = [f"style {number}" if len(regions.styles) > 1 else "style" for number in range(1, len(regions.styles) + 1)]
    width = max(len("region"), *(len(row["name"]) for row in rows))
    words = max(len("name"), *(len(row["colour_name"]) for row in rows))
    yield f"{'region':{width}}  {'colour':8} {'name':{words}}  content" + "".join(f"{style:>9}" for style in styles)
    for row in rows:
        fractions = "".join(f"{'all' if fraction is None else f'{fraction:.1%}':>9}" for fraction in row["styles"])
        yield f"{row['name']:{width}}  {row['colour']:8} {row['colour_name']:{words}}  {row['content']:7.1%}{fractions}"


def too_narrow(regions: Regions, pictures: Sequence[Picture], size: int, network: Geometry) -> Iterator[str]:
    """Name regions that are too narrow for layers, painted at a long side of `size`: no neuron sees only them.

    `network` is the encoder's that will paint: what neurons see depends on it.
    """
    for number, (picture, maps) in enumerate(zip(pictures, (regions.content, *regions.styles), strict=True)):
        if maps is None:
            continue
        fitted = guides.fit(maps, images.fit_size(picture.size, size))
        lost: dict[str, list[str]] = {}
        for layer in STYLE_LAYERS:
            if layer not in network.layers or min(fitted.shape[1:]) < network.stride(layer):
                continue
            inside = guides.propagate(fitted, network.steps(layer), "inside")
            for index, name in enumerate(regions.names):
                if maps[index].any() and inside[index].max() < 0.5:
                    lost.setdefault(name, []).append(layer)
        where = "the content" if number == 0 else picture.name
        for name, layers in lost.items():
            field = network.receptive_field(layers[0])
            yield (
                f"region {name} of {where}: is nowhere as wide as the {field} pixels that a neuron of {layers[0]} "
                f"sees at size {size}, so at {', '.join(layers)} it is mixed with what is around it, or dropped "
                "with --guides inside; paint it larger, or at a larger --size"
            )


def uneven(regions: Regions) -> Iterator[str]:
    """Name regions whose fraction of the content and of a style are very different, or that a style lacks."""
    content = guides.area_fractions(regions.content).tolist()
    for number, maps in enumerate(regions.styles, 1):
        if maps is None:
            continue
        style = f"style {number}" if len(regions.styles) > 1 else "the style"
        for name, own, other in zip(regions.names, content, guides.area_fractions(maps).tolist(), strict=True):
            if other == 0:
                yield f"region {name}: is not in {style}, and takes nothing from it"
            elif own > 0 and max(own / other, other / own) >= UNEVEN:
                yield (
                    f"region {name}: is {own:.1%} of the content and {other:.1%} of {style}; a texture that is "
                    "taken from little repeats itself, and one from much is more varied than there is room for"
                )
