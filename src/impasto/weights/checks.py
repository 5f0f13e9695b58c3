"""Check tensors against the architecture that they are said to be of, and list the first differences."""

from pathlib import Path

import torch

from impasto.errors import WeightsError
from impasto.weights.readers import Tensors
from impasto.weights.records import VGG16_CONVOLUTIONS, VGG19_CONVOLUTIONS

CONVOLUTIONS = {"vgg16": VGG16_CONVOLUTIONS, "vgg19": VGG19_CONVOLUTIONS}
"""(output, input) channels of each architecture's convolutions, in order."""
TITLES = {"vgg16": "VGG-16", "vgg19": "VGG-19"}
"""How the architectures are written in messages."""

DIFFERENCES_SHOWN = 3
"""The differences to the network that an error lists: more would not fit a line."""


def checked_vgg(path: Path, tensors: Tensors, architecture: str) -> Tensors:
    """Compare with the network down to the deepest layer present; return float32 copies in the network's order."""
    table, title = CONVOLUTIONS[architecture], TITLES[architecture]
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
        elif not is_dense(tensor):
            differences.append(f"{name}: expected dense floating point, found {tensor.dtype}, {tensor.layout}")
        else:
            # Copied, so that nothing keeps a mapped file or a larger storage alive.
            checked[name] = tensor.to(torch.float32, memory_format=torch.contiguous_format, copy=True)
            if not is_finite(checked[name]):
                differences.append(f"{name}: holds NaN or infinity")
    differences += [f"{name[:60]}: not a layer of {title}" for name in tensors if name not in expected]
    if differences:
        raise WeightsError(
            f"{path}: is not {title}: {listing(differences)}; `impasto weights fetch {architecture}` gets a right one"
        )
    return checked


def petite_differences(tensors: Tensors) -> list[str]:
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
            shape = "nothing" if bias is None else tuple(bias.shape)
            differences.append(f"{layer}.bias: expected {(outputs,)}, found {shape}")
        if lift is not None and (lift.ndim != 2 or lift.shape[1] != outputs or lift.shape[0] < outputs):
            differences.append(f"lift{layer[4:]}.weight: expected (N, {outputs}), found {tuple(lift.shape)}")
        inputs = outputs
    return differences + [
        f"{name[:60]}: expected floating point, found {tensor.dtype}"
        for name, tensor in tensors.items()
        if name.startswith(("conv", "lift")) and not tensor.is_floating_point()
    ]


def listing(differences: list[str]) -> str:
    """Return the first of the differences in one line, and how many more there are."""
    more = len(differences) - DIFFERENCES_SHOWN
    return "; ".join(differences[:DIFFERENCES_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def is_dense(tensor: torch.Tensor) -> bool:
    """Return whether a tensor holds floating point numbers, all of them, in this process's memory."""
    return tensor.is_floating_point() and tensor.layout is torch.strided and tensor.device.type == "cpu"


def is_finite(tensor: torch.Tensor) -> bool:
    """Return whether a tensor holds neither NaN nor infinity."""
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    # The extremes carry any NaN or infinity, in one pass without a mask as large as the tensor.
    return all(bool(extreme.isfinite()) for extreme in tensor.float().aminmax())
