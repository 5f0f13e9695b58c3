"""The network for any style: what its norms do, how styles share a picture, tiles, its start and its file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto.errors import WeightsError
from impasto.nets import store
from impasto.nets.ghiasi import KIND, LAYERS, METHOD, PIXELS, Ghiasi, GhiasiPlan, Norms, Palette, moments_of
from impasto.nets.in_tiles import in_tiles
from impasto.nets.norm_statistics import NormStatistics

TINY = GhiasiPlan(narrow=4, wide=6, residuals=1, kernel=3, rank=3, hidden=8, channels=(3, 4, 5, 6))


def sums(*seeds: int) -> list[tuple[Tensor, Tensor]]:
    """Means and covariances of random features, as a painting of `LAYERS` would have them."""
    features = {}
    for channels, layer in zip(TINY.channels, LAYERS, strict=True):
        maps = [torch.randn(1, channels, 7, 9, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        features[layer] = torch.cat(maps)
    palettes = [torch.rand(1, 3, 14, 18, generator=torch.Generator().manual_seed(seed)) ** seed for seed in seeds]
    return moments_of(torch.cat(palettes), features)


@pytest.fixture
def net() -> Ghiasi:
    net = Ghiasi(TINY, seed=3).eval().requires_grad_(False)
    random = torch.Generator().manual_seed(4)
    # As faint as it begins, hardly any of what is painted would depend on the style.
    net.leave.weight.mul_(100)
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
    image = torch.rand(1, 3, 12, 16, dtype=torch.float64)
    guide[PIXELS] = torch.zeros(12, 16).index_fill_(1, torch.arange(6, 16), 1.0)
    cut = moments_of(image[..., 6:], {layer: maps[..., 3:] for layer, maps in features.items()})
    for (mean, covariance), (wanted, wanted_covariance) in zip(moments_of(image, features, guide), cut, strict=True):
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
    first = net.norms(sums(1), strength(0.5))
    only = torch.stack([torch.ones(33, 42), torch.zeros(33, 42)])
    torch.testing.assert_close(net(image, replace(norms, maps=only)), net(image, first), rtol=1e-4, atol=1e-5)
    mixed = net(image, replace(norms, maps=torch.full((2, 33, 42), 0.5)))

    def mean(values: Tensor) -> Tensor:
        return values.mean(0, keepdim=True)

    gains, offsets = (tuple(map(mean, part)) for part in (norms.gains, norms.offsets))
    together = Norms(gains, offsets, (mean(norms.palette[0]), mean(norms.palette[1])), mean(norms.moved))
    torch.testing.assert_close(mixed, net(image, together), rtol=1e-4, atol=1e-5)


def test_a_photograph_takes_the_colours_of_a_painting(picture: Callable[..., Tensor]) -> None:
    """Means and covariances become the painting's, where the photograph's channels are unrelated."""
    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    painting = picture(40, 56) ** 2
    palette = Palette()
    color_sums = moments_of(painting, dict.fromkeys(LAYERS, noise))[0]
    norms = Norms((), (), palette.of(*color_sums), torch.ones(1))
    moved = palette(noise, norms)
    mean, covariance = moments_of(moved, dict.fromkeys(LAYERS, noise))[0]
    torch.testing.assert_close(mean, color_sums[0], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(covariance, color_sums[1], rtol=0.1, atol=2e-3)
    still = palette(noise, replace(norms, moved=torch.zeros(1)))
    torch.testing.assert_close(still, noise)


def test_an_even_photograph_is_not_made_noisy() -> None:
    """Half a level of noise on grey stays below four levels, whatever the painting's contrast."""
    palette = Palette()
    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    norms = Norms((), (), palette.of(torch.full((1, 3), 0.5), 0.06 * torch.eye(3)[None]), torch.ones(1))
    moved = palette(0.5 + (noise - 0.5) / 255, norms)
    assert float(moved.std()) < 4 / 255


class Told:
    """The network with its norms, as tiles call it."""

    def __init__(self, net: Ghiasi, norms: Norms) -> None:
        self.net, self.norms, self.stride, self.halo = net, norms, net.stride, net.halo

    def __call__(self, image: Tensor, statistics: NormStatistics | None = None) -> Tensor:
        painted: Tensor = self.net(image, self.norms, statistics)
        return painted


def test_tiles_are_the_picture_in_one_piece(net: Ghiasi, picture: Callable[..., Tensor]) -> None:
    image = picture(90, 75)
    norms = net.norms(sums(1), strength(0.5))
    torch.testing.assert_close(in_tiles(Told(net, norms), image, 32), net(image, norms), rtol=1e-4, atol=1e-5)


def test_it_begins_as_the_photograph_in_a_new_palette(picture: Callable[..., Tensor]) -> None:
    net = Ghiasi(TINY)
    image = picture(33, 42)
    norms = net.norms(sums(1), strength(0.5))
    assert (net(image, norms) - net.palette(image, norms)).abs().max() < 0.1


def test_a_file_gives_the_same_network(net: Ghiasi, tmp_path: Path, picture: Callable[..., Tensor]) -> None:
    net.predictor.center.fill_(0.25)
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
