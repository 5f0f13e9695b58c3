"""From any of the usual files of VGG-16 and VGG-19 to impasto's tensors, checked against the architecture."""

from pathlib import Path

import torch

from impasto.errors import WeightsError
from impasto.weights.locate import QUARANTINE_SUFFIX
from impasto.weights.readers import Tensors, read
from impasto.weights.records import (
    CAFFE,
    IDENTITY,
    TORCHVISION,
    VGG16_CONVOLUTIONS,
    VGG19_CONVOLUTIONS,
    EncoderWeights,
    Preprocessing,
)
from impasto.weights.registry import LAYOUTS
from impasto.weights.sniff import Container, Sniffed, file_digest, sniff

_CONVOLUTIONS = {"vgg16": VGG16_CONVOLUTIONS, "vgg19": VGG19_CONVOLUTIONS}
_TITLES = {"vgg16": "VGG-16", "vgg19": "VGG-19"}

# Where each convolution stands in the sequences that torchvision and AdaIN store; ReLU, pools (and AdaIN's
# padding) take the numbers between. AdaIN's 0 is its 1x1 colour map.
_TORCHVISION_INDICES = {
    "vgg16": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    "vgg19": (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34),
}
_ADAIN_INDICES = (2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42, 45, 48, 51)

_DIFFERENCES_SHOWN = 3
"""The differences to the network that an error lists: more would not fit a line."""

# The first biases of the Oxford networks' conv1_1. J. Johnson's ports of the Caffe files have
# torchvision's names, so only the numbers tell which network, and so which preprocessing, it is.
_OXFORD_FIRST_BIASES = {
    "vgg16": (0.73430, 0.09340, 0.06776, 0.88630, 0.25995, 0.66427, -0.01583, 0.32491),
    "vgg19": (0.73018, 0.06494, 0.03429, 0.82604, 0.25780, 0.54868, -0.01244, 0.34790),
}


def load(path: Path) -> EncoderWeights:
    """Read an encoder's weights from any known file, told by content; nothing stored in it is executed.

    VGG-16 and VGG-19 in Keras's, torchvision's, Gatys's (Caffe's names) or impasto's own layout, and VGG-19 in AdaIN's,
    come back with impasto's names and checked shapes; petite comes back as it is stored.

    Raises `WeightsError` when the file is missing, damaged, or not such an encoder, listing the first
    differences.
    """
    if path.name.endswith(QUARANTINE_SUFFIX):
        raise WeightsError(f"{path}: is in quarantine since its digest was wrong; fetch the file again")
    sniffed = sniff(path)
    if sniffed.architecture is not None and sniffed.architecture not in {*_CONVOLUTIONS, "petite"}:
        known = f"{', '.join(_CONVOLUTIONS)} and petite"
        raise WeightsError(f"{path}: its architecture is {sniffed.architecture[:60]!r}; impasto reads {known}")
    tensors = read(path, sniffed.container)
    sha256 = file_digest(path)
    if sniffed.architecture == "petite":
        return _petite(path, tensors, sniffed, sha256)
    layout = _layout(path, tensors, sniffed.container)
    architecture = sniffed.architecture or _architecture(tensors, layout)
    renamed, preprocessing = _CONVERTERS[layout](path, tensors, architecture)
    if "preprocessing" in sniffed.metadata and layout != "adain":
        preprocessing = _declared_preprocessing(path, sniffed.metadata["preprocessing"])
    notes = LAYOUTS[layout]
    return EncoderWeights(
        architecture=architecture,
        tensors=_checked(path, renamed, architecture),
        preprocessing=preprocessing,
        sha256=sha256,
        origin=_note(sniffed, "origin", notes.origin.format(_TITLES[architecture])),
        licence=_note(sniffed, "licence", notes.licence),
        metadata=sniffed.metadata,
    )


def _petite(path: Path, tensors: Tensors, sniffed: Sniffed, sha256: str) -> EncoderWeights:
    broken = [name for name, tensor in tensors.items() if not _is_finite(tensor)]
    if broken:
        raise WeightsError(f"{path}: {broken[0][:60]} holds NaN or infinity; get the file again")
    if differences := _petite_differences(tensors):
        raise WeightsError(f"{path}: is not petite: {_listing(differences)}; `impasto train encoder` makes one")
    return EncoderWeights(
        architecture="petite",
        tensors=tensors,
        preprocessing=IDENTITY,
        sha256=sha256,
        origin=_note(sniffed, "origin", "impasto petite"),
        licence=_note(sniffed, "licence", "not stated in the file"),
        metadata=sniffed.metadata,
    )


def _note(sniffed: Sniffed, key: str, otherwise: str) -> str:
    # Such notes end up in pictures and on terminals: one line, and not a novel.
    return " ".join(sniffed.metadata.get(key, otherwise).split())[:200]


# Naming: which layout the names belong to, and from its names to ours.


def _layout(path: Path, tensors: Tensors, container: Container) -> str:
    if container is Container.HDF5 and tensors:
        return "keras"
    if "features.0.weight" in tensors:
        return "torchvision-oxford" if _oxford(tensors.get("features.0.bias")) else "torchvision"
    if "0.weight" in tensors:
        return "adain"
    if any(name.startswith("conv1_1.") for name in tensors):
        return "impasto" if container is Container.SAFETENSORS else "gatys"
    names = ", ".join(name[:60] for name in sorted(tensors)[:_DIFFERENCES_SHOWN]) or "no tensors"
    raise WeightsError(
        f"{path}: holds neither VGG-16, VGG-19 nor petite (found {names}); expected conv1_1.weight, "
        "features.0.weight, 0.weight or block1_conv1"
    )


