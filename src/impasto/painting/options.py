"""What is said of a painting beside its pictures and its recipe: the keywords of `begin`, `Stylizer` and `sweep`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from impasto import images
from impasto.encoders import Encoder
from impasto.guides import Regions
from impasto.optim.resources import Resources
from impasto.optim.tile_planner import Tiling
from impasto.scene.inputs import Inputs, Masks
from impasto.scene.resolve import PictureLike


class PaintingOptions(TypedDict, total=False):
    """Keywords of `begin`, `Stylizer` and `series.sweep`; all may be left out."""

    encoder: str | Path | Encoder | None
    """A name, a file of weights or an `Encoder`; it goes before the recipe's."""
    init_image: PictureLike | None
    """The picture to begin with, for `init` 'file'."""
    regions: Regions | Masks | None
    """Where regions are: masks, or what `guides` made of them."""
    content_landmarks: PictureLike | None
    """Points of the photograph's face, for a portrait: a file, or lists of [x, y]."""
    style_landmarks: PictureLike | None
    """The same points of the first style's face."""
    protect_image: PictureLike | None
    """A grey picture, white where the photograph counts more, for `protect` 'file'."""
    max_pixels: int
    """Larger pictures are refused before they are decoded; `images.DEFAULT_MAX_PIXELS` unless given."""
    allow_truncated: bool
    """Whether damaged pictures are used as far as they can be read."""
    tile: Tiling
    """Side of the tiles in pixels, `auto` as large as fit into memory, or `off`."""
    memory: int | None
    """Bytes for the whole process; None: what is free."""
    device: str
    """auto, cpu, cuda or mps."""


def read_options(
    content: PictureLike | None, styles: PictureLike | Sequence[PictureLike], options: PaintingOptions
) -> tuple[Inputs, Resources]:
    """Return what a painting is made of, and with. Raises `TypeError` for keywords that `PaintingOptions` lacks."""
    known = PaintingOptions.__annotations__
    if unexpected := options.keys() - known.keys():
        raise TypeError(f"unexpected keyword '{min(unexpected)}'; choose from {', '.join(known)}")
    inputs = Inputs(
        content,
        styles,
        options.get("init_image"),
        options.get("regions"),
        options.get("content_landmarks"),
        options.get("style_landmarks"),
        options.get("protect_image"),
        max_pixels=options.get("max_pixels", images.DEFAULT_MAX_PIXELS),
        allow_truncated=options.get("allow_truncated", False),
    )
    resources = Resources.choose(options.get("device", "auto"), options.get("tile", "auto"), options.get("memory"))
    return inputs, resources
