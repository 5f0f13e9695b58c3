"""Methods that lay a picture out of the paintings' own features, found one by one and decoded again.

Both go from deep to shallow, each layer with what the one before made of the picture, as `wct` does. The whole picture
is matched with the whole paintings, so it is painted in one piece. Very many patches would take very long: where there
are more than `MAX_PATCHES`, only every second, third, ... is matched, and patches are larger, so that they still
overlap.
"""

import math
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders import Encoder, Petite
from impasto.errors import WeightsError
from impasto.feedforward import networks, tiles
from impasto.feedforward.base import FeedForward
from impasto.feedforward.codec import decoder_of, petite_of
from impasto.feedforward.detail import add_detail
from impasto.feedforward.tiles import Need, Size
from impasto.feedforward.weave import remove_weave
from impasto.losses import PatchBank, PatchSource
from impasto.losses.patches import patch_labels
from impasto.losses.similarity import SCRATCH_BYTES
from impasto.nets.decoder import Decoder, pad_to_neurons
from impasto.nets.transforms import Moments
from impasto.optim.timing import MATCHED_SIDE, seconds_per_pair
from impasto.scene import Painted
from impasto.scene.areas import area_scales
from impasto.scene.copies import StyleCopies, capacity_of, copies

LAYERS = ("relu4_1", "relu3_1", "relu2_1")
"""From deep to shallow. Li et al.'s fifth, relu1_1, has colours and no strokes; Gu et al. use these three too."""
MAX_PATCHES = 20_000
"""Patches of the picture, and of the paintings, that are matched with one another at most."""
GAIN = 2.0
"""The largest factor by which the contrast that averaging took is given back: where hardly any is left, it is noise."""
SCRATCH = {"float32": 420, "bfloat16": 380}
"""Bytes per pixel at the peak, as seen, beside the paintings' features."""


