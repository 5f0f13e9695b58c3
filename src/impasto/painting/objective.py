"""The objective of one level: the terms of the recipe's method, and those over the pixels themselves."""

from dataclasses import replace

import torch
from torch import Tensor

from impasto import images
from impasto.encoders import Encoder
from impasto.losses import NORMALIZATIONS, Anchor, Gamut, Objective, TotalVariation
from impasto.methods import base
from impasto.optim.pyramid import Level
from impasto.recipe.catalogue import METHODS
from impasto.scene import Scene


class ObjectiveBuilder:
    """Builds objectives, one for each level; its method says once what it has to leave out.

    All levels ask for the balance of the last, whose picture has `size` (height, width): terms that a normalisation
    sums over pixels would otherwise count for less on a small canvas, and the level would prepare a painting nobody
    asked for.
    Targets lie on the `device`; those of a content in tiles are as narrow as the encoder's convolutions.
    """

    def __init__(
        self, scene: Scene, encoder: Encoder, size: tuple[int, int], device: torch.device | None = None
    ) -> None:
        self._scene, self._recipe, self._pixels = scene, scene.recipe, size[0] * size[1]
        self._device = device or torch.device("cpu")
        self._method = base.find(scene.recipe.method)(scene, encoder, size, self._device)

    def objective(self, level: Level, tile: int | None = None, init: Tensor | None = None) -> Objective:
        """Build the objective of one level: targets measured on pictures of the level's size.

        With a `tile`, no picture is encoded in one piece that has more than `tile`² pixels. `init` is that of
        `Stylizer.objective`.
        """
        with torch.no_grad():
            terms = self._method.terms(level, tile, init)
        return Objective(terms.contents, terms.styles, self._of_pixels(level), terms.patches, terms.global_terms)

    def _of_pixels(self, level: Level) -> tuple[TotalVariation | Gamut | Anchor, ...]:
        recipe, known = self._recipe, METHODS[self._recipe.method].settings
        normal = NORMALIZATIONS[recipe.normalization]
        terms: list[TotalVariation | Gamut | Anchor] = []
        # A sum over this level's pixels, times this, stands for one over the last level's.
        ratio = self._pixels / (level.size[0] * level.size[1])
        kind, weight = recipe.variation
        if weight and "tv_weight" in known:
            factor = weight * normal.variation(kind, self._pixels) * ratio
            terms.append(TotalVariation(kind, factor, wrap=recipe.tileable))
        if recipe.gamut_weight and "gamut_weight" in known:
            terms.append(Gamut(recipe.gamut_weight * normal.gamut(self._pixels) * ratio))
        if (anchor := self._scene.anchor) is not None:
            target, weights = (
                images.extend(images.resize(whole, level.picture), level.margin).to(self._device)
                for whole in (anchor.target, anchor.weights)
            )
            terms.append(replace(anchor, target=target, weights=weights, factor=anchor.factor * ratio))
        return tuple(terms)
