"""VGG-19's shape against independent implementations, with the real conv1_1 ... conv3_4."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file
from torch import nn

from impasto import weights
from impasto.encoders import LAYERS, Vgg
from impasto.encoders.petite import Petite
from impasto.errors import UsageError, WeightsError
from impasto.weights import CAFFE, IDENTITY, TORCHVISION, VGG19_CONVOLUTIONS
from tests.type_helpers import present

TinyTensors = Callable[..., dict[str, torch.Tensor]]
PADDINGS: dict[str, Literal["zeros", "reflect", "replicate"]] = {
    "zero": "zeros",
    "reflect": "reflect",
    "replicate": "replicate",
}


@pytest.fixture(scope="module")
def arrays(standin: Path) -> dict[str, np.ndarray]:
    return load_file(standin)


@pytest.fixture(scope="module")
def photo(shared: Path) -> np.ndarray:
    """(40, 54, 3) grey levels of a real photograph."""
    with Image.open(shared / "images" / "content" / "tubingen.jpg") as image:
        return np.asarray(image.convert("RGB").resize((54, 40), Image.Resampling.BOX))


def as_image(photo: np.ndarray, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].to(dtype) / 255


def layer_by_layer(
    arrays: dict[str, np.ndarray], padding: str, pooling: str, photo: np.ndarray
) -> dict[str, torch.Tensor]:
    """The network of Simonyan & Zisserman's table 1, column E, as a list of torch modules fed with BGR levels."""
    bgr = photo[:, :, ::-1].astype(np.float64) - np.array([103.939, 116.779, 123.68])
    x = torch.from_numpy(np.ascontiguousarray(bgr.transpose(2, 0, 1)))[None]
    table: list[int | Literal["pool"]] = [64, 64, "pool", 128, 128, "pool"]
    table += [256, 256, 256, 256, "pool", 512, 512, 512, 512, "pool", 512]
    found, channels, block, index = {}, 3, 1, 1
    for entry in table:
        if entry == "pool":
            x = (nn.AvgPool2d(2, 2) if pooling == "average" else nn.MaxPool2d(2, 2))(x)
            block, index = block + 1, 1
            continue
        convolution = nn.Conv2d(channels, entry, 3, padding=1, padding_mode=PADDINGS[padding]).double()
        with torch.no_grad():
            convolution.weight.copy_(torch.from_numpy(arrays[f"conv{block}_{index}.weight"]))
            present(convolution.bias).copy_(torch.from_numpy(arrays[f"conv{block}_{index}.bias"]))
            x = nn.Sequential(convolution, nn.ReLU())(x)
        found[f"relu{block}_{index}"] = x
        channels, index = entry, index + 1
    return found


@pytest.mark.parametrize("padding", sorted(PADDINGS))
@pytest.mark.parametrize("pooling", ["average", "max"])
def test_agrees_with_torch_modules(
    standin: Path, arrays: dict[str, np.ndarray], photo: np.ndarray, padding: str, pooling: str
) -> None:
    encoder = Vgg.from_weights(weights.load(standin), padding=padding, pooling=pooling)
    expected = layer_by_layer(arrays, padding, pooling, photo)
    found = encoder(as_image(photo), expected)
    assert list(found) == list(expected) == list(encoder.layers)
    for layer, features in expected.items():
        torch.testing.assert_close(found[layer], features, rtol=1e-9, atol=1e-7, msg=lambda m: f"{layer}: {m}")  # noqa: B023
        assert float(features.abs().max()) > 1.0


