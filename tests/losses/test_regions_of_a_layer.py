"""Several regions of one layer: read once, no copies kept, exact gradients; guided content; what reports say."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from impasto.losses import Content, Gram, Histogram, Objective, State, Style, weighted_sums
from impasto.losses.statistics import Distance

gram = Gram()


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def reference(flat: Tensor, weights: Sequence[Tensor | None], mean: bool) -> Tensor:
    """The sums as autograd would have them."""
    tall = torch.cat([flat, torch.ones_like(flat[:1])]) if mean else flat
    return torch.stack(
        [torch.einsum("cm,dm,m->cd", tall, tall, torch.ones_like(flat[0]) if w is None else w) for w in weights]
    )


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("regions", [[None], ["a"], ["a", "b"], ["a", None, "b"]])
def test_products_and_their_gradient(regions: list[str | None], mean: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    # 600 positions, 256 at a time: whole pieces and a rest.
    monkeypatch.setattr(weighted_sums, "CHUNK", 1)
    weights = [None if r is None else random(600, seed=ord(r)).abs() for r in regions]
    leaf = random(3, 600).requires_grad_()
    found, expected = weighted_sums.second_moments(leaf, weights, mean=mean), reference(leaf, weights, mean)
    torch.testing.assert_close(found, expected)
    slope = random(*found.shape, seed=5)  # not symmetric
    gradients = [torch.autograd.grad((x * slope).sum(), leaf)[0] for x in (found, expected)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("mean", [False, True])
def test_products_pass_gradcheck(mean: bool) -> None:
    weights = [random(7, seed=1).abs(), None, random(7, seed=2).abs()]
    assert gradcheck(lambda f: weighted_sums.second_moments(f, weights, mean=mean), (random(3, 7).requires_grad_(),))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_regions_keep_the_features_once(dtype: torch.dtype) -> None:
    f = random(1, 8, 40, 50).to(dtype).requires_grad_()
    guides = [random(40, 50, seed=seed).abs().float() for seed in range(5)]
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        states = gram.measure_each(f, guides)
        loss = sum(state.sums.square().sum() for state in states)
    own = f.numel() * f.element_size()
    maps = sum(guide.numel() * 4 for guide in guides)
    assert own < sum(kept.values()) <= own + maps + 5 * 4 * 8 * 8 * 4
    assert isinstance(loss, Tensor)
    assert torch.autograd.grad(loss, f)[0].dtype == dtype


def test_channels_last_features() -> None:
    f, guide = random(1, 3, 4, 5), random(4, 5, seed=1).abs()
    turned = f.contiguous(memory_format=torch.channels_last).requires_grad_()
    plain = f.clone().requires_grad_()
    slope = random(3, 3, seed=2)
    for found, expected in zip(
        gram.measure_each(turned, [guide, None]), gram.measure_each(plain, [guide, None]), strict=True
    ):
        torch.testing.assert_close(found.sums, expected.sums)
        gradients = [
            torch.autograd.grad((s.sums * slope).sum(), leaf, retain_graph=True)[0]
            for s, leaf in ((found, turned), (expected, plain))
        ]
        torch.testing.assert_close(*gradients)


class Spy(Gram):
    """Counts how often features are read."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def measure_each(self, features: Tensor, guides: Sequence[Tensor | None]) -> list[State]:
        self.read.append(len(guides))
        return super().measure_each(features, guides)


def test_an_objective_measures_the_regions_of_a_layer_together() -> None:
    spy, target = Spy(), torch.eye(3, dtype=torch.float64)
    guides = [random(4, 5, seed=seed).abs() for seed in (1, 2)]
    styles = [
        Style("relu1_1", spy, target, 1.0, guide, name) for guide, name in zip(guides, ("sky", "sea"), strict=True)
    ]
    styles += [Style("relu2_1", spy, target, 2.0), Style("relu1_1", Histogram(), random(3, 64), 1.0, guides[0], "sky")]
    f = {"relu1_1": random(1, 3, 4, 5), "relu2_1": random(1, 3, 2, 2, seed=3)}
    loss, report = Objective(styles=tuple(styles))(torch.zeros(1, 3, 8, 8), f)
    assert sorted(spy.read) == [1, 2]
    expected = {style.name: float(style(style.statistic.measure(f[style.layer], style.guide))) for style in styles}
    assert list(expected) == ["style relu1_1 sky", "style relu1_1 sea", "style relu2_1", "style relu1_1 sky histogram"]
    assert report.terms == pytest.approx(expected, rel=1e-6)
    assert float(loss) == pytest.approx(sum(expected.values()), rel=1e-6)
    assert list(report.group()) == ["style"]


def test_two_terms_of_one_name_both_count() -> None:
    f = {"relu1_1": random(1, 2, 3, 3)}
    one, other = (Style("relu1_1", gram, torch.zeros(2, 2, dtype=torch.float64), factor) for factor in (1.0, 2.0))
    image = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    _, report = Objective(styles=(one, other))(image, f)
    _, single = Objective(styles=(one,))(image, f)
    assert list(report.terms) == ["style relu1_1"]
    assert report.total == report.terms["style relu1_1"] == pytest.approx(3 * single.total)


def test_a_term_prepares_its_target_once() -> None:
    asked = []

    class Preparing(Gram):
        def distance_to(self, target: Tensor) -> Distance:
            asked.append(target)
            return super().distance_to(target)

    term = Style("relu1_1", Preparing(), torch.zeros(2, 2), 0.5)
    state = gram.measure(torch.ones(1, 2, 1, 1))
    assert [float(term(state)) for _ in range(3)] == [2.0] * 3
    assert len(asked) == 1


def test_guided_content() -> None:
    f, target, guide = random(1, 3, 4, 5), random(1, 3, 4, 5, seed=1), random(4, 5, seed=2).abs()
    plain, ones = Content("relu4_2", target, 0.7), Content("relu4_2", target, 0.7, torch.ones(4, 5))
    torch.testing.assert_close(ones(f), plain(f))
    guided = Content("relu4_2", target, 0.7, guide)
    torch.testing.assert_close(guided(f), 0.7 * ((f - target).square() * guide).sum())
    assert gradcheck(guided, (f.requires_grad_(),))
    nowhere = Content("relu4_2", target, 0.7, torch.zeros(4, 5))
    assert float(torch.autograd.grad(nowhere(f), f)[0].abs().max()) == 0
    with pytest.raises(ValueError, match="does not fit"):
        Content("relu4_2", target, 0.7, torch.ones(5, 4))(f)