class Rearranged(FeedForward):
    """A painting laid out of the features of the styles, layer by layer; subclasses say how a layer is found."""

    encoder: Petite

    def _prepare(self, encoder: str | Path | Encoder | None, network: Path | None) -> None:
        method, device = self.recipe.method, self.resources.device
        self.encoder, self.recipe = petite_of(self.recipe, encoder, device)
        loaded = networks.shipped(method) if network is None else networks.load(network)
        by_layer = {file.card.layer: file for file in loaded if file.card.kind == "decoder"}
        lacking = [layer for layer in LAYERS if layer not in by_layer]
        if lacking:
            raise WeightsError(
                f"{method}: has no decoder from {lacking[0]}; it needs those of wct: {', '.join(LAYERS)}"
            )
        self.decoders: dict[str, Decoder] = {}
        self._weights = ({"name": self.encoder.name, "sha256": self.encoder.sha256},)
        for layer in LAYERS:
            self.decoders[layer] = decoder_of(by_layer[layer], "wct", self.encoder).to(device)
            self._weights += (by_layer[layer].record(f"wct {layer}"),)
        self.steps = len(LAYERS)
        self._style_copies = StyleCopies(self.scene, self.encoder)
        what = f"painting {self.size[1]}x{self.size[0]} px with {method}"
        self._tile, self._bytes = tiles.choose(what, self.size, self._need, self.resources, whole=True)

    def _need(self, size: Size) -> Need:
        recipe, pixels = self.recipe, math.prod(size)
        fit = pixels / math.prod(self.size)
        scales = area_scales(self.scene)
        styles = [self.scene.style_size(style, self.level, scale) for style in self.scene.styles for scale in scales]
        area = fit * copies(recipe) * sum(map(math.prod, styles))
        largest = fit * max(map(math.prod, styles))
        pictures = 5.0 + (6 if recipe.color in ("match", "luminance") else 0)
        regions = 0 if self.scene.regions is None else len(self.scene.regions.names)
        weights = sum(p.nbytes for decoder in self.decoders.values() for p in decoder.parameters())
        fixed = 12 * pictures * pixels + self._bytes_of_bank * area + SCRATCH[recipe.precision] * largest
        fixed += 8 * regions * (pixels + area) + weights + 4 * SCRATCH_BYTES
        return Need(round(fixed), SCRATCH[recipe.precision], lambda at, _tile: math.prod(at))

    @property
    @abstractmethod
    def _bytes_of_bank(self) -> float:
        """Bytes of the paintings' features, per pixel of theirs."""

    @property
    def _capacity(self) -> float | None:
        return capacity_of(self.recipe)

    @property
    def _products(self) -> torch.dtype | None:
        """Return the type of the products of patches; with a bound on use all of float32, or too many are alike."""
        return self.encoder.precision if self._capacity is None else None

    def _painted(self) -> Iterator[tuple[str, Tensor]]:
        photo = self.scene.photo(self.level).to(self.resources.device)
        # All layers then have whole neurons, and those of two layers lie over one another.
        photo = pad_to_neurons(photo, self.encoder.stride(LAYERS[0]))
        image = photo
        for layer in LAYERS:
            with torch.no_grad():
                image = self._once(image, photo, layer)
            result = image[..., : self.size[0], : self.size[1]]
            if layer == LAYERS[-1]:
                remove_weave(result)
                add_detail(result, photo[..., : self.size[0], : self.size[1]], self.recipe.detail)
            yield layer, result

    @abstractmethod
    def _once(self, image: Tensor, photo: Tensor, layer: str) -> Tensor:
        """Paint `image` (1, 3, H, W), made of `photo`, at one layer."""

    def _encode(self, image: Tensor, layer: str) -> Tensor:
        """Return the features (1, C, h, w) of a picture."""
        return self.encoder.raw(image.to(self.resources.device), [layer])[layer].float()

    def _decoded(
        self, image: Tensor, own: Tensor, painted: Tensor, fraction: float, layer: str, change: bool
    ) -> Tensor:
        """Decode the `fraction` of what was `painted` (C, h, w), the rest of the `own` features (1, C, h, w)."""
        decoder = self.decoders[layer]
        picture: Tensor = decoder(torch.lerp(own, painted[None], fraction))
        return (picture + image - decoder(own) if change else picture).clamp(0, 1)

    def _measured(self, features: Tensor, painted: Painted, layer: str) -> Moments:
        """Return the moments of a painting's features (1, C, h, w), where it is not transparent."""
        alpha = (
            None if painted.alpha is None else self._style_copies.at(painted.alpha[None], layer)[0].to(features.device)
        )
        return Moments.measure(features, alpha)

    def _source(
        self, features: Tensor, painted: Painted, labels: list[bool], layer: str, cut: tuple[int, int]
    ) -> PatchSource:
        """Return features (C, h, w) as a source; beside the labels there is one more, which all that can paint has."""
        allowed = self._style_copies.allowed(painted, labels, layer, *cut)
        return PatchSource(features, allowed=torch.cat([allowed, allowed.any(0)[None]]).to(features.device))

    def _cut(self, layer: str, size: int) -> tuple[int, int]:
        """Return the size and the stride of the patches at a layer."""
        ours, theirs = (area / self.encoder.stride(layer) ** 2 for area in self._areas())
        stride = max(1, math.ceil(math.sqrt(math.sqrt(ours * theirs) / MAX_PATCHES)))
        return (size if stride == 1 else max(size, stride + (size > 1))), stride

    def _areas(self) -> tuple[int, int]:
        """Return the pixels of the picture, and of all paintings with their copies."""
        sizes = [self.scene.style_size(style, self.level) for style in self.scene.styles]
        return math.prod(self.size), copies(self.recipe) * sum(map(math.prod, sizes))

    def _matched(self, bank: PatchBank, features: Tensor, layer: str) -> Tensor:
        """Return the numbers (Y, X) of the patches that features (C, h, w) of the picture are matched with."""
        rows, columns = bank.grid(*features.shape[1:])
        usable_labels = bank.usable_labels
        labels = torch.zeros(rows, columns, dtype=torch.long)
        maps = self.scene.maps(self.level)
        if maps is not None:
            labels = patch_labels(
                self._style_copies.at(pad_to_neurons(maps[None], self.encoder.stride(LAYERS[0]))[0], layer),
                bank.size,
                bank.stride,
            )
            self._style_copies.tell(layer, labels, usable_labels.cpu(), self.level)
        last = len(usable_labels) - 1
        labels = torch.where(F.pad(usable_labels[:-1].cpu(), (0, 1))[labels], labels, last).to(features.device)
        return bank.match(features, labels=labels, penalty=self.recipe.patch_reuse, capacity=self._capacity)[0]

    def seconds(self) -> float:
        """Estimate how long the painting will take, by coding and matching small pictures."""
        total = super().seconds()
        for layer in LAYERS[: self._matchings]:
            channels, size = self._matching_of(layer)
            size, stride = self._cut(layer, size)
            pair = seconds_per_pair(
                channels,
                size,
                stride,
                self.recipe.patch_reuse,
                self._capacity,
                self._products,
                side=MATCHED_SIDE * stride,
            )
            total += pair * math.prod(self._areas()) / self.encoder.stride(layer) ** 4
        return total

    _matchings = len(LAYERS)

    @abstractmethod
    def _matching_of(self, layer: str) -> tuple[int, int]:
        """Return the channels and the size of the patches that are matched at a layer."""

    @torch.no_grad()
    def _tried(self, image: Tensor) -> None:
        for layer, decoder in self.decoders.items():
            # The picture, which is decoded twice where only its change is, and a painting.
            features = self._encode(image, layer)
            self._encode(image, layer)
            decoder(features)
            decoder(features)


def overlay(bank: PatchBank, matches: Tensor, size: tuple[int, int]) -> Tensor:
    """Lay patches (Y, X) over one another, (C, h, w), with the contrast that they had before their means were taken."""
    total, count, squares = bank.vote(matches, size)
    mean = total / count
    middle = mean.mean((1, 2), keepdim=True)
    power = middle.square().sum()
    after = mean.square().sum(0).mean() - power
    before = (squares / count).mean() - power
    gain = (before / after.clamp_min(1e-12)).clamp(1, GAIN**2).sqrt()
    return middle + gain * (mean - middle)
