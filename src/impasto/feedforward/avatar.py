"""`avatar`: features of four layers get the statistics of any painting; one pass decodes them (Sheng et al. 2018)."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.encoders import Encoder, Petite
from impasto.feedforward import networks, tiles
from impasto.feedforward.codec import petite_of
from impasto.feedforward.matched import PIXELS, Matched
from impasto.feedforward.tiles import Need, Pieces, Size
from impasto.feedforward.transform import Matching, Transform, applied, blended
from impasto.nets import store
from impasto.nets.avatar import KIND, LAYERS, METHOD, Avatar, encoded, faded, softly
from impasto.nets.norm_statistics import HaloTile, IncompleteStatistics, NormStatistics
from impasto.nets.transforms import Affine
from impasto.optim.grid import Grid, Tile

SCRATCH = {"float32": 420, "bfloat16": 330}
"""Bytes per pixel that is painted or measured at a time, at the peak: maps, their padded copies, and sums."""


def halo_tile(tile: Tile) -> HaloTile:
    """Return a tile of the plan as norms know it."""
    rows, columns = tile.rows, tile.columns
    return HaloTile(
        (slice(rows.begin, rows.end), slice(columns.begin, columns.end)),
        (
            slice(rows.start - rows.begin, rows.stop - rows.begin),
            slice(columns.start - columns.begin, columns.stop - columns.begin),
        ),
    )


class AvatarPainting(Matched):
    """A painting with `avatar`.

    The photograph's colours are matched first, then the features of what that gives, layer by layer; one network
    decodes them all.
    """

    encoder: Petite
    layers = tuple(reversed(LAYERS))
    recolors = True

    def _prepare(self, encoder: str | Path | Encoder | None, network: Path | None) -> None:
        recipe, device = self.recipe, self.resources.device
        self.encoder, self.recipe = petite_of(recipe, encoder, device)
        files = networks.shipped(recipe.method) if network is None else networks.load(network)
        file = networks.only(files, KIND, recipe.method)
        store.expect(file.card, file.where, method=METHOD, kind=KIND, encoder=self.encoder.sha256)
        self.net = Avatar.from_card(file.tensors, file.card, file.where).to(device)
        self.net.precision = torch.bfloat16 if self.recipe.precision == "bfloat16" else None
        self._weights = (
            {"name": self.encoder.name, "sha256": self.encoder.sha256},
            file.record(recipe.method),
        )
        what = f"painting {self.size[1]}x{self.size[0]} px with {recipe.method}"
        self._tile, self._bytes = tiles.choose(what, self.size, self._need, self.resources)
        self._begin()

    def _need(self, size: Size) -> Need:
        recipe, pixels = self.recipe, size[0] * size[1]
        # The photograph, in its new colours, and the picture to come; while styles are measured, these instead.
        pictures = max(4.0, 1 + 2.5 * recipe.style_scale**2)
        if recipe.color in ("match", "luminance"):
            pictures += 6 * (1 + recipe.style_scale**2)
        regions = 0 if self.scene.regions is None else len(self.scene.regions.names)
        weights = sum(parameter.nbytes for parameter in self.net.parameters())

        def cut(of_size: Size, tile: int | None) -> int:
            height, width = self._grid(of_size, tile).encoded
            return height * width

        return Need(round(12 * pictures * pixels) + 12 * regions * pixels + weights, SCRATCH[recipe.precision], cut)

    def _grid(self, size: Size, tile: int | None) -> Grid:
        """Return the tiles of a picture whose own pixels are painted as in one piece."""
        step = self.net.stride
        seen = (self.encoder.receptive_field(LAYERS[-1]) - step) // 2
        reach = -(-(self.net.halo + seen) // step) * step
        strides = {layer: self._stride(layer) for layer in LAYERS}
        return Grid(size, tile=max(size) if tile is None else tile, reach=reach, strides=strides)

    def _transform(self, layer: str) -> Transform:
        return Matching(softly)

    def _features(self, cut: Tensor) -> dict[str, Tensor]:
        # Without parts of neurons: a style's border is no place to go on from.
        features = self.encoder.raw(cut.to(self.resources.device), LAYERS)
        return {layer: maps.float() for layer, maps in features.items()}

    def _painted(self) -> Iterator[tuple[str, Tensor]]:
        painted = self._picture(self._of_styles())
        yield "network", faded(self.scene.photo(self.level), painted, self.recipe.alpha).clamp_(0, 1)

    @torch.no_grad()
    def _picture(self, styles: Mapping[str, list[list[Any]]]) -> Tensor:
        """Return the picture (1, 3, H, W), linear."""
        photo = self._recolored(self.scene.photo(self.level), styles[PIXELS])
        regions = {layer: self._regions(layer) for layer in LAYERS}

        def encode(cut: Tensor) -> dict[str, Tensor]:
            return encoded(self.encoder, cut.to(self.resources.device))

        pieces = Pieces(encode, photo, self._grid(self.size, self._tile), self.encoder)
        measured = pieces
        if self._tile is not None:
            least = tiles.measuring(self.size, LAYERS[-1], self._tile, self.encoder)
            measured = Pieces(encode, photo, least, self.encoder)
        maps = {layer: self._maps(measured, layer, regions[layer], styles[layer]) for layer in LAYERS}
        painted = torch.empty_like(photo, memory_format=torch.contiguous_format)
        statistics = NormStatistics()
        measuring = True
        while measuring:
            for piece in pieces:
                matched = {
                    layer: applied(piece.features[layer], maps[layer], self._around(piece, regions[layer], layer))
                    for layer in LAYERS
                }
                cut = piece.tile.cut(photo).to(self.resources.device)
                if self._tile is not None:
                    statistics.within(halo_tile(piece.tile), self.net.stride)
                # The first pass that no norm ends is the one that paints.
                with contextlib.suppress(IncompleteStatistics):
                    tiles.put(painted, piece.tile, self.net(cut, matched, statistics))
                self._release()
            measuring = statistics.settle()
        return painted

    @torch.no_grad()
    def _tried(self, image: Tensor) -> None:
        height, width = image.shape[-2:]
        grid = self._grid((height, width), None)
        pieces = Pieces(self._features, image, grid, self.encoder)
        matched: dict[str, Tensor] = {}
        for layer in LAYERS:
            transform = self._transform(layer)
            own = transform.sums("content", pieces, {layer: [None]})[layer]
            (piece,) = pieces
            maps: list[Affine | None] = [blended(transform, own[0], own, [1.0], 1.0)]
            matched[layer] = applied(piece.features[layer], maps, None)
        self.net(image, matched)
