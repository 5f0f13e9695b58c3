"""ArtFID's Inception v3 (Szegedy et al. 2016; Wright & Ommer 2022): 2048 numbers for a picture of any size.

Written out as data, because torchvision would pin torch: the tensors have its names.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import WeightsError

FEATURES = 2048
SMALLEST = 75
"""Pixels a side below which the last block has nothing left."""
EPSILON = 1e-3
"""Of the batch normalisation."""
HEADS = ("fc1.weight", "fc2.weight")
"""What tells ArtFID's network, which names artist and style, from one trained on ImageNet."""

Kernel = tuple[int, int]
Unit = tuple[str, int, Kernel, int, Kernel]
"""A convolution, its normalisation and its ReLU: name, output channels, window, stride and padding."""


def _unit(name: str, width: int, kernel: Kernel | int = 1, stride: int = 1, padding: Kernel | int = 0) -> Unit:
    sides = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    around = padding if isinstance(padding, tuple) else (padding, padding)
    return name, width, sides, stride, around


_WIDE, _TALL = ((1, 7), (0, 3)), ((7, 1), (3, 0))


def _across(name: str, width: int) -> Unit:
    return _unit(name, width, _WIDE[0], padding=_WIDE[1])


def _down(name: str, width: int) -> Unit:
    return _unit(name, width, _TALL[0], padding=_TALL[1])


STEM = (
    _unit("Conv2d_1a_3x3", 32, 3, 2),
    _unit("Conv2d_2a_3x3", 32, 3),
    _unit("Conv2d_2b_3x3", 64, 3, 1, 1),
    None,
    _unit("Conv2d_3b_1x1", 80),
    _unit("Conv2d_4a_3x3", 192, 3),
    None,
)
"""The first layers; None: a maximum over 3x3 with the stride 2."""


def _narrow(pool: int) -> tuple[tuple[Unit, ...], ...]:
    return (
        (_unit("branch1x1", 64),),
        (_unit("branch5x5_1", 48), _unit("branch5x5_2", 64, 5, 1, 2)),
        (_unit("branch3x3dbl_1", 64), _unit("branch3x3dbl_2", 96, 3, 1, 1), _unit("branch3x3dbl_3", 96, 3, 1, 1)),
        (_unit("branch_pool", pool),),
    )


def _long(width: int) -> tuple[tuple[Unit, ...], ...]:
    return (
        (_unit("branch1x1", 192),),
        (_unit("branch7x7_1", width), _across("branch7x7_2", width), _down("branch7x7_3", 192)),
        (
            _unit("branch7x7dbl_1", width),
            _down("branch7x7dbl_2", width),
            _across("branch7x7dbl_3", width),
            _down("branch7x7dbl_4", width),
            _across("branch7x7dbl_5", 192),
        ),
        (_unit("branch_pool", 192),),
    )


_FIRST_REDUCTION = (
    (_unit("branch3x3", 384, 3, 2),),
    (_unit("branch3x3dbl_1", 64), _unit("branch3x3dbl_2", 96, 3, 1, 1), _unit("branch3x3dbl_3", 96, 3, 2)),
)
_SECOND_REDUCTION = (
    (_unit("branch3x3_1", 192), _unit("branch3x3_2", 320, 3, 2)),
    (
        _unit("branch7x7x3_1", 192),
        _across("branch7x7x3_2", 192),
        _down("branch7x7x3_3", 192),
        _unit("branch7x7x3_4", 192, 3, 2),
    ),
)
_LAST = (
    (_unit("branch1x1", 320),),
    (_unit("branch3x3_1", 384), _unit("branch3x3_2", 384)),
    (_unit("branch3x3dbl_1", 448), _unit("branch3x3dbl_2", 384, 3, 1, 1), _unit("branch3x3dbl_3", 384)),
    (_unit("branch_pool", 192),),
)
"""The third units of two branches are pairs: `a` along rows and `b` along columns, side by side."""
PAIRS = ("branch3x3_2", "branch3x3dbl_3")