def _oxford(bias: torch.Tensor | None) -> str | None:
    """Return which of Oxford's networks begins with this bias; None for any other."""
    if bias is None or bias.shape != (64,) or not _is_dense(bias):
        return None
    for architecture, numbers in _OXFORD_FIRST_BIASES.items():
        expected = torch.tensor(numbers)
        # Half precision, in which such files are also stored, keeps three digits.
        if torch.allclose(bias[: len(expected)].float(), expected, rtol=2e-3, atol=2e-4):
            return architecture
    return None


def _architecture(tensors: Tensors, layout: str) -> str:
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
        own = {key: set(table) for key, table in _CONVOLUTIONS.items()}
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
    if shapes != ((3, 3, 1, 1), (3,)) or not (_is_finite(weight) and _is_finite(bias)):
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
    layers = dict(zip(map(str, indices), _CONVOLUTIONS[architecture], strict=True))
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        index, _, kind = name.partition(".")
        # An index that is no convolution keeps its name, and so shows among the differences.
        renamed[f"{layers[index]}.{kind}" if index in layers else f"{prefix}{name}"] = tensor
    return renamed


_CONVERTERS = {
    "keras": _from_keras,
    "torchvision": _from_torchvision,
    "torchvision-oxford": _from_torchvision_oxford,
    "gatys": _from_own,
    "adain": _from_adain,
    "impasto": _from_own,
}


def _declared_preprocessing(path: Path, text: str) -> Preprocessing:
    words = text.lower()
    if "bgr" in words:
        return CAFFE
    if "rgb" in words and "imagenet" in words:
        return TORCHVISION
    raise WeightsError(
        f"{path}: its preprocessing {text[:60]!r} is unknown; expected 'BGR, 0-255, minus the mean' or "
        "'RGB, ImageNet mean and std'"
    )


# Checking.


def _checked(path: Path, tensors: Tensors, architecture: str) -> Tensors:
    """Compare with the network down to the deepest layer present; return float32 copies in the network's order."""
    table, title = _CONVOLUTIONS[architecture], _TITLES[architecture]
    layers = list(table)
    present = [index for index, layer in enumerate(layers) if {f"{layer}.weight", f"{layer}.bias"} & tensors.keys()]
    expected: dict[str, tuple[int, ...]] = {}
    for layer in layers[: max(present, default=0) + 1]:
        outputs, inputs = table[layer]
        expected[f"{layer}.weight"] = (outputs, inputs, 3, 3)
        expected[f"{layer}.bias"] = (outputs,)
    differences: list[str] = []
    checked: Tensors = {}
    for name, shape in expected.items():
        tensor = tensors.get(name)
        if tensor is None:
            differences.append(f"{name}: missing")
        elif tuple(tensor.shape) != shape:
            differences.append(f"{name}: expected {shape}, found {tuple(tensor.shape)}")
        elif not _is_dense(tensor):
            differences.append(f"{name}: expected dense floating point, found {tensor.dtype}, {tensor.layout}")
        else:
            # Copied, so that nothing keeps a mapped file or a larger storage alive.
            checked[name] = tensor.to(torch.float32, memory_format=torch.contiguous_format, copy=True)
            if not _is_finite(checked[name]):
                differences.append(f"{name}: holds NaN or infinity")
    differences += [f"{name[:60]}: not a layer of {title}" for name in tensors if name not in expected]
    if differences:
        raise WeightsError(
            f"{path}: is not {title}: {_listing(differences)}; `impasto weights fetch {architecture}` gets a right one"
        )
    return checked


def _petite_differences(tensors: Tensors) -> list[str]:
    """Compare a petite with itself: each convolution takes what the one before gives, each lift what its own does."""
    differences: list[str] = []
    inputs = 3
    for layer in VGG19_CONVOLUTIONS:
        weight = tensors.get(f"{layer}.weight")
        if weight is None:
            continue
        bias, lift = tensors.get(f"{layer}.bias"), tensors.get(f"lift{layer[4:]}.weight")
        outputs = weight.shape[0] if weight.ndim else 0
        wanted = (outputs, inputs, 3, 3)
        if tuple(weight.shape) != wanted or not outputs:
            differences.append(f"{layer}.weight: expected {wanted}, found {tuple(weight.shape)}")
        if bias is None or tuple(bias.shape) != (outputs,):
            found = "nothing" if bias is None else tuple(bias.shape)
            differences.append(f"{layer}.bias: expected {(outputs,)}, found {found}")
        if lift is not None and (lift.ndim != 2 or lift.shape[1] != outputs or lift.shape[0] < outputs):
            differences.append(f"lift{layer[4:]}.weight: expected (N, {outputs}), found {tuple(lift.shape)}")
        inputs = outputs
    return differences + [
        f"{name[:60]}: expected floating point, found {tensor.dtype}"
        for name, tensor in tensors.items()
        if name.startswith(("conv", "lift")) and not tensor.is_floating_point()
    ]


def _listing(differences: list[str]) -> str:
    more = len(differences) - _DIFFERENCES_SHOWN
    return "; ".join(differences[:_DIFFERENCES_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _is_dense(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() and tensor.layout is torch.strided and tensor.device.type == "cpu"


def _is_finite(tensor: torch.Tensor) -> bool:
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    # The extremes carry any NaN or infinity, in one pass without a mask as large as the tensor.
    return all(bool(extreme.isfinite()) for extreme in tensor.float().aminmax())
