"""VGG-16's files: told from VGG-19's by what they hold, converted and checked by the same rules."""

import re
from pathlib import Path

import pytest
import safetensors.torch
import torch

from impasto import weights
from impasto.encoders import VGG16, Vgg, create, from_file
from impasto.errors import UsageError, WeightsError
from impasto.weights import (
    CAFFE,
    REGISTRY,
    TORCHVISION,
    VGG16_CONVOLUTIONS,
    VGG19_CONVOLUTIONS,
    Preprocessing,
    load,
)

from .test_weights_convert import KERAS_FIRST, KERAS_SECOND, Tensors, write_legacy, write_torch

INDICES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
"""Of the convolutions in torchvision's `vgg16().features`, as printed by it."""
OXFORD = [0.7343, 0.0934, 0.0678, 0.8863, 0.2599, 0.6643, -0.0158, 0.3249]


def shaped(table: dict[str, tuple[int, int]], last: str) -> Tensors:
    """One number a layer, stored once and expanded: the true shapes down to a layer in a few kilobytes."""
    tensors: Tensors = {}
    for index, (layer, (outputs, inputs)) in enumerate(table.items(), start=1):
        tensors[f"{layer}.weight"] = torch.full((1,), float(index)).expand(outputs, inputs, 3, 3)
        tensors[f"{layer}.bias"] = torch.full((1,), float(index)).expand(outputs)
        if layer == last:
            break
    return tensors


def as_torchvision(tensors: Tensors) -> Tensors:
    places = dict(zip(VGG16_CONVOLUTIONS, INDICES, strict=True))
    return {f"features.{places[name.split('.')[0]]}.{name.split('.')[1]}": tensor for name, tensor in tensors.items()}


def test_the_table_is_vgg16s() -> None:
    assert len(VGG16_CONVOLUTIONS) == 13
    assert sum(9 * o * i + o for o, i in VGG16_CONVOLUTIONS.values()) == 14_714_688  # as Keras counts them
    assert [layer.replace("relu", "conv") for layer in VGG16.layers] == list(VGG16_CONVOLUTIONS)
    assert VGG16.receptive_field("relu5_3") == 196
    assert VGG16.stride("relu5_3") == 16


def test_thirteen_layers_fall_into_place(tmp_path: Path) -> None:
    write_torch(as_torchvision(shaped(VGG16_CONVOLUTIONS, "conv5_3")), tmp_path / "w")
    found = load(tmp_path / "w")
    assert (found.architecture, found.preprocessing) == ("vgg16", TORCHVISION)
    assert found.origin == "torchvision VGG-16 (ImageNet)"
    assert len(found.tensors) == 26
    for index, layer in enumerate(VGG16_CONVOLUTIONS, start=1):
        for kind in ("weight", "bias"):
            assert found.tensors[f"{layer}.{kind}"].flatten()[[0, -1]].tolist() == [index, index]


@pytest.mark.parametrize(
    ("write", "origin"),
    [
        (KERAS_FIRST, "Oxford VGG-16 (Keras notop)"),
        (KERAS_SECOND, "Oxford VGG-16 (Keras notop)"),
        (write_torch, "Oxford VGG-16, normalised (Gatys et al. 2016)"),
        (write_legacy, "Oxford VGG-16, normalised (Gatys et al. 2016)"),
    ],
)
def test_keras_and_caffe_names(tmp_path: Path, write, origin: str) -> None:
    own = shaped(VGG16_CONVOLUTIONS, "conv4_1")
    write(own, tmp_path / "w")
    found = load(tmp_path / "w")
    assert (found.architecture, found.preprocessing, found.origin) == ("vgg16", CAFFE, origin)
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in own.items())


@pytest.mark.parametrize("rename", [dict, as_torchvision])
def test_a_file_that_ends_early_is_told_by_its_numbers(tmp_path: Path, rename) -> None:
    own = shaped(VGG16_CONVOLUTIONS, "conv2_1")
    bias = torch.zeros(64)
    bias[: len(OXFORD)] = torch.tensor(OXFORD)
    write_torch(rename({**own, "conv1_1.bias": bias}), tmp_path / "w")
    found = load(tmp_path / "w")
    assert (found.architecture, found.preprocessing) == ("vgg16", CAFFE)
    # Without them there is nothing to tell by, and as far as it goes VGG-19 is the same.
    write_torch(rename(own), tmp_path / "other")
    assert load(tmp_path / "other").architecture == "vgg19"


