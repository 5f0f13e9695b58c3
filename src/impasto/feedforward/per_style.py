"""Methods of one network for one style: `johnson` and `texture_net`."""

import re
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.events import notice
from impasto.feedforward import networks, tiles
from impasto.feedforward.base import FeedForward
from impasto.feedforward.tiles import Need, Size
from impasto.nets.in_tiles import in_tiles
from impasto.nets.johnson import Johnson
from impasto.nets.norm_statistics import NormStatistics
from impasto.nets.texture_net import TextureNet
from impasto.scene.resolve import precision_of

SCRATCH = {
    "johnson": {"float32": 220, "bfloat16": 190},
    "texture_net": {"float32": 1600, "bfloat16": 850},
}
"""Bytes per pixel that is painted at a time, at the peak, as seen with the plans that ship."""


class PerStyle(FeedForward):
    """A painting with `johnson` or `texture_net`."""

    def _prepare(self, encoder: str | Path | Encoder | None, network: Path | None) -> None:
        recipe, device, scene = self.recipe, self.resources.device, self.scene
        if recipe.color not in ("style", "content"):
            raise UsageError(
                f"color '{recipe.color}' is not for {recipe.method}, whose style has no picture; use content"
            )
        if scene.styles and not recipe.refine:
            raise UsageError(
                f"{recipe.method} paints the style of its network, and takes no painting; leave --style out"
            )
        if network is None:
            loaded, name = networks.by_name(recipe.method, recipe.network)
        else:
            loaded = networks.only(networks.load(network), KINDS[recipe.method], recipe.method)
            name = named(loaded.card.style or network.stem)
        precision = precision_of(recipe, device)
        kind = Johnson if recipe.method == "johnson" else TextureNet
        self.net = kind.from_card(loaded.tensors, loaded.card, loaded.where).to(device)
        self.net.precision = torch.bfloat16 if precision == "bfloat16" else None
        self.recipe = recipe.replace(network=name, precision=precision)
        self._weights = (loaded.record(f"{recipe.method} {name}"),)
        self._check_mode(loaded)
        if scene.styles and loaded.card.style_sha256 not in ("", scene.styles[0].sha256):
            notice(f"{scene.styles[0].name}: is not the painting that {name} was trained on ({loaded.card.style[:60]})")
        what = f"painting {self.size[1]}x{self.size[0]} px with {recipe.method}"
        # Noise goes on round the corner, at every scale: a texture has no borders to cut it by.
        whole = scene.content is None
        self._tile, self._bytes = tiles.choose(what, self.size, self._need, self.resources, whole=whole)

    def _check_mode(self, loaded: networks.Loaded) -> None:
        mode = loaded.card.training.get("mode")
        if self.scene.content is None and mode == "photos":
            raise UsageError(f"{loaded.where}: was trained to paint photographs, not noise; name another for textures")
        if self.scene.content is not None and mode == "noise":
            raise UsageError(f"{loaded.where}: was trained to make textures; use impasto texture, or name another")

    def _need(self, size: Size) -> Need:
        halo, step = self.net.halo, self.net.stride

        def cut(size: Size, tile: int | None) -> int:
            sides = [side if tile is None else min(side, tile // step * step + 2 * (halo + step)) for side in size]
            return sides[0] * sides[1]

        weights = sum(p.nbytes for p in self.net.parameters())
        scratch = SCRATCH[self.recipe.method][self.recipe.precision] * _width(self.net)
        return Need(3 * 12 * size[0] * size[1] + weights, scratch, cut)

    def _painted(self) -> Iterator[tuple[str, Tensor]]:
        yield "network", (self._texture() if self.scene.content is None else self._picture()).clamp_(0, 1)

    @torch.no_grad()
    def _texture(self) -> Tensor:
        if not isinstance(self.net, TextureNet):  # johnson needs a photograph, which `FeedForward` saw to
            raise UsageError("johnson makes no textures")
        return self.net.texture(self.size, self.recipe.seed)

    @torch.no_grad()
    def _picture(self) -> Tensor:
        image, device = self.scene.photo(self.level), self.resources.device
        if self.tile is None or self.tile >= max(self.size):
            painted: Tensor = self.net(image.to(device))
            return painted
        return in_tiles(_Elsewhere(self.net, device), image, self.tile)

    @torch.no_grad()
    def _tried(self, image: Tensor) -> None:
        self.net(image)


def _width(net: Johnson | TextureNet) -> float:
    """Return the values per pixel of the widest map, over those of the plan that ships."""
    if isinstance(net, TextureNet):
        return net.plan.width * net.plan.scales / 48
    return max(1.0, (net.plan.full or net.plan.narrow / 4) / 6)


KINDS = {"johnson": "stylizer", "texture_net": "generator"}


class _Elsewhere:
    """A network that takes and gives pictures of the CPU, and paints on a device."""

    def __init__(self, net: Johnson | TextureNet, device: torch.device) -> None:
        self._net, self._device = net, device
        self.stride, self.halo = net.stride, net.halo

    def __call__(self, image: Tensor, statistics: NormStatistics | None = None) -> Tensor:
        painted: Tensor = self._net(image.to(self._device), statistics).cpu()
        return painted


def named(style: str) -> str:
    """Return a name that a recipe can carry."""
    return re.sub(r"[^a-z0-9._-]+", "_", style.lower()).strip("._-")[:64] or "network"
