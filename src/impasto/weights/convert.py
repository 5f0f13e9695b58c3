"""From any of VGG-19's usual files to impasto's tensors, checked against the architecture."""

from pathlib import Path

import torch

from impasto.errors import WeightsError
from impasto.weights.locate import QUARANTINE_SUFFIX
from impasto.weights.readers import Tensors, read
from impasto.weights.records import (
    CAFFE,
    IDENTITY,
    TORCHVISION,
    VGG19_CONVOLUTIONS,
    EncoderWeights,
    Preprocessing,
)
from impasto.weights.registry import LAYOUTS
from impasto.weights.sniff import Container, Sniffed, file_digest, sniff

# Where each convolution stands in the sequences that torchvision and AdaIN store; ReLU, pools (and AdaIN's
# padding) take the numbers between. AdaIN's 0 is its 1x1 colour map.
_TORCHVISION_INDICES = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
_ADAIN_INDICES = (2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42, 45, 48, 51)

_DIFFERENCES_SHOWN = 3

# The first biases of the Oxford network's conv1_1. J. Johnson's port of the Caffe file has
# torchvision's names, so only the numbers tell which network, and so which preprocessing, it is.
_OXFORD_FIRST_BIASES = (0.73018, 0.06494, 0.03429, 0.82604, 0.25780, 0.54868, -0.01244, 0.34790)


def load(path: Path) -> EncoderWeights:
    """Read an encoder's weights from any known file, told by content; nothing stored in it is executed.

    VGG-19 in Keras's, torchvision's, Gatys's, AdaIN's or impasto's own layout comes back with impasto's names
    and checked shapes; petite comes back as it is stored.

    Raises `WeightsError` when the file is missing, damaged, or not such an encoder, listing the first
    differences.
    """
    if path.name.endswith(QUARANTINE_SUFFIX):
        raise WeightsError(f"{path}: is in quarantine since its digest was wrong; fetch the file again")
    sniffed = sniff(path)
    if sniffed.architecture not in {None, "vgg19", "petite"}:
        raise WeightsError(f"{path}: its architecture is {sniffed.architecture[:60]!r}; impasto reads vgg19 and petite")
    tensors = read(path, sniffed.container)
    sha256 = file_digest(path)
    if sniffed.architecture == "petite":
        return _petite(path, tensors, sniffed, sha256)
    layout = _layout(path, tensors, sniffed.container)
    renamed, preprocessing = _CONVERTERS[layout](path, tensors)
    if "preprocessing" in sniffed.metadata and layout != "adain":
        preprocessing = _declared_preprocessing(path, sniffed.metadata["preprocessing"])
    notes = LAYOUTS[layout]
    return EncoderWeights(
        architecture="vgg19",
        tensors=_checked(path, renamed),
        preprocessing=preprocessing,
        sha256=sha256,
        origin=_note(sniffed, "origin", notes.origin),
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
        return "torchvision-oxford" if _is_oxford(tensors.get("features.0.bias")) else "torchvision"
    if "0.weight" in tensors:
        return "adain"
    if any(name.startswith("conv1_1.") for name in tensors):
        return "impasto" if container is Container.SAFETENSORS else "gatys"
    names = ", ".join(name[:60] for name in sorted(tensors)[:_DIFFERENCES_SHOWN]) or "no tensors"
    raise WeightsError(
        f"{path}: holds neither VGG-19 nor petite (found {names}); expected conv1_1.weight, "
        "features.0.weight, 0.weight or block1_conv1"
    )


def _is_oxford(bias: torch.Tensor | None) -> bool:
    expected = torch.tensor(_OXFORD_FIRST_BIASES)
    if bias is None or bias.shape != (64,) or not _is_dense(bias):
        return False
    # Half precision, in which such files are also stored, keeps three digits.
    return torch.allclose(bias[: len(expected)].float(), expected, rtol=2e-3, atol=2e-4)


def _from_own(path: Path, tensors: Tensors) -> tuple[Tensors, Preprocessing]:
    return tensors, CAFFE


def _from_keras(path: Path, tensors: Tensors) -> tuple[Tensors, Preprocessing]:
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        layer, _, kind = name.removeprefix("block").rpartition(".")
        if kind == "kernel" and tensor.ndim == 4:
            tensor = tensor.permute(3, 2, 0, 1)  # height, width, in, out -> out, in, height, width
        renamed[f"conv{layer.replace('_conv', '_')}.{'weight' if kind == 'kernel' else kind}"] = tensor
    return renamed, CAFFE


def _from_torchvision(path: Path, tensors: Tensors) -> tuple[Tensors, Preprocessing]:
    features = {
        name.removeprefix("features."): tensor for name, tensor in tensors.items() if name.startswith("features.")
    }
    return _numbered(features, _TORCHVISION_INDICES, "features."), TORCHVISION


def _from_torchvision_oxford(path: Path, tensors: Tensors) -> tuple[Tensors, Preprocessing]:
    return _from_torchvision(path, tensors)[0], CAFFE


def _from_adain(path: Path, tensors: Tensors) -> tuple[Tensors, Preprocessing]:
    """AdaIN's network begins with a 1x1 convolution of the colours, which is a `Preprocessing` exactly."""
    rest = dict(tensors)
    weight, bias = rest.pop("0.weight"), rest.pop("0.bias", torch.zeros(0))
    found = (tuple(weight.shape), tuple(bias.shape))
    if found != ((3, 3, 1, 1), (3,)) or not (_is_finite(weight) and _is_finite(bias)):
        raise WeightsError(
            f"{path}: its first layer should map colours, finite (3, 3, 1, 1) and (3,); found {found[0]} and {found[1]}"
        )
    rows = weight.double()[:, :, 0, 0].tolist()
    first, second, third = ((float(row[0]), float(row[1]), float(row[2])) for row in rows)
    offsets = bias.double().tolist()
    preprocessing = Preprocessing((first, second, third), (offsets[0], offsets[1], offsets[2]))
    return _numbered(rest, _ADAIN_INDICES, ""), preprocessing


def _numbered(tensors: Tensors, indices: tuple[int, ...], prefix: str) -> Tensors:
    layers = dict(zip(map(str, indices), VGG19_CONVOLUTIONS, strict=True))
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


def _checked(path: Path, tensors: Tensors) -> Tensors:
    """Compare with VGG-19 down to the deepest layer present; return float32 copies in the network's order."""
    layers = list(VGG19_CONVOLUTIONS)
    present = [index for index, layer in enumerate(layers) if {f"{layer}.weight", f"{layer}.bias"} & tensors.keys()]
    expected: dict[str, tuple[int, ...]] = {}
    for layer in layers[: max(present, default=0) + 1]:
        outputs, inputs = VGG19_CONVOLUTIONS[layer]
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
    differences += [f"{name[:60]}: not a layer of VGG-19" for name in tensors if name not in expected]
    if differences:
        raise WeightsError(
            f"{path}: is not VGG-19: {_listing(differences)}; `impasto weights fetch vgg19` gets a right one"
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
