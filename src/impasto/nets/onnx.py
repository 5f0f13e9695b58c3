"""Networks as ONNX graphs: one file that paints a picture of any size, without torch or impasto.

Pictures in such a graph are (batch, 3, height, width), sRGB in [0, 1], and what it paints is clamped to that. Sides
that are no multiples of the network's stride are continued by reflection inside the graph and cut again, as in torch.
"""

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from impasto import images
from impasto.encoders import Petite, Vgg
from impasto.errors import InputError, ResourceError, UsageError, WeightsError
from impasto.files import check_output, write_bytes
from impasto.nets import johnson, linear, store, texture_net
from impasto.nets.decoder import Decoder
from impasto.nets.johnson import Johnson
from impasto.nets.linear import Linear
from impasto.nets.store import Card
from impasto.nets.texture_net import TextureNet
from impasto.nets.transforms import adain
from impasto.recipe.catalogue import METHODS, shipped

TOLERANCE = 1e-3
"""Largest difference to torch that is let through: a quarter of a level of 255."""
TRIED_SIDE = 512
"""Pixels; a larger picture would only take longer."""
_SIZES = ((70, 91), (61, 103))
"""Of the pictures that a graph is traced with; no two sides alike, which would be taken for the same."""


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


@dataclass(frozen=True)
class Exported:
    """What was written, and how well it was checked."""

    path: Path
    card: Card
    size_bytes: int
    difference: float | None
    """Largest difference to torch; None where onnxruntime is not installed."""
    smallest: int


def export(
    network: str,
    path: Path,
    *,
    decoder: Path | None = None,
    pictures: Sequence[Path] = (),
    force: bool = False,
) -> Exported:
    """Write `network`, a file or the name of one that ships, to `path`, having held the graph against torch.

    It is tried on `pictures`, photograph and painting, or on made-up ones. `decoder` is that of a linear transformation
    that is not shipped.

    Raises `ResourceError` without the extra `onnx`, `OutputError`, `InputError`, and `WeightsError` for a network that
    cannot be read or exported, or comes out different.
    """
    check_extra()
    check_output(path, force=force)
    tensors, card, where = find(network)
    graph = build(tensors, card, where, decoder)
    tried = _examples(graph, [_small(each, graph.smallest) for each in pictures])
    data = convert(graph)
    worst = None
    if find_spec("onnxruntime") is not None:
        worst = difference(graph, data, tried)
        # NaN compares false with everything, and is refused too.
        if not worst <= TOLERANCE:
            raise WeightsError(f"{where}: not exported, onnxruntime's picture differs from torch's by {worst:.2g} of 1")
    write_bytes(path, data, follow=True)
    return Exported(path, card, len(data), worst, graph.smallest)


def check_extra() -> None:
    """Make sure that graphs can be written. Raises `ResourceError`."""
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise ResourceError(f"an export needs {' and '.join(missing)}; run: pip install 'impasto[onnx]'")


def find(network: str) -> tuple[dict[str, Tensor], Card, str]:
    """Read a network by its file, or by its name, alone or as METHOD-NAME. Raises `WeightsError`."""
    path = Path(network)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return *store.load(path), str(path)
    names = []
    for method in (name for name, each in METHODS.items() if not each.networks):
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
    picture = {0: "batch", 2: "height", 3: "width"}
    if card.method in (johnson.METHOD, texture_net.METHOD):
        kind: type[Johnson] | type[TextureNet] = Johnson if card.method == johnson.METHOD else TextureNet
        net = kind.from_card(tensors, card, where)
        smallest = max(8, net.stride)
        return Graph(
            _Alone(net), {"picture": torch.rand(2, 3, *_SIZES[0])}, {"picture": picture}, "painted", smallest, card
        )
    if card.kind == "decoder" and card.method == "wct":
        own = Decoder.from_parts(tensors, card, where)
        channels = own.get_submodule(f"conv{own.layer[4:]}").get_parameter("weight").shape[1]
        # ONNX has no eigenvalues: whitening stays with whoever calls it.
        given = torch.rand(2, channels, 11, 13)
        return Graph(_Decoding(own), {"features": given}, {"features": picture}, "painted", 2, card)
    encoder = Petite.embedded()
    store.expect(card, where, encoder=encoder.sha256)
    change: Callable[[Tensor, Tensor], Tensor]
    if card.kind == linear.KIND:
        change = Linear.from_card(tensors, card, where)
        own = _decoder_of(change, where, decoder)
    elif card.kind == "decoder" and card.method == "adain":
        own, change = Decoder.from_parts(tensors, card, where), adain
    else:
        raise WeightsError(f"{where}: a {card.kind[:40]} of method '{card.method[:40]}' cannot be exported")
    given_styled = {
        "content": torch.rand(2, 3, *_SIZES[0]),
        "style": torch.rand(1, 3, *_SIZES[1]),
        "alpha": torch.ones(1),
    }
    dimensions = {"content": picture, "style": {2: "style_height", 3: "style_width"}, "alpha": {}}
    smallest = 2 * encoder.stride(own.layer)
    return Graph(_Styled(encoder, own, change), given_styled, dimensions, "painted", smallest, card)