@pytest.mark.parametrize(("padding", "mode"), [("zero", "constant"), ("reflect", "mirror"), ("replicate", "nearest")])
def test_first_convolution_agrees_with_scipy(
    standin: Path, arrays: dict[str, np.ndarray], photo: np.ndarray, padding: str, mode: str
) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    bgr = photo[:, :, ::-1].astype(np.float64) - np.array([103.939, 116.779, 123.68])
    encoder = Vgg.from_weights(weights.load(standin), padding=padding)
    found = encoder(as_image(photo), ["relu1_1"])["relu1_1"][0].numpy()
    for channel in range(64):
        kernel = arrays["conv1_1.weight"][channel].astype(np.float64)
        total = sum(ndimage.correlate(bgr[:, :, i], kernel[i], mode=mode, cval=0.0) for i in range(3))
        expected = np.maximum(total + arrays["conv1_1.bias"][channel], 0)
        np.testing.assert_allclose(found[channel], expected, rtol=1e-9, atol=1e-7)


def test_mirrored_input_channels_would_be_noticed(standin: Path, photo: np.ndarray) -> None:
    # The checks above could not tell a swap of red and blue on a grey picture; this one is coloured.
    encoder = Vgg.from_weights(weights.load(standin))
    right = encoder(as_image(photo), ["relu1_1"])["relu1_1"]
    swapped = encoder(as_image(photo).flip(1), ["relu1_1"])["relu1_1"]
    assert float((right - swapped).norm() / right.norm()) > 0.05


def test_from_weights_says_what_it_is(standin: Path) -> None:
    loaded = weights.load(standin)
    encoder = Vgg.from_weights(loaded)
    assert encoder.name == "vgg19"
    assert encoder.sha256 == loaded.sha256
    assert len(encoder.sha256) == 64
    assert encoder.layers == LAYERS[: LAYERS.index("relu5_1") + 1]
    assert encoder.channels == {layer: VGG19_CONVOLUTIONS[f"conv{layer[4:]}"][0] for layer in encoder.layers}
    assert encoder.lift("relu1_1") is None


def test_layers_deeper_than_the_weights_are_refused(standin: Path) -> None:
    encoder = Vgg.from_weights(weights.load(standin))
    with pytest.raises(WeightsError, match="end at relu5_1 and have no relu5_4"):
        encoder(torch.zeros(1, 3, 16, 16), ["relu1_1", "relu5_4"])


def test_unknown_layers_poolings_and_paddings_are_refused(tiny_encoder: Vgg) -> None:
    with pytest.raises(UsageError, match="unknown layer 'relu9_1'"):
        tiny_encoder(torch.zeros(1, 3, 16, 16), ["relu9_1"])
    with pytest.raises(UsageError, match="unknown pooling 'mean'; choose from average, max"):
        Vgg(tiny_encoder.tensors, CAFFE, pooling="mean")
    with pytest.raises(UsageError, match="unknown padding 'mirror'; choose from"):
        Vgg(tiny_encoder.tensors, CAFFE, padding="mirror")


