"""The network for any painting: sizes, batches, what it depends on, how features are matched, and its file."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto.encoders import Petite
from impasto.errors import WeightsError
from impasto.nets import store
from impasto.nets.avatar import KIND, LAYERS, METHOD, Avatar, AvatarPlan, StyleNorm, encoded, softly
from impasto.nets.norm_statistics import NormStatistics, moments
from impasto.nets.transforms import Moments, recoloring, whitening

Picture = Callable[..., Tensor]
TINY = AvatarPlan(channels=(3, 4, 5, 6), up=(2, 3, 4), last=5)


@pytest.fixture
def net() -> Avatar:
    net = Avatar(TINY, seed=3).eval().requires_grad_(False)
    # As faint as it begins, hardly any of what is painted would depend on the features.
    net.leave.weight.mul_(100)
    return net


def features(height: int, width: int, seed: int = 0) -> dict[str, Tensor]:
    """Random features of a picture, as an encoder of `TINY` would give them."""
    random = torch.Generator().manual_seed(seed)
    return {
        layer: torch.rand(1, channels, -(-height // 2**level), -(-width // 2**level), generator=random)
        for level, (layer, channels) in enumerate(zip(LAYERS, TINY.channels, strict=True))
    }


@pytest.mark.parametrize("size", [(32, 32), (33, 50), (18, 31)])
def test_any_size_comes_back(net: Avatar, picture: Picture, size: tuple[int, int]) -> None:
    image = picture(*size)
    assert net(image, features(*size)).shape == image.shape


def test_a_batch_is_its_pictures_one_by_one(net: Avatar, picture: Picture) -> None:
    images = [picture(32, 40, seed=seed) for seed in (1, 2)]
    of_each = [features(32, 40, seed) for seed in (1, 2)]
    together = net(torch.cat(images), {layer: torch.cat([one[layer] for one in of_each]) for layer in LAYERS})
    for index, (image, maps) in enumerate(zip(images, of_each, strict=True)):
        torch.testing.assert_close(together[index : index + 1], net(image, maps), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", LAYERS)
def test_features_of_each_layer_change_what_is_painted(net: Avatar, picture: Picture, layer: str) -> None:
    image, maps = picture(32, 40), features(32, 40)
    other = {**maps, layer: maps[layer].flip(-1)}
    assert (net(image, maps) - net(image, other)).abs().max() > 0.01


def test_the_halo_is_as_far_as_paint_depends(net: Avatar, picture: Picture) -> None:
    image, maps = picture(16, 240), features(16, 240)
    statistics = NormStatistics()
    painted = net(image, maps, statistics)
    changed = {layer: values.clone() for layer, values in maps.items()}
    for level, layer in enumerate(LAYERS):
        changed[layer][..., 160 // 2**level :] += 1
    differs = (net(image, changed, statistics) - painted).abs().amax((0, 1, 2)) > 0
    first = int(differs.nonzero()[0])
    assert 160 - net.halo <= first <= 160 - net.halo + 2 * net.stride


def test_a_norm_brings_channels_to_mean_and_variance_of_others() -> None:
    x = torch.randn(2, 3, 9, 7, generator=torch.Generator().manual_seed(2)) * 5 + 1
    other = torch.rand(2, 3, 4, 6, generator=torch.Generator().manual_seed(3))
    mean, variance = moments(StyleNorm()(x, moments(other)))
    torch.testing.assert_close(mean, moments(other)[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(variance, moments(other)[1], rtol=1e-3, atol=1e-4)


def test_it_begins_as_the_photograph(picture: Picture) -> None:
    image = picture(33, 42)
    assert (Avatar(TINY)(image, features(33, 42)) - image).abs().max() < 0.15


def test_encoded_features_have_a_neuron_for_each_part(picture: Picture) -> None:
    maps = encoded(Petite.embedded(), picture(33, 42))
    assert [tuple(maps[layer].shape[-2:]) for layer in LAYERS] == [(33, 42), (17, 21), (9, 11), (5, 6)]


def mixing(random: torch.Generator) -> Tensor:
    """A matrix that mixes four channels, each the strongest in its own."""
    return torch.eye(4) + 0.2 * torch.randn(4, 4, generator=random)


def test_features_take_the_moments_of_the_painting() -> None:
    """Exactly without a ridge; with it all but, where the photograph varies in every direction."""
    random = torch.Generator().manual_seed(5)
    content, style = (
        torch.einsum("ij,bjhw->bihw", mixing(random), torch.rand(1, 4, 32, 32, generator=random)) for _ in range(2)
    )
    of_content, of_style = Moments.measure(content), Moments.measure(style)
    exact = Moments.measure(whitening(of_content, of_style)(content))
    torch.testing.assert_close(exact.covariance, of_style.covariance, rtol=1e-3, atol=1e-3)
    soft = Moments.measure(softly(of_content, of_style)(content))
    torch.testing.assert_close(soft.mean, of_style.mean, rtol=1e-3, atol=1e-3)
    assert float(soft.covariance.trace()) == pytest.approx(float(of_style.covariance.trace()), rel=0.05)
    assert float(soft.covariance.trace()) < float(of_style.covariance.trace())


def test_a_ridge_is_by_hand_what_it_says() -> None:
    """One channel: variance v becomes style's times v / (v + ridge · v)."""
    content = Moments.measure(torch.tensor([0.0, 2.0]).view(1, 1, 1, 2))
    style = Moments.measure(torch.tensor([0.0, 6.0]).view(1, 1, 1, 2))
    affine = whitening(content, style, ridge=0.21)
    assert float(affine.matrix) == pytest.approx(3 / 1.1, rel=1e-6)


def test_an_even_photograph_is_not_made_noisy() -> None:
    """Half a level of noise in color on grey of all levels stays below four, whatever the painting's contrast."""
    random = torch.Generator().manual_seed(5)
    grey = torch.rand(1, 1, 64, 64, generator=random).expand(1, 3, 64, 64)
    content = grey + (torch.rand(1, 3, 64, 64, generator=random) - 0.5) / 255
    style = Moments.measure(torch.rand(1, 3, 64, 64, generator=random))
    moved = recoloring(Moments.measure(content), style)(content)
    color = moved - moved.mean(1, keepdim=True)
    assert float((color - color.mean((2, 3), keepdim=True)).std()) < 4 / 255


def test_a_file_gives_the_same_network(net: Avatar, tmp_path: Path, picture: Picture) -> None:
    net.scale.copy_(torch.tensor([0.5, 0.25, 2.0, 1.0]))
    for parameter in net.parameters():
        parameter.data = parameter.data.half().float()
    path = tmp_path / "net.safetensors"
    store.save(path, net.state_dict(), store.Card(METHOD, KIND, net.card_plan))
    again = Avatar.from_card(*store.load(path), str(path))
    image, maps = picture(32, 40), features(32, 40)
    assert torch.equal(again(image, maps), net(image, maps))


def test_a_file_of_another_plan_is_refused(net: Avatar) -> None:
    for plan in ({**net.card_plan, "last": 7}, {**net.card_plan, "channels": [3, 4]}, {"last": 6}):
        with pytest.raises(WeightsError):
            Avatar.from_card(dict(net.state_dict()), store.Card(METHOD, KIND, plan), "net")


def test_what_ships_is_small_enough() -> None:
    """Four million bytes of float16 at most."""
    assert 2 * sum(tensor.numel() for tensor in Avatar().state_dict().values()) <= 4_000_000