def convert(graph: Graph) -> bytes:
    """Return the ONNX file of `graph`; its notes are the card and the smallest side."""
    import onnx

    dynamic = torch.export.Dim.DYNAMIC
    shapes = tuple(dict.fromkeys(graph.dimensions[name], dynamic) for name in graph.inputs)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            graph.module.eval(),
            tuple(graph.inputs.values()),
            input_names=list(graph.inputs),
            output_names=[graph.output],
            dynamic_shapes=shapes,
            dynamo=True,
            verbose=False,
        )
    if program is None:  # only with a file to write to
        raise TypeError("torch gave no program")
    model = program.model_proto
    # The tracer's names of the dimensions, and all shapes between that are told in them.
    del model.graph.value_info[:]
    for value in model.graph.input:
        for position, name in graph.dimensions[value.name].items():
            value.type.tensor_type.shape.dim[position].dim_param = name
    _name_output(model.graph.output[0], "features" in graph.inputs)
    model.doc_string = f"impasto {graph.card.method} {graph.card.kind} {graph.card.style}".strip()
    onnx.helper.set_model_props(model, {store.KEY: graph.card.text(), "smallest_side": str(graph.smallest)})
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def difference(graph: Graph, data: bytes, inputs: Sequence[Mapping[str, Tensor]]) -> float:
    """Run the file on `inputs` and give the largest difference to torch. Needs onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for given in inputs:
        found = torch.from_numpy(session.run(None, {name: value.numpy() for name, value in given.items()})[0])
        wanted = graph.painted(given)
        if found.shape != wanted.shape:
            raise WeightsError(f"onnxruntime's picture is {tuple(found.shape)}, torch's {tuple(wanted.shape)}")
        # `maximum`, unlike `max`, keeps NaN.
        worst = float(torch.maximum(torch.tensor(worst), (found - wanted).abs().max()))
    return worst


class _Alone(nn.Module):
    """A picture through a network of one style."""

    def __init__(self, net: Johnson | TextureNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        painted: Tensor = self.net(_reflected(picture, self.net.stride))
        return painted[..., :height, :width].clamp(0, 1)


class _Decoding(nn.Module):
    """Features to a picture."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, features: Tensor) -> Tensor:
        painted: Tensor = self.decoder(features)
        return painted.clamp(0, 1)


class _Styled(nn.Module):
    """Encode a photograph and a painting, change the features of one after the other's, decode."""

    def __init__(self, encoder: Vgg, decoder: Decoder, change: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.encoder, self.decoder, self.change = encoder, decoder, change

    def forward(self, content: Tensor, style: Tensor, alpha: Tensor) -> Tensor:
        height, width = content.shape[-2:]
        features = self._features(content)
        changed = self.change(features, self._features(style))
        painted: Tensor = self.decoder(torch.lerp(features, changed, alpha[:, None, None, None]))
        return painted[..., :height, :width].clamp(0, 1)

    def _features(self, picture: Tensor) -> Tensor:
        layer = self.decoder.layer
        return self.encoder.raw(_reflected(picture, self.encoder.stride(layer)), [layer])[layer]


def _reflected(picture: Tensor, multiple: int) -> Tensor:
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


def _examples(graph: Graph, pictures: Sequence[Tensor]) -> list[dict[str, Tensor]]:
    """Return inputs to try the graph on: `pictures` in their order, the rest made up; two sizes."""
    random = torch.Generator().manual_seed(1)
    found = []
    for grown in (0, 1):
        given = {}
        for number, (name, example) in enumerate(graph.inputs.items()):
            free = graph.dimensions[name]
            shape = [side + 37 * grown * (position > 1) for position, side in enumerate(example.shape)]
            made = torch.rand(shape if free else example.shape, generator=random)
            if free and name != "features" and number < len(pictures) and not grown:
                made = pictures[number]
            given[name] = made
        found.append(given)
    return found


def _small(path: Path, smallest: int) -> Tensor:
    """Read a picture to try a graph on, its long side at most `TRIED_SIDE`. Raises `InputError`."""
    picture = images.load(path)
    size = images.fit_size(picture.size, min(TRIED_SIDE, max(picture.size)))
    if min(size) < smallest:
        raise InputError(f"{path}: is too narrow for this network, whose sides begin at {smallest} px; name another")
    return images.resize(picture.pixels, size)


def _name_output(value: Any, decoded: bool) -> None:
    names = {0: "batch"} if decoded else {0: "batch", 2: "height", 3: "width"}
    for position, dimension in enumerate(value.type.tensor_type.shape.dim):
        if position in names:
            dimension.dim_param = names[position]
        elif position != 1:
            # A multiple of the features' side has no name.
            dimension.Clear()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter says about itself to itself: deprecations of torch, and that torchvision is absent."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
