"""Every layout of VGG-19 becomes the same tensors, and the right preprocessing goes with them."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from impasto.errors import WeightsError
from impasto.weights import (
    CAFFE,
    IDENTITY,
    TORCHVISION,
    VGG19_CONVOLUTIONS,
    Preprocessing,
    load,
    sniff,
)

STANDIN = Path(__file__).parents[3] / "shared" / "weights" / "vgg19-oxford-standin.safetensors"
SHALLOW = ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"]
PLAN: list[int | Literal["pool"]]
PLAN = [64, 64, "pool", 128, 128, "pool", *[256] * 4, "pool", *[512] * 4, "pool", *[512] * 4]

Tensors = dict[str, torch.Tensor]
Writer = Callable[[Tensors, Path], None]


@pytest.fixture(scope="module")
def own() -> Tensors:
    """Random weights of the true shapes, down to conv3_1."""
    generator = torch.Generator().manual_seed(7)
    tensors: Tensors = {}
    for layer in SHALLOW:
        outputs, inputs = VGG19_CONVOLUTIONS[layer]
        tensors[f"{layer}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator)
        tensors[f"{layer}.bias"] = torch.randn(outputs, generator=generator)
    return tensors


def adain_network(depth: int = 16) -> nn.Sequential:
    """AdaIN's encoder as a network: its key names come from torch, not from a table of ours."""
    modules: list[nn.Module] = [nn.Conv2d(3, 3, 1)]
    channels = 3
    for step in PLAN:
        if step == "pool":
            modules.append(nn.MaxPool2d(2, ceil_mode=True))
            continue
        modules += [nn.ReflectionPad2d(1), nn.Conv2d(channels, step, 3), nn.ReLU()]
        channels = step
        depth -= 1
        if not depth:
            break
    return nn.Sequential(*modules)


def torchvision_network(depth: int = 16) -> nn.Sequential:
    modules: list[nn.Module] = []
    channels = 3
    for step in PLAN:
        if step == "pool":
            modules.append(nn.MaxPool2d(2))
            continue
        modules += [nn.Conv2d(channels, step, 3, padding=1), nn.ReLU()]
        channels = step
        depth -= 1
        if not depth:
            break
    return nn.Sequential(*modules)


