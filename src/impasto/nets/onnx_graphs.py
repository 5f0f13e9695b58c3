"""Networks as modules that ONNX can say: whole methods, or a decoder alone, with examples of their inputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from impasto.encoders import Petite, Vgg
from impasto.errors import UsageError, WeightsError
from impasto.nets import avatar, johnson, linear, store, texture_net
from impasto.nets.avatar import HALF, LAYERS, RIDGE, Avatar
from impasto.nets.decoder import Decoder
from impasto.nets.johnson import Johnson
from impasto.nets.linear import Linear
from impasto.nets.onnx_matching import matched
from impasto.nets.store import Card
from impasto.nets.texture_net import TextureNet
from impasto.nets.transforms import COLOR_RIDGE, adain
from impasto.recipe.catalogue import METHODS
from impasto.recipe.shipped_networks import shipped

_SIZES = ((70, 91), (61, 103))
"""The sizes (height, width) of the pictures that a graph is traced with; no two sides are equal, which would be taken
for the same."""


@dataclass(frozen=True)
class Graph:
    """A network as something to export."""

    module: nn.Module
    inputs: Mapping[str, Tensor]
    """Examples, by name."""
    dimensions: Mapping[str, Mapping[int, str]]
    """Names of the dimensions that are free, by input."""
    output: str
    smallest: int
    """Side from which on the graph is right, in pixels, or neurons of a decoder's input."""
    card: Card

    def painted(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return what torch makes of `inputs`."""
        with torch.no_grad():
            painted: Tensor = self.module(*(inputs[name] for name in self.inputs))
            return painted


def find(network: str) -> tuple[dict[str, Tensor], Card, str]:
    """Read a network by its file, or by its name, alone or as METHOD-NAME. Raises `WeightsError`."""
    path = Path(network)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return *store.load(path), str(path)
    names = []
    for method in (name for name, method in METHODS.items() if not method.networks):
        for name, file in shipped(method).items():
            names.append(f"{method}-{name}")
            if network in (name, names[-1]):
                return *store.parse(file.read_bytes(), file.name), file.name
    known = f"choose from {', '.join(names)}" if names else "none ships with this installation"
    raise WeightsError(f"network '{network[:60]}' is neither a file nor known by name; {known}, or name a file")


def build(tensors: Mapping[str, Tensor], card: Card, where: str, decoder: Path | None = None) -> Graph:
    """Return the graph of a network that was read: a whole method where ONNX can say it, else the decoder alone.

    Raises `WeightsError` for a network that does not fit its card, `UsageError` for a decoder that has no place.
    """
    if decoder is not None and card.kind != linear.KIND:
        raise UsageError(f"--decoder {decoder}: belongs to a linear transformation; {where} is a {card.kind[:40]}")
    if card.method in (johnson.METHOD, texture_net.METHOD):
        kind: type[Johnson] | type[TextureNet] = Johnson if card.method == johnson.METHOD else TextureNet
        net = kind.from_card(tensors, card, where)
        smallest = max(8, net.stride)
        return Graph(
            PerStyleModule(net),
            {"picture": torch.rand(2, 3, *_SIZES[0])},
            {"picture": _PICTURE},
            "painted",
            smallest,
            card,
        )
    if card.kind == "decoder" and card.method == "wct":
        own = Decoder.from_parts(tensors, card, where)
        channels = own.get_submodule(f"conv{own.layer[4:]}").get_parameter("weight").shape[1]
        # ONNX has no eigenvalues: whitening stays with whoever calls it.
        example = torch.rand(2, channels, 11, 13)
        return Graph(DecoderModule(own), {"features": example}, {"features": _PICTURE}, "painted", 2, card)
    encoder = Petite.embedded()
    store.expect(card, where, encoder=encoder.sha256)
    if card.method == avatar.METHOD:
        module = AvatarModule(encoder, Avatar.from_card(tensors, card, where))
        return Graph(module, _styled(), _STYLED, "painted", 2 * Avatar.stride, card)
    change: Callable[[Tensor, Tensor], Tensor]
    if card.kind == linear.KIND:
        change = Linear.from_card(tensors, card, where)
        own = _decoder_of(change, where, decoder)
    elif card.kind == "decoder" and card.method == "adain":
        own, change = Decoder.from_parts(tensors, card, where), adain
    else:
        raise WeightsError(f"{where}: a {card.kind[:40]} of method '{card.method[:40]}' cannot be exported")
    smallest = 2 * encoder.stride(own.layer)
    return Graph(AnyStyleModule(encoder, own, change), _styled(), _STYLED, "painted", smallest, card)


_PICTURE = {0: "batch", 2: "height", 3: "width"}
_STYLED = {"content": _PICTURE, "style": {2: "style_height", 3: "style_width"}, "alpha": {}}
"""The free dimensions of a graph for any painting."""


def _styled() -> dict[str, Tensor]:
    """Return inputs of a graph for any painting: photographs, one painting, and the strength."""
    return {
        "content": torch.rand(2, 3, *_SIZES[0]),
        "style": torch.rand(1, 3, *_SIZES[1]),
        "alpha": torch.ones(1),
    }


class PerStyleModule(nn.Module):
    """A picture through a network of one style."""

    def __init__(self, net: Johnson | TextureNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        painted: Tensor = self.net(reflect_to_multiple(picture, self.net.stride))
        return painted[..., :height, :width].clamp(0, 1)


class DecoderModule(nn.Module):
    """Features to a picture."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, features: Tensor) -> Tensor:
        painted: Tensor = self.decoder(features)
        return painted.clamp(0, 1)


class AnyStyleModule(nn.Module):
    """Encode a photograph in the colours of a painting, change its features after the painting's, decode."""

    def __init__(self, encoder: Vgg, decoder: Decoder, change: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.encoder, self.decoder, self.change = encoder, decoder, change

    def forward(self, content: Tensor, style: Tensor, alpha: Tensor) -> Tensor:
        height, width = content.shape[-2:]
        features = self._features(matched(content, style, alpha, COLOR_RIDGE).clamp(0, 1))
        changed = self.change(features, self._features(style))
        painted: Tensor = self.decoder(torch.lerp(features, changed, alpha[:, None, None, None]))
        return painted[..., :height, :width].clamp(0, 1)

    def _features(self, picture: Tensor) -> Tensor:
        layer = self.decoder.layer
        return self.encoder.raw(reflect_to_multiple(picture, self.encoder.stride(layer)), [layer])[layer]


class AvatarModule(nn.Module):
    """Match the features of photographs to a painting's at every layer, and decode them at once."""

    def __init__(self, encoder: Petite, net: Avatar) -> None:
        super().__init__()
        self.encoder, self.net = encoder, net

    def forward(self, content: Tensor, style: Tensor, alpha: Tensor) -> Tensor:
        height, width = content.shape[-2:]
        photo = matched(content, style, alpha, COLOR_RIDGE).clamp(0, 1)
        whole = reflect_to_multiple(photo, self.net.stride)
        of_style = self.encoder.raw(style, LAYERS)
        features = []
        for level, (layer, maps) in enumerate(self.encoder.raw(whole, LAYERS).items()):
            part = maps[..., : (height + 2**level - 1) // 2**level, : (width + 2**level - 1) // 2**level]
            changed = matched(part, of_style[layer], alpha, RIDGE)
            features.append(repeat_to(changed, maps))
        painted = self.net.decode(whole, features)[..., :height, :width]
        return torch.lerp(content, painted, (alpha / HALF).clamp(max=1)[:, None, None, None]).clamp(0, 1)


def repeat_to(maps: Tensor, like: Tensor) -> Tensor:
    """Continue `maps` right and below by repeating its border, to the sides of `like`; by indices, as above."""
    for axis in (2, 3):
        index = torch.arange(like.shape[axis], device=maps.device).clamp(max=maps.shape[axis] - 1)
        maps = maps.index_select(axis, index)
    return maps


def reflect_to_multiple(picture: Tensor, multiple: int) -> Tensor:
    """Continue `picture` right and below to multiples, as `blocks.to_multiple` and `decoder.pad_to_neurons` do.

    By indices, because theirs ask the size whether to do it, and a graph has no answer to that yet.
    """
    for axis in (2, 3):
        side = picture.shape[axis]
        rounded = (side + multiple - 1) // multiple * multiple
        index = torch.arange(rounded, device=picture.device)
        picture = picture.index_select(axis, (side - 1) - ((side - 1) - index).abs())
    return picture


def _decoder_of(net: Linear, where: str, path: Path | None) -> Decoder:
    """Find the decoder of a transformation: at `path`, or among those that ship."""
    if path is not None:
        tensors, card = store.load(path)
        store.expect(card, str(path), kind="decoder", layer=net.layer)
        decoder = Decoder.from_parts(tensors, card, str(path))
        net.expect_decoder(decoder, where)
        return decoder
    for file in shipped("wct").values():
        tensors, card = store.parse(file.read_bytes(), file.name)
        if card.layer == net.layer:
            decoder = Decoder.from_parts(tensors, card, file.name)
            net.expect_decoder(decoder, where)
            return decoder
    raise WeightsError(f"{where}: its decoder from {net.layer} does not ship with impasto; name it: --decoder FILE")
