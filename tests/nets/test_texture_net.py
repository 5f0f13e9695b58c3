"""The multi-scale generator: its shape, textures that repeat, and photographs of any size."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import UsageError, WeightsError
from impasto.nets import store
from impasto.nets.in_tiles import in_tiles
from impasto.nets.norm_statistics import NormStatistics
from impasto.nets.texture_net import TextureNet, TexturePlan

TINY = TexturePlan(width=2, scales=3)


def random_net(plan: TexturePlan = TINY, seed: int = 0) -> TextureNet:
    """A float64 net whose every parameter matters."""
    net = TextureNet(plan, seed=seed).double()
    random = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=random))
        net.leave.weight.mul_(10)
    return net.requires_grad_(False)


def levels(net: TextureNet, size: tuple[int, int], seed: int = 0) -> list[Tensor]:
    return [level.double() for level in net.noise(size, torch.Generator().manual_seed(seed))]


def test_the_papers_plan_has_its_parameters() -> None:
    assert sum(parameter.numel() for parameter in TextureNet().parameters()) == 116_915


@pytest.mark.parametrize("size", [(16, 20), (17, 23), (1, 1), (3, 5), (1, 40)])
def test_the_output_has_the_size_of_the_input(size: tuple[int, int]) -> None:
    painted = TextureNet(TINY)(torch.rand(2, 3, *size))
    assert painted.shape == (2, 3, *size)
    assert bool(painted.isfinite().all())


def test_a_flat_picture_is_painted_without_nan() -> None:
    assert bool(TextureNet(TINY)(torch.ones(1, 3, 16, 16)).isfinite().all())


def test_a_batch_is_its_pictures(picture: Callable[..., Tensor]) -> None:
    net = random_net()
    one, other = picture(24, 28, seed=1).double(), picture(24, 28, seed=2).double()
    assert torch.allclose(net(torch.cat([one, other])), torch.cat([net(one), net(other)]), atol=1e-12)


def test_noise_comes_at_every_scale() -> None:
    net = TextureNet()
    noise = net.noise((64, 96), torch.Generator().manual_seed(0), batch=2)
    assert [tuple(level.shape) for level in noise] == [(2, 3, 64 >> k, 96 >> k) for k in (5, 4, 3, 2, 1, 0)]
    assert 0 <= float(noise[-1].min()) < 0.01
    assert 0.99 < float(noise[-1].max()) <= 1
    # Of its own at each: not the pool of the finer one.
    assert not torch.allclose(F.avg_pool2d(noise[-1], 2), noise[-2], atol=0.1)


def test_every_scale_matters() -> None:
    net, size = random_net(), (16, 16)
    noise, other = levels(net, size), levels(net, size, seed=1)
    whole = net.generate(noise)
    for scale in range(len(noise)):
        changed = net.generate([*noise[:scale], other[scale], *noise[scale + 1 :]])
        assert float((changed - whole).abs().mean()) > 1e-3, scale


@pytest.mark.parametrize("shift", [(4, 0), (0, 8), (12, 20)])
def test_a_texture_has_no_border(shift: tuple[int, int]) -> None:
    # Moved noise gives the moved texture: whatever stands at the border is painted as anywhere else.
    net = random_net()
    noise = levels(net, (16, 24))
    moved = [
        level.roll((shift[0] * level.shape[-2] // 16, shift[1] * level.shape[-1] // 24), (2, 3)) for level in noise
    ]
    assert torch.allclose(net.generate(moved), net.generate(noise).roll(shift, (2, 3)), atol=1e-11)


def test_a_painted_photograph_does_have_one(picture: Callable[..., Tensor]) -> None:
    net = random_net()
    image = picture(16, 24).double()
    assert not torch.allclose(net(image.roll(8, 3)), net(image).roll(8, 3), atol=1e-3)


def test_textures_have_any_size_and_a_seed() -> None:
    net = TextureNet(TINY, seed=1)
    texture = net.texture((18, 21), seed=5)
    assert texture.shape == (1, 3, 18, 21)
    assert torch.equal(texture, net.texture((20, 24), seed=5)[..., :18, :21])
    assert torch.equal(texture, net.texture((18, 21), seed=5))
    assert not torch.equal(texture, net.texture((18, 21), seed=6))


def test_a_part_of_a_picture_is_painted_as_in_the_whole(picture: Callable[..., Tensor]) -> None:
    net = random_net()
    whole = picture(72, 96).double()
    statistics = NormStatistics()
    painted = net(whole, statistics)
    part = net(whole[..., 8:64, 16:88], statistics)
    halo = net.halo
    assert halo == 14
    inner = painted[..., 8 + halo : 64 - halo, 16 + halo : 88 - halo]
    assert torch.allclose(part[..., halo:-halo, halo:-halo], inner, atol=1e-12)


@pytest.mark.parametrize("size", [(50, 75), (64, 64), (25, 31), (3, 49)])
def test_tiles_make_the_whole(size: tuple[int, int], picture: Callable[..., Tensor]) -> None:
    net = random_net()
    image = picture(*size).double()
    assert torch.allclose(in_tiles(net, image, tile=24), net(image), atol=1e-11)


@pytest.mark.parametrize("change", [{"width": 0}, {"scales": 60}, {"width": 2.5}])
def test_impossible_plans_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(change))):
        TexturePlan(**change)


def test_through_a_file(tmp_path: Path) -> None:
    net = TextureNet(TINY, seed=3)
    path = tmp_path / "net.safetensors"
    store.save(path, net.state_dict(), store.Card("texture_net", "generator", net.card_plan))
    tensors, card = store.load(path)
    loaded = TextureNet.from_card(tensors, card, str(path))
    assert torch.allclose(loaded.texture((16, 16)), net.texture((16, 16)), atol=0.02)
    with pytest.raises(WeightsError, match=r"net\.safetensors.*not 'texture_net'"):
        TextureNet.from_card(tensors, store.Card("johnson", "stylizer"), str(path))
