"""The learnt linear transformation: its size, its laws, tiles, regions, and files."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from impasto.errors import UsageError, WeightsError
from impasto.losses import Gram
from impasto.nets.decoder import Decoder
from impasto.nets.linear import KIND, METHOD, PAPER, Linear, LinearPlan, fingerprint, means
from impasto.nets.store import Card
from impasto.nets.transforms import mix

SMALL = LinearPlan(channels=6, size=4, widths=(5, 3), hidden=7)


def features(height: int = 9, width: int = 11, seed: int = 0, batch: int = 1, channels: int = 6) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(batch, channels, height, width, generator=random, dtype=torch.float64) + 0.5


@pytest.fixture
def net() -> Linear:
    """A small one whose every number is random, biases too."""
    torch.manual_seed(4)
    net = Linear("relu2_1", SMALL).double().requires_grad_(False)
    for value in net.parameters():
        value.copy_(0.5 * torch.randn_like(value))
    return net


def count(plan: LinearPlan) -> int:
    return sum(value.numel() for value in Linear("relu4_1", plan).parameters())


def test_parameters_of_the_paper() -> None:
    assert count(PAPER["relu4_1"]) == 5_156_192
    assert count(PAPER["relu3_1"]) == 2_890_464


def test_what_ships_is_small() -> None:
    # In and out 128·32 + 32, 32·128 + 128; twice 9·(128·48 + 48·32 + 32·32) + 112, 1024·40 + 40, 40·1024 + 1024.
    assert count(LinearPlan()) == 4_128 + 4_224 + 2 * (78_448 + 41_000 + 41_984)
    assert 2 * count(LinearPlan()) < 0.7e6, "float16"


def test_the_mean_that_comes_out(net: Linear) -> None:
    content, style = features(), features(7, 5, seed=1)
    inner = net.readers["style"].matrix(gram(net, "style", style))[0]  # type: ignore[operator]
    inner = inner @ net.readers["content"].matrix(gram(net, "content", content))[0]  # type: ignore[operator]
    unzip, compress = net.unzip, net.compress
    expected = style.mean((2, 3))[0] + unzip.bias + unzip.weight[:, :, 0, 0] @ (inner @ compress.bias)  # type: ignore[operator]
    assert torch.allclose(net(content, style).mean((2, 3))[0], expected, atol=1e-10)


def gram(net: Linear, side: Any, given: Tensor) -> Tensor:
    codes = net.codes(side, given, means(given)).flatten(2)[0]
    return (codes @ codes.T / codes.shape[1])[None]


def test_it_is_an_affine_map(net: Linear) -> None:
    content, style = features(), features(7, 5, seed=1)
    mapped = net.transform(net.measure("content", content), net.measure("style", style))
    assert mapped.matrix.shape == (6, 6)
    assert torch.allclose(mapped(content), net(content, style), atol=1e-10)
    assert int(torch.linalg.matrix_rank(mapped.matrix)) == SMALL.size


def test_the_contents_mean_is_lost_and_the_styles_is_kept(net: Linear) -> None:
    content, style, color = features(), features(7, 5, seed=1), torch.rand(1, 6, 1, 1, dtype=torch.float64)
    painted = net(content, style)
    assert torch.allclose(net(content + color, style), painted, atol=1e-10)
    assert torch.allclose(net(content, style + color), painted + color, atol=1e-10)


def test_begins_as_an_exchange_of_means() -> None:
    net = Linear("relu2_1", LinearPlan(channels=6, size=6, widths=(5, 3), hidden=7)).double().requires_grad_(False)
    net.begin(torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))[0])
    for side in ("content", "style"):
        net.readers[side].fully[-1].weight.zero_()  # type: ignore[union-attr, index]
    content, style = features(), features(7, 5, seed=1)
    expected = content - content.mean((2, 3), keepdim=True) + style.mean((2, 3), keepdim=True)
    assert torch.allclose(net(content, style), expected, atol=1e-10)


def test_basis_keeps_what_lies_in_it() -> None:
    net = Linear("relu2_1", SMALL).double().requires_grad_(False)
    basis = torch.linalg.qr(features(1, 4)[0, :, 0])[0]
    net.begin(basis)
    for side in ("content", "style"):
        net.readers[side].fully[-1].weight.zero_()  # type: ignore[union-attr, index]
    centered = torch.einsum("ck,bkhw->bchw", basis, torch.randn(1, 4, 3, 5, dtype=torch.float64))
    centered = centered - centered.mean((2, 3), keepdim=True)
    style = features(seed=1)
    assert torch.allclose(net(centered, style), centered + style.mean((2, 3), keepdim=True), atol=1e-10)


def test_a_batch_is_pairs(net: Linear) -> None:
    contents, styles = features(batch=2), features(6, 6, seed=1, batch=2)
    both = net(contents, styles)
    for index in range(2):
        one = slice(index, index + 1)
        assert torch.allclose(both[one], net(contents[one], styles[one]), atol=1e-10)
    # One style serves all.
    assert torch.allclose(net(contents, styles[:1])[1:], net(contents[1:], styles[:1]), atol=1e-10)


def test_a_constant_field_has_one_matrix_whatever_its_size(net: Linear) -> None:
    edge = Linear.reach
    factors = []
    for height, width in ((10, 12), (31, 9)):
        field = torch.full((1, 6, height, width), 0.7, dtype=torch.float64)
        codes = net.codes("content", field, means(field))[..., edge:-edge, edge:-edge]
        assert torch.allclose(codes, codes[..., :1, :1].expand_as(codes), atol=1e-12)
        factors.append(net.factor("content", means(field), Gram().measure(codes)))
    assert torch.allclose(factors[0].matrix, factors[1].matrix, atol=1e-10)
    # At the border it sees where the picture ends.
    whole = net.codes("content", field, means(field))
    assert not torch.allclose(whole, codes[..., :1, :1].expand_as(whole))


def test_tiles_add_to_the_whole(net: Linear) -> None:
    content = features(20, 17)
    cuts = [(slice(0, 8), slice(0, 17)), (slice(8, 20), slice(0, 9)), (slice(8, 20), slice(9, 17))]
    mean = means(content[..., *cuts[0]]) + means(content[..., *cuts[1]]) + means(content[..., *cuts[2]])
    total = None
    for rows, columns in cuts:
        top, left = max(0, rows.start - net.reach), max(0, columns.start - net.reach)
        haloed = content[..., top : rows.stop + net.reach, left : columns.stop + net.reach]
        codes = net.codes("content", haloed, mean)
        inside = codes[..., rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        found = Gram().measure(inside)
        total = found if total is None else total + found
    assert total is not None
    factor, whole = net.factor("content", mean, total), net.measure("content", content)
    assert torch.allclose(factor.mean, whole.mean, atol=1e-12)
    assert torch.allclose(factor.matrix, whole.matrix, atol=1e-10)


def test_guides_weigh_positions(net: Linear) -> None:
    style = features()
    everywhere = net.measure("style", style, torch.ones(9, 11))
    assert torch.allclose(everywhere.matrix, net.measure("style", style).matrix, atol=1e-12)
    guide = torch.zeros(9, 11)
    guide[2:5, 3:9] = 0.5
    found = net.measure("style", style, guide)
    inside = style[..., 2:5, 3:9]
    assert torch.allclose(found.mean, inside.mean((0, 2, 3)), atol=1e-12)
    codes = net.codes("style", style, means(inside))[..., 2:5, 3:9]
    assert torch.allclose(found.matrix, net.factor("style", means(inside), Gram().measure(codes)).matrix, atol=1e-10)


def test_a_region_that_is_not_there_is_empty(net: Linear) -> None:
    nothing = net.measure("content", features(), torch.zeros(9, 11))
    assert nothing.empty
    assert bool(nothing.matrix.isfinite().all())
    assert not net.measure("content", features()).empty


def test_mixed_and_weakened(net: Linear) -> None:
    content, style, other = features(), features(7, 5, seed=1), features(5, 6, seed=2)
    own, sides = net.measure("content", content), [net.measure("style", style), net.measure("style", other)]
    maps = [net.transform(own, each) for each in sides]
    mixed = mix(maps, [3.0, 1.0]).weakened(0.25)(content)
    expected = 0.25 * (0.75 * net(content, style) + 0.25 * net(content, other)) + 0.75 * content
    assert torch.allclose(mixed, expected, atol=1e-10)
    assert torch.allclose(maps[0].weakened(0.0)(content), content, atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (8, 8)])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_flat_and_tiny_features(shape: tuple[int, int], value: float) -> None:
    net = Linear("relu2_1", SMALL).requires_grad_(False)
    flat = torch.full((1, 6, *shape), value)
    assert bool(net(flat, flat).isfinite().all())
    assert bool(net(flat, features().float()).isfinite().all())


def test_half_precision_features() -> None:
    net, content = Linear("relu2_1", SMALL).requires_grad_(False), features().float()
    rough = net.measure("content", content.bfloat16())
    assert rough.matrix.dtype == torch.float32
    exact = net.measure("content", content)
    assert torch.allclose(rough.matrix, exact.matrix, atol=0.02)


def test_gradient() -> None:
    torch.manual_seed(2)
    net = Linear("relu2_1", LinearPlan(channels=3, size=2, widths=(2, 2), hidden=3)).double()
    content, style = features(3, 4, channels=3), features(3, 3, seed=1, channels=3)
    content, style = content.requires_grad_(), style.requires_grad_()
    assert torch.autograd.gradcheck(lambda c, s: net(c, s), (content, style))


def card(net: Linear, **changes: Any) -> Card:
    entries: dict[str, Any] = {"method": METHOD, "kind": KIND, "plan": net.card_plan, "layer": net.layer}
    return Card(**(entries | changes))


def test_a_file_builds_the_same_module(net: Linear) -> None:
    told = Card.parse(card(net).text())
    again = Linear.from_card({key: value.float() for key, value in net.state_dict().items()}, told, "net")
    assert again.plan == SMALL
    assert again.layer == "relu2_1"
    content, style = features().float(), features(7, 5, seed=1).float()
    assert torch.allclose(again(content, style), net.float()(content, style))
    assert not any(value.requires_grad for value in again.parameters())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "wct"}, "'wct', not 'linear'"),
        ({"kind": "decoder"}, "'decoder'"),
        ({"plan": {"channels": 6}}, "differs in decoder, hidden"),
        ({"plan": {"channels": 6, "size": 4, "widths": [5, 3], "hidden": 1 << 20, "decoder": ""}}, "hidden"),
        ({"plan": {"channels": 6, "size": 4, "widths": [5], "hidden": 7, "decoder": ""}}, "widths"),
        ({"plan": {"channels": 6, "size": 3, "widths": [5, 3], "hidden": 7, "decoder": ""}}, "expected"),
    ],
)
def test_files_that_do_not_fit(net: Linear, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(WeightsError, match=words):
        Linear.from_card(net.state_dict(), card(net, **changes), "net")


def test_plans_are_bounded() -> None:
    wrong: list[dict[str, Any]]
    wrong = [{"channels": 0}, {"size": 1000}, {"widths": (1, 2, 3)}, {"widths": (0, 2)}, {"hidden": -1}]
    for options in wrong:
        with pytest.raises(UsageError):
            LinearPlan(**options)


def test_only_its_own_decoder() -> None:
    torch.manual_seed(1)
    own, other = Decoder("relu2_1"), Decoder("relu2_1")
    net = Linear("relu2_1", LinearPlan(channels=48, decoder=fingerprint(own)))
    net.expect_decoder(own, "net")
    with pytest.raises(WeightsError, match="net: was trained with another decoder from relu2_1"):
        net.expect_decoder(other, "net")
    Linear("relu2_1", LinearPlan(channels=48)).expect_decoder(other, "net")


def test_fingerprint_is_of_the_weights_as_they_are_stored() -> None:
    decoder = Decoder("relu2_1")
    before = fingerprint(decoder)
    rounded: Callable[[Tensor], Tensor] = lambda value: value.half().float()
    decoder.load_state_dict({key: rounded(value) for key, value in decoder.state_dict().items()})
    assert fingerprint(decoder) == before
    with torch.no_grad():
        decoder.get_submodule("conv1_1").get_parameter("bias")[0] += 0.01
    assert fingerprint(decoder) != before
