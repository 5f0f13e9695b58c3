"""Methods of one network for one style: `johnson` and `texture_net`."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.events import notice
from impasto.feedforward import networks, tiles
from impasto.feedforward.base import FeedForward
from impasto.feedforward.tiles import Need, Size
from impasto.images import Picture
from impasto.nets.in_tiles import in_tiles
from impasto.nets.johnson import Johnson
from impasto.nets.norm_statistics import NormStatistics
from impasto.nets.texture_net import TextureNet
from impasto.optim.timing import timed
from impasto.scene.resolve import precision_of

SCRATCH = {
    "johnson": {"float32": 220, "bfloat16": 190},
    "texture_net": {"float32": 1600, "bfloat16": 850},
}
"""Bytes per pixel that is painted at a time, at the peak, as seen with the plans that ship."""


AT_ONCE = 4
"""Photographs that go through a network together: of 64 px, two take 0.77 of the time of one by one, four and eight
take 0.68."""
PIXELS_AT_ONCE = {"cpu": 128 * 128, "cuda": 512 * 512}
"""Largest photographs that may, by kind of device: on processors, 128 px take 0.9 of the time, and 256 px all of it."""
WORTH = 0.97
"""Fraction of the time that several at once may take to be worth it, as measured."""


class PerStyle(FeedForward):
    """A painting with `johnson` or `texture_net`."""

    _worth: bool | None = None
    """Whether several photographs at once are faster, and the same to the last bit; None until that was tried."""

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
        self._foreseen: dict[int, tuple[Picture, Tensor]] = {}
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
    def foresee(self, contents: Sequence[Picture]) -> None:
        """Paint several photographs at once where that is faster, and keep the pictures until it is their turn."""
        kind = self.resources.device.type
        if self.tile is not None or self.size[0] * self.size[1] > PIXELS_AT_ONCE.get(kind, 0):
            return
        contents = contents[:AT_ONCE]
        # What is transparent is filled first, and is another picture then.
        odd = any(id(content) in self._foreseen or content.alpha is not None for content in contents)
        if len(contents) < AT_ONCE or odd:
            return
        if self._worth is None:
            self._worth = self._is_worth()
        if not self._worth:
            return
        before, images = self.scene.content, []
        for content in contents:
            self.scene.show(content)
            images.append(self.scene.photo(self.level))
        if before is not None:
            self.scene.show(before)
        painted = self.net(torch.cat(images).to(self.resources.device))
        # With the photographs: as long as they are there, no others have their numbers.
        self._foreseen = {id(content): (content, painted[[at]]) for at, content in enumerate(contents)}

    def _is_worth(self) -> bool:
        """Try whether several at once are faster than one by one, and give the very same pictures."""
        random = torch.Generator().manual_seed(0)
        images = torch.rand(AT_ONCE, 3, *self.level.size, generator=random).to(self.resources.device)

        def alone() -> Tensor:
            return torch.cat([self.net(image[None]) for image in images])

        same = torch.equal(alone(), self.net(images))
        return same and min(timed(lambda: self.net(images), 2)) < WORTH * min(timed(alone, 2))

    @torch.no_grad()
    def _texture(self) -> Tensor:
        if not isinstance(self.net, TextureNet):  # johnson needs a photograph, which `FeedForward` saw to
            raise UsageError("johnson makes no textures")
        return self.net.texture(self.size, self.recipe.seed)

    @torch.no_grad()
    def _picture(self) -> Tensor:
        _, foreseen = self._foreseen.pop(id(self.scene.content), (None, None))
        if foreseen is not None:
            return foreseen
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
