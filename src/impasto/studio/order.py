"""One job as the studio sends it to the processes that work, and the pictures that it names."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from impasto import images
from impasto.images import Picture
from impasto.scene.inputs import Inputs, Masks


@dataclass
class Order:
    """One job, as the studio sends it."""

    job: str
    folder: Path
    content: Mapping[str, str] | None
    styles: list[Mapping[str, str]]
    content_mask: Mapping[str, str] | None
    style_masks: list[Mapping[str, str] | None]
    region_names: Mapping[str, str] | list[str] | None
    recipe: Mapping[str, Any]
    init: Mapping[str, str] | None
    landmarks: Mapping[str, list[list[float]]] | None
    """Points of the faces in `content` and `style`."""
    finish: bool
    """Nothing more is to be painted: save what the checkpoint has."""
    checkpoint_s: float
    pixels: int

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> "Order":
        """Read a message."""
        fields = {key: message[key] for key in cls.__dataclass_fields__ if key != "folder"}
        return cls(folder=Path(message["folder"]), **fields)


def inputs(order: Order) -> Inputs:
    """Read the pictures that an order names."""
    content_mask = read(order.content_mask, order.pixels)
    style_masks = [read(mask, order.pixels) for mask in order.style_masks]
    masks = None if content_mask is None else Masks(content_mask, style_masks, names=order.region_names)
    styles = [read(style, order.pixels) for style in order.styles]
    points = {role: {"unit": "fraction", "points": given} for role, given in (order.landmarks or {}).items()}
    return Inputs(
        read(order.content, order.pixels),
        styles,
        read(order.init, order.pixels),
        masks,
        points.get("content"),
        points.get("style"),
    )


def read(source: Mapping[str, str] | None, pixels: int) -> Picture | None:
    """Read a picture of the library, under the name that its owner knows it by."""
    if source is None:
        return None
    return replace(images.load(Path(source["path"]), max_pixels=pixels), name=source["name"])
