"""The network for any style: what its norms do, how styles share a picture, tiles, its start and its file."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto.errors import UsageError, WeightsError
from impasto.nets import store
from impasto.nets.blocks import Statistics, in_tiles
from impasto.nets.ghiasi import KIND, LAYERS, METHOD, Ghiasi, GhiasiPlan, Norms, moments_of
from impasto.nets.johnson import Johnson, JohnsonPlan

TINY = GhiasiPlan(narrow=4, wide=6, residuals=1, kernel=3, rank=3, hidden=8, channels=(3, 4, 5, 6))


def sums(*seeds: int) -> list[tuple[Tensor, Tensor]]:
    """Means and covariances of random features, as a painting of `LAYERS` would have them."""
    features = {}
    for channels, layer in zip(TINY.channels, LAYERS, strict=True):
        maps = [torch.randn(1, channels, 7, 9, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        features[layer] = torch.cat(maps)
    return moments_of(features)


@pytest.fixture
def net() -> Ghiasi:
    net = Ghiasi(TINY, seed=3).eval().requires_grad_(False)
    random = torch.Generator().manual_seed(4)
    # As faint as it begins, hardly any of what is painted would depend on the style.
    net.leave.weight.mul_(10)
    net.predictor.last.copy_(torch.randn(net.predictor.last.shape, generator=random))
    return net


def strength(*values: float) -> Tensor:
    return torch.tensor(values)


@pytest.mark.parametrize("size", [(32, 32), (33, 50), (18, 31)])
def test_any_size_comes_back(net: Ghiasi, picture: Callable[..., Tensor], size: tuple[int, int]) -> None:
    image = picture(*size)
    assert net(image, net.norms(sums(1), strength(0.5))).shape == image.shape


def test_a_batch_is_its_pictures_one_by_one(net: Ghiasi, picture: Callable[..., Tensor]) -> None:
    both = torch.cat([picture(32, 40, seed=1), picture(32, 40, seed=2)])
    together = net(both, net.norms(sums(1, 2), strength(0.2, 0.9)))
    for index, (seed, knob) in enumerate(((1, 0.2), (2, 0.9))):
        alone = net(both[index : index + 1], net.norms(sums(seed), strength(knob)))
        torch.testing.assert_close(together[index : index + 1], alone, rtol=1e-4, atol=1e-5)


def test_style_and_strength_change_what_is_painted(net: Ghiasi, picture: Callable[..., Tensor]) -> None:
    image = picture(32, 40)
    plain = net(image, net.norms(sums(1), strength(0.5)))
    for other in (net.norms(sums(2), strength(0.5)), net.norms(sums(1), strength(1.0))):
        assert (net(image, other) - plain).abs().max() > 0.01


def test_moments_are_those_of_the_places_that_count() -> None:
    features = {layer: torch.randn(1, 3, 6, 8, dtype=torch.float64) for layer in LAYERS}
    guide = {layer: torch.zeros(6, 8).index_fill_(1, torch.arange(3, 8), 1.0) for layer in LAYERS}
    cut = moments_of({layer: maps[..., 3:] for layer, maps in features.items()})
    for (mean, covariance), (wanted, wanted_covariance) in zip(moments_of(features, guide), cut, strict=True):
        torch.testing.assert_close(mean, wanted)
        torch.testing.assert_close(covariance, wanted_covariance)


def test_the_description_is_by_hand_what_it_says() -> None:
    net = Ghiasi(GhiasiPlan(rank=1, hidden=2, residuals=0, channels=(2, 2, 2, 2)))
    for mixture in net.predictor.mixtures:
        mixture.data = torch.tensor([[1.0, 1.0]])
    covariance = torch.tensor([[[4.0, 3.0], [3.0, 9.0]]])  # deviations 2 and 3, correlation 1/2
    described = net.predictor.describe([(torch.tensor([[5.0, 7.0]]), covariance)] * 4)
    torch.testing.assert_close(described, torch.tensor([[5.0, 7.0, 2.0, 3.0, 3.0] * 4]), rtol=1e-3, atol=0)


def test_styles_share_a_picture_by_maps(net: Ghiasi, picture: Callable[..., Tensor]) -> None:
    image = picture(33, 42)
    norms = net.norms(sums(1, 2), strength(0.5, 0.5))
    first = Norms(tuple(gain[:1] for gain in norms.gains), tuple(offset[:1] for offset in norms.offsets))
    only = torch.stack([torch.ones(33, 42), torch.zeros(33, 42)])
    torch.testing.assert_close(
        net(image, Norms(norms.gains, norms.offsets, only)), net(image, first), rtol=1e-4, atol=1e-5
    )
    mixed = net(image, Norms(norms.gains, norms.offsets, torch.full((2, 33, 42), 0.5)))
    mean = Norms(*(tuple(values.mean(0, keepdim=True) for values in part) for part in (norms.gains, norms.offsets)))
    torch.testing.assert_close(mixed, net(image, mean), rtol=1e-4, atol=1e-5)


class Told:
    """The network with its norms, as tiles call it."""

    def __init__(self, net: Ghiasi, norms: Norms) -> None:
        self.net, self.norms, self.stride, self.halo = net, norms, net.stride, net.halo

    def __call__(self, image: Tensor, statistics: Statistics | None = None) -> Tensor:
        painted: Tensor = self.net(image, self.norms, statistics)
        return painted


def test_tiles_are_the_picture_in_one_piece(net: Ghiasi, picture: Callable[..., Tensor]) -> None:
    image = picture(90, 75)
    norms = net.norms(sums(1), strength(0.5))
    torch.testing.assert_close(in_tiles(Told(net, norms), image, 32), net(image, norms), rtol=1e-4, atol=1e-5)


def test_it_begins_as_the_network_that_it_starts_from(picture: Callable[..., Tensor]) -> None:
    johnson = Johnson(JohnsonPlan(narrow=4, wide=6, residuals=1, kernel=3), seed=8)
    random = torch.Generator().manual_seed(9)
    for parameter in johnson.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=random)
    net = Ghiasi(TINY)
    net.start_from(johnson)
    net.predictor.last.data.zero_()
    image = picture(33, 42)
    torch.testing.assert_close(net(image, net.norms(sums(1), strength(0.3))), johnson(image), rtol=1e-4, atol=1e-5)


def test_a_start_of_other_widths_is_refused() -> None:
    with pytest.raises(UsageError, match="other widths"):
        Ghiasi(TINY).start_from(Johnson(JohnsonPlan(narrow=5, wide=6, residuals=1, kernel=3)))


def test_a_file_gives_the_same_network(net: Ghiasi, tmp_path: Path, picture: Callable[..., Tensor]) -> None:
    net.predictor.centre.fill_(0.25)
    net.predictor.spread.fill_(2.0)
    for parameter in net.parameters():
        parameter.data = parameter.data.half().float()
    path = tmp_path / "net.safetensors"
    store.save(path, net.state_dict(), store.Card(METHOD, KIND, net.card_plan))
    again = Ghiasi.from_card(*store.load(path), str(path))
    image = picture(32, 40)
    told = strength(0.5)
    assert torch.equal(again(image, again.norms(sums(1), told)), net(image, net.norms(sums(1), told)))


def test_a_file_of_another_plan_is_refused(net: Ghiasi) -> None:
    for plan in ({**net.card_plan, "wide": 7}, {**net.card_plan, "channels": [3, 4]}, {"wide": 6}):
        with pytest.raises(WeightsError):
            Ghiasi.from_card(dict(net.state_dict()), store.Card(METHOD, KIND, plan), "net")


def test_what_ships_is_small_enough() -> None:
    """Four million bytes of float16 at most."""
    assert 2 * sum(tensor.numel() for tensor in Ghiasi().state_dict().values()) <= 4_000_000
