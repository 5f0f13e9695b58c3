"""petite: what it returns is isometric to the wide features it predicts, so every loss is the wide one exactly."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save

from impasto.encoders import Petite, Vgg
from impasto.encoders.petite import LIFTED
from impasto.errors import UsageError, WeightsError
from impasto.losses import NORMALIZATIONS, Content, Gram, Style
from impasto.losses.normalization import power
from impasto.training.encoder_task import initial
from impasto.weights import TORCHVISION

PLAN = {
    f"{b}_{c}": (4, 6, 8, 10, 12)[b - 1] for b, n in ((1, 2), (2, 2), (3, 4), (4, 4), (5, 1)) for c in range(1, n + 1)
}
gram = Gram()
layers_of = st.sampled_from(LIFTED)
seeds = st.integers(0, 1000)


@pytest.fixture(scope="module")
def tensors() -> dict[str, torch.Tensor]:
    return initial(PLAN, seed=3)


@pytest.fixture(scope="module")
def petite(tensors: dict[str, torch.Tensor]) -> Petite:
    return Petite(tensors)


@pytest.fixture(scope="module")
def wide(tensors: dict[str, torch.Tensor]) -> Callable[[torch.Tensor, str], torch.Tensor]:
    """The lifted features A f themselves, built the expensive way."""
    convolutions = {key: value for key, value in tensors.items() if key.startswith("conv")}
    trunk = Vgg(convolutions, TORCHVISION)

    def lifted(image: torch.Tensor, layer: str) -> torch.Tensor:
        matrix = tensors[f"lift{layer[4:]}.weight"].to(image.dtype)
        return torch.einsum("nc,bchw->bnhw", matrix, trunk(image, [layer])[layer])

    return lifted


def image(seed: int, height: int = 16, width: int = 20) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def wide_gram(features: torch.Tensor) -> torch.Tensor:
    return gram.finish(gram.measure(features))


@given(layers_of, seeds)
def test_distances_of_features_are_the_wide_ones(petite, wide, layer: str, seed: int) -> None:
    one, other = image(seed), image(seed + 1)
    returned = (petite(one, [layer])[layer] - petite(other, [layer])[layer]).norm()
    assert float(returned) == pytest.approx(float((wide(one, layer) - wide(other, layer)).norm()), rel=1e-5)
    norm = petite(one, [layer])[layer].norm()
    assert float(norm) == pytest.approx(float(wide(one, layer).norm()), rel=1e-5)


@given(layers_of, seeds)
def test_distances_of_gram_matrices_are_the_wide_ones(petite, wide, layer: str, seed: int) -> None:
    # The painting has another size than the picture.
    one, other = image(seed), image(seed + 1, 18, 33)
    small = (wide_gram(petite(one, [layer])[layer]) - wide_gram(petite(other, [layer])[layer])).norm()
    large = (wide_gram(wide(one, layer)) - wide_gram(wide(other, layer))).norm()
    assert float(small) == pytest.approx(float(large), rel=1e-5)


@pytest.mark.parametrize("layer", LIFTED)
def test_lift_has_orthonormal_columns_and_gives_the_wide_features(petite, wide, layer: str) -> None:
    lift = petite.lift(layer).double()
    returned = petite(image(0), [layer])[layer]
    assert lift.shape == (petite.channels[layer], returned.shape[1])
    torch.testing.assert_close(lift.T @ lift, torch.eye(lift.shape[1]).double(), rtol=0, atol=1e-6)
    rebuilt = torch.einsum("nc,bchw->bnhw", lift, returned)
    torch.testing.assert_close(rebuilt, wide(image(0), layer), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", sorted(NORMALIZATIONS))
@pytest.mark.parametrize("layer", ["relu1_1", "relu4_2", "relu5_1"])
def test_losses_are_those_of_the_wide_features(petite, wide, name: str, layer: str) -> None:
    # With the nominal N in every normalisation: one recipe means the same with either encoder.
    normal, channels = NORMALIZATIONS[name], petite.channels[layer]
    picture, content, style = image(0), image(1), image(2, 24, 18)

    def losses(encode: Callable[[torch.Tensor], torch.Tensor]) -> tuple[float, float]:
        target = encode(content)
        factor = normal.content(channels, target[0, 0].numel(), power(target))
        second = wide_gram(encode(style))
        term = Style(layer, gram, second, normal.style(channels, power(second)))
        found = encode(picture)
        return float(Content(layer, target, factor)(found)), float(term(gram.measure(found)))

    narrow = losses(lambda x: petite(x, [layer])[layer])
    assert narrow == pytest.approx(losses(lambda x: wide(x, layer)), rel=1e-5)


def test_gradients_are_those_of_the_wide_features(petite, wide) -> None:
    picture = image(0).requires_grad_()
    target = image(1)
    gradients = []
    for encode in (lambda x: petite(x, ["relu3_1"])["relu3_1"], lambda x: wide(x, "relu3_1")):
        loss = (encode(picture) - encode(target)).square().sum()
        gradients.append(torch.autograd.grad(loss, picture)[0])
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-6)


def test_nominal_channels_are_vgg19s(petite: Petite) -> None:
    nominal = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu4_2": 512, "relu5_1": 512}
    assert petite.layers == LIFTED == tuple(nominal)
    assert {layer: petite.channels[layer] for layer in LIFTED} == nominal
    assert petite.name == "petite"


@pytest.mark.parametrize("layer", LIFTED)
def test_a_missing_lift_is_named(tensors: dict[str, torch.Tensor], layer: str) -> None:
    key = f"lift{layer[4:]}.weight"
    with pytest.raises(WeightsError, match=f"needs {key}; train one with"):
        Petite({name: value for name, value in tensors.items() if name != key})


def test_layers_without_a_lift_are_refused(petite: Petite) -> None:
    with pytest.raises(WeightsError, match="relu3_4"):
        petite(image(0), ["relu3_4"])
    with pytest.raises(UsageError, match="unknown layer"):
        petite(image(0), ["relu7_1"])


def test_from_bytes_reads_half_precision(tensors: dict[str, torch.Tensor], petite: Petite) -> None:
    data = save({key: value.half() for key, value in tensors.items()})
    read = Petite.from_bytes(data)
    assert len(read.sha256) == 64
    for layer in LIFTED:
        expected = petite(image(0), [layer])[layer]
        found = read(image(0), [layer])[layer]
        # QR may turn a pair of channels around; norms and Gram norms may not change.
        assert float(found.norm()) == pytest.approx(float(expected.norm()), rel=5e-3)
        assert read.tensors["conv1_1.weight"].dtype == torch.float32


def test_bfloat16_is_close(tensors: dict[str, torch.Tensor], petite: Petite) -> None:
    half = Petite(tensors, precision=torch.bfloat16)
    picture = image(0, 32, 32).float()
    for layer in LIFTED:
        exact, found = petite(picture, [layer])[layer], half(picture, [layer])[layer]
        assert found.dtype == torch.float32
        assert float((found - exact).norm() / exact.norm()) < 0.03


def test_a_lift_that_lost_rank_is_no_trouble(tensors: dict[str, torch.Tensor]) -> None:
    # Training may let a channel die: its column of the lift is then zero.
    dead = dict(tensors)
    dead["lift2_1.weight"] = dead["lift2_1.weight"].clone()
    dead["lift2_1.weight"][:, 2] = 0
    dead["lift2_1.weight"][:, 3] = dead["lift2_1.weight"][:, 1]
    encoder = Petite(dead)
    lift = encoder.lift("relu2_1").double()
    torch.testing.assert_close(lift.T @ lift, torch.eye(6).double(), rtol=0, atol=1e-6)
    convolutions = {key: value for key, value in dead.items() if key.startswith("conv")}
    raw = Vgg(convolutions, TORCHVISION)(image(0), ["relu2_1"])["relu2_1"]
    expected = torch.einsum("nc,bchw->bnhw", dead["lift2_1.weight"].double(), raw)
    found = encoder(image(0), ["relu2_1"])["relu2_1"]
    assert float(found.norm()) == pytest.approx(float(expected.norm()), rel=1e-5)


def test_to_moves_everything(petite: Petite) -> None:
    meta = petite.to("meta")
    assert isinstance(meta, Petite)
    assert meta.lift("relu1_1").device.type == "meta"
    assert petite.lift("relu1_1").device.type == "cpu"
    assert meta(torch.zeros(1, 3, 16, 16, device="meta"), ["relu4_2"])["relu4_2"].device.type == "meta"


def test_a_lift_that_there_is_none_of_names_those_there_are(petite: Petite) -> None:
    with pytest.raises(WeightsError, match=r"petite has no relu3_3; its layers are relu1_1, .*--encoder vgg19"):
        petite.lift("relu3_3")