class Counting(dict[str, torch.Tensor]):
    """Tensors that remember which were asked for."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        super().__init__(tensors)
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> torch.Tensor:
        self.asked.add(key)
        return super().__getitem__(key)


@pytest.mark.parametrize("deepest", ["relu1_1", "relu2_2", "relu3_1", "relu4_2", "relu5_4"])
def test_goes_no_deeper_than_needed(tiny_encoder: Vgg, deepest: str) -> None:
    encoder = Vgg(tiny_encoder.tensors, CAFFE)
    encoder.tensors = counting = Counting(encoder.tensors)
    encoder(torch.rand(1, 3, 16, 16), ["relu1_1", deepest])
    reached = {key[4:7] for key in counting.asked}
    assert reached == {layer[4:] for layer in LAYERS[: LAYERS.index(deepest) + 1]}


def test_accepts_loose_names_and_repeats(tiny_encoder: Vgg) -> None:
    image = torch.rand(1, 3, 16, 16)
    found = tiny_encoder(image, ["conv2_1", "relu2_1", "conv1_2"])
    assert set(found) == {"relu1_2", "relu2_1"}
    assert tiny_encoder(image, []) == {}
    assert tiny_encoder(image, iter(["relu1_1"])).keys() == {"relu1_1"}


def test_features_do_not_depend_on_what_else_is_asked(tiny_encoder: Vgg) -> None:
    # In-place operations further down would change what was already handed out.
    image = torch.rand(1, 3, 32, 32)
    together = tiny_encoder(image, LAYERS)
    for layer in LAYERS:
        assert torch.equal(together[layer], tiny_encoder(image, [layer])[layer])
        assert float(together[layer].min()) >= 0.0


def test_leaves_the_picture_alone_and_keeps_no_state(tiny_encoder: Vgg) -> None:
    image = torch.rand(1, 3, 20, 24)
    before, state = image.clone(), dict(tiny_encoder.__dict__)
    first = tiny_encoder(image, LAYERS)
    second = tiny_encoder(image, LAYERS)
    assert torch.equal(image, before)
    assert all(torch.equal(first[layer], second[layer]) for layer in LAYERS)
    assert all(tiny_encoder.__dict__[key] is value for key, value in state.items())


def test_batches_are_pictures_side_by_side(tiny_encoder: Vgg) -> None:
    batch = torch.rand(3, 3, 16, 20, dtype=torch.float64)
    together = tiny_encoder(batch, LAYERS)
    for index in range(3):
        alone = tiny_encoder(batch[index : index + 1], LAYERS)
        for layer in LAYERS:
            torch.testing.assert_close(together[layer][index : index + 1], alone[layer])


def test_preprocessings_are_the_published_ones() -> None:
    # The same first convolution sees the same numbers, whichever way they were written down.
    rgb = torch.rand(1, 3, 4, 4, dtype=torch.float64)
    tensors = {"conv1_1.weight": torch.zeros(3, 3, 3, 3), "conv1_1.bias": torch.full((3,), 1000.0)}
    for channel in range(3):
        tensors["conv1_1.weight"][channel, channel, 1, 1] = 1

    def seen(preprocessing: weights.Preprocessing) -> torch.Tensor:
        return Vgg(tensors, preprocessing, channels=dict.fromkeys(range(1, 6), 3))(rgb, ["relu1_1"])["relu1_1"] - 1000

    torch.testing.assert_close(seen(IDENTITY), rgb)
    caffe = 255 * rgb.flip(1) - torch.tensor([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1).double()
    torch.testing.assert_close(seen(CAFFE), caffe, rtol=1e-6, atol=1e-4)
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).double().reshape(2, 1, 3, 1, 1)
    torch.testing.assert_close(seen(TORCHVISION), (rgb - mean) / std, rtol=1e-6, atol=1e-6)
    mixing = weights.Preprocessing(matrix=((1.0, 2.0, 0.0), (0.0, 3.0, 0.0), (0.5, 0.0, -1.0)), bias=(0.1, 0.2, 0.3))
    red, green, blue = rgb.unbind(1)
    mixed = torch.stack([red + 2 * green + 0.1, 3 * green + 0.2, 0.5 * red - blue + 0.3], 1)
    torch.testing.assert_close(seen(mixing), mixed, rtol=1e-6, atol=1e-4)


def test_zero_padding_is_zero_after_the_mean_is_taken_off(tiny_tensors: TinyTensors) -> None:
    # A picture of the mean colour is zero everywhere inside the network, so its border cannot be seen.
    mean = torch.tensor([123.68, 116.779, 103.939], dtype=torch.float64).reshape(1, 3, 1, 1) / 255
    encoder = Vgg(tiny_tensors(), CAFFE, padding="zero")
    features = encoder(mean.expand(1, 3, 8, 8), ["relu1_1"])["relu1_1"]
    torch.testing.assert_close(features, features[:, :, 4:5, 4:5].expand_as(features), rtol=0, atol=1e-5)
    assert float(features.max()) > 0.05


@pytest.mark.parametrize("padding", ["reflect", "replicate"])
def test_a_constant_picture_has_constant_features(tiny_tensors: TinyTensors, padding: str) -> None:
    encoder = Vgg(tiny_tensors(), CAFFE, padding=padding)
    color = torch.tensor([0.2, 0.7, 0.4], dtype=torch.float64).reshape(1, 3, 1, 1)
    for layer, features in encoder(color.expand(1, 3, 33, 47), LAYERS).items():
        torch.testing.assert_close(features, features[:, :, :1, :1].expand_as(features), msg=layer)


@pytest.mark.parametrize("padding", sorted(PADDINGS))
@pytest.mark.parametrize("size", [(16, 16), (16, 90), (31, 17)])
def test_smallest_pictures_reach_the_deepest_layer(tiny_tensors: TinyTensors, padding: str, size: tuple[int, int]):
    features = Vgg(tiny_tensors(), CAFFE, padding=padding)(torch.rand(1, 3, *size), ["relu5_4"])["relu5_4"]
    assert features.shape[-2:] == (size[0] // 16, size[1] // 16)
    assert bool(torch.isfinite(features).all())


@pytest.mark.parametrize("padding", sorted(PADDINGS))
def test_bfloat16_is_close_and_comes_back_in_the_pictures_type(standin: Path, photo: np.ndarray, padding: str) -> None:
    loaded = weights.load(standin)
    layers = ["relu1_1", "relu3_1", "relu5_1"]
    exact = Vgg.from_weights(loaded, padding=padding)(as_image(photo, torch.float32), layers)
    half = Vgg.from_weights(loaded, padding=padding, precision=torch.bfloat16)(as_image(photo, torch.float32), layers)
    for layer in layers:
        assert half[layer].dtype == torch.float32
        error = float((half[layer] - exact[layer]).norm() / exact[layer].norm())
        assert 0 < error < 0.02, f"{layer}: {error}"


def test_gradient_survives_bfloat16(tiny_encoder: Vgg) -> None:
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    gradients = []
    for precision in (None, torch.bfloat16):
        encoder = Vgg(tiny_encoder.tensors, CAFFE, precision=precision)
        (gradient,) = torch.autograd.grad(encoder(image, ["relu3_1"])["relu3_1"].square().sum(), image)
        gradients.append(gradient)
    assert gradients[1].dtype == torch.float32
    # ReLUs near zero flip: over 200 noise pictures the error had median 0.04 and maximum 0.16; a lost gradient has 1.
    assert float((gradients[1] - gradients[0]).norm() / gradients[0].norm()) < 0.25


def test_to_gives_another_encoder_with_the_same_answers(tiny_encoder: Vgg) -> None:
    moved = tiny_encoder.to("cpu")
    image = torch.rand(1, 3, 16, 16)
    assert moved is not tiny_encoder
    assert moved.channels == tiny_encoder.channels
    assert torch.equal(moved(image, ["relu5_1"])["relu5_1"], tiny_encoder(image, ["relu5_1"])["relu5_1"])
    meta = tiny_encoder.to("meta")
    assert meta.tensors["conv1_1.weight"].device.type == "meta"
    assert tiny_encoder.tensors["conv1_1.weight"].device.type == "cpu"
    assert meta(image.to("meta"), ["relu5_1"])["relu5_1"].device.type == "meta"


def test_layers_that_stay_narrow_have_the_type_of_the_convolutions_and_the_same_values(tiny_tensors: TinyTensors):
    image = torch.rand(1, 3, 33, 28)
    for encoder in (Vgg(tiny_tensors(), CAFFE, precision=torch.bfloat16), Petite.embedded(precision=torch.bfloat16)):
        wide = encoder(image, ["relu1_1", "relu3_1"])
        narrow = encoder.narrowed(["relu1_1"])(image, ["relu1_1", "relu3_1"])

        assert narrow["relu1_1"].dtype is torch.bfloat16
        assert narrow["relu3_1"].dtype is wide["relu1_1"].dtype is torch.float32
        assert all(torch.equal(narrow[layer].float(), wide[layer]) for layer in wide)
        # The encoder itself is as it was.
        assert encoder(image, ["relu1_1"])["relu1_1"].dtype is torch.float32
