"""Many paintings one after another in one process, with what they share kept warm."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from impasto import weights
from impasto.encoders import Encoder
from impasto.executors.sources import Pictures
from impasto.guides import Regions
from impasto.images import Picture
from impasto.optim.resources import Resources
from impasto.painting.api import begin_with
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene.inputs import Inputs, Masks
from impasto.scene.painting import Painting
from impasto.scene.resolve import PictureLike, precision_of, result_size
from impasto.shards import Member

NETWORKS_KEPT = 8
"""Paintings by networks that are kept to paint further photographs: each holds its networks and its measured styles,
some ten megabytes, so that a few styles can take turns."""
REGIONS_KEPT = 4
"""Sets of masks that are kept, for the jobs of one photograph: each has the size of its pictures."""


class Painter:
    """Begins paintings as `begin_with` does, with what others have built before: the same to the last bit.

    Encoders are loaded once, pictures and masks read once as long as they fit, `precision` 'auto' is measured once.
    Methods by one pass of networks keep these, and what they measured of the styles, from photograph to photograph of
    one size. Landmarks go only to a method that has them. `kept_bytes` is that of `Pictures`.
    """

    def __init__(
        self, resources: Resources | None = None, precision: str = "auto", kept_bytes: int | None = None
    ) -> None:
        self.resources = resources or Resources.choose()
        self.precision = precision
        """What 'auto' turned out to mean, once it was needed."""
        self._pictures = Pictures(kept_bytes)
        self._lock = threading.Lock()
        self._encoders: dict[tuple[Any, ...], Encoder] = {}
        self._regions: OrderedDict[tuple[int, int, int], tuple[Masks, Regions | None]] = OrderedDict()
        self._networks: OrderedDict[tuple[Any, ...], Painting] = OrderedDict()

    def settled(self, recipe: Recipe) -> Recipe:
        """Return the recipe with the precision that all paintings have."""
        if recipe.precision != "auto":
            return recipe
        if self.precision == "auto":
            self.precision = precision_of(recipe, self.resources.device)
        return recipe.replace(precision=self.precision)

    def exact(self, recipe: Recipe) -> Recipe:
        """Return the recipe for another machine, which might find another encoder and another precision by itself."""
        if recipe.encoder == "auto" and METHODS[recipe.method].optimizes:
            recipe = recipe.replace(encoder="petite" if weights.find("vgg19") is None else "vgg19")
        return self.settled(recipe)

    def begin(
        self,
        inputs: Inputs,
        recipe: Recipe,
        *,
        encoder: str | Path | Encoder | None = None,
        network: str | Path | None = None,
    ) -> Painting:
        """Begin a painting; arguments and errors are those of `begin_with`."""
        named = encoder is None or isinstance(encoder, str | Path)
        recipe = self.settled(recipe) if named else recipe
        inputs = self.read(inputs, recipe)
        key = self._key(inputs, recipe, encoder, network)
        if key is not None and inputs.content is not None and key in self._networks:
            self._networks.move_to_end(key)
            painting = self._networks[key]
            painting.take(inputs.content)
            return painting
        painting = self._begin(inputs, recipe, encoder, network)
        if key is not None:
            self._networks[key] = painting
            while len(self._networks) > NETWORKS_KEPT:
                self._networks.popitem(last=False)
        return painting

    def foresee(
        self, following: Sequence[tuple[Inputs, Recipe, str | Path | Encoder | None, str | Path | None]]
    ) -> None:
        """Let networks that are warm paint several photographs at once, where that is faster and changes no bit.

        `following` are arguments of `begin` in the order of their turns, read by `read`.
        """
        contents: list[Picture] = []
        first: tuple[Any, ...] | None = None
        for inputs, recipe, encoder, network in following:
            key = self._key(inputs, self.settled(recipe), encoder, network)
            first = first or key
            if key is not None and key == first and isinstance(inputs.content, Picture):
                contents.append(inputs.content)
        if first is not None and first in self._networks:
            self._networks[first].foresee(contents)

    def _begin(
        self, inputs: Inputs, recipe: Recipe, encoder: str | Path | Encoder | None, network: str | Path | None
    ) -> Painting:
        key: tuple[Any, ...] | None = None
        if encoder is None or isinstance(encoder, str | Path):
            method = METHODS[recipe.method]
            if not method.feed_forward or (method.styles and not recipe.refine):
                # Those that paint any style by one pass all work on the features of petite.
                which = "petite, one pass" if method.feed_forward else recipe.encoder
                key = (encoder or which, recipe.pooling, recipe.padding, recipe.precision)
                encoder = self._encoders.get(key, encoder)
        painting = begin_with(inputs, recipe, encoder=encoder, network=network, resources=self.resources)
        if key is not None and painting.encoder is not None:
            self._encoders[key] = painting.encoder
        return painting

    def read(self, inputs: Inputs, recipe: Recipe) -> Inputs:
        """Return the inputs with pictures and masks that other paintings have read before."""
        if not METHODS[recipe.method].landmarks:
            inputs = inputs.without_landmarks()

        def load(source: PictureLike) -> Picture:
            return source if isinstance(source, Picture) else self._pictures(source, inputs.load)

        masks = inputs.masks
        if isinstance(masks, Masks):
            inputs = replace(inputs, masks=self._read_masks(masks, len(inputs.paintings), recipe.regions, load))
        return inputs.read(recipe, load)

    def picture(self, source: PictureLike, load: Callable[[PictureLike], Picture]) -> Picture:
        """Return a picture that other paintings may have read before; `load` reads it."""
        return self._pictures(source, load)

    def portable(self, inputs: Inputs, recipe: Recipe) -> Inputs:
        """Return the inputs for another process: names of files as they are, what is no file as it was read."""
        if all(isinstance(source, Path | Picture | Member) or _is_name(source) for source in inputs.files):
            return inputs
        return self.read(inputs, recipe)

    def _read_masks(
        self, masks: Masks, styles: int, count: int, load: Callable[[PictureLike], Picture]
    ) -> Regions | None:
        key = id(masks), styles, count
        with self._lock:
            if key not in self._regions:
                # The masks as well: as long as they are there, no others have their number.
                self._regions[key] = masks, masks.read(styles, count, load)
            while len(self._regions) > REGIONS_KEPT:
                self._regions.popitem(last=False)
            return self._regions[key][1]

    def _key(
        self, inputs: Inputs, recipe: Recipe, encoder: str | Path | Encoder | None, network: str | Path | None
    ) -> tuple[Any, ...] | None:
        """Return what a photograph has to share with another to be painted by the same networks; None for none."""
        alone = recipe.refine or inputs.masks is not None or inputs.has_landmarks or inputs.init is not None
        if not METHODS[recipe.method].feed_forward or alone or inputs.content is None:
            return None
        styles = tuple((style.sha256, style.truncated, style.name) for style in inputs.paintings)
        known = encoder if encoder is None or isinstance(encoder, str | Path) else id(encoder)
        return recipe.model_dump_json(), known, network, styles, result_size(inputs.content, recipe)


def _is_name(source: PictureLike) -> bool:
    return isinstance(source, str) and source != "-"