def test_a_header_may_say_which(tmp_path: Path) -> None:
    own = {name: tensor.clone() for name, tensor in shaped(VGG16_CONVOLUTIONS, "conv1_2").items()}
    safetensors.torch.save_file(own, tmp_path / "w", {"architecture": "vgg16"})
    assert load(tmp_path / "w").architecture == "vgg16"
    assert from_file(tmp_path / "w").name == "vgg16"


def test_a_gap_in_either_is_found(tmp_path: Path) -> None:
    gap = shaped(VGG16_CONVOLUTIONS, "conv4_1")
    del gap["conv3_3.weight"]
    write_torch(gap, tmp_path / "16")
    with pytest.raises(WeightsError, match=r"not VGG-16: conv3_3.weight: missing; `impasto weights fetch vgg16`"):
        load(tmp_path / "16")
    deeper = shaped(VGG19_CONVOLUTIONS, "conv4_4")
    del deeper["conv3_4.weight"], deeper["conv3_4.bias"]
    write_torch(deeper, tmp_path / "19")
    with pytest.raises(WeightsError, match=re.escape("not VGG-19: conv3_4.weight: missing")):
        load(tmp_path / "19")


@pytest.mark.parametrize("network", ["vgg16", "vgg19"])
def test_each_network_has_two_files(network: str) -> None:
    keras, torchvision = REGISTRY[network], REGISTRY[f"{network}-torchvision"]
    assert keras.filename == f"{network}_weights_tf_dim_ordering_tf_kernels_notop.h5"
    assert all(f"/{keras.filename}" in url for url in keras.urls)
    assert torchvision.filename == f"{network}-{torchvision.sha256}.pth"
    assert 4 * sum(9 * o * i + o for o, i in VGG16_CONVOLUTIONS.values()) < REGISTRY["vgg16"].size_bytes < 60_000_000
    assert len(keras.md5) == 32


def test_it_is_found_and_painted_with_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights.find("vgg16") is None
    with pytest.raises(WeightsError, match="impasto weights fetch vgg16"):
        create("vgg16")
    path = tmp_path / "w.pth"
    write_torch(as_torchvision(shaped(VGG16_CONVOLUTIONS, "conv4_1")), path)
    monkeypatch.setenv("IMPASTO_VGG16", str(path))
    assert weights.find("vgg16") == path
    assert weights.find("vgg19") is None
    encoder = create("vgg16", pooling="max")
    assert isinstance(encoder, Vgg)
    assert (encoder.name, encoder.pooling, encoder.layers[-1]) == ("vgg16", "max", "relu4_1")
    monkeypatch.setenv("IMPASTO_VGG19", str(path))
    with pytest.raises(WeightsError, match="holds vgg16, not vgg19"):
        create("vgg19")


def test_layers_of_vgg19_alone_are_refused_with_those_it_has() -> None:
    random = torch.Generator().manual_seed(2)
    tensors: Tensors = {}
    channels = 3
    for layer in VGG16_CONVOLUTIONS:
        tensors[f"{layer}.weight"] = torch.randn(4, channels, 3, 3, generator=random) / 3
        tensors[f"{layer}.bias"] = torch.zeros(4)
        channels = 4
    preprocessing: Preprocessing = CAFFE
    encoder = Vgg(tensors, preprocessing, channels=dict.fromkeys(range(1, 6), 4), geometry=VGG16)
    found = encoder(torch.rand(1, 3, 48, 64), ["relu3_3", "conv4_2", "relu5_3"])
    assert {layer: tuple(features.shape[2:]) for layer, features in found.items()} == {
        "relu3_3": (12, 16),
        "relu4_2": (6, 8),
        "relu5_3": (3, 4),
    }
    with pytest.raises(UsageError, match=r"unknown layer 'relu3_4'; the layers of vgg16 are relu1_1 \.\.\. relu5_3"):
        encoder(torch.rand(1, 3, 48, 64), ["relu3_4"])
