"""Networks as ONNX graphs: one file that paints a picture of any size, without torch or impasto.

Pictures in such a graph are (batch, 3, height, width), sRGB in [0, 1], and what it paints is clamped to that. Sides
that are no multiples of the network's stride are continued by reflection inside the graph and cut again, as in torch.
"""

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto import images
from impasto.errors import InputError, ResourceError, WeightsError
from impasto.files import check_output, write_bytes
from impasto.nets import store
from impasto.nets.onnx_graphs import Graph, build, find
from impasto.nets.store import Card

TOLERANCE = 1e-3
"""The largest difference to torch, of 1, that is let through: a quarter of a level of 255."""
TRIED_SIDE = 512
"""The long side in pixels that a picture is tried at: a larger one would only take longer."""


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
    tried = _examples(graph, [_small(picture, graph.smallest) for picture in pictures])
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
    for example in inputs:
        painted = torch.from_numpy(session.run(None, {name: value.numpy() for name, value in example.items()})[0])
        wanted = graph.painted(example)
        if painted.shape != wanted.shape:
            raise WeightsError(f"onnxruntime's picture is {tuple(painted.shape)}, torch's {tuple(wanted.shape)}")
        # `maximum`, unlike `max`, keeps NaN.
        worst = float(torch.maximum(torch.tensor(worst), (painted - wanted).abs().max()))
    return worst


def _examples(graph: Graph, pictures: Sequence[Tensor]) -> list[dict[str, Tensor]]:
    """Return inputs to try the graph on: `pictures` in their order, the rest made up; two sizes."""
    random = torch.Generator().manual_seed(1)
    examples = []
    for grown in (0, 1):
        tensors = {}
        for number, (name, example) in enumerate(graph.inputs.items()):
            free = graph.dimensions[name]
            shape = [side + 37 * grown * (position > 1) for position, side in enumerate(example.shape)]
            made = torch.rand(shape if free else example.shape, generator=random)
            if free and name != "features" and number < len(pictures) and not grown:
                made = pictures[number]
            tensors[name] = made
        examples.append(tensors)
    return examples


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
