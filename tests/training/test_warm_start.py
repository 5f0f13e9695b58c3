"""Warm starts: other networks' knowledge carried over without changing what they compute."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from impasto.encoders import Vgg
from impasto.encoders.petite import LIFTED
from impasto.errors import WeightsError
from impasto.training.warm_start import balance, collaborative, widen
from impasto.weights import TORCHVISION


def convolutions(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key: value for key, value in tensors.items() if key.startswith("conv")}


def encode(tensors: dict[str, torch.Tensor], image: torch.Tensor) -> dict[str, torch.Tensor]:
    encoder = Vgg(convolutions(tensors), TORCHVISION)
    return encoder(image, encoder.layers)


@pytest.fixture
def image(picture) -> torch.Tensor:
    return picture(32, 40).double()


@pytest.fixture(scope="session")
def collaborative_file(shared: Path) -> dict[str, torch.Tensor]:
    path = shared / "weights" / "collaborative-distillation-16x.safetensors"
    if not path.is_file():
        pytest.skip(f"needs {path.name} in the shared folder")
    return load_file(path)


def test_balance_keeps_the_function_up_to_a_factor_a_layer(student: dict[str, torch.Tensor], image: torch.Tensor):
    before = encode(student, image)
    powers = {f"conv{layer[4:]}": float(features.square().mean().sqrt()) for layer, features in before.items()}
    balanced = balance(student, powers)
    assert balanced.keys() == convolutions(student).keys()
    after = encode(balanced, image)
    for layer, features in before.items():
        torch.testing.assert_close(after[layer], features / powers[f"conv{layer[4:]}"], rtol=1e-4, atol=1e-5)
        assert float(after[layer].square().mean().sqrt()) == pytest.approx(1.0, rel=1e-4)


def test_balancing_by_ones_changes_nothing(student: dict[str, torch.Tensor]) -> None:
    balanced = balance(student, {key[:-7]: 1.0 for key in student if key.endswith(".weight") and key[0] == "c"})
    assert all(torch.equal(value, student[key]) for key, value in balanced.items())


@pytest.fixture
def wide(student: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Random tensors of a wider plan, with lifts to as many channels as the student's."""
    random = torch.Generator().manual_seed(9)
    tensors = {}
    for key, value in student.items():
        shape = list(value.shape)
        if key.startswith("lift"):
            shape[1] += 2
        else:
            shape[0] += 2
            if value.ndim == 4 and key != "conv1_1.weight":
                shape[1] += 2
        tensors[key] = torch.randn(shape, generator=random)
    return tensors


def test_widening_keeps_the_old_channels_and_adds_living_ones(student, wide, image: torch.Tensor) -> None:
    widened = widen(student, wide)
    assert {key: value.shape for key, value in widened.items()} == {key: value.shape for key, value in wide.items()}
    before, after = encode(student, image), encode(widened, image)
    for layer, features in before.items():
        old = features.shape[1]
        torch.testing.assert_close(after[layer][:, :old], features, rtol=1e-6, atol=1e-9)
        for key in (f"conv{layer[4:]}.weight", f"conv{layer[4:]}.bias"):
            assert torch.equal(widened[key][old:], wide[key][old:])
    assert float(after["relu1_1"][:, before["relu1_1"].shape[1] :].abs().max()) > 0


def test_widening_keeps_the_lifted_features(student, wide, image: torch.Tensor) -> None:
    widened = widen(student, wide)
    before, after = encode(student, image), encode(widened, image)
    for layer in LIFTED:
        key = f"lift{layer[4:]}.weight"
        old = torch.einsum("nc,bchw->bnhw", student[key].double(), before[layer])
        new = torch.einsum("nc,bchw->bnhw", widened[key].double(), after[layer])
        torch.testing.assert_close(new, old, rtol=1e-6, atol=1e-9)


def test_widening_leaves_its_arguments_alone(student, wide) -> None:
    copies = [{key: value.clone() for key, value in tensors.items()} for tensors in (student, wide)]
    widened = widen(student, wide)
    for value in widened.values():
        value.add_(1)
    for tensors, copy in zip((student, wide), copies, strict=True):
        assert all(torch.equal(value, copy[key]) for key, value in tensors.items())


