"""Start a wide network from a narrower one of the same shape, without losing what the narrow one knows."""

from collections.abc import Mapping

import torch
from torch import Tensor

from impasto.errors import WeightsError
from impasto.weights import TORCHVISION, Preprocessing


def collaborative(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the convolutions of Collaborative Distillation's 16x encoder under impasto's names and preprocessing.

    `tensors` holds `encoder5.conv0.weight`, `encoder5.conv11.weight`, ... (Wang et al. 2020; MIT). Its colour layer
    conv0 is folded into conv1_1, for input normalised with the ImageNet mean and deviation.

    Raises `WeightsError` when it is some other file.
    """
    prefix = "encoder5.conv"
    try:
        matrix = tensors[f"{prefix}0.weight"].double()[:, :, 0, 0]
        bias = tensors[f"{prefix}0.bias"].double()
        convolutions = {
            f"conv{key[len(prefix)]}_{key[len(prefix) + 1 :]}": value.double()
            for key, value in tensors.items()
            if key.startswith(prefix) and "_aux" not in key and not key.startswith(f"{prefix}0")
        }
        weight = convolutions["conv1_1.weight"]
    except (KeyError, IndexError):
        raise WeightsError("the file is not a Collaborative Distillation encoder (no encoder5.conv0)") from None
    change, shift = _change(matrix, bias, TORCHVISION)
    convolutions["conv1_1.weight"] = torch.einsum("oikl,ij->ojkl", weight, change)
    convolutions["conv1_1.bias"] = convolutions["conv1_1.bias"] + torch.einsum("oikl,i->o", weight, shift)
    return {key: value.float() for key, value in convolutions.items()}


def _change(matrix: Tensor, bias: Tensor, to: Preprocessing) -> tuple[Tensor, Tensor]:
    # y = M x + b and z = D x + e, so y = M D^-1 z + (b - M D^-1 e).
    new = torch.tensor(to.matrix, dtype=torch.float64)
    change = matrix @ torch.linalg.inv(new)
    return change, bias - change @ torch.tensor(to.bias, dtype=torch.float64)


def balance(tensors: Mapping[str, Tensor], powers: Mapping[str, float]) -> dict[str, Tensor]:
    """Scale each convolution so that its output has root mean square 1, where it had `powers[name]` before.

    ReLU and pooling are positively homogeneous, so the next layer's weights take the factor back and the
    function stays the same up to the scale of each layer.
    """
    balanced, before = {}, 1.0
    for name, power in powers.items():
        balanced[f"{name}.weight"] = tensors[f"{name}.weight"] * (before / power)
        balanced[f"{name}.bias"] = tensors[f"{name}.bias"] / power
        before = power
    return balanced


def widen(narrow: Mapping[str, Tensor], wide: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Put `narrow` into the first channels of `wide`; the old channels at first ignore the new ones.

    After Net2Net (Chen et al. 2016): the widened network starts as exact as the narrow one, and the extra
    channels keep their random weights, free to learn what the narrow network could not hold.

    Raises `WeightsError` when a narrow layer is wider than the wide one.
    """
    result = {key: value.clone() for key, value in wide.items()}
    for key, value in narrow.items():
        if key not in result or any(n > w for n, w in zip(value.shape, result[key].shape, strict=True)):
            raise WeightsError(f"{key}: a network with shape {tuple(value.shape)} cannot be widened to this plan")
        if value.ndim > 1:  # convolutions and lifts; a bias has no inputs to ignore
            result[key][: value.shape[0]] = 0
        result[key][tuple(slice(side) for side in value.shape)] = value
    return result
