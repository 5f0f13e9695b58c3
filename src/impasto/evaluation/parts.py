"""Which part of a result is compared with which part of which styles: the whole with the whole, or region by region."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from impasto.evaluation.case import Case
from impasto.evaluation.metric import Measured
from impasto.evaluation.reductions import thinned
from impasto.guides import area_fractions, fit
from impasto.guides.regions import ABSENT
from impasto.losses import Statistic, blend

SAMPLED = thinned(1 << 16)
"""The neurons of a layer that are looked at, evenly spaced where there are more: all of them up to 256 px."""


@dataclass(frozen=True)
class Part:
    """A region of a result, or all of it, and the styles that it is compared with."""

    name: str
    """Of the region; empty: all of the result."""
    weight: float
    """Its part of the area."""
    guide: Tensor | None
    """(H, W) of the result; None: all of it."""
    styles: tuple[tuple[int, float, Tensor | None], ...]
    """Number, weight and guide (h, w) of each style; the weights add to 1."""


def parts(case: Case) -> list[Part]:
    """Return the regions, each with the styles that show it; without regions one part, the whole.

    What no style shows is left out; where that is everything, the whole is compared.
    """
    whole = Part("", 1.0, None, tuple((index, weight, None) for index, weight in enumerate(case.weights)))
    if case.regions is None:
        return [whole]
    shown_regions = []
    areas = area_fractions(case.regions.content).tolist()
    for number, area in enumerate(areas):
        styles: list[tuple[int, float, Tensor | None]] = []
        for index, (weight, maps) in enumerate(zip(case.weights, case.regions.styles, strict=True)):
            if weight > 0 and (maps is None or float(maps[number].mean()) >= ABSENT):
                styles.append((index, weight, None if maps is None else maps[number]))
        if area >= ABSENT and styles:
            total = sum(weight for _, weight, _ in styles)
            shown = tuple((index, weight / total, guide) for index, weight, guide in styles)
            shown_regions.append(Part(case.regions.names[number], area, case.regions.content[number], shown))
    total = sum(part.weight for part in shown_regions)
    return [replace(part, weight=part.weight / total) for part in shown_regions] or [whole]


def by_part(case: Case, distance: Callable[[Part], float]) -> Measured:
    """Return the mean of a distance over parts, by their area, and that of each region by its name."""
    distances = [(part, distance(part)) for part in parts(case)]
    named = {part.name: value for part, value in distances if part.name}
    return Measured(sum(part.weight * value for part, value in distances), regions=named)


def by_layer(
    case: Case, build: Callable[[], Statistic], distance: Callable[[Statistic, Tensor, Tensor], float]
) -> Measured:
    """Return the mean over layers of a distance of the result's own finished statistic to its target, by part."""

    def of_part(part: Part) -> float:
        values = []
        for layer in case.second.layers:
            statistic = build()
            own = measured(case, statistic, layer, None, part.guide)
            target = blend(
                [measured(case, statistic, layer, index, guide) for index, _, guide in part.styles],
                [weight for _, weight, _ in part.styles],
            )
            values.append(distance(statistic, own, target))
        return sum(values) / len(values)

    return by_part(case, of_part)


def measured(case: Case, statistic: Statistic, layer: str, style: int | None, guide: Tensor | None) -> Tensor:
    """Return a finished statistic of a layer: of the style of this number, or of the result where it is None."""
    panel = case.result if style is None else case.styles[style]

    def compute(features: Tensor) -> Tensor:
        return statistic.finish(statistic.measure(features, _guide(guide, features)))

    what = f"sampled {statistic.name}{key_of(guide)}"
    finished: Tensor = case.second.fact(panel, what, layer, compute, SAMPLED)
    return finished


def key_of(guide: Tensor | None) -> str:
    """Return what tells a guide from others, for what is kept of a style by region; nothing of none."""
    return "" if guide is None else f" {hashlib.sha1(guide.contiguous().numpy().tobytes()).hexdigest()}"


def _guide(guide: Tensor | None, features: Tensor) -> Tensor | None:
    if guide is None:
        return None
    fitted = fit(torch.stack([guide, 1 - guide.clamp_max(1)]), (features.shape[2], features.shape[3]))
    return fitted[0]
