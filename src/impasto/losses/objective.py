"""An objective: terms over an image and its features, with a report of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from impasto.losses.statistics import State, SumStatistic
from impasto.losses.terms import Anchor, Content, Gamut, Patches, Style, TotalVariation

Window = tuple[slice, slice]
"""Rows and columns of a map."""


@dataclass(frozen=True)
class LossReport:
    """The value of an objective: `total`, and what each term adds to it, weighted, by name."""

    total: float
    terms: dict[str, float]

    def group(self) -> dict[str, float]:
        """Return the sums over layers: content, style, tv, gamut."""
        sums: dict[str, float] = {}
        for name, value in self.terms.items():
            kind = name.split()[0]
            sums[kind] = sums.get(kind, 0.0) + value
        return sums


class GlobalTerm(Protocol):
    """A term over the whole picture and several layers at once, which cannot be tiled."""

    @property
    def name(self) -> str:
        """Return the term's name in a report: its first word is content, style, tv or gamut."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the layers whose features it needs."""

    def __call__(self, image: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of `image` (1, 3, H, W) with these `features`, (1, C, h, w) each."""


@runtime_checkable
class StatefulTerm(Protocol):
    """A term whose loss depends on the evaluations before, as kept matches do, or positions that are drawn anew.

    Evaluating does not change it, so the same picture has the same loss again; `advance` does.
    """

    @property
    def state_name(self) -> str:
        """Return the term's name in a checkpoint; no two of an objective share one."""

    def advance(self) -> None:
        """Count an evaluation."""

    def state(self) -> dict[str, Tensor | int]:
        """Return what the next evaluations depend on."""

    def restore(self, state: Mapping[str, Tensor | int]) -> None:
        """Go on from a `state`. Raises `ValueError` for what is none of this term."""


@dataclass(frozen=True)
class Objective:
    """Terms that evaluating does not change; a new objective is built for each level of a pyramid.

    Who takes steps calls `advance` after each evaluation that counts.
    """

    contents: tuple[Content, ...] = ()
    styles: tuple[Style, ...] = ()
    pixels: tuple[TotalVariation | Gamut | Anchor, ...] = ()
    """Terms over the image itself."""
    patches: tuple[Patches, ...] = ()
    global_terms: tuple[GlobalTerm, ...] = ()

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the layers whose features the objective needs, sorted."""
        layers = {term.layer for term in self.contents} | {term.layer for term in self.styles}
        layers |= {term.layer for term in self.patches} | {layer for term in self.global_terms for layer in term.layers}
        return tuple(sorted(layers))

    @property
    def summed_layers(self) -> tuple[str, ...]:
        """Return the layers of which only sums over positions are taken, sorted.

        Sums are taken in float32 or wider whatever the type of the features, so these may stay in that of convolutions:
        what is rounded already is not made larger first.
        """
        others = replace(self, styles=tuple(t for t in self.styles if not isinstance(t.statistic, SumStatistic)))
        return tuple(sorted({term.layer for term in self.styles} - set(others.layers)))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the terms' names in a report, in the order contents, styles, pixels, patches, global terms."""
        every = (self.contents, self.styles, self.pixels, self.patches, self.global_terms)
        return tuple(term.name for terms in every for term in terms)

    def __call__(self, image: Tensor, features: Mapping[str, Tensor]) -> tuple[Tensor, LossReport]:
        """Return the loss with its graph, and the report, of `image` (1, 3, H, W) with these `features`."""
        losses = [content(features[content.layer]) for content in self.contents]
        losses += [style(state) for style, state in zip(self.styles, self.measure(features), strict=True)]
        losses += [term(image) for term in self.pixels]
        losses += [term(features[term.layer]) for term in self.patches]
        losses += [term(image, features) for term in self.global_terms]
        if not losses:
            raise ValueError("an objective needs at least one term")
        stacked = torch.stack([loss.to(image.dtype) for loss in losses])
        return stacked.sum(), self.report(stacked.detach().double().tolist())

    def split(self) -> tuple["Objective", "Objective"]:
        """Return the terms about the photograph, and those about the style, each as an objective."""
        about = [term for term in self.global_terms if term.name.startswith("content")]
        others = tuple(term for term in self.global_terms if term not in about)
        content = Objective(contents=self.contents, global_terms=tuple(about))
        return content, Objective(styles=self.styles, patches=self.patches, global_terms=others)

    @property
    def stateful(self) -> tuple[StatefulTerm, ...]:
        """Return the terms whose loss depends on the evaluations before."""
        return tuple(term for term in (*self.patches, *self.global_terms) if isinstance(term, StatefulTerm))

    def advance(self) -> None:
        """Count an evaluation."""
        for term in self.stateful:
            term.advance()

    def measure(self, features: Mapping[str, Tensor], windows: Mapping[str, Window] | None = None) -> list[State]:
        """Return the state of each style term.

        With `windows`, `features` are those of a part of the picture: the window of each layer says which, and guides
        are cut to it. The states of parts add up to that of the picture.
        """
        # The regions of a layer are measured together: the statistic then reads and keeps the features once.
        regions: dict[tuple[str, int], list[int]] = {}
        for number, style in enumerate(self.styles):
            regions.setdefault((style.layer, id(style.statistic)), []).append(number)
        states: dict[int, State] = {}
        for (layer, _), numbers in regions.items():
            guides = [self.styles[number].guide for number in numbers]
            if windows is not None:
                guides = [guide if guide is None else guide[windows[layer]] for guide in guides]
            measured = self.styles[numbers[0]].statistic.measure_each(features[layer], guides)
            states.update(zip(numbers, measured, strict=True))
        return [states[number] for number in range(len(self.styles))]

    def report(self, values: Sequence[float]) -> LossReport:
        """Return the report of the terms' `values`, in the order of `names`."""
        terms: dict[str, float] = {}
        for name, value in zip(self.names, values, strict=True):
            terms[name] = terms.get(name, 0.0) + value  # two terms of one name, as of two scales of a style
        return LossReport(sum(values), terms)
