"""Methods for any painting: features are encoded, transformed after those of the styles, and decoded again.

`wct` does so at five layers, from deep to shallow, each time with what the layer before made of the picture (Li et al.
2017, section 3.2); `adain` and `linear` once. Sums are taken over all tiles of a large picture before any is painted,
so tiles show no seams: they are what the picture in one piece would be.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.encoders import Encoder, Petite
from impasto.errors import WeightsError
from impasto.feedforward import networks, tiles
from impasto.feedforward.codec import decoder_of, petite_of
from impasto.feedforward.matched import PIXELS, Matched
from impasto.feedforward.networks import Loaded
from impasto.feedforward.tiles import Need, Pieces, Size
from impasto.feedforward.transform import ADAIN, WCT, Learnt, Transform, applied, blended
from impasto.feedforward.weave import remove_weave
from impasto.nets import store
from impasto.nets.decoder import Decoder, pad_to_neurons
from impasto.nets.linear import KIND, Linear

TEXTURE_PASSES = 3
DETAILED = ("relu5_1",)
"""Layers at which only the change that the transform makes is decoded and added to the picture. Li et al. decode the
whole: from relu5_1, where a neuron stands for 16x16 pixels, faces and windows do not come back."""
RECOLORED = ("adain", "linear")
"""Methods whose photograph takes the colours first; `wct` matches colours at its last layer."""
SCRATCH = {
    "wct": {"float32": 380, "bfloat16": 340},
    "adain": {"float32": 290, "bfloat16": 190},
    "linear": {"float32": 310, "bfloat16": 280},
}
"""Bytes per pixel that is encoded at a time, at the peak, as seen: maps, their padded copies, and sums."""


class AnyStyle(Matched):
    """A painting with `wct`, `adain` or `linear`."""

    encoder: Petite
    decoders: list[Decoder]
    """From deep to shallow."""

    def _prepare(self, encoder: str | Path | Encoder | None, network: Path | None) -> None:
        recipe = self.recipe
        self.encoder, resolved = petite_of(recipe, encoder, self.resources.device)
        self.recipe = resolved.replace(passes=self._passes())
        self._load(network)
        self.recolors = recipe.method in RECOLORED and self.scene.content is not None
        self.steps = self.recipe.passes * len(self.decoders) if recipe.method == "wct" else 1
        deepest = self.decoders[0].layer
        what = f"painting {self.size[1]}x{self.size[0]} px with {recipe.method}"
        self._tile, self._bytes = tiles.choose(what, self.size, lambda size: self._need(size, deepest), self.resources)
        self._begin()

    def _transform(self, layer: str) -> Transform:
        return self.transform

    def _features(self, cut: Tensor) -> dict[str, Tensor]:
        features = self.encoder.raw(cut.to(self.resources.device), self.layers)
        return {layer: maps.float() for layer, maps in features.items()}

    def _passes(self) -> int:
        recipe = self.recipe
        return recipe.passes or (TEXTURE_PASSES if self.scene.content is None else 1) if recipe.method == "wct" else 0

    def _load(self, network: Path | None) -> None:
        method, device = self.recipe.method, self.resources.device
        loaded = networks.shipped(method) if network is None else networks.load(network)
        self.transform: Transform = WCT if method == "wct" else ADAIN
        self._weights = ({"name": self.encoder.name, "sha256": self.encoder.sha256},)
        if method == "linear":
            learnt = networks.only(loaded, KIND, method)
            store.expect(learnt.card, learnt.where, encoder=self.encoder.sha256)
            net = Linear.from_card(learnt.tensors, learnt.card, learnt.where).to(device)
            self.transform = Learnt(net, learnt.where)
            self._weights += (learnt.record(f"linear {net.layer}"),)
            # Its decoder is one of wct's, and ships but once.
            decoders = [file for file in loaded if file is not learnt] or networks.shipped("wct")
            loaded = [file for file in decoders if file.card.layer == net.layer]
        self.decoders = []
        for file in sorted(loaded, key=lambda file: file.card.layer, reverse=True):
            self.decoders.append(self._decoder(file))
            self._weights += (file.record(f"{file.card.method} {file.card.layer}"),)
        self.layers = layers = [decoder.layer for decoder in self.decoders]
        if not layers or len({*layers}) < len(layers) or (method != "wct" and len(layers) > 1):
            many = f"{len(layers)} decoders ({', '.join(layers)})" if layers else "no decoder"
            raise WeightsError(f"{method}: has {many}; it needs one{' from each layer' if method == 'wct' else ''}")

    def _decoder(self, loaded: Loaded) -> Decoder:
        method = "wct" if self.recipe.method == "linear" else self.recipe.method
        decoder = decoder_of(loaded, method, self.encoder)
        if isinstance(self.transform, Learnt):
            self.transform.net.expect_decoder(decoder, self.transform.where)
        decoder.padding = "circular" if self.recipe.tileable else "reflect"
        return decoder.to(self.resources.device)

    def _need(self, size: Size, deepest: str) -> Need:
        recipe, pixels = self.recipe, size[0] * size[1]
        picture = 12 * pixels
        # The photograph, the picture so far and the one to come; while styles are measured, these instead.
        pictures = max(4.0 if self.recolors else 3.0, 1 + 2.5 * recipe.style_scale**2)
        if recipe.color in ("match", "luminance"):
            pictures += 6 * (1 + recipe.style_scale**2)
        regions = 0 if self.scene.regions is None else len(self.scene.regions.names)
        layers = self.decoders[-1].layer
        maps = 4 * 2 * regions * pixels // self.encoder.stride(layers) ** 2
        weights = sum(p.nbytes for decoder in self.decoders for p in decoder.parameters())
        return Need(
            round(picture * pictures) + maps + weights,
            SCRATCH[recipe.method][recipe.precision],
            tiles.of_grid(deepest, self.encoder, wrap=recipe.tileable),
        )

    def _painted(self) -> Iterator[tuple[str, Tensor]]:
        styles = self._of_styles()
        image = self._start(styles)
        passes = max(1, self.recipe.passes)
        for number in range(passes):
            for decoder in self.decoders:
                image = self._once(image, decoder, styles)
                # Decoded as a change alone, the photograph's own pixels stay, with whatever fabrics it shows.
                if number == passes - 1 and decoder is self.decoders[-1] and decoder.layer not in DETAILED:
                    remove_weave(image, wrap=self.recipe.tileable)
                yield f"pass {number + 1}, {decoder.layer}", image
                self._release()

    def _start(self, styles: Mapping[str, list[list[Any]]]) -> Tensor:
        if self.scene.content is None:
            random = torch.Generator().manual_seed(self.recipe.seed)
            return self._stored(torch.rand(1, 3, *self.size, generator=random))
        photo = self.scene.photo(self.level)
        return self._stored(self._recolored(photo, styles[PIXELS]) if self.recolors else photo)

    def _stored(self, image: Tensor) -> Tensor:
        # Tiles go to the device one by one; the whole only where it is worked on in one piece.
        return image.to(self.resources.device) if self.tile is None else image

    @torch.no_grad()
    def _once(self, image: Tensor, decoder: Decoder, styles: Mapping[str, list[list[Any]]]) -> Tensor:
        """Paint `image` (1, 3, H, W) at one layer."""
        layer, wrap = decoder.layer, self.recipe.tileable
        encoder = self.encoder.padded("circular") if wrap else self.encoder

        def encode(cut: Tensor) -> dict[str, Tensor]:
            cut = pad_to_neurons(cut.to(self.resources.device), encoder.stride(layer))
            return {layer: encoder.raw(cut, [layer])[layer].float()}

        pieces = Pieces(encode, image, tiles.grid(self.size, layer, self._tile, encoder, wrap=wrap), encoder)
        # A tile that is only measured needs less around it than one that is decoded.
        least = tiles.measuring(self.size, layer, self._tile, encoder, self.transform.reach, wrap=wrap)
        regions = self._regions(layer)
        measured = pieces if self.tile is None else Pieces(encode, image, least, encoder)
        maps = self._maps(measured, layer, regions, styles[layer])
        canvas = torch.empty_like(image, memory_format=torch.contiguous_format)
        for piece in pieces:
            painted = decoder(applied(piece.features[layer], maps, self._around(piece, regions, layer)))
            if layer in DETAILED and self.scene.content is not None:  # noise has nothing to keep
                cut = pad_to_neurons(piece.tile.cut(image).to(painted), encoder.stride(layer))
                painted += cut - decoder(piece.features[layer])
            tiles.put(canvas, piece.tile, painted)
        return canvas.clamp_(0, 1)

    @torch.no_grad()
    def _tried(self, image: Tensor) -> None:
        for decoder in self.decoders * max(1, self.recipe.passes):
            features = self.encoder.raw(image, [decoder.layer])[decoder.layer].float()
            grid = tiles.grid((image.shape[2], image.shape[3]), decoder.layer, None, self.encoder)
            pieces = Pieces(lambda _cut, raw=features, at=decoder.layer: {at: raw}, image, grid, self.encoder)  # type: ignore[misc]
            own = self.transform.sums("content", pieces, {decoder.layer: [None]})[decoder.layer]
            decoder(applied(features, [blended(self.transform, own[0], own, [1.0], 1.0)], None))
