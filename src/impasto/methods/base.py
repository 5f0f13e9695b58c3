"""What a method that optimises is: the terms of a level, what they cost, and what the method refuses.

The catalogue names the class of each method (`implementation`), which is imported when such a painting begins: no
painting imports the terms of another method.
"""

import importlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.encoders import Encoder
from impasto.losses import Content, GlobalTerm, Patches, Style
from impasto.losses.objective import Window
from impasto.optim.pyramid import Level
from impasto.optim.tiling import pieces
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene import Scene
from impasto.scene.areas import area_scales
from impasto.scene.tiles import grid


@dataclass(frozen=True)
class Terms:
    """The terms of one level that are a method's own; the total variation and the gamut belong to all."""

    contents: tuple[Content, ...] = ()
    styles: tuple[Style, ...] = ()
    patches: tuple[Patches, ...] = ()
    global_terms: tuple[GlobalTerm, ...] = ()


@dataclass(frozen=True)
class Memory:
    """What the terms of a level hold beside the encoder's maps."""

    target_values: float
    """Values of float32 that targets have, for each pixel."""
    sample_bytes: float = 0.0
    """Bytes of what is sampled or matched, for each pixel."""
    scratch_bytes: int = 0
    """Bytes of tables that do not grow with the picture."""


@dataclass(frozen=True)
class Time:
    """What the terms of a level take beside the encoder's evaluations."""

    seconds: float = 0.0
    style_pixels: float = 0.0
    """Pixels of the styles that are encoded once."""


class Method(ABC):
    """One method for one painting and encoder; says once what it has to leave out.

    `size` (height, width) is that of the last level: all levels ask for its balance, since terms that a normalisation
    sums over pixels would otherwise count for less on a small canvas. Targets lie on the `device`.
    """

    tileable = True
    """Its terms can be evaluated tile by tile."""
    remembers_init = False
    """Its terms depend on the picture that a level begins with, which a checkpoint then keeps."""
    patience = 1
    """Points that a step of L-BFGS may be as high as one of: more where matches change from one to the next."""

    def __init__(self, scene: Scene, encoder: Encoder, size: tuple[int, int], device: torch.device) -> None:
        self._scene, self._encoder, self._recipe = scene, encoder, scene.recipe
        self._pixels, self._device = size[0] * size[1], device
        self._said: set[tuple[str, str]] = set()

    @abstractmethod
    def terms(self, level: Level, tile: int | None = None, init: Tensor | None = None) -> Terms:
        """Build the terms of one level: targets measured on pictures of the level's size.

        With a `tile`, no picture is encoded in one piece that has more than `tile`² pixels. `init` is the picture
        (1, 3, H, W) that the level begins with.
        """

    @classmethod
    @abstractmethod
    def memory(cls, level: Level, scene: Scene, encoder: Encoder) -> Memory:
        """Estimate what the terms of a level hold."""

    @classmethod
    def time(cls, level: Level, scene: Scene, encoder: Encoder) -> Time:
        """Estimate what the terms of a level take, by timing a small part of them."""
        return Time(style_pixels=style_pixels(scene, level))

    @classmethod
    def check(cls, scene: Scene) -> None:
        """Raise `UsageError` where the scene lacks what the method needs, or say so where it can do without."""
        return

    @classmethod
    def untileable(cls, recipe: Recipe) -> str:
        """Return the name of what cannot be evaluated tile by tile; empty where everything can."""
        return "" if cls.tileable else recipe.method

    def _encode(self, picture: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        return self._encoder(picture.to(self._device), layers)

    def _pieces(
        self, picture: Tensor, layers: Iterable[str], tile: int | None
    ) -> Iterator[tuple[dict[str, Tensor], dict[str, Window]]]:
        tiles = grid((picture.shape[2], picture.shape[3]), self._encoder, layers, tile)
        return pieces(self._encode, picture, layers, tiles)


def find(name: str) -> type[Method]:
    """Return the class of the method called `name`, one that optimises."""
    module, _, cls = METHODS[name].implementation.partition(":")
    kind: type[Method] = getattr(importlib.import_module(module), cls)
    return kind


def style_pixels(scene: Scene, level: Level) -> float:
    """Return the pixels of all styles at a level."""
    return float(sum(math.prod(scene.style_size(style, level)) for style in scene.styles))


def style_areas(scene: Scene, level: Level) -> float:
    """Return the pixels of all styles, once for each scale that regions ask for, over those of the level."""
    sizes = [scene.style_size(style, level, scale) for style in scene.styles for scale in area_scales(scene)]
    return sum(math.prod(size) for size in sizes) / math.prod(level.size)