BLOCKS: dict[str, tuple[tuple[Unit, ...], ...]] = {
    "Mixed_5b": _narrow(32),
    "Mixed_5c": _narrow(64),
    "Mixed_5d": _narrow(64),
    "Mixed_6a": _FIRST_REDUCTION,
    "Mixed_6b": _long(128),
    "Mixed_6c": _long(160),
    "Mixed_6d": _long(160),
    "Mixed_6e": _long(192),
    "Mixed_7a": _SECOND_REDUCTION,
    "Mixed_7b": _LAST,
    "Mixed_7c": _LAST,
}
"""The blocks: branches of units, laid side by side, and in blocks without `branch_pool` a maximum pool beside them."""


class Inception:
    """The features of pictures. Raises `WeightsError` where tensors are absent, or are another network's."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        absent = [name for name in HEADS if name not in tensors]
        if absent:
            raise WeightsError(
                f"the file has no {absent[0]}, so it is not ArtFID's Inception, which names artists and styles; a "
                "distance of another network's features is not ArtFID's"
            )
        self._tensors = tensors
        self._units: dict[str, tuple[Tensor, Tensor]] = {}
        with torch.no_grad():
            self(torch.zeros(1, 3, SMALLEST, SMALLEST))  # finds what is absent or has another shape

    @torch.no_grad()
    def __call__(self, picture: Tensor) -> Tensor:
        """Return the features (2048,) of a picture (1, 3, H, W) in [0, 1]: neither normalised nor resized."""
        x = picture
        for unit in STEM:
            x = F.max_pool2d(x, 3, 2) if unit is None else self._apply(x, "", unit)
        for name, branches in BLOCKS.items():
            x = self._block(x, name, branches)
        return x.mean((2, 3))[0]

    def _block(self, x: Tensor, name: str, branches: tuple[tuple[Unit, ...], ...]) -> Tensor:
        outputs = []
        for branch in branches:
            y = F.avg_pool2d(x, 3, 1, 1) if branch[0][0] == "branch_pool" else x
            for unit in branch:
                if name in ("Mixed_7b", "Mixed_7c") and unit[0] in PAIRS:
                    along = _unit(f"{unit[0]}a", unit[1], (1, 3), padding=(0, 1))
                    across = _unit(f"{unit[0]}b", unit[1], (3, 1), padding=(1, 0))
                    y = torch.cat([self._apply(y, name, half) for half in (along, across)], 1)
                else:
                    y = self._apply(y, name, unit)
            outputs.append(y)
        if all(branch[0][0] != "branch_pool" for branch in branches):
            outputs.append(F.max_pool2d(x, 3, 2))
        return torch.cat(outputs, 1)

    def _apply(self, x: Tensor, block: str, unit: Unit) -> Tensor:
        name, width, kernel, stride, padding = unit
        key = f"{block}.{name}" if block else name
        if key not in self._units:
            self._units[key] = self._folded(key, (width, x.shape[1], *kernel))
        weight, bias = self._units[key]
        return F.relu(F.conv2d(x, weight, bias, stride, padding))

    def _folded(self, key: str, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Return weight and bias of a convolution with its normalisation, as at test time, folded in."""
        weight = self._tensor(f"{key}.conv.weight", shape)
        gain, shift, mean, variance = (
            self._tensor(f"{key}.bn.{part}", shape[:1]) for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / (variance + EPSILON).sqrt()
        return (weight * scale[:, None, None, None]).float(), (shift - mean * scale).float()

    def _tensor(self, name: str, shape: tuple[int, ...]) -> Tensor:
        tensor = self._tensors.get(name)
        if tensor is None or tuple(tensor.shape) != shape:
            held = "is absent" if tensor is None else f"has the shape {tuple(tensor.shape)}"
            raise WeightsError(f"ArtFID's Inception needs {name} of shape {shape}, which {held}; get art_inception.pth")
        return tensor.double()
