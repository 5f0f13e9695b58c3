"""How near a result comes to its style: statistics and patches of features, and colours."""

import torch
from torch import Tensor

from impasto.evaluation import palette
from impasto.evaluation.case import Case
from impasto.evaluation.contents import cosine, together
from impasto.evaluation.metric import Measured
from impasto.evaluation.panel import Panel
from impasto.evaluation.parts import Part, by_layer, by_part, key_of
from impasto.evaluation.reductions import GRAM
from impasto.losses import Covariance, Gram, PatchBank, PatchSource, SlicedWasserstein, State, Statistic, blend
from impasto.losses.statistics import TINY

GLOBAL_LAYERS = ("relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""Layers of global effects (Wang et al. 2021)."""
PATCH_STRIDES = {"relu3_1": 2, "relu4_1": 1}
"""Layers of local patterns (ibid.), and neurons between patches: 8 pixels in both."""
PATCH_SIDE = 3
"""Neurons a side of a patch (ibid.)."""


def relative(distance: float, one: float, other: float) -> float:
    """Return a squared distance over the sum of two powers, the most it is; 0 where both are nothing."""
    total = one + other
    return 0.0 if total < TINY else min(1.0, max(0.0, distance / total))


@torch.no_grad()
def gram_distance(case: Case) -> Measured:
    """Return the mean over layers of Σ(Ĝ - Â)² / (ΣĜ² + ΣÂ²)."""

    def distance(statistic: Statistic, own: Tensor, target: Tensor) -> float:
        apart = float((own - target).double().square().sum())
        return relative(apart, statistic.power(own), statistic.power(target))

    return by_layer(case, Gram, distance)


@torch.no_grad()
def sliced_wasserstein(case: Case) -> Measured:
    """Return the mean over layers of the squared distance of distributions, over the powers.

    Distributions are compared along the axes of one random basis.
    """

    def distance(statistic: Statistic, own: Tensor, target: Tensor) -> float:
        apart = float((own - target).double().square().mean(1).sum())
        return relative(apart, statistic.power(own), statistic.power(target))

    return by_layer(case, SlicedWasserstein, distance)


@torch.no_grad()
def frechet(case: Case) -> Measured:
    """Return the mean over layers of the squared Fréchet distance of Gaussians, over the powers."""

    def distance(statistic: Statistic, own: Tensor, target: Tensor) -> float:
        apart = float(statistic.distance(State(own.double(), torch.ones(())), target))
        return relative(apart, statistic.power(own), statistic.power(target))

    return by_layer(case, Covariance, distance)


@torch.no_grad()
def global_effects(case: Case) -> Measured:
    """Return half the mean cosine of Gram matrices plus half the mean cosine of the channels' histograms."""
    grams = []
    for layer in GLOBAL_LAYERS:
        own, *others = (_gram(case, panel, layer) for panel in (case.result, *case.styles))
        grams.append(cosine(own, blend(others, case.weights)))
    ours, *theirs = (_channels(panel) for panel in (case.result, *case.styles))
    target = palette.blended(theirs, case.weights)
    colors = [cosine(one, other) for one, other in zip(ours, target, strict=True)]
    return Measured((sum(grams) / len(grams) + sum(colors) / len(colors)) / 2)


@torch.no_grad()
def local_patterns(case: Case) -> Measured:
    """Return half the mean cosine of patches with the style's nearest plus half the part of its patches in use."""
    values, maps = [], []
    for layer, stride in PATCH_STRIDES.items():
        bank = _bank(case, layer, stride)
        own = case.first.of(case.result, layer)[0]
        number, likeness = bank.match(own)
        used = len(torch.unique(number)) / min(len(bank), number.numel())
        likeness = likeness.clamp(-1, 1)
        values.append((float(likeness.double().mean()) + used) / 2)
        maps.append(1 - likeness)
    return Measured(sum(values) / len(values), together(maps) if case.maps else None)


def color_histogram(case: Case) -> Measured:
    """Return the Hellinger distance of histograms of log-ratios of channels, of the whole and of each region."""
    whole = Part("", 1.0, None, tuple((number, weight, None) for number, weight in enumerate(case.weights)))

    def distance(part: Part) -> float:
        theirs = [_ratios(case.styles[number], guide) for number, _, guide in part.styles]
        target = palette.blended(theirs, [weight for _, weight, _ in part.styles])
        return palette.hellinger(_ratios(case.result, part.guide), target)

    return Measured(distance(whole), regions=by_part(case, distance).regions if case.regions is not None else {})


def _gram(case: Case, panel: Panel, layer: str) -> Tensor:
    gram: Tensor = panel.read(case.first.encoder, layer, GRAM).mean()
    return gram


def _channels(panel: Panel) -> Tensor:
    histograms: Tensor = panel.fact("channels", lambda: palette.channels(panel.pixels))
    return histograms


def _ratios(panel: Panel, guide: Tensor | None) -> Tensor:
    histogram: Tensor = panel.fact(f"ratios{key_of(guide)}", lambda: palette.ratios(panel.pixels, guide))
    return histogram


def _bank(case: Case, layer: str, stride: int) -> PatchBank:
    """Return the patches of all styles that have a weight."""
    panels = [panel for panel, weight in zip(case.styles, case.weights, strict=True) if weight > 0]

    def build(*features: Tensor) -> PatchBank:
        return PatchBank([PatchSource(maps[0]) for maps in features], size=PATCH_SIDE, stride=stride)

    if len(panels) > 1:
        return build(*(case.first.of(panel, layer) for panel in panels))
    bank: PatchBank = case.first.fact(panels[0], "bank", layer, build)
    return bank
