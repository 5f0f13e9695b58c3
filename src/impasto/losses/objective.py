"""An objective: terms over an image and its features, with a report of each."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.losses.terms import Content, Gamut, Style, TotalVariation


@dataclass(frozen=True)
class LossReport:
    """The value of an objective: `total`, and each term's weighted share of it by name."""

    total: float
    terms: dict[str, float]

    def group(self) -> dict[str, float]:
        """Give the sums over layers: content, style, tv, gamut."""
        sums: dict[str, float] = {}
        for name, value in self.terms.items():
            kind = name.split()[0]
            sums[kind] = sums.get(kind, 0.0) + value
        return sums


@dataclass(frozen=True)
class Objective:
    """Immutable terms; a new one is built for each level of a pyramid."""

    contents: tuple[Content, ...] = ()
    styles: tuple[Style, ...] = ()
    pixels: tuple[TotalVariation | Gamut, ...] = ()
    """Terms over the image itself."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers whose features the objective needs, sorted."""
        return tuple(sorted({term.layer for term in self.contents} | {term.layer for term in self.styles}))

    def __call__(self, image: Tensor, features: Mapping[str, Tensor]) -> tuple[Tensor, LossReport]:
        """Give the loss with its graph, and the report, of `image` (1, 3, H, W) with these `features`."""
        losses: dict[str, Tensor] = {}
        for content in self.contents:
            losses[content.name] = content(features[content.layer])
        for style in self.styles:
            losses[style.name] = style(style.statistic.measure(features[style.layer]))
        for term in self.pixels:
            losses[term.name] = term(image)
        if not losses:
            raise ValueError("an objective needs at least one term")
        stacked = torch.stack([loss.to(image.dtype) for loss in losses.values()])
        values = stacked.detach().double().tolist()
        return stacked.sum(), LossReport(sum(values), dict(zip(losses, values, strict=True)))