def named_like(network: Callable[[int], nn.Sequential], tensors: Tensors, skip: int = 0) -> Tensors:
    with torch.device("meta"):
        keys = list(network(len(tensors) // 2).state_dict())[2 * skip :]
    return dict(zip(keys, tensors.values(), strict=True))


CONV0 = torch.tensor([[0.1, 0.2, 255.0], [0.3, 254.0, 0.0], [253.0, 0.0, -0.5]])
CONV0_BIAS = torch.tensor([-104.28, -116.78, -123.35])


def as_torchvision(tensors: Tensors) -> Tensors:
    features = {f"features.{k}": v for k, v in named_like(torchvision_network, tensors).items()}
    return {**features, "classifier.0.weight": torch.zeros(4, 2), "classifier.0.bias": torch.zeros(4)}


def as_adain(tensors: Tensors) -> Tensors:
    first = {"0.weight": CONV0[:, :, None, None].clone(), "0.bias": CONV0_BIAS.clone()}
    return {**first, **named_like(adain_network, tensors, skip=1)}


def write_torch(tensors: Tensors, path: Path) -> None:
    torch.save(tensors, path)


def write_legacy(tensors: Tensors, path: Path) -> None:
    torch.save(tensors, path, _use_new_zipfile_serialization=False)


def write_keras(names: tuple[str, str], within: str = "") -> Writer:
    def write(tensors: Tensors, path: Path) -> None:
        with h5py.File(path, "w") as file:
            root = file.create_group(within) if within else file
            root.create_group("block1_pool")
            for key, tensor in tensors.items():
                layer, kind = key.removeprefix("conv").split(".")
                block = "block{}_conv{}".format(*layer.split("_"))
                array = tensor.numpy()
                if kind == "weight":
                    # Written element by element in Keras's meaning: [row, column, input, output].
                    array = np.stack([array[:, :, y, x].T for y in range(3) for x in range(3)])
                    array = array.reshape(3, 3, *array.shape[1:])
                root.create_dataset(f"{block}/{names[kind == 'bias'].format(block)}", data=array)

    return write


KERAS_FIRST = write_keras(("{}_W_1:0", "{}_b_1:0"))
KERAS_SECOND = write_keras(("{}/kernel:0", "{}/bias:0"))
KERAS_MODEL = write_keras(("{}/kernel:0", "{}/bias:0"), within="model_weights")


@pytest.mark.parametrize("ending", ["", ".safetensors"])
@pytest.mark.parametrize(
    ("rename", "write", "preprocessing", "origin"),
    [
        (dict, KERAS_FIRST, CAFFE, "Oxford VGG-19 (Keras notop)"),
        (dict, KERAS_SECOND, CAFFE, "Oxford VGG-19 (Keras notop)"),
        (dict, KERAS_MODEL, CAFFE, "Oxford VGG-19 (Keras notop)"),
        (dict, write_torch, CAFFE, "Oxford VGG-19, normalised (Gatys et al. 2016)"),
        (dict, write_legacy, CAFFE, "Oxford VGG-19, normalised (Gatys et al. 2016)"),
        (dict, safetensors.torch.save_file, CAFFE, "VGG-19 (safetensors)"),
        (as_torchvision, write_torch, TORCHVISION, "torchvision VGG-19 (ImageNet)"),
        (as_torchvision, write_legacy, TORCHVISION, "torchvision VGG-19 (ImageNet)"),
        (as_torchvision, safetensors.torch.save_file, TORCHVISION, "torchvision VGG-19 (ImageNet)"),
        (as_adain, write_legacy, None, "Oxford VGG-19, normalised (AdaIN, Huang & Belongie 2017)"),
    ],
)
def test_every_layout_gives_the_same_tensors(
    own: Tensors,
    tmp_path: Path,
    rename: Callable[[Tensors], Tensors],
    write: Writer,
    preprocessing: Preprocessing | None,
    origin: str,
    ending: str,
):
    path = tmp_path / f"w{ending}"
    write(rename(own), path)
    weights = load(path)
    assert weights.architecture == "vgg19"
    assert list(weights.tensors) == list(own)
    for name, tensor in weights.tensors.items():
        assert tensor.dtype == torch.float32
        assert tensor.is_contiguous()
        assert torch.equal(tensor, own[name]), name
    assert weights.origin == origin
    assert weights.licence
    assert weights.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    if preprocessing is not None:
        assert weights.preprocessing == preprocessing


def test_adain_first_layer_is_folded_exactly(own: Tensors, tmp_path: Path):
    shallow = {name: own[name] for name in ("conv1_1.weight", "conv1_1.bias")}
    write_torch(as_adain(shallow), tmp_path / "vgg_normalised.pth")
    weights = load(tmp_path / "vgg_normalised.pth")
    network = adain_network(1)
    network.load_state_dict(as_adain(shallow))
    image = torch.rand(1, 3, 9, 7, generator=torch.Generator().manual_seed(1))
    matrix, bias = torch.tensor(weights.preprocessing.matrix), torch.tensor(weights.preprocessing.bias)
    colors = torch.einsum("ij,bjhw->bihw", matrix, image) + bias[:, None, None]
    padded = nn.functional.pad(colors, (1, 1, 1, 1), mode="reflect")
    features = nn.functional.conv2d(padded, weights.tensors["conv1_1.weight"], weights.tensors["conv1_1.bias"])
    torch.testing.assert_close(features.relu(), network(image), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(("network", "prefix", "skip"), [(torchvision_network, "features.", 0), (adain_network, "", 1)])
def test_sixteen_layers_fall_into_place(tmp_path: Path, network: Callable[[], nn.Sequential], prefix: str, skip: int):
    with torch.device("meta"):
        state = network().state_dict()
    # One number a layer, stored once and expanded: the true shapes in a few kilobytes.
    tensors = {
        f"{prefix}{key}": torch.full((1,), float(index // 2)).expand(value.shape)
        for index, (key, value) in enumerate(state.items(), start=2 - 2 * skip)
    }
    write_torch(tensors, tmp_path / "vgg.pth")
    assert (tmp_path / "vgg.pth").stat().st_size < 50_000
    weights = load(tmp_path / "vgg.pth")
    assert len(weights.tensors) == 32
    for index, layer in enumerate(VGG19_CONVOLUTIONS, start=1):
        for kind in ("weight", "bias"):
            assert weights.tensors[f"{layer}.{kind}"].flatten()[[0, -1]].tolist() == [index, index]


def test_oxford_weights_in_torchvision_names_are_told_by_their_numbers(own: Tensors, tmp_path: Path):
    known = [0.7302, 0.0649, 0.0343, 0.8260, 0.2578, 0.5487, -0.0124, 0.3479]
    bias = own["conv1_1.bias"].clone()
    bias[:8] = torch.tensor(known)
    write_torch(as_torchvision({**own, "conv1_1.bias": bias}), tmp_path / "vgg19-d01eb7cb.pth")
    weights = load(tmp_path / "vgg19-d01eb7cb.pth")
    assert weights.preprocessing == CAFFE
    assert "Oxford" in weights.origin


def test_preprocessing_by_hand():
    def apply(preprocessing: Preprocessing, rgb: tuple[float, float, float]) -> list[float]:
        return [
            sum(m * c for m, c in zip(row, rgb, strict=True)) + b
            for row, b in zip(preprocessing.matrix, preprocessing.bias, strict=True)
        ]

    # Blue 0, green 127.5, red 255, each minus its mean.
    assert apply(CAFFE, (1.0, 0.5, 0.0)) == pytest.approx([-103.939, 10.721, 131.32])
    assert apply(TORCHVISION, (0.485, 0.456, 0.406)) == pytest.approx([0, 0, 0], abs=1e-12)
    assert apply(TORCHVISION, (0.485 + 0.229, 0.456, 0.406 - 0.225)) == pytest.approx([1, 0, -1])
    assert apply(IDENTITY, (0.1, 0.2, 0.3)) == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BGR, 0-255, minus (103.939, 116.779, 123.68)", CAFFE),
        ("RGB, ImageNet mean and std", TORCHVISION),
    ],
)
def test_declared_preprocessing(own: Tensors, tmp_path: Path, text: str, expected: Preprocessing):
    path = tmp_path / "w.safetensors"
    notes = {"preprocessing": text, "origin": "a\nwalk " * 100, "licence": "CC0"}
    safetensors.torch.save_file(own, path, notes)
    weights = load(path)
    assert weights.preprocessing == expected
    assert weights.licence == "CC0"
    assert weights.metadata == notes
    assert weights.origin.startswith("a walk a walk")
    assert len(weights.origin) <= 200


def test_unknown_declared_preprocessing_is_refused(own: Tensors, tmp_path: Path):
    safetensors.torch.save_file(own, tmp_path / "w.safetensors", {"preprocessing": "RGB 0-255"})
    with pytest.raises(WeightsError, match="preprocessing 'RGB 0-255' is unknown"):
        load(tmp_path / "w.safetensors")


def test_half_precision_and_double_become_float32(own: Tensors, tmp_path: Path):
    mixed = {name: tensor.half() if "weight" in name else tensor.double() for name, tensor in own.items()}
    safetensors.torch.save_file(mixed, tmp_path / "w.safetensors")
    for name, tensor in load(tmp_path / "w.safetensors").tensors.items():
        assert torch.equal(tensor, mixed[name].float())
        assert tensor.dtype == torch.float32


def test_petite_is_recognised_and_left_as_it_is(tmp_path: Path):
    tensors = {
        "any.name": torch.arange(6, dtype=torch.float16).reshape(2, 3),
        "steps": torch.tensor([5]),
        "none": torch.zeros(0),
    }
    notes = {"architecture": "petite", "licence": "MIT", "widths": "16,32"}
    safetensors.torch.save_file(tensors, tmp_path / "p", notes)
    assert sniff(tmp_path / "p").architecture == "petite"
    weights = load(tmp_path / "p")
    assert weights.architecture == "petite"
    assert weights.metadata == notes
    assert weights.preprocessing == IDENTITY
    assert weights.tensors["any.name"].dtype == torch.float16
    assert torch.equal(weights.tensors["any.name"], tensors["any.name"])


def test_petite_with_nan_is_refused(tmp_path: Path):
    tensors = {"lift.weight": torch.tensor([1.0, float("nan")])}
    safetensors.torch.save_file(tensors, tmp_path / "p", {"architecture": "petite"})
    with pytest.raises(WeightsError, match=r"lift\.weight holds NaN"):
        load(tmp_path / "p")


def check_refused(tensors: Tensors, path: Path, *messages: str, **metadata: str) -> None:
    safetensors.torch.save_file(tensors, path, metadata or None)
    with pytest.raises(WeightsError) as caught:
        load(path)
    for message in messages:
        assert message in str(caught.value)
    assert caught.value.exit_code == 4


def test_first_differences_are_listed(own: Tensors, tmp_path: Path):
    wrong = {
        **own,
        "conv1_2.bias": torch.zeros(63),
        "conv2_1.weight": torch.zeros(64, 64, 3, 3),
        "conv2_2.bias": torch.full((128,), float("inf")),
        "conv9_9.weight": torch.zeros(1),
    }
    check_refused(
        wrong,
        tmp_path / "w",
        "conv1_2.bias: expected (64,), found (63,); "
        "conv2_1.weight: expected (128, 64, 3, 3), found (64, 64, 3, 3); "
        "conv2_2.bias: holds NaN or infinity; and 1 more",
    )


def test_a_gap_a_missing_bias_and_integers_are_found(own: Tensors, tmp_path: Path):
    gap = {name: tensor for name, tensor in own.items() if not name.startswith("conv2_1")}
    check_refused(gap, tmp_path / "w", "conv2_1.weight: missing; conv2_1.bias: missing")
    check_refused(
        {name: tensor for name, tensor in own.items() if name != "conv3_1.bias"},
        tmp_path / "w",
        "conv3_1.bias: missing",
    )
    check_refused(
        {**own, "conv1_1.bias": torch.zeros(64, dtype=torch.int64)},
        tmp_path / "w",
        "conv1_1.bias: expected dense floating point, found torch.int64",
    )


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_one_bad_number_is_found(own: Tensors, tmp_path: Path, bad: float):
    weight = own["conv3_1.weight"].clone()
    weight[5, 4, 1, 1] = bad
    check_refused({**own, "conv3_1.weight": weight}, tmp_path / "w", "conv3_1.weight: holds NaN or infinity")


def test_other_networks_are_refused(own: Tensors, tmp_path: Path):
    check_refused({"layer1.weight": torch.zeros(2)}, tmp_path / "w", "found layer1.weight")
    check_refused(own, tmp_path / "w", "'resnet50'", "vgg19 and petite", architecture="resnet50")
    check_refused(
        {"0.weight": torch.zeros(64, 3, 3, 3), "0.bias": torch.zeros(64)},
        tmp_path / "w",
        "should map colours",
    )


@pytest.mark.skipif(not STANDIN.exists(), reason="the shared stand-in weights are not on this machine")
def test_standin_file_is_taken_as_it_is():
    raw = safetensors.torch.load_file(STANDIN)
    weights = load(STANDIN)
    assert weights.preprocessing == CAFFE
    assert list(weights.tensors)[-1] == "conv5_1.bias"
    assert len(weights.tensors) == 26
    assert set(weights.tensors) == set(raw)
    for name, tensor in weights.tensors.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, raw[name].float()), name


@pytest.mark.skipif(not STANDIN.exists(), reason="the shared stand-in weights are not on this machine")
def test_real_oxford_layers_in_other_layouts(tmp_path: Path):
    raw = safetensors.torch.load_file(STANDIN)
    real = {f"{layer}.{kind}": raw[f"{layer}.{kind}"] for layer in SHALLOW for kind in ("weight", "bias")}
    write_legacy(as_torchvision(real), tmp_path / "w.pth")
    KERAS_FIRST(real, tmp_path / "w.h5")
    for path in (tmp_path / "w.pth", tmp_path / "w.h5"):
        weights = load(path)
        assert weights.preprocessing == CAFFE
        assert all(torch.equal(tensor, real[name]) for name, tensor in weights.tensors.items())
