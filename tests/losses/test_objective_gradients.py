"""Gradients against finite differences in float64, and what an objective reports."""

import pytest
import torch
from torch.autograd import gradcheck

from impasto.encoders import Vgg
from impasto.losses import Content, Gram, Histogram, Objective, Style, TotalVariation
from impasto.optim.evaluate import WholeImage

gram = Gram()


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def leaf(*shape: int, seed: int = 0) -> torch.Tensor:
    return random(*shape, seed=seed).requires_grad_()


def test_content() -> None:
    assert gradcheck(Content("relu4_2", random(1, 3, 4, 5, seed=1), 0.7), (leaf(1, 3, 4, 5),))


@pytest.mark.parametrize("guided", [False, True])
def test_style_through_the_statistic(guided: bool) -> None:
    target = gram.finish(gram.measure(random(1, 3, 6, 2, seed=1)))
    term = Style("relu1_1", gram, target, 0.3)
    guide = random(4, 5, seed=2).abs() if guided else None
    assert gradcheck(lambda f: term(gram.measure(f, guide)), (leaf(1, 3, 4, 5),))


def test_style_with_respect_to_the_state() -> None:
    # What exact tiling differentiates first.
    target = random(3, 3, seed=1)
    term = Style("relu1_1", gram, target, 0.3)
    state = gram.measure(random(1, 3, 4, 5))
    sums = state.sums.clone().requires_grad_()
    assert gradcheck(lambda s: term(type(state)(s, state.total)), (sums,))


def test_style_gradient_is_the_closed_form() -> None:
    # 4 w (Ĝ - Â) F / M: methods.md section 12 (Galerne), without the normalisation.
    f, target = leaf(1, 3, 4, 5), random(3, 3, seed=1)
    target = (target + target.T) / 2
    (found,) = torch.autograd.grad(Style("relu1_1", gram, target, 0.3)(gram.measure(f)), f)
    flat = f.detach().flatten(2)[0]
    expected = 0.3 * 4 * (flat @ flat.T / 20 - target) @ flat / 20
    torch.testing.assert_close(found.flatten(2)[0], expected)


def test_total_variation_l2() -> None:
    assert gradcheck(TotalVariation("l2", 0.4), (leaf(1, 3, 4, 5),))


def test_total_variation_l1_away_from_ties() -> None:
    image = torch.randperm(60, generator=torch.Generator().manual_seed(0)).double().reshape(1, 3, 4, 5)
    assert gradcheck(TotalVariation("l1", 0.4), (image.requires_grad_(),))


def test_total_variation_l1_has_no_gradient_at_ties() -> None:
    flat = torch.full((1, 3, 4, 5), 0.5, requires_grad=True)
    (gradient,) = torch.autograd.grad(TotalVariation("l1", 1.0)(flat), flat)
    assert float(gradient.abs().max()) == 0.0


def objective(encoder: Vgg, size: int = 8) -> Objective:
    layers = ("relu1_1", "relu2_1", "relu3_1")
    with torch.no_grad():
        content = encoder(random(1, 3, size, size, seed=1).sigmoid(), ("relu2_2",))["relu2_2"]
        painted = encoder(random(1, 3, size, size + 2, seed=2).sigmoid(), layers)
        styles = [Style(layer, gram, gram.finish(gram.measure(painted[layer])), 1e-6) for layer in layers]
    return Objective((Content("relu2_2", content, 1e-4),), tuple(styles), (TotalVariation("l2", 3.0),))


@pytest.mark.parametrize("padding", ["reflect", "replicate", "zero"])
def test_whole_objective_through_the_encoder(tiny_encoder: Vgg, padding: str) -> None:
    encoder = Vgg(
        tiny_encoder.tensors, tiny_encoder.preprocessing, padding=padding, channels=dict.fromkeys(range(6), 1)
    )
    judge = objective(encoder)
    image = random(1, 3, 8, 8).sigmoid().requires_grad_()
    loss = lambda x: judge(x, encoder(x, judge.layers))[0]
    (gradient,) = torch.autograd.grad(loss(image), image)
    assert float(gradient.abs().median()) > 1.0, "too flat for the tolerance below to mean anything"
    assert gradcheck(loss, (image,), eps=1e-7, rtol=1e-4, atol=1e-4)


