"""What methods for any painting share: statistics of the styles and of the photograph, and the maps between them.

Sums are taken over all tiles of a large picture before any is painted, so tiles show no seams: they are what the
picture in one piece would be. Each region has maps of its own.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from impasto import guides, images
from impasto.encoders import Petite
from impasto.events import notice
from impasto.feedforward import tiles
from impasto.feedforward.base import FeedForward
from impasto.feedforward.tiles import Piece, Pieces
from impasto.feedforward.transform import Matching, Transform, applied, blended
from impasto.nets.transforms import Affine, recoloring
from impasto.optim.grid import Grid
from impasto.scene import Painted
from impasto.scene.areas import Area, areas, style_weights

PIXELS = "pixels"
"""Stands beside layers for the picture itself."""
COLORS = Matching(recoloring)
MIN_NEURONS = 1.0
"""Neurons that a region needs at a layer: statistics of less than one mean nothing."""


class EachPixel:
    """What stands for an encoder where features are the pixels themselves."""

    def stride(self, layer: str) -> int:
        """Return the pixels along a side of what one feature stands for."""
        return 1


class Matched(FeedForward):
    """A painting whose features are mapped to the statistics of paintings, at one layer or at several."""

    encoder: Petite
    layers: Sequence[str]
    """The layers at which features are matched, the deepest first."""
    recolors = False
    """Whether the photograph takes the painting's colours before its features are matched: a decoder alone leaves much
    of the photograph's own, and what was red stays red."""

    def _begin(self) -> None:
        """Set up what is known before anything is measured."""
        self._areas: Sequence[Area] = areas(self.scene)
        self._said: set[tuple[str, str]] = set()
        self._styles: dict[str, list[list[Any]]] | None = None

    @abstractmethod
    def _transform(self, layer: str) -> Transform:
        """Return what makes one picture's features at `layer` those of another."""

    @abstractmethod
    def _features(self, cut: Tensor) -> dict[str, Tensor]:
        """Return the features (1, C, h, w) at all `layers` of a tile (1, 3, H, W) of a style."""

    def _stride(self, layer: str) -> int:
        return 1 if layer == PIXELS else self.encoder.stride(layer)

    def _measures(self, layer: str) -> Transform:
        return COLORS if layer == PIXELS else self._transform(layer)

    def _of_styles(self) -> dict[str, list[list[Any]]]:
        """Return what `_measured` does, measured once unless the styles follow the photograph's colours."""
        follows = self.recipe.color in ("match", "luminance")
        if self._styles is None or follows:
            self._styles = self._measured()
        return self._styles

    def _maps(self, pieces: Pieces, layer: str, regions: Tensor | None, styles: list[list[Any]]) -> list[Affine | None]:
        """Return the map of each region that is painted, of the whole picture where there are none."""
        own = self._measures(layer).sums("content", pieces, {layer: self._content_guides(regions, layer)})[layer]
        style_weight = style_weights(self.scene, layer)
        maps: list[Affine | None] = []
        for position, (content, area) in enumerate(zip(own, self._areas, strict=True)):
            weights = [weight if index in area.styles else 0.0 for index, weight in enumerate(style_weight)]
            affine = None
            if regions is None or float(regions[position].sum()) >= MIN_NEURONS:
                of_area = [style[position] for style in styles]
                affine = blended(self._measures(layer), content, of_area, weights, self.recipe.alpha)
            if affine is None and area.name:
                self._leave_out(area.name, layer)
            maps.append(affine)
        return maps

    def _regions(self, layer: str) -> Tensor | None:
        """Return the maps (R, h, w) over the content's neurons of the regions that are painted."""
        regions, step = self.scene.regions, self._stride(layer)
        if regions is None:
            return None
        chosen = regions.content[[area.number for area in self._areas]]
        return guides.fit(chosen, (-(-self.size[0] // step), -(-self.size[1] // step)))

    def _content_guides(self, regions: Tensor | None, layer: str) -> list[Tensor | None]:
        """Return for each region how much each neuron of the content counts: what is hidden does not."""
        guides_of_regions: list[Tensor | None] = [None] if regions is None else list(regions)
        visible, step = self.scene.visible(self.size), self._stride(layer)
        if visible is None:
            return guides_of_regions
        shown = guides.fit(visible[None], (-(-self.size[0] // step), -(-self.size[1] // step)))[0]
        visible_guides = [shown if guide is None else shown * guide for guide in guides_of_regions]
        # Where less than a neuron is visible, all have to do.
        pairs = zip(visible_guides, guides_of_regions, strict=True)
        return [seen if float(seen.sum()) >= MIN_NEURONS else guide for seen, guide in pairs]

    @torch.no_grad()
    def _measured(self) -> dict[str, list[list[Any]]]:
        """Return {layer: [of each style [of each region]]}; each style is encoded once, or twice by `linear`."""
        layers = self.layers
        sums_of_styles: dict[str, list[list[Any]]] = {layer: [] for layer in (*layers, PIXELS)}
        for index in range(len(self.scene.styles)):
            painted = self.scene.style(index, self.level)
            size = painted.pixels.shape[2], painted.pixels.shape[3]
            transform = self._transform(layers[0])
            grid = tiles.measuring(size, layers[0], self._tile, self.encoder, transform.reach)
            weights = {layer: self._style_guides(painted, layer) for layer in layers}
            sums = transform.sums("style", Pieces(self._features, painted.pixels, grid, self.encoder), weights)
            if self.recolors:
                sums |= COLORS.sums(
                    "style", self._colors(painted.pixels), {PIXELS: self._style_guides(painted, PIXELS)}
                )
            for layer, found in sums.items():
                sums_of_styles[layer].append(found)
            self._release()
        return sums_of_styles

    def _style_guides(self, painted: Painted, layer: str) -> list[Tensor | None]:
        """Return for each region that is painted how much each neuron of a style counts."""
        step = self._stride(layer)
        size = painted.pixels.shape[2] // step, painted.pixels.shape[3] // step
        alpha = None if painted.alpha is None else images.resize(painted.alpha[None, None], size)[0, 0]
        if self.scene.regions is None or painted.maps is None:
            return [alpha] * len(self._areas)
        maps = guides.fit(painted.maps[[area.number for area in self._areas]], size)
        return [region if alpha is None else region * alpha for region in maps]

    @torch.no_grad()
    def _recolored(self, photo: Tensor, styles: list[list[Any]]) -> Tensor:
        """Return the photograph (1, 3, H, W) in the colours of the styles, clamped, as an encoder sees it."""
        regions = self._regions(PIXELS)
        pieces = self._colors(photo)
        maps = self._maps(pieces, PIXELS, regions, styles)
        result = torch.empty_like(photo, memory_format=torch.contiguous_format)
        for piece in pieces:
            tiles.put(result, piece.tile, applied(piece.features[PIXELS], maps, self._around(piece, regions, PIXELS)))
        return result.clamp_(0, 1)

    def _colors(self, image: Tensor) -> Pieces:
        """Return the pieces of a picture (1, 3, H, W) whose features are its pixels."""
        height, width = image.shape[-2:]
        grid = Grid((height, width), tile=self._tile or max(height, width), reach=0, strides={PIXELS: 1})
        return Pieces(lambda cut: {PIXELS: cut.to(self.resources.device)}, image, grid, EachPixel())

    @staticmethod
    def _around(piece: Piece, regions: Tensor | None, layer: str) -> Tensor | None:
        return None if regions is None else piece.around(regions, layer)

    def _leave_out(self, name: str, layer: str) -> None:
        if (name, layer) not in self._said:
            self._said.add((name, layer))
            notice(f"region '{name}' is too small to be seen at {layer}; left out there")
