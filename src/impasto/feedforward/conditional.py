"""`ghiasi`: one network for any painting, told of it by the gains and offsets of its norms (Ghiasi et al. 2017)."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from impasto import guides, images
from impasto.encoders import Encoder, Petite
from impasto.events import notice
from impasto.feedforward import networks, tiles
from impasto.feedforward.base import FeedForward
from impasto.feedforward.codec import petite_of
from impasto.feedforward.tiles import Need, Pieces, Size
from impasto.feedforward.transform import WCT
from impasto.nets import store
from impasto.nets.ghiasi import KIND, LAYERS, METHOD, PIXELS, Ghiasi, Norms
from impasto.nets.in_tiles import in_tiles
from impasto.nets.norm_statistics import NormStatistics
from impasto.nets.transforms import Moments

SCRATCH = {"float32": 240, "bfloat16": 200}
"""Bytes per pixel that is painted or measured at a time, at the peak, as seen with the plan that ships."""

STRIP = 1_000_000
"""Pixels whose colours are measured at a time: 24 MB in float64."""


class Conditional(FeedForward):
    """A painting with `ghiasi`.

    Each painting is measured once; the network's norms are predicted from that and from the strength. Several styles
    are mixed by mixing norms, and regions have norms of their own, pixel by pixel.
    """

    encoder: Petite

    def _prepare(self, encoder: str | Path | Encoder | None, network: Path | None) -> None:
        recipe, device = self.recipe, self.resources.device
        petite, resolved = petite_of(recipe, encoder, device)
        self.encoder, self.recipe = petite, resolved
        files = networks.shipped(recipe.method) if network is None else networks.load(network)
        file = networks.only(files, KIND, recipe.method)
        store.expect(file.card, file.where, method=METHOD, kind=KIND, encoder=petite.sha256)
        self.net = Ghiasi.from_card(file.tensors, file.card, file.where).to(device)
        self.net.precision = torch.bfloat16 if resolved.precision == "bfloat16" else None
        self._weights = ({"name": petite.name, "sha256": petite.sha256}, file.record(recipe.method))
        what = f"painting {self.size[1]}x{self.size[0]} px with {recipe.method}"
        self._tile, self._bytes = tiles.choose(what, self.size, self._need, self.resources)
        self._norms: Norms | None = None

    def _need(self, size: Size) -> Need:
        halo, step = self.net.halo, self.net.stride
        regions = 0 if self.scene.regions is None else len(self._names)

        def cut(size: Size, tile: int | None) -> int:
            sides = [side if tile is None else min(side, tile // step * step + 2 * (halo + step)) for side in size]
            return sides[0] * sides[1]

        weights = sum(parameter.nbytes for parameter in self.net.parameters())
        pictures = max(3.0, 1 + 2.5 * self.recipe.style_scale**2)
        return Need(
            round((12 * pictures + 8 * regions) * size[0] * size[1]) + weights, SCRATCH[self.recipe.precision], cut
        )

    def _painted(self) -> Iterator[tuple[str, Tensor]]:
        if self._norms is None or self.recipe.color in ("match", "luminance"):  # whose styles follow the content
            self._norms = self._predicted()
        yield "network", self._picture(self._norms).clamp_(0, 1)

    @torch.no_grad()
    def _picture(self, norms: Norms) -> Tensor:
        image, device = self.scene.photo(self.level), self.resources.device
        net = _Told(self.net, norms, device)
        # The maps of regions travel as planes beside the colours: tiles cut them alike.
        planes = image if norms.maps is None else torch.cat([image, norms.maps[None]], 1)
        painted = net(planes) if self.tile is None or self.tile >= max(self.size) else in_tiles(net, planes, self.tile)
        return painted[:, :3].contiguous()

    @property
    def _names(self) -> list[str]:
        """Names of the regions that are painted, in order."""
        regions = self.scene.regions
        return [] if regions is None else [name for name in regions.names if name not in self.recipe.keep]

    @torch.no_grad()
    def _predicted(self) -> Norms:
        """Predict the norms: one row for the whole picture, or one for each region that is painted."""
        moments = [self._moments(index) for index in range(len(self.scene.styles))]
        weights = self.recipe.style_weights or (1.0,) * len(moments)
        regions = self.scene.regions
        if regions is None:
            return self._mixed([of_style[0] for of_style in moments], weights)
        rows, numbers = [], []
        for place, name in enumerate(self._names):
            number = regions.names.index(name)
            own = [
                weight if number in self.scene.painted_by(index) and not of_style[place][LAYERS[0]].empty else 0.0
                for index, (weight, of_style) in enumerate(zip(weights, moments, strict=True))
            ]
            if not any(own):
                notice(f"region '{name}' has no part in any style; all of the first style is taken")
                own = [1.0] + [0.0] * (len(own) - 1)
            rows.append(self._mixed([of_style[place] for of_style in moments], own))
            numbers.append(number)
        gains, offsets, palette = (
            tuple(torch.cat(parts) for parts in zip(*(getattr(row, key) for row in rows), strict=True))
            for key in ("gains", "offsets", "palette")
        )
        moved = torch.cat([row.moved for row in rows])
        maps = guides.fit(regions.content[numbers], self.size)
        # What no painted region covers is put back afterwards, and only must not be divided by nothing.
        return Norms(gains, offsets, (palette[0], palette[1]), moved, maps / maps.sum(0).clamp_min(1e-6))

    def _mixed(self, moments: Sequence[dict[str, Moments]], weights: Sequence[float]) -> Norms:
        """Return the mean norms (1, C) of styles by their weights."""
        total = sum(weights)
        mean: list[Tensor] = []
        for of_style, weight in zip(moments, weights, strict=True):
            if not weight:
                continue
            device = self.resources.device
            sums = [
                (of_style[layer].mean[None].float().to(device), of_style[layer].covariance[None].float().to(device))
                for layer in (PIXELS, *LAYERS)
            ]
            norms = self.net.norms(sums, torch.tensor([self.recipe.alpha], device=device))
            parts = [weight / total * part for part in (*norms.gains, *norms.offsets, *norms.palette, norms.moved)]
            mean = [one + other for one, other in zip(mean, parts, strict=True)] if mean else parts
        *both, middle, factor, moved = mean
        half = len(both) // 2
        return Norms(tuple(both[:half]), tuple(both[half:]), (middle, factor), moved)

    def _moments(self, index: int) -> list[dict[str, Moments]]:
        """Measure a style: for each region that is painted the moments of each layer; one entry without regions."""
        style = self.scene.style(index, self.level)
        size = style.pixels.shape[2], style.pixels.shape[3]

        def encode(cut: Tensor) -> dict[str, Tensor]:
            features = self.encoder.raw(cut.to(self.resources.device), LAYERS)
            return {layer: maps.float() for layer, maps in features.items()}

        counted: dict[str, list[Tensor | None]] = {}
        for layer in LAYERS:
            stride = self.encoder.stride(layer)
            at_layer = size[0] // stride, size[1] // stride
            alpha = None if style.alpha is None else images.resize(style.alpha[None, None], at_layer)[0, 0]
            if self.scene.regions is None or style.maps is None:
                counted[layer] = [alpha] * max(1, len(self._names))
            else:
                numbers = [self.scene.regions.names.index(name) for name in self._names]
                maps = guides.fit(style.maps[numbers], at_layer)
                counted[layer] = [of_region if alpha is None else of_region * alpha for of_region in maps]
        pieces = Pieces(encode, style.pixels, tiles.measuring(size, LAYERS[-1], self._tile, self.encoder), self.encoder)
        sums = WCT.sums("style", pieces, counted)
        self._release()
        if self.scene.regions is None or style.maps is None:
            full = [style.alpha] * max(1, len(self._names))
        else:
            maps = guides.fit(style.maps[numbers], size)
            full = [of_region if style.alpha is None else of_region * style.alpha for of_region in maps]
        sums[PIXELS] = [_colors(style.pixels, guide) for guide in full]
        return [
            {layer: of_layer[place] for layer, of_layer in sums.items()} for place in range(len(counted[LAYERS[0]]))
        ]

    @torch.no_grad()
    def _tried(self, image: Tensor) -> None:
        channels = (3, *self.net.plan.channels)
        sums = [(image.new_zeros(1, n), torch.eye(n, device=image.device)[None]) for n in channels]
        self.net(image, self.net.norms(sums, image.new_tensor([0.5])))


def _colors(pixels: Tensor, guide: Tensor | None) -> Moments:
    """Measure the colours of `pixels` (1, 3, H, W), weighted by `guide` (H, W), some rows at a time."""
    step = max(1, STRIP // pixels.shape[3])
    rows = [slice(top, top + step) for top in range(0, pixels.shape[2], step)]
    parts = [Moments.measure(pixels[:, :, part], None if guide is None else guide[part]) for part in rows]
    return functools.reduce(Moments.__add__, parts)


class _Told:
    """The network with its norms, as tiles call it: planes of the CPU in and out, painted on a device."""

    def __init__(self, net: Ghiasi, norms: Norms, device: torch.device) -> None:
        self._net, self._norms, self._device = net, norms, device
        self.stride, self.halo = net.stride, net.halo

    def __call__(self, image: Tensor, statistics: NormStatistics | None = None) -> Tensor:
        colors, maps = image[:, :3], image[:, 3:]
        norms = self._norms
        if norms.maps is not None:
            norms = replace(norms, maps=maps[0].to(self._device))
        painted = self._net(colors.to(self._device), norms, statistics).cpu()
        return torch.cat([painted, maps], 1)