def test_evaluator_gives_the_gradient_of_the_sum(tiny_encoder: Vgg) -> None:
    judge = objective(tiny_encoder)
    image = random(1, 3, 8, 8).sigmoid()
    before = image.clone()
    report, gradient = WholeImage(tiny_encoder, judge)(image)
    assert torch.equal(image, before)
    assert not image.requires_grad
    assert gradient.shape == image.shape
    # Along one direction, by central differences.
    way = random(1, 3, 8, 8, seed=7)
    step = 1e-6
    ahead, _ = WholeImage(tiny_encoder, judge)(image + step * way)
    behind, _ = WholeImage(tiny_encoder, judge)(image - step * way)
    assert float((gradient * way).sum()) == pytest.approx((ahead.total - behind.total) / (2 * step), rel=1e-5)
    assert report.total == pytest.approx(sum(report.terms.values()))


def test_report_has_every_term_and_groups_them(tiny_encoder: Vgg) -> None:
    judge = objective(tiny_encoder)
    image = random(1, 3, 8, 8).sigmoid()
    loss, report = judge(image, tiny_encoder(image, judge.layers))
    assert set(report.terms) == {"content relu2_2", "style relu1_1", "style relu2_1", "style relu3_1", "tv"}
    groups = report.group()
    assert set(groups) == {"content", "style", "tv"}
    assert groups["style"] == pytest.approx(sum(v for k, v in report.terms.items() if k.startswith("style")))
    assert sum(groups.values()) == pytest.approx(report.total)
    assert float(loss) == pytest.approx(report.total)


def test_each_term_alone_is_its_share_of_the_whole(tiny_encoder: Vgg) -> None:
    whole = objective(tiny_encoder)
    image = random(1, 3, 8, 8).sigmoid()
    found = tiny_encoder(image, whole.layers)
    _, report = whole(image, found)
    for part in (
        Objective(contents=whole.contents),
        *(Objective(styles=(style,)) for style in whole.styles),
        *(Objective(pixels=(term,)) for term in whole.pixels),
    ):
        _, alone = part(image, found)
        ((name, value),) = alone.terms.items()
        assert value == report.terms[name] == alone.total


def test_layers_are_those_of_the_terms_once_each() -> None:
    f = torch.ones(1, 1, 1, 1)
    style = Style("relu1_1", gram, f[0, 0], 1.0)
    assert Objective((Content("relu4_2", f, 1.0), Content("relu1_1", f, 1.0)), (style,)).layers == (
        "relu1_1",
        "relu4_2",
    )


def test_two_layers_of_content_are_both_counted() -> None:
    f = torch.ones(1, 1, 1, 1)
    both = Objective((Content("relu4_2", 0 * f, 1.0), Content("relu1_1", 0 * f, 2.0)))
    _, report = both(f, {"relu4_2": 3 * f, "relu1_1": f})
    assert report.terms == {"content relu4_2": 9.0, "content relu1_1": 2.0}
    assert report.total == 11.0


def test_an_objective_without_terms_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one term"):
        Objective()(torch.ones(1, 3, 2, 2), {})


def test_layers_that_are_only_summed_are_no_content_and_no_sorted_ones() -> None:
    target = random(3, 3)
    styles = [Style(layer, gram, target, 1.0) for layer in ("relu1_1", "relu2_1", "relu3_1")]
    histogram = Histogram()
    quantiles = histogram.finish(histogram.measure(random(1, 3, 4, 5)))
    styles.append(Style("relu2_1", histogram, quantiles, 1.0))
    objective = Objective((Content("relu3_1", random(1, 3, 2, 2), 1.0),), tuple(styles))
    assert objective.layers == ("relu1_1", "relu2_1", "relu3_1")
    assert objective.summed_layers == ("relu1_1",)
