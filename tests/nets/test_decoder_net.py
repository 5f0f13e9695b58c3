"""Decoders: geometry, the plan, precision, and no checkerboard to begin with."""

import itertools
from typing import Any

import pytest
import torch

from impasto.encoders import VGG19, Petite
from impasto.errors import UsageError, WeightsError
from impasto.nets.decoder import LAYERS, PLAN, WIDTHS, Decoder, pad_to_neurons
from impasto.nets.store import Card
from tests.type_helpers import present


@pytest.fixture(scope="module")
def petite() -> Petite:
    return Petite.embedded()


def features(layer: str, height: int = 4, width: int = 5, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, WIDTHS[layer], height, width, generator=torch.Generator().manual_seed(seed))


def test_widths_are_petites_own(petite: Petite) -> None:
    found = petite.raw(torch.rand(1, 3, 32, 32), LAYERS)
    assert {layer: f.shape[1] for layer, f in found.items()} == WIDTHS


def test_parameters() -> None:
    counts = [sum(value.numel() for value in Decoder(layer).parameters()) for layer in LAYERS]
    # Each 9 · in · out + out: 16 -> 3; 48 -> 64 before it; 96 -> 64 -> 48; 128 -> 96 -> 96 -> 96; 128 -> 128 -> 128.
    assert counts == [
        435,
        435 + 27_712,
        28_147 + 55_360 + 27_696,
        111_203 + 110_688 + 2 * 83_040,
        387_971 + 2 * 147_584,
    ]
    everything = sum(counts) + counts[3]
    assert 2 * everything < 3.3e6, "float16, of all five and adain's"


@pytest.mark.parametrize("layer", LAYERS)
def test_features_become_a_picture_of_their_stride(layer: str) -> None:
    for height, width in ((4, 5), (1, 1), (1, 3)):
        image = Decoder(layer)(features(layer, height, width))
        assert image.shape == (1, 3, height * VGG19.stride(layer), width * VGG19.stride(layer))
        assert image.dtype == torch.float32
        assert bool(image.isfinite().all())


def test_a_deeper_decoder_ends_as_a_shallower_one() -> None:
    for shallow, deep in itertools.pairwise(LAYERS):
        small = {key: value.shape for key, value in Decoder(shallow).state_dict().items()}
        large = {key: value.shape for key, value in Decoder(deep).state_dict().items()}
        assert small.items() < large.items()


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("size", [(37, 50), (1, 1), (3, 5), (16, 33), (1, 40)])
def test_any_size_comes_back(petite: Petite, layer: str, size: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *size)
    extended = pad_to_neurons(image, VGG19.stride(layer))
    assert all(side % VGG19.stride(layer) == 0 for side in extended.shape[-2:])
    assert all(0 <= more - side < VGG19.stride(layer) for more, side in zip(extended.shape[-2:], size, strict=True))
    assert torch.equal(extended[..., : size[0], : size[1]], image)
    assert Decoder(layer)(petite.raw(extended, [layer])[layer], size).shape == image.shape


def test_padding_reflects_and_leaves_whole_pictures_alone() -> None:
    image = torch.arange(6.0).reshape(1, 1, 1, 6).expand(1, 3, 4, 6)
    assert pad_to_neurons(image, 1) is image
    # 0 1 2 3 4 5, then 4 3.
    assert pad_to_neurons(image, 4)[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 4, 3]


def test_a_picture_too_small_for_its_size_repeats_its_border() -> None:
    decoder = Decoder("relu2_1")
    small = decoder(features("relu2_1", 2, 2))
    image = decoder(features("relu2_1", 2, 2), (5, 3))
    assert image.shape == (1, 3, 5, 3)
    assert torch.equal(image[..., :4, :3], small[..., :3])
    assert torch.equal(image[..., 4, :], image[..., 3, :])


def convolution(decoder: Decoder, name: str) -> torch.nn.Conv2d:
    found = decoder.get_submodule(f"conv{name}")
    assert isinstance(found, torch.nn.Conv2d)
    return found


def test_one_convolution_by_hand() -> None:
    decoder = Decoder("relu1_1").requires_grad_(False)
    last = convolution(decoder, "1_1")
    last.weight.zero_()
    last.weight[0, 7, 1, 1] = 2.0
    last.weight[1, 3, 1, 0] = 1.0
    present(last.bias).copy_(torch.tensor([0.25, 0.0, -3.0]))
    given = features("relu1_1")
    image = decoder(given)
    assert torch.allclose(image[:, 0], 2 * given[:, 7] + 0.25)
    # The neighbour on the left; at the border, its reflection.
    assert torch.allclose(image[:, 1, :, 1:], given[:, 3, :, :-1])
    assert torch.allclose(image[:, 1, :, 0], given[:, 3, :, 1])
    # Linear: nothing is clamped here.
    assert float(image[:, 2].max()) == -3


