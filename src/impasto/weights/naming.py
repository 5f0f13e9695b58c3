"""From the names and shapes of each known layout of VGG-16 and VGG-19 to impasto's own."""

from pathlib import Path

import torch

from impasto.errors import WeightsError
from impasto.weights.checks import CONVOLUTIONS, DIFFERENCES_SHOWN, is_dense, is_finite
from impasto.weights.readers import Tensors
from impasto.weights.records import CAFFE, TORCHVISION, Preprocessing
from impasto.weights.sniff import Container

# Where each convolution stands in the sequences that torchvision and AdaIN store; ReLU, pools (and AdaIN's
# padding) take the numbers between. AdaIN's 0 is its 1x1 colour map.
_TORCHVISION_INDICES = {
    "vgg16": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    "vgg19": (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34),
}
_ADAIN_INDICES = (2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42, 45, 48, 51)

# The first biases of the Oxford networks' conv1_1. J. Johnson's ports of the Caffe files have
# torchvision's names, so only the numbers tell which network, and so which preprocessing, it is.
_OXFORD_FIRST_BIASES = {
    "vgg16": (0.73430, 0.09340, 0.06776, 0.88630, 0.25995, 0.66427, -0.01583, 0.32491),
    "vgg19": (0.73018, 0.06494, 0.03429, 0.82604, 0.25780, 0.54868, -0.01244, 0.34790),
}


def layout_of(path: Path, tensors: Tensors, container: Container) -> str:
    """Return the layout, a key of `LAYOUTS`, whose names the tensors have. Raises `WeightsError` where none does."""
    if container is Container.HDF5 and tensors:
        return "keras"
    if "features.0.weight" in tensors:
        return "torchvision-oxford" if _oxford(tensors.get("features.0.bias")) else "torchvision"
    if "0.weight" in tensors:
        return "adain"
    if any(name.startswith("conv1_1.") for name in tensors):
        return "impasto" if container is Container.SAFETENSORS else "gatys"
    names = ", ".join(name[:60] for name in sorted(tensors)[:DIFFERENCES_SHOWN]) or "no tensors"
    raise WeightsError(
        f"{path}: holds neither VGG-16, VGG-19 nor petite (found {names}); expected conv1_1.weight, "
        "features.0.weight, 0.weight or block1_conv1"
    )


def _oxford(bias: torch.Tensor | None) -> str | None:
    """Return which of Oxford's networks begins with this bias; None for any other."""
    if bias is None or bias.shape != (64,) or not is_dense(bias):
        return None
    for architecture, numbers in _OXFORD_FIRST_BIASES.items():
        expected = torch.tensor(numbers)
        # Half precision, in which such files are also stored, keeps three digits.
        if torch.allclose(bias[: len(expected)].float(), expected, rtol=2e-3, atol=2e-4):
            return architecture
    return None


def architecture_of(tensors: Tensors, layout: str) -> str:
    """Tell VGG-16 from VGG-19, whose first seven convolutions have the same names and shapes.

    What only VGG-19 has decides, then Oxford's numbers, then what only VGG-16 has: it goes on after relu3_3 without a
    fourth convolution. A file that ends before and has other numbers counts as VGG-19, and is the same network.
    """
    if layout == "adain":
        return "vgg19"
    numbered = layout.startswith("torchvision")
    names = {name.removeprefix("features.").partition(".")[0] for name in tensors}
    if numbered:
        own = {key: set(map(str, indices)) for key, indices in _TORCHVISION_INDICES.items()}
    else:
        own = {key: set(table) for key, table in CONVOLUTIONS.items()}
        names = {_caffe(name).partition(".")[0] for name in tensors}
    if names & (own["vgg19"] - own["vgg16"]):
        return "vgg19"
    first = {"keras": "block1_conv1.bias"}.get(layout, "features.0.bias" if numbered else "conv1_1.bias")
    if known := _oxford(tensors.get(first)):
        return known
    deeper = own["vgg16"] - own["vgg19"] if numbered else {name for name in own["vgg16"] if name > "conv4"}
    return "vgg16" if names & deeper else "vgg19"


def _caffe(name: str) -> str:
    """Return Keras's `block1_conv2.kernel` as Caffe names the layer, `conv1_2.kernel`; other names as they are."""
    return f"conv{name.removeprefix('block').replace('_conv', '_', 1)}" if name.startswith("block") else name


def _from_own(_path: Path, tensors: Tensors, _architecture: str) -> tuple[Tensors, Preprocessing]:
    return tensors, CAFFE


def _from_keras(_path: Path, tensors: Tensors, _architecture: str) -> tuple[Tensors, Preprocessing]:
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        layer, _, kind = _caffe(name).rpartition(".")
        if kind == "kernel" and tensor.ndim == 4:
            tensor = tensor.permute(3, 2, 0, 1)  # height, width, in, out -> out, in, height, width
        renamed[f"{layer}.{'weight' if kind == 'kernel' else kind}"] = tensor
    return renamed, CAFFE


def _from_torchvision(_path: Path, tensors: Tensors, architecture: str) -> tuple[Tensors, Preprocessing]:
    features = {
        name.removeprefix("features."): tensor for name, tensor in tensors.items() if name.startswith("features.")
    }
    return _numbered(features, _TORCHVISION_INDICES[architecture], "features.", architecture), TORCHVISION


def _from_torchvision_oxford(path: Path, tensors: Tensors, architecture: str) -> tuple[Tensors, Preprocessing]:
    return _from_torchvision(path, tensors, architecture)[0], CAFFE


def _from_adain(path: Path, tensors: Tensors, architecture: str) -> tuple[Tensors, Preprocessing]:
    """Read AdaIN's network, which begins with a 1x1 convolution of the colours, which is a `Preprocessing` exactly."""
    rest = dict(tensors)
    weight, bias = rest.pop("0.weight"), rest.pop("0.bias", torch.zeros(0))
    shapes = (tuple(weight.shape), tuple(bias.shape))
    if shapes != ((3, 3, 1, 1), (3,)) or not (is_finite(weight) and is_finite(bias)):
        raise WeightsError(
            f"{path}: its first layer should map colours, finite (3, 3, 1, 1) and (3,); "
            f"found {shapes[0]} and {shapes[1]}"
        )
    rows = weight.double()[:, :, 0, 0].tolist()
    first, second, third = ((float(row[0]), float(row[1]), float(row[2])) for row in rows)
    offsets = bias.double().tolist()
    preprocessing = Preprocessing((first, second, third), (offsets[0], offsets[1], offsets[2]))
    return _numbered(rest, _ADAIN_INDICES, "", architecture), preprocessing


def _numbered(tensors: Tensors, indices: tuple[int, ...], prefix: str, architecture: str) -> Tensors:
    layers = dict(zip(map(str, indices), CONVOLUTIONS[architecture], strict=True))
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        index, _, kind = name.partition(".")
        # An index that is no convolution keeps its name, and so shows among the differences.
        renamed[f"{layers[index]}.{kind}" if index in layers else f"{prefix}{name}"] = tensor
    return renamed


CONVERTERS = {
    "keras": _from_keras,
    "torchvision": _from_torchvision,
    "torchvision-oxford": _from_torchvision_oxford,
    "gatys": _from_own,
    "adain": _from_adain,
    "impasto": _from_own,
}
"""How the tensors of each layout, keys of `LAYOUTS`, get impasto's names, and which preprocessing they expect."""
