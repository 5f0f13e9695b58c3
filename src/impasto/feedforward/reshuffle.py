"""`reshuffle` (Gu et al. 2018): the paintings' patches laid out anew, each used about as often as the others."""

from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.feedforward.rearranged import LAYERS, Rearranged, overlay
from impasto.losses import PatchBank
from impasto.nets.transforms import Moments

CONTENT_FRACTION = 0.3
"""Fraction of a layer's own features that stays (0.6 in the authors' code, with VGG-19's sharper features): less and
faces dissolve, more and nothing is painted. Chosen by eye."""
DETAILED = ("relu4_1", "relu3_1")
"""Layers at which only the change is decoded, and added to the picture: edges stay sharp. Chosen by eye."""


@dataclass(frozen=True)
class StandardizedBank:
    """The standardised features of the paintings at a layer, and the moments that undo it."""

    bank: PatchBank
    mean: Tensor
    """(C, 1, 1)."""
    scale: Tensor
    """(C, 1, 1)."""


class Reshuffle(Rearranged):
    """A painting with `reshuffle` (Gu et al. 2018): the paintings' patches, each used about as often as the others.

    A permutation of neurons leaves the Gram matrix as it is, so a picture that uses each of the painting's neurons once
    has its style. Departures: patches are matched on features that are centred and scaled by each side's own mean and
    deviation (raw ones, all positive, are alike wherever both are bright); use is bounded exactly
    (`losses.bounded_matching`), where the authors' code searches at random within a budget; and what averaging over
    patches takes of the contrast is given back.
    """

    @property
    def _bytes_of_bank(self) -> float:
        # Features, as they came and standardised, and the planes that are matched, at the layer with the most.
        return 12 * max(self._matching_of(layer)[0] / self.encoder.stride(layer) ** 2 for layer in LAYERS)

    def _matching_of(self, layer: str) -> tuple[int, int]:
        return self.encoder.tensors[f"conv{layer[4:]}.weight"].shape[0], self.recipe.patch_size

    def _once(self, image: Tensor, photo: Tensor, layer: str) -> Tensor:
        own = self._encode(image, layer)
        cut = self._cut(layer, self.recipe.patch_size)
        styles = self._standardized(layer, cut)
        query, _, _ = _standard(own[0], Moments.measure(own))
        matches = self._matched(styles.bank, query, layer)
        painted = overlay(styles.bank, matches, (own.shape[2], own.shape[3])) * styles.scale + styles.mean
        return self._decoded(image, own, painted, self.recipe.alpha * (1 - CONTENT_FRACTION), layer, layer in DETAILED)

    def _standardized(self, layer: str, cut: tuple[int, int]) -> StandardizedBank:
        parts = [
            (self._encode(painted.pixels, layer), painted, labels)
            for painted, labels in self._style_copies.paintings(self.level)
        ]
        moments = [self._measured(features, painted, layer) for features, painted, _ in parts]
        total = sum(moments[1:], moments[0])
        sources = []
        mean = scale = torch.empty(0)
        for features, painted, labels in parts:
            standard, mean, scale = _standard(features[0], total)
            sources.append(self._source(standard, painted, labels, layer, cut))
        bank = PatchBank(sources, size=cut[0], stride=cut[1], precision=self._products)
        return StandardizedBank(bank, mean, scale)


def _standard(features: Tensor, moments: Moments) -> tuple[Tensor, Tensor, Tensor]:
    """Return features (C, h, w) less their mean, over their deviation; and both, (C, 1, 1)."""
    mean, scale = (moment.float()[:, None, None] for moment in (moments.mean, moments.deviation))
    return (features - mean) / scale, mean, scale
