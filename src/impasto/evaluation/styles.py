"""How near a result comes to its style: statistics and patches of features, and colours."""

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto.evaluation.case import Case, Sight
from impasto.evaluation.metric import Measured
from impasto.evaluation.panel import Panel
from impasto.losses import Gram, blend
from impasto.losses.statistics import TINY


def gram(panel: Panel, sight: Sight, layer: str) -> Tensor:
    """Return the Gram matrix per position (C, C) of a layer of a panel."""

    def compute() -> Tensor:
        return Gram().measure(sight.of(panel, [layer])[layer]).mean().double()

    found: Tensor = panel.fact(("gram", sight.encoder.sha256, layer), compute)
    return found


def blended(case: Case, finished: Sequence[Tensor]) -> Tensor:
    """Return the mean over styles of finished statistics, by their weights."""
    return blend(finished, case.weights)


def relative(distance: float, one: float, other: float) -> float:
    """Return a squared distance over the sum of two powers, the most it can be; 0 where both are nothing."""
    total = one + other
    return 0.0 if total < TINY else min(1.0, max(0.0, distance / total))


@torch.no_grad()
def gram_distance(case: Case) -> Measured:
    """Mean over layers of Σ(Ĝ - Â)² / (ΣĜ² + ΣÂ²)."""
    values = []
    for layer in case.second.layers:
        own = gram(case.result, case.second, layer)
        target = blended(case, [gram(style, case.second, layer) for style in case.styles])
        apart = float((own - target).square().sum())
        values.append(relative(apart, float(own.square().sum()), float(target.square().sum())))
    return Measured(sum(values) / len(values))