@pytest.mark.parametrize("layer", LAYERS[1:])
def test_begins_without_a_checkerboard(layer: str) -> None:
    torch.manual_seed(3)
    flat = features(layer, 1, 1).expand(1, WIDTHS[layer], 6, 6)
    image = Decoder(layer)(flat).detach()
    assert float((image - image[..., :1, :1]).abs().max()) < 1e-5
    assert float(image.std((1, 2, 3))) > 1e-4


def test_position_does_not_matter_away_from_the_border() -> None:
    decoder, given = Decoder("relu3_1"), features("relu3_1", 14, 14)
    whole_picture, part = decoder(given), decoder(given[..., 1:, 2:])
    # Two convolutions at strides 4 and 2, one more at 2 and 1: four neurons are more than enough.
    assert torch.allclose(whole_picture[..., 4 + 16 :, 8 + 16 :], part[..., 16:, 16:], atol=1e-6)
    assert not torch.allclose(whole_picture[..., 4:, 8:], part)


def test_circular_padding_repeats() -> None:
    decoder, given = Decoder("relu4_1"), features("relu4_1", 6, 6)
    decoder.padding = "circular"
    rolled = decoder(given.roll((2, 3), (-2, -1)))
    assert torch.allclose(rolled, decoder(given).roll((16, 24), (-2, -1)), atol=1e-6)


def test_bfloat16_is_close() -> None:
    exact = Decoder("relu4_1").requires_grad_(False)
    half = Decoder("relu4_1", precision=torch.bfloat16).requires_grad_(False)
    half.load_state_dict(exact.state_dict())
    given = features("relu4_1", 8, 8)
    image, rough = exact(given), half(given)
    assert rough.dtype == half(given.bfloat16()).dtype == torch.float32
    assert float((image - rough).abs().max()) < 0.03 * float((image - 0.5).abs().max())


def test_bfloat16_keeps_the_levels_of_a_picture() -> None:
    decoder = Decoder("relu1_1", precision=torch.bfloat16).requires_grad_(False)
    last = convolution(decoder, "1_1")
    last.weight.zero_()
    last.weight[:, 0, 1, 1] = 1.0
    values = torch.linspace(0, 1, 2000)
    given = torch.zeros(1, 16, 1, 2000)
    given[0, 0, 0] = values - 0.5
    error = 255 * (decoder(given)[0, 0, 0] - values).abs().max()
    # Without the care for the bias it is twice that, half a level.
    assert float(error) < 0.26
    assert 255 * float((values.bfloat16().float() - values).abs().max()) > 0.45


@pytest.mark.parametrize("layer", ["relu1_1", "relu2_1"])
def test_gradient(layer: str) -> None:
    decoder = Decoder(layer).double()
    torch.nn.init.normal_(convolution(decoder, "1_1").weight)
    given = torch.rand(1, WIDTHS[layer], 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f: decoder(f)[..., ::2, ::3], (given,))


def test_a_file_builds_the_same_decoder() -> None:
    decoder = Decoder("relu3_1")
    # As JSON with sorted keys would give the plan back.
    plan = dict(sorted(decoder.plan.items()))
    card = Card("wct", "decoder", plan, layer="relu3_1")
    again = Decoder.from_parts(decoder.state_dict(), card, "net")
    assert torch.equal(again(features("relu3_1")), decoder(features("relu3_1")))
    assert not any(value.requires_grad for value in again.parameters())


def test_a_file_of_a_narrower_encoder_is_as_narrow() -> None:
    decoder = Decoder("relu2_1", channels=8)
    again = Decoder.from_parts(decoder.state_dict(), Card("wct", "decoder", decoder.plan, layer="relu2_1"), "net")
    assert again(torch.rand(1, 8, 2, 2)).shape == (1, 3, 4, 4)


def test_a_file_that_does_not_fit_its_card() -> None:
    tensors = Decoder("relu2_1").state_dict()
    with pytest.raises(WeightsError, match=r"net: .*conv2_2\.weight: missing"):
        Decoder.from_parts(tensors, Card("wct", "decoder", Decoder("relu3_1").plan, layer="relu3_1"), "net")
    with pytest.raises(WeightsError, match=r"net: layer 'relu9_1' cannot be decoded"):
        Decoder.from_parts(tensors, Card("wct", "decoder", {}, layer="relu9_1"), "net")
    with pytest.raises(WeightsError, match=r"net: .*'stylizer'"):
        Decoder.from_parts(tensors, Card("wct", "stylizer", {}, layer="relu2_1"), "net")


@pytest.mark.parametrize(
    "change", [{"2_1": 6}, {"2_1": 1 << 20}, {"2_1": True}, {"2_1": 0}, {"2_1": "64"}, {"1_1": 4}, {"3_1": 64}]
)
def test_plans_are_bounded(change: dict[str, Any]) -> None:
    with pytest.raises(WeightsError, match="convolution"):
        Decoder("relu2_1", {"2_1": 64, "1_1": 3} | change)


def test_only_the_first_layer_of_a_block_is_decoded() -> None:
    with pytest.raises(UsageError, match="relu1_1, relu2_1"):
        Decoder("relu4_2")
    assert list(Decoder("relu5_1").plan) == list(PLAN)
