"""The per-style network: its shape, what instance normalisation promises, and tiles that are parts of the whole."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import UsageError, WeightsError
from impasto.nets import store
from impasto.nets.blocks import Conv, InstanceNorm, Residual, UpConv, pad, to_multiple
from impasto.nets.in_tiles import in_tiles
from impasto.nets.johnson import PAPER, Johnson, JohnsonPlan, scaled
from impasto.nets.norm_statistics import NormStatistics
from tests.type_helpers import present

TINY = JohnsonPlan(narrow=4, wide=6, residuals=1, kernel=5)
FULL = replace(TINY, full=3, smooth=0)


def count(net: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def random_net(plan: JohnsonPlan, seed: int = 0) -> Johnson:
    """A float64 net whose every parameter matters: norms and biases drawn too."""
    net = Johnson(plan, seed=seed).double()
    random = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=random))
    return net.requires_grad_(False)


def test_the_papers_plan_has_its_parameters() -> None:
    assert count(Johnson(PAPER)) == 1_679_235


def test_the_plan_that_ships_is_small() -> None:
    # Convolutions 3-32 and 32-3 of 7, 32-80 and 80-32 of 3, eight 80-80 of 3; biases; norms of 32, 80, 8 times 80, 32.
    weights = 2 * 96 * 49 + 2 * 32 * 80 * 9 + 8 * 80 * 80 * 9
    assert count(Johnson(JohnsonPlan())) == weights + (32 + 3 + 80 + 32 + 8 * 80) + 2 * (32 + 80 + 8 * 80 + 32)
    assert 2 * count(Johnson(JohnsonPlan())) < 1_100_000, "bytes of float16"


def test_nothing_but_the_picture_is_at_full_size() -> None:
    net = Johnson(JohnsonPlan())
    seen: list[tuple[int, int]] = []
    for module in net.modules():
        if isinstance(module, Conv | UpConv):
            module.register_forward_hook(lambda _module, _given, found: seen.append((found.shape[1], found.shape[-1])))
    net(torch.rand(1, 3, 64, 64))
    assert {channels for channels, side in seen if side == 64} == {3}


@pytest.mark.parametrize("plan", [TINY, FULL], ids=["half", "full"])
@pytest.mark.parametrize("size", [(16, 20), (17, 23), (1, 1), (3, 5), (1, 40)])
def test_the_output_has_the_size_of_the_input(plan: JohnsonPlan, size: tuple[int, int]) -> None:
    painted = Johnson(plan)(torch.rand(2, 3, *size))
    assert painted.shape == (2, 3, *size)
    assert painted.dtype == torch.float32
    assert bool(painted.isfinite().all())


def test_a_flat_picture_is_painted_without_nan() -> None:
    assert bool(Johnson(TINY)(torch.zeros(1, 3, 16, 16)).isfinite().all())


def test_an_untrained_net_paints_about_grey() -> None:
    painted = Johnson(JohnsonPlan())(torch.rand(1, 3, 32, 32)).detach()
    assert float(painted.mean()) == pytest.approx(0.5, abs=0.2)
    assert float(painted.std()) < 0.5


def test_a_batch_is_its_pictures(picture: Callable[..., Tensor]) -> None:
    net = random_net(TINY)
    one, other = picture(24, 28, seed=1).double(), picture(24, 28, seed=2).double()
    both = net(torch.cat([one, other]))
    assert torch.allclose(both, torch.cat([net(one), net(other)]), atol=1e-12)


def test_instance_norm_by_hand() -> None:
    norm = InstanceNorm(1).double()
    with torch.no_grad():
        norm.weight.fill_(3.0)
        norm.bias.fill_(1.0)
    # Mean 2, biased variance (4 + 0 + 0 + 4) / 4 = 2.
    x = torch.tensor([[[[0.0, 2.0], [2.0, 4.0]]]], dtype=torch.float64)
    away = 3 * 2 / (2 + 1e-5) ** 0.5
    expected = torch.tensor([1 - away, 1.0, 1.0, 1 + away], dtype=torch.float64)
    assert torch.allclose(norm(x).flatten(), expected, atol=1e-12)
    assert torch.allclose(norm(x, NormStatistics()).flatten(), expected, atol=1e-12)
    assert torch.equal(norm.train()(x), norm.eval()(x))


def test_instance_norm_does_not_see_contrast() -> None:
    norm = InstanceNorm(5).double()
    x = torch.randn(3, 5, 9, 11, dtype=torch.float64)
    gain = torch.tensor([0.5, 2.0, 7.0], dtype=torch.float64)[:, None, None, None]
    shift = torch.tensor([-3.0, 0.0, 11.0], dtype=torch.float64)[:, None, None, None]
    # But for eps, which is there for flat channels only.
    assert torch.allclose(norm(gain * x + shift), norm(x), atol=1e-4)


def test_the_net_does_not_see_contrast_either() -> None:
    net = random_net(TINY)
    x = torch.rand(1, 3, 24, 24, dtype=torch.float64)
    # Borders are reflected, so every pixel of every map is scaled alike.
    assert torch.allclose(net(0.5 * x + 0.25), net(x), atol=1e-3)


def test_given_statistics_are_those_of_the_first_picture() -> None:
    norm = InstanceNorm(2).double()
    first = torch.tensor([[[[0.0, 2.0]], [[1.0, 5.0]]]], dtype=torch.float64)
    later = torch.tensor([[[[4.0]], [[3.0]]]], dtype=torch.float64)
    statistics = NormStatistics()
    assert torch.allclose(norm(first, statistics), norm(first), atol=1e-12)
    # Means 1 and 3, deviations 1 and 2: (4 - 1) / 1 and (3 - 3) / 2.
    found = norm(later, statistics).flatten()
    assert torch.allclose(found, torch.tensor([3.0, 0.0], dtype=torch.float64), atol=1e-4)


def test_instance_norm_gradients() -> None:
    norm = InstanceNorm(2).double()
    x = torch.randn(2, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(norm, (x,))
    assert torch.autograd.gradcheck(lambda given: norm(given, NormStatistics()), (x,))


def test_sums_of_half_precision_maps_are_float32() -> None:
    # 257 needs nine bits, which bfloat16 has not: summed in bfloat16, the mean of many ones stops growing.
    x = torch.ones(1, 1, 64, 64, dtype=torch.bfloat16)
    x[..., ::2] = 3
    statistics = NormStatistics()
    norm = InstanceNorm(1)
    norm(x, statistics)
    mean, variance = statistics.of(norm, x)
    assert (float(mean), float(variance), mean.dtype) == (2.0, 1.0, torch.float32)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7, 9])
@pytest.mark.parametrize("smooth", [False, True])
def test_up_convolution_is_enlarging_and_convolving(kernel: int, smooth: bool) -> None:
    up = UpConv(2, 3, kernel, smooth=smooth).double()
    torch.nn.init.normal_(up.weight)
    torch.nn.init.normal_(up.bias)
    x = torch.randn(2, 2, 11, 12, dtype=torch.float64)
    large = F.interpolate(x, scale_factor=2, mode="bilinear" if smooth else "nearest")
    expected = F.conv2d(large, up.weight, up.bias, padding=kernel // 2)
    border = 2 * up.reach + 1
    inner = (..., slice(border, -border), slice(border, -border))
    assert up(x).shape == expected.shape
    assert torch.allclose(up(x)[inner], expected[inner], atol=1e-12)


def test_an_even_field_stays_even() -> None:
    # Transposed convolutions fail this: their checkerboards show first where nothing happens.
    for smooth in (False, True):
        up = UpConv(2, 3, 7, smooth=smooth).double()
        torch.nn.init.normal_(up.weight)
        found = up(torch.ones(1, 2, 6, 6, dtype=torch.float64))
        assert torch.allclose(found, found[..., :1, :1].expand_as(found), atol=1e-12)


def test_up_convolution_gradients() -> None:
    up = UpConv(2, 1, 3, smooth=True).double()
    torch.nn.init.normal_(up.weight)
    x = torch.randn(1, 2, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(up, (x,))
    up(x).square().sum().backward()
    assert bool(present(up.weight.grad).any())


def test_a_residual_block_that_changes_nothing_is_the_identity() -> None:
    block = Residual(3)
    with torch.no_grad():
        block.norm2.weight.zero_()
    x = torch.randn(1, 3, 8, 8)
    assert torch.equal(block(x), x), "negative values too: no ReLU after the sum"


def test_padding() -> None:
    x = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    assert pad(x, 1, "reflect")[0, 0, 0].tolist() == [1, 1, 2, 3, 3], "one row has nothing to reflect"
    assert pad(x, 1, "circular")[0, 0, 1].tolist() == [3, 1, 2, 3, 1]
    assert to_multiple(torch.tensor([[[[1.0, 2.0, 3.0]] * 4]]), 4)[0, 0, 0].tolist() == [1, 2, 3, 2]
    assert to_multiple(x, 1) is x


@pytest.mark.parametrize("plan", [TINY, FULL, replace(TINY, kernel=9, smooth=0)], ids=["half", "full", "wide kernel"])
def test_a_part_of_a_picture_is_painted_as_in_the_whole(plan: JohnsonPlan, picture: Callable[..., Tensor]) -> None:
    net = random_net(plan)
    whole = picture(96, 128).double()
    statistics = NormStatistics()
    painted = net(whole, statistics)
    part = net(whole[..., 16:80, 32:112], statistics)
    halo = net.halo
    assert halo < 32
    inner = painted[..., 16 + halo : 80 - halo, 32 + halo : 112 - halo]
    assert torch.allclose(part[..., halo:-halo, halo:-halo], inner, atol=1e-12)
    assert not torch.allclose(part[..., :2, :], painted[..., 16:18, 32:112], atol=1e-3), "the border does see the cut"


@pytest.mark.parametrize("size", [(70, 101), (64, 64), (33, 40), (37, 5), (9, 67)])
@pytest.mark.parametrize("plan", [TINY, FULL], ids=["half", "full"])
def test_tiles_make_the_whole(plan: JohnsonPlan, size: tuple[int, int], picture: Callable[..., Tensor]) -> None:
    net = random_net(plan)
    image = picture(*size).double()
    # In one piece each norm takes the moments of all it sees; tiles have to find the same.
    assert torch.allclose(in_tiles(net, image, tile=32), net(image), atol=1e-11)


def test_precision_changes_little_and_keeps_the_type() -> None:
    net = Johnson(JohnsonPlan()).requires_grad_(False)
    image = torch.rand(1, 3, 32, 32)
    exact = net(image)
    net.precision = torch.bfloat16
    rough = net(image)
    assert rough.dtype == torch.float32
    assert 0 < float((rough - exact).abs().mean()) < 0.02


def test_seeds() -> None:
    one, same, other = (Johnson(TINY, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, same[key]) for key, value in one.items())
    assert not torch.equal(one["enter.weight"], other["enter.weight"])


def test_width_scales_the_plan() -> None:
    assert scaled(1.0) == JohnsonPlan()
    assert (scaled(0.5).narrow, scaled(0.5).wide) == (16, 40)
    for width in (0.001, 1000.0):
        with pytest.raises(UsageError, match="narrow"):
            scaled(width)


@pytest.mark.parametrize("change", [{"kernel": 4}, {"residuals": -1}, {"wide": 10**9}, {"full": 1.5}, {"smooth": 2}])
def test_impossible_plans_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(change))):
        replace(JohnsonPlan(), **change)


def test_through_a_file(tmp_path: Path) -> None:
    net = Johnson(TINY, seed=3)
    path = tmp_path / "net.safetensors"
    store.save(path, net.state_dict(), store.Card("johnson", "stylizer", net.card_plan))
    loaded = Johnson.from_card(*store.load(path), str(path))
    assert loaded.plan == TINY
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    image = torch.rand(1, 3, 16, 16)
    # float16 has eleven bits.
    assert torch.allclose(loaded(image), net(image), atol=0.02)


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (store.Card("wct", "decoder"), "wct"),
        (store.Card("johnson", "stylizer", {"narrow": 4}), "differs in"),
        (store.Card("johnson", "stylizer", {**Johnson(TINY).card_plan, "wide": 10**6}), "wide=1000000"),
        (store.Card("johnson", "stylizer", {**Johnson(TINY).card_plan, "wide": "6"}), "wide='6'"),
        (store.Card("johnson", "stylizer", {**Johnson(TINY).card_plan, "wide": 7}), "does not fit"),
    ],
)
def test_other_files_are_refused(card: store.Card, words: str) -> None:
    with pytest.raises(WeightsError, match=words) as caught:
        Johnson.from_card(Johnson(TINY).state_dict(), card, "net.safetensors")
    assert "net.safetensors" in str(caught.value)