def test_widening_without_lifts_keeps_the_wide_ones(student, wide) -> None:
    widened = widen(convolutions(student), wide)
    assert all(torch.equal(widened[key], wide[key]) for key in wide if key.startswith("lift"))


def test_widening_to_the_same_plan_is_the_narrow_network(student) -> None:
    other = {key: torch.randn_like(value) for key, value in student.items()}
    widened = widen(student, other)
    assert all(torch.equal(value, student[key]) for key, value in widened.items())


def test_what_cannot_be_widened_is_named(student, wide) -> None:
    with pytest.raises(WeightsError, match=r"conv1_1\.weight"):
        widen(wide, student)
    with pytest.raises(WeightsError, match=r"conv9_9\.weight"):
        widen({"conv9_9.weight": torch.zeros(1, 1, 3, 3)}, student)


def reference(tensors: dict[str, torch.Tensor], image: torch.Tensor) -> dict[str, torch.Tensor]:
    """Collaborative Distillation's encoder as it is: a 1x1 colour layer, then reflected 3x3 convolutions.

    Average pooling as in petite, instead of its own max pooling: folding has nothing to do with it.
    """
    get = lambda name: tensors[f"encoder5.{name}"].double()
    x, found = F.conv2d(image, get("conv0.weight"), get("conv0.bias")), {}
    for block, count in ((1, 2), (2, 2), (3, 4), (4, 4), (5, 1)):
        if block > 1:
            x = F.avg_pool2d(x, 2)
        for index in range(1, count + 1):
            name = f"conv{block}{index}"
            x = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), get(f"{name}.weight"), get(f"{name}.bias")))
            found[f"relu{block}_{index}"] = x
    return found


def test_folding_the_colour_layer_changes_nothing(collaborative_file, image: torch.Tensor) -> None:
    folded = collaborative(collaborative_file)
    assert not any("conv0" in key or "aux" in key for key in folded)
    assert all(value.dtype == torch.float32 for value in folded.values())
    expected, found = reference(collaborative_file, image), encode(folded, image)
    assert found.keys() == expected.keys()
    for layer, features in expected.items():
        assert float((found[layer] - features).norm() / features.norm()) < 1e-5, layer
    widths = {f"relu{b}_1": width for b, width in zip(range(1, 6), (16, 32, 64, 128, 128), strict=True)}
    assert {layer: found[layer].shape[1] for layer in widths} == widths


def test_folding_on_a_made_up_network(image: torch.Tensor) -> None:
    # The same without the shared file: an odd colour layer, with a bias for each channel.
    random = torch.Generator().manual_seed(4)
    tensors = {
        "encoder5.conv0.weight": 100 * torch.randn(3, 3, 1, 1, generator=random),
        "encoder5.conv0.bias": 50 * torch.randn(3, generator=random),
    }
    channels = 3
    for block, count in ((1, 2), (2, 2), (3, 4), (4, 4), (5, 1)):
        for index in range(1, count + 1):
            name = f"encoder5.conv{block}{index}"
            tensors[f"{name}.weight"] = 0.3 * torch.randn(4, channels, 3, 3, generator=random)
            tensors[f"{name}.bias"] = torch.rand(4, generator=random)
            tensors[f"{name}_aux.weight"] = torch.randn(8, 4, 1, 1, generator=random)
            channels = 4
    expected, found = reference(tensors, image), encode(collaborative(tensors), image)
    for layer, features in expected.items():
        assert float((found[layer] - features).norm() / features.norm()) < 1e-5, layer


@pytest.mark.parametrize("tensors", [{}, {"conv1_1.weight": torch.zeros(1)}, {"encoder5.conv0.weight": torch.zeros(3)}])
def test_other_files_are_refused(tensors: dict[str, torch.Tensor]) -> None:
    with pytest.raises(WeightsError, match="not a Collaborative Distillation encoder"):
        collaborative(tensors)
