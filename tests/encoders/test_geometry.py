"""Names, strides and receptive fields of layers, against a network whose gradients show what each neuron sees."""

import pytest
import torch

from impasto.encoders import LAYERS, VGG19, Vgg
from impasto.errors import UsageError
from impasto.weights import IDENTITY


def test_layers_are_vgg19s() -> None:
    assert len(LAYERS) == 16
    assert LAYERS[0] == "relu1_1"
    assert LAYERS[-1] == "relu5_4"
    assert list(LAYERS) == sorted(LAYERS)
    assert [sum(layer.startswith(f"relu{block}_") for layer in LAYERS) for block in range(1, 6)] == [2, 2, 4, 4, 4]


@pytest.mark.parametrize("layer", LAYERS)
def test_conv_is_the_loose_name_for_relu(layer: str) -> None:
    loose = layer.replace("relu", "conv")
    assert VGG19.layer(layer) == VGG19.layer(loose) == layer
    assert VGG19.stride(loose) == VGG19.stride(layer)
    assert VGG19.receptive_field(loose) == VGG19.receptive_field(layer)


@pytest.mark.parametrize(
    "name", ["relu1_3", "relu6_1", "relu4", "pool1", "conv4_5", "", "relu4_2 ", "Relu4_2", "xconv4_2"]
)
def test_unknown_layers_are_named_in_one_line(name: str) -> None:
    for question in (VGG19.layer, VGG19.stride, VGG19.receptive_field):
        with pytest.raises(UsageError, match="unknown layer") as caught:
            question(name)
        assert f"'{' '.join(name.split())}" in str(caught.value)
        assert "relu1_1" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_known_receptive_fields() -> None:
    # By hand: +2 steps a convolution, +1 step a pool.
    known = {"relu1_1": 3, "relu1_2": 5, "relu2_1": 10, "relu2_2": 14, "relu3_1": 24, "relu4_1": 68, "relu5_1": 156}
    assert {layer: VGG19.receptive_field(layer) for layer in known} == known


@pytest.fixture(scope="module")
def chain() -> Vgg:
    """One channel, all weights positive: nothing is cut off by ReLU, so gradients show exactly what is seen."""
    tensors = {}
    for index, layer in enumerate(LAYERS):
        tensors[f"conv{layer[4:]}.weight"] = torch.full((1, 1 if index else 3, 3, 3), 1 / 9, dtype=torch.float64)
        tensors[f"conv{layer[4:]}.bias"] = torch.zeros(1, dtype=torch.float64)
    return Vgg(tensors, IDENTITY, padding="zero", channels=dict.fromkeys(range(1, 6), 1))


@pytest.mark.parametrize("layer", LAYERS)
def test_stride_and_receptive_field_are_what_the_gradient_shows(chain: Vgg, layer: str) -> None:
    step, field = chain.stride(layer), chain.receptive_field(layer)
    side = (field // step + 4) * step
    image = torch.ones(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    features = chain(image, [layer])[layer]
    assert features.shape == (1, 1, side // step, side // step)
    firsts = []
    middle = side // step // 2
    for row in (middle, middle + 1):
        (gradient,) = torch.autograd.grad(features[0, 0, row, middle], image, retain_graph=True)
        rows, columns = (gradient[0].sum((0, axis)).nonzero().flatten().tolist() for axis in (2, 1))
        assert len(rows) == rows[-1] - rows[0] + 1 == field
        assert len(columns) == columns[-1] - columns[0] + 1 == field
        firsts.append(rows[0])
    assert firsts[1] - firsts[0] == step


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (33, 18), (47, 16)])
def test_odd_sides_lose_their_last_row_at_a_pool(chain: Vgg, size: tuple[int, int]) -> None:
    found = chain(torch.ones(1, 3, *size, dtype=torch.float64), LAYERS)
    for layer, features in found.items():
        assert features.shape[-2:] == tuple(side // chain.stride(layer) for side in size)


def test_neurons_stop_at_the_deepest_layer_that_is_judged() -> None:
    tensors = {
        f"conv{name}.weight": torch.empty(width, 3, 3, 3) for name, width in (("1_1", 8), ("2_1", 16), ("5_4", 9))
    }
    encoder = Vgg(tensors, IDENTITY)
    assert encoder.neurons(["relu2_1", "relu1_1"]) == 8 + 16 / 4
    assert encoder.neurons(["relu5_4"]) == 8 + 16 / 4 + 9 / 256
    assert encoder.neurons([]) == 0
